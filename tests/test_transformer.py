"""The transformers of Table 3: what each stream may depend on, padding, readout and errors."""

import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss
from torch.profiler import ProfilerActivity, profile
from torch.testing import assert_close

from olmlib.config import TransformerConfig, changed, configuration
from olmlib.models.transformer import Transformer
from olmlib.models.transformer_parts import AttentionFusion, Encoder, kept, pooled, sincos
from olmlib.olm import OLM

WIDTHS = {"audio": 6, "visual": 5, "text": 4, "hog": 7}
LENGTHS = {"audio": (9, 4, 6), "visual": (3, 7, 5), "text": (2, 1, 5), "hog": (4, 4, 4)}
ROWS = {"audio": 9, "visual": 7, "text": 5, "hog": 4}
AV = ("audio", "visual")
FUSIONS = ("attention", "mbt", "irfb")
CLASSES = 6


def config(*modalities, **changes):
    sizes = {"n_layers": 2, "d_model": 16, "n_heads": 4, "ffn_dim": 24, "n_bottleneck": 3}
    chosen = {"modalities": modalities or AV, "inputs": WIDTHS, "dropout": 0.0, **sizes}
    return TransformerConfig(**chosen | changes)


def model(*modalities, seed=0, **changes):
    torch.manual_seed(seed)
    made = Transformer(CLASSES, config(*modalities, **changes))
    with torch.no_grad():
        for p in made.parameters():  # the official start is so small that all clips look the same
            p += 0.1 * torch.randn_like(p)
    return made


def batch(*modalities, seed=0, padded=True):
    generator = torch.Generator().manual_seed(seed)
    made = {"label": torch.tensor([0, 3, 5]), "valence": torch.tensor([1.0, -2.0, 0.5])}
    for m in modalities or AV:
        x = torch.randn(3, ROWS[m], WIDTHS[m], generator=generator)
        length = torch.tensor(LENGTHS[m]) if padded else torch.full((3,), ROWS[m])
        made[m] = x * (torch.arange(ROWS[m]) < length[:, None]).unsqueeze(-1)
        made[f"{m}_length"] = length
    return made


def all_logits(made, data):
    return torch.stack(list(made(data).logits.values()))


def gradients(made, head, data):
    """Name -> largest gradient of a random projection of one head's logits."""
    made.zero_grad(set_to_none=True)
    torch.manual_seed(3)
    (made(data).logits[head] * torch.randn(3, CLASSES)).sum().backward()
    return {n: 0.0 if p.grad is None else p.grad.abs().max().item()
            for n, p in made.named_parameters()}  # fmt: skip


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("modalities", [AV, ("audio", "visual", "text", "hog")])
def test_heads_and_shapes(fusion, modalities):
    made = model(*modalities, fusion=fusion)
    heads = ("fused",) if fusion == "attention" else (*modalities, "fused")
    out = made(batch(*modalities))
    assert made.heads == tuple(out.logits) == tuple(out.values) == heads
    assert {s.shape for s in out.logits.values()} == {(3, CLASSES)}
    assert {y.shape for y in out.values.values()} == {(3,)}
    assert {n: h.shape for n, h in out.features.items()} == dict.fromkeys(
        (*modalities, "fused"), (3, 16)
    )


@pytest.mark.parametrize("fusion", FUSIONS)
def test_one_modality_is_the_same_model_whatever_the_fusion(fusion):
    made = model("text", fusion=fusion)
    out = made(batch("text"))
    assert made.heads == tuple(out.logits) == tuple(out.features) == ("text",)
    assert torch.equal(out.logits["text"], model("text")(batch("text")).logits["text"])


VARIANTS = [
    {"fusion": "attention"},
    {"fusion": "mbt"},
    {"fusion": "mbt", "double_call": True},
    {"fusion": "irfb"},
    {"fusion": "irfb", "eq4_pool": "token"},
    {"fusion": "irfb", "pool_include_cls": False, "late_fusion": "attention"},
]
variants = pytest.mark.parametrize(
    "options", VARIANTS, ids=lambda o: "-".join(map(str, o.values()))
)


@variants
def test_U1_the_content_of_padding_changes_no_logit(options):
    made, data = model(**options), batch()
    before = all_logits(made, data)
    for m in AV:
        padding = (torch.arange(ROWS[m]) >= data[f"{m}_length"][:, None]).unsqueeze(-1)
        data[m] = data[m] + 100 * torch.randn_like(data[m]) * padding
    assert_close(all_logits(made, data), before, atol=1e-6, rtol=0)


@variants
def test_U2_appending_padding_changes_no_logit(options):
    made, data = model(**options), batch()
    before = all_logits(made, data)
    for m in AV:
        data[m] = torch.nn.functional.pad(data[m], (0, 0, 0, 4))
    assert_close(all_logits(made, data), before, atol=1e-5, rtol=0)


@variants
def test_a_clip_alone_has_the_logits_it_has_in_a_batch(options):
    # The clip alone has no mask, the batch has one: both ways through the attention agree.
    made, data = model(**options), batch()
    before = all_logits(made, data)
    for i in range(3):
        alone = {m: data[m][i : i + 1, : LENGTHS[m][i]] for m in AV}
        alone |= {f"{m}_length": data[f"{m}_length"][i : i + 1] for m in AV}
        assert_close(all_logits(made, alone)[:, 0], before[:, i], atol=1e-5, rtol=0)


def test_U3_the_official_mask_is_off_by_one():
    # Length 3 of 5 should be CLS, x1, x2, x3; the official code has CLS, x1, x2, x5.
    length = torch.tensor([3, 5])
    assert kept(length, 5).tolist() == [[True] * 4 + [False] * 2, [True] * 6]
    official = kept(length, 5, "cls_last").tolist()
    assert official == [[True, True, True, False, False, True], [True] * 6]
    assert kept(torch.tensor([5, 5]), 5) is None

    for mask_order in ("cls_first", "cls_last"):
        made, data = model(mask_order=mask_order), batch()
        before = all_logits(made, data)
        last_real, last = batch(), batch()
        last_real["audio"][1, LENGTHS["audio"][1] - 1] += 1.0
        last["audio"][1, -1] += 1.0
        sees_real = not torch.allclose(all_logits(made, last_real), before, atol=1e-6)
        sees_padding = not torch.allclose(all_logits(made, last), before, atol=1e-6)
        assert (sees_real, sees_padding) == (
            (True, False) if mask_order == "cls_first" else (False, True)
        )


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("pos", ["none", "sincos"])
def test_U4_the_order_of_frames_matters_with_positions_only(fusion, pos):
    made, data = model(fusion=fusion, pos=pos), batch(padded=False)
    before = all_logits(made, data)
    data["audio"] = data["audio"].flip(1)
    assert torch.allclose(all_logits(made, data), before, atol=1e-5) == (pos == "none")


def test_the_position_code():
    code = sincos(4, 4)
    assert_close(code[0], torch.tensor([0.0, 1.0, 0.0, 1.0]))
    t = torch.tensor([3.0, 0.03])
    assert_close(code[3], torch.stack([t.sin(), t.cos()], 1).flatten())
    assert_close(sincos(300, 16)[:4], sincos(4, 16))
    assert sincos(3, 5).shape == (3, 5)


def test_U6_only_broadcast_keeps_the_hub_tokens_apart_as_they_began():
    for pool in ("broadcast", "token"):
        made, data = model(eq4_pool=pool), batch()
        tokens, keep = zip(*(e.embed(data) for e in made.encoders.values()), strict=True)
        streams = made._blocks(dict(zip(AV, tokens, strict=True)), dict(zip(AV, keep, strict=True)))
        start, end = made.bottleneck, streams["fused"]
        moved = (end - end[:, :1]) - (start - start[:, :1])
        assert (moved.abs().max() < 1e-5) == (pool == "broadcast")


@pytest.mark.parametrize("options", [{}, {"eq4_pool": "token"}, {"fusion": "mbt"}], ids=str)
def test_U7_permuting_the_bottleneck_leaves_the_logits(options):
    made, data = model(**options), batch()
    before = all_logits(made, data)
    made.bottleneck.data = made.bottleneck.data[:, [2, 0, 1]]
    assert_close(all_logits(made, data), before, atol=1e-5, rtol=0)


def test_U8_unimodal_streams_do_not_feel_the_hub():
    made, data = model(), batch()
    before = made(data)
    made.bottleneck.data += 1.0
    after = made(data)
    for m in AV:
        assert torch.equal(after.logits[m], before.logits[m])
    assert not torch.allclose(after.logits["fused"], before.logits["fused"])


def test_U8_replacing_audio_leaves_the_visual_stream_bit_identical():
    made, data = model("audio", "visual", "text"), batch("audio", "visual", "text")
    before = made(data)
    data["audio"] = torch.randn(3, 20, WIDTHS["audio"])
    data["audio_length"] = torch.tensor([20, 1, 7])
    after = made(data)
    for m in ("visual", "text"):
        assert torch.equal(after.logits[m], before.logits[m])
        assert torch.equal(after.features[m], before.features[m])
        assert torch.equal(after.values[m], before.values[m])
    assert not torch.allclose(after.logits["fused"], before.logits["fused"])


def test_U8_a_unimodal_loss_teaches_its_own_stream_only():
    grads = gradients(model(), "visual", batch())
    taught = {name.split(".")[0] + "." + name.split(".")[1] for name, g in grads.items() if g > 0}
    assert taught == {"encoders.visual", "norms.visual", "classifiers.visual"}


@pytest.mark.parametrize("late_fusion", ["hub", "attention"])
@pytest.mark.parametrize("detach", [False, True])
def test_U8_the_hubs_loss_teaches_the_encoders_unless_detached(detach, late_fusion):
    made = model(detach_unimodal=detach, late_fusion=late_fusion)
    grads = gradients(made, "fused", batch())
    assert grads["irfb.0.gate.weight"] > 0 and grads["bottleneck"] > 0
    streams = ("encoders.", "norms.audio", "norms.visual")
    in_streams = {name: g for name, g in grads.items() if name.startswith(streams)}
    if detach:
        assert set(in_streams.values()) == {0.0}
    else:
        assert in_streams["encoders.visual.layers.1.feed_forward.layers.0.weight"] > 1e-4


def test_the_hub_reads_what_the_block_has_just_made():
    # Reading the block's input, one block would teach no encoder layer.
    grads = gradients(model(n_layers=1), "fused", batch())
    assert grads["encoders.audio.layers.0.feed_forward.layers.0.weight"] > 1e-4


def test_U9_detached_a_stream_trains_as_if_it_were_alone():
    together = model(detach_unimodal=True)
    alone = model("visual", seed=1)
    state = together.state_dict()
    alone.load_state_dict({name: state[name] for name in alone.state_dict()})
    for made in (together, alone):
        optimizer = torch.optim.Adam(made.parameters(), lr=1e-3)
        for step in range(20):
            data = batch(seed=step)
            out = made(data)
            loss = sum(cross_entropy(s, data["label"]) for s in out.logits.values())
            loss = loss + sum(mse_loss(y, data["valence"]) for y in out.values.values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    state = together.state_dict()
    moved = 0.0
    for name, value in alone.state_dict().items():
        assert_close(state[name], value, atol=1e-6, rtol=0, msg=name)
        moved += (value - model(detach_unimodal=True).state_dict()[name]).abs().sum()
    assert moved > 1


def test_U9_the_shared_norm_of_the_official_code_couples_the_streams():
    grads = gradients(model(readout_norm="shared"), "visual", batch())
    assert grads["norms.audio.weight"] > 0  # the one norm, under the name it has first
    assert len([name for name in grads if name.startswith("norms")]) == 2


@pytest.mark.parametrize("layers", [1, 2])
def test_U10_mbt_mixes_the_streams_from_the_second_block_on(layers):
    made, data = model(fusion="mbt", n_layers=layers), batch()
    data["audio"].requires_grad_(True)
    torch.manual_seed(3)
    (made(data).logits["visual"] * torch.randn(3, CLASSES)).sum().backward()
    audio_felt = data["audio"].grad is not None and data["audio"].grad.abs().max() > 1e-6
    assert bool(audio_felt) == (layers == 2)


def test_U11_the_hub_of_mbt_is_the_mean_of_its_copies():
    made, data = model(fusion="mbt"), batch()
    tokens = {m: made.encoders[m].embed(data)[0] for m in AV}
    hub = torch.randn(3, 3, 16)
    after, new = made._exchange(tokens, hub, {"audio": None, "visual": None}, 0)
    copies = []
    for m in AV:
        seen = made.encoders[m].layers[0](torch.cat([tokens[m], hub], 1))
        assert_close(after[m], seen[:, : tokens[m].shape[1]])
        copies.append(seen[:, tokens[m].shape[1] :])
    assert_close(new, (copies[0] + copies[1]) / 2)


def test_U12_a_second_call_changes_training_only():
    single = model(fusion="mbt", dropout=0.2).eval()
    double = model(fusion="mbt", dropout=0.2, double_call=True).eval()
    assert torch.equal(all_logits(single, batch()), all_logits(double, batch()))
    for made in (single, double):
        made.train()
        torch.manual_seed(7)
        made.trained = all_logits(made, batch())
    assert not torch.allclose(single.trained, double.trained)


@pytest.mark.parametrize("fusion", ["mbt", "irfb"])
def test_the_hub_is_dropped_like_every_embedding_in_training_only(fusion):
    made = model(fusion=fusion, dropout=0.5, n_bottleneck=50, n_layers=1)
    data, seen = batch(padded=False), []
    first = made.irfb[0] if fusion == "irfb" else made.encoders["audio"].layers[0]
    first.register_forward_pre_hook(lambda block, inputs: seen.append(inputs[0]))
    made(data)
    made.eval()(data)
    training, evaluation = (z[:, -50:] for z in seen)
    assert torch.equal(evaluation, made.bottleneck.expand(3, -1, -1))
    dropped = training == 0
    assert 0.4 < dropped.float().mean() < 0.6
    assert not torch.equal(dropped[0], dropped[1]), "a mask for each clip"
    assert_close(training[~dropped], (2 * evaluation)[~dropped])


def size(made):
    """Count the parameters that the official models have too; those have no valence heads."""
    return sum(p.numel() for n, p in made.named_parameters() if not n.startswith("regressors"))


def widths(config):
    """Return the widths of the feed-forward blocks of a network, without its weights."""
    with torch.device("meta"):
        blocks = Transformer(CLASSES, config).encoders["audio"].layers
    return {block.feed_forward.layers[0].out_features for block in blocks}


def test_the_official_mbt_has_the_official_size():
    # Counted on the official model: its width argument never reaches the blocks.
    official = {"modalities": AV, "inputs": dict.fromkeys(AV, 1024), "preset": "official"}
    mbt = configuration(TransformerConfig, official | {"fusion": "mbt"})
    with torch.device("meta"):
        assert size(Transformer(CLASSES, mbt)) == 34_684_434
    # However the preset, the fusion and a width come together.
    sizes = {"n_layers": 6, "ffn_dim": 64}
    later = changed(configuration(TransformerConfig, official | sizes), {"fusion": "mbt"})
    over = changed(config(), {"preset": "official", "fusion": "mbt"})
    assert widths(later) == widths(over) == {2048}
    for other in ({"fusion": "irfb"}, {"modalities": ("audio",)}):
        assert widths(changed(later, other)) == {64}
    assert configuration(TransformerConfig, {}).mbt_ffn_dim is None


def test_pooling_by_hand():
    # The third token is padding.
    tokens = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]])
    keep = torch.tensor([[True, True, False]])
    assert_close(pooled(tokens, keep), torch.tensor([[2.0, 3.0]]))
    assert_close(pooled(tokens), torch.tensor([[13 / 3, 5.0]]))
    assert_close(pooled(tokens, keep, include_cls=False), torch.tensor([[3.0, 4.0]]))
    assert_close(pooled(tokens, include_cls=False), torch.tensor([[6.0, 6.5]]))
    nothing = torch.tensor([[True, False, False]])
    assert_close(pooled(tokens, nothing, include_cls=False), torch.zeros(1, 2))


def test_the_hub_has_no_cls_token_to_leave_out():
    outs = [model(pool_include_cls=count)(batch()) for count in (True, False)]
    assert torch.equal(*(out.features["fused"] for out in outs))
    assert not torch.allclose(*(out.features["audio"] for out in outs))


def test_attention_fusion_by_hand():
    # h = (1, 0), (0, 1) and e = (2, -1).
    features = [torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])]
    for normalise, expected in (("softmax", [0.952574, 0.047426]), ("raw", [2.0, -1.0])):
        fusion = AttentionFusion(2, 2, normalise)
        fusion.score[-1].bias.data = torch.tensor([2.0, -1.0])
        torch.nn.init.zeros_(fusion.score[-1].weight)
        assert_close(fusion.weights(features), torch.tensor([expected]))
        assert_close(fusion(features), torch.tensor([expected]))


def test_late_fusion_by_attention_reads_the_hub_and_every_modality():
    made, data = model(late_fusion="attention"), batch()
    out = made(data)
    hub = model()(data)
    for m in AV:
        assert out.features[m].shape == hub.features[m].shape
    weights = made.late_fusion.weights([out.features["audio"], out.features["visual"],
                                        torch.zeros(3, 16)])  # fmt: skip
    assert weights.shape == (3, 3)
    assert gradients(made, "fused", data)["norms.audio.weight"] > 0
    assert gradients(model(), "fused", data)["norms.audio.weight"] == 0


def fused_over_unimodal(readout_norm):
    """The pooled hub's norm over that of audio, at the start of a deeper model."""
    torch.manual_seed(0)
    made = Transformer(CLASSES, config(readout_norm=readout_norm, n_layers=6, d_model=64))
    norms = {name: h.norm(dim=-1).mean() for name, h in made(batch()).features.items()}
    return norms["fused"] / norms["audio"]


def test_the_readout_norm_keeps_the_hub_from_outgrowing_the_modalities():
    # Without it, fused logits start several times as large.
    assert fused_over_unimodal("none") > 4
    assert fused_over_unimodal("per_stream") < 2


def test_the_start_is_the_official_one():
    torch.manual_seed(0)
    made = Transformer(CLASSES, config(d_model=64))
    for name, layer in made.named_modules():
        if not isinstance(layer, torch.nn.Linear):
            continue
        assert not layer.bias.any() if layer.bias is not None else name.endswith("score")
        if not name.endswith("project") and layer.weight.numel() > 1000:
            assert 0.018 < layer.weight.std() < 0.022, name
    for tokens in (made.bottleneck, *(e.cls for e in made.encoders.values())):
        assert 0.01 < tokens.std() < 0.03
    made = Transformer(CLASSES, config(token_init="zeros"))
    assert not made.bottleneck.any() and not made.encoders["audio"].cls.any()


def test_the_official_variant_runs_and_differs_in_known_fields_only():
    for fusion in FUSIONS:
        chosen = {"modalities": AV, "inputs": WIDTHS, "fusion": fusion, "d_model": 16, "n_heads": 4}
        official = configuration(TransformerConfig, {"preset": "official", **chosen})
        assert official.eq4_pool == "sum_ffn" and not official.input_norm
        made = Transformer(CLASSES, official)
        assert torch.isfinite(all_logits(made, batch())).all()
        assert len(made.encoders["audio"].layers) == 3


def test_frames_beyond_max_len_are_not_read():
    made, data = model(max_len={"audio": 5}), batch()
    before = all_logits(made, data)
    data["audio"][:, 5:] = 100.0
    assert torch.equal(all_logits(made, data), before)
    data["audio"][:, 4] += 1.0
    assert not torch.allclose(all_logits(made, data), before)


def test_an_input_norm_removes_scale():
    # HOG is orders of magnitude away from the other features.
    data = batch("hog", padded=False)
    larger = data | {"hog": 1000 * data["hog"]}
    made = model("hog")
    assert_close(made(larger).logits["hog"], made(data).logits["hog"], atol=1e-4, rtol=0)
    made = model("hog", input_norm=())
    assert not torch.allclose(made(larger).logits["hog"], made(data).logits["hog"], atol=1e-2)


def test_heads_without_bias():
    made = model(head_bias=False)
    assert all(layer.bias is None for layer in made.classifiers.values())
    assert all(layer.bias is not None for layer in made.regressors.values())


def test_the_loss_of_olm_reaches_every_parameter_but_the_regressors():
    for fusion in FUSIONS:
        made, data = model(fusion=fusion), batch()
        out = made(data)
        olm = OLM(made.heads, warmup=0)
        loss = olm.loss(out.logits, data["label"])
        loss.backward()
        olm.update(out.logits, data["label"], out.logits, data["label"])
        idle = {name for name, p in made.named_parameters() if p.grad is None}
        assert idle == {f"regressors.{h}.{p}" for h in made.heads for p in ("weight", "bias")}
        values = made(data).values.values()
        sum(mse_loss(y, data["valence"]) for y in values).backward()
        assert all(p.grad is not None for p in made.parameters())


def test_one_clip_of_one_frame():
    data = {m: torch.randn(1, 1, WIDTHS[m]) for m in AV}
    data |= {f"{m}_length": torch.tensor([1]) for m in AV}
    for fusion in FUSIONS:
        assert torch.isfinite(all_logits(model(fusion=fusion), data)).all()


def kernels(made, data):
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        made(data).logits["fused"].sum().backward()
    names = {event.key for event in profiler.key_averages()}
    return {name for name in names if "_scaled_dot_product" in name and "backward" not in name}


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("padded", [False, True])
def test_masked_batches_keep_the_fast_kernel(fusion, padded):
    made, data = model(fusion=fusion), batch(padded=padded)
    assert kernels(made, data) == {"aten::_scaled_dot_product_flash_attention_for_cpu"}


def test_dropout_of_the_attention_weights_loses_the_fast_kernel():
    # This is why its default is 0; should torch mend it one day, this test fails.
    made = model(attention_dropout=0.1)
    assert kernels(made, batch()) == {"aten::_scaled_dot_product_attention_math"}


def test_not_a_number_is_reported_with_the_name_of_its_stream():
    made, data = model(), batch()
    data["visual"][1, 0, 0] = float("nan")
    out = made(data)
    assert torch.isfinite(out.logits["audio"]).all()
    with pytest.raises(ValueError, match="head 'visual' are not finite"):
        OLM(made.heads).loss(out.logits, data["label"])


def test_errors_of_the_configuration():
    with pytest.raises(ValueError, match="no width of modality 'smell' in inputs; there are audio"):
        model("audio", "smell")
    with pytest.raises(ValueError, match="must be distinct names"):
        model("audio", "audio")
    with pytest.raises(ValueError, match="d_model 16 is not divisible by n_heads 3"):
        model(n_heads=3)
    with pytest.raises(ValueError, match="detach_unimodal needs fusion 'irfb', not 'mbt'"):
        model(fusion="mbt", detach_unimodal=True)
    with pytest.raises(ValueError, match="eq4_pool"):
        model(eq4_pool="mean")
    with pytest.raises(ValueError, match="preset is 'theirs', not one of official"):
        configuration(TransformerConfig, {"preset": "theirs"})


def test_errors_of_a_batch():
    made = model()
    with pytest.raises(ValueError, match="the batch has no 'visual'; it has label, valence, audio"):
        made(batch("audio"))
    with pytest.raises(ValueError, match="audio has width 9, the model was built for 6"):
        made(batch() | {"audio": torch.zeros(3, 9, 9)})
    for wrong in (0, 10):
        with pytest.raises(ValueError, match="lengths from"):
            made(batch() | {"audio_length": torch.tensor([9, wrong, 9])})


def test_an_encoder_adds_one_token_for_cls():
    encoder = Encoder("audio", config())
    z, keep = encoder.embed(batch())
    assert z.shape == (3, 1 + ROWS["audio"], 16) and keep.shape == (3, 1 + ROWS["audio"])
    assert_close(z[:, 0], (encoder.cls[0] + sincos(1, 16)).expand(3, -1))
