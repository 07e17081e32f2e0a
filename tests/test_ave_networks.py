"""The networks of Table 2: their sizes, and what each of their parts does, by hand."""

from dataclasses import replace
from math import exp, log, log1p

import pytest
import torch
from torch.testing import assert_close

from olmlib.models.ave import avga, blocks, cmbs, psp
from olmlib.models.ave.config import AVGAConfig, CMBSConfig, MAFnetConfig, PSPConfig
from olmlib.models.build import build

T, CLASSES = 10, 5
SIZES = {"audio": 8, "visual": 12, "locations": 4}
SMALL = {
    "avga": AVGAConfig(**SIZES, attention=8, hidden=6, readout=8),
    "dmrn": AVGAConfig(**SIZES, attention=8, hidden=6, fusion="dmrn"),
    "mafnet": MAFnetConfig(**SIZES, width=8, bn_momentum=0.1),
    "psp": PSPConfig(**SIZES, embedding=8, attention=8, hidden=6, readout=8),
    "cmbs": CMBSConfig(**SIZES, key=4, squeeze=8, hidden=6, heads=2, ffn=16),
}
EVERY = pytest.mark.parametrize("name", SMALL)
LOOKING = pytest.mark.parametrize("name", ["avga", "dmrn", "psp", "cmbs"])


def make(name, aux_heads=False, seed=0):
    torch.manual_seed(seed)
    return build(CLASSES, SMALL[name], aux_heads)


def drawn(clips=3, seed=1):
    torch.manual_seed(seed)
    labels = torch.full((clips, T), CLASSES - 1)
    for clip in range(clips):
        labels[clip, clip % 4 : clip % 4 + 4] = clip % (CLASSES - 1)
    audio, visual = torch.randn(clips, T, 8), torch.randn(clips, T, 2, 2, 12)
    return {"audio": audio, "visual": visual, "label": labels}


def count(model, without=()):
    named = model.named_parameters()
    return sum(p.numel() for name, p in named if not name.startswith(tuple(without)))


@pytest.mark.parametrize(
    ("config", "without", "size"),
    [
        (AVGAConfig(), (), 1_335_246),
        (AVGAConfig(fusion="dmrn"), (), 1_571_150),
        # Without the probes, which are ours.
        (PSPConfig(), ("unimodal",), 1_548_657),
        (CMBSConfig(), (), 9_200_473),
        (MAFnetConfig(), (), 1_675_352),
    ],
)
def test_the_official_sizes(config, without, size):
    with torch.device("meta"):
        assert count(build(29, config), without) == size


def test_the_attention_has_the_official_size():
    with torch.device("meta"):
        parts = blocks.Guide(128, 512, 49), blocks.LocationAttention(512, 512, 49)
    assert sum(map(count, parts)) == 378_929


@EVERY
@pytest.mark.parametrize("aux_heads", [False, True])
def test_every_parameter_is_used(name, aux_heads):
    model, batch = make(name, aux_heads), drawn()
    outputs = model(batch)
    used = [*outputs.logits.values()] if aux_heads else [outputs.logits["fused"]]
    (sum(s.square().sum() for s in used) + sum(outputs.losses.values())).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []


@EVERY
@pytest.mark.parametrize("aux_heads", [False, True])
def test_shapes_and_one_clip(name, aux_heads):
    model, batch = make(name, aux_heads), drawn(3)
    for clips in (3, 1):
        outputs = model({key: value[:clips] for key, value in batch.items()})
        assert list(outputs.logits) == list(model.heads) == ["audio", "visual", "fused"]
        assert {s.shape for s in outputs.logits.values()} == {(clips, T, CLASSES)}
        assert list(outputs.features) == list(model.modalities) == ["audio", "visual"]
        assert outputs.logits["fused"].dtype == torch.float32
        (outputs.logits["fused"].sum() + sum(outputs.losses.values())).backward()
    every, single = (model.eval()({key: value[:n] for key, value in batch.items()}) for n in (3, 1))
    assert not every.losses
    for head, scores in single.logits.items():
        assert_close(every.logits[head][:1], scores, msg=head)


@EVERY
def test_another_number_of_locations_is_refused(name):
    if name == "mafnet":  # it takes their mean
        pytest.skip("MAFnet does not know locations")
    batch = drawn() | {"visual": torch.randn(3, T, 3, 2, 12)}
    with pytest.raises(ValueError, match="3 x 2 locations, the network was built for 4"):
        make(name)(batch)


@LOOKING
def test_U13_the_attention_sums_to_one_over_locations(name):
    weights = make(name).eval().attention(drawn())
    assert weights.shape == (3, T, 4) and (weights > 0).all()
    assert_close(weights.sum(-1), torch.ones(3, T))


def test_U13_at_the_official_size():
    torch.manual_seed(0)
    batch = {"audio": torch.randn(1, T, 128), "visual": torch.randn(1, T, 7, 7, 512)}
    weights = build(29, AVGAConfig()).attention(batch)
    assert weights.shape == (1, T, 49)
    assert_close(weights.sum(-1), torch.ones(1, T))


def test_U14_equal_locations_are_seen_as_they_are_whatever_the_sound():
    torch.manual_seed(0)
    looking, guide = blocks.LocationAttention(12, 8, 4), blocks.Guide(8, 8, 4)
    vector = torch.randn(2, T, 12)
    maps = vector.unsqueeze(2).expand(-1, -1, 4, -1)
    for _ in range(2):
        weights = looking(maps, guide(torch.randn(2, T, 8)))
        assert weights.std(-1).max() > 1e-3
        assert_close(blocks.attended(weights, maps), vector)


def test_the_guide_is_a_bias_of_locations():
    """Two equal locations get different weights: the attention knows which one is which."""
    looking = blocks.LocationAttention(2, 2, 2)
    with torch.no_grad():
        for layer in (looking.affine, looking.content):
            layer.weight.copy_(torch.eye(2))
        looking.affine.bias.zero_()
        looking.score.weight.fill_(1.0)
    weights = looking(torch.ones(1, 1, 2, 2), torch.tensor([[[0.0, 1.0]]]))
    scores = torch.tensor([2 * torch.tanh(torch.tensor(1.0)), 2 * torch.tanh(torch.tensor(2.0))])
    assert_close(weights[0, 0], scores.softmax(0))


@pytest.mark.parametrize(
    ("scores", "wanted"),
    [((1e4, 0.0), 0.680048), ((0.0, 0.0), 0.709348), ((0.0, 1e4), 0.714530)],
)
def test_U15_the_soft_margin(scores, wanted):
    row = torch.zeros(1, 29)
    row[0, 3], row[0, 7] = torch.tensor(scores)
    assert avga.soft_margin(row, torch.tensor([3])).item() == pytest.approx(wanted, abs=2e-6)


def test_U15_the_smallest_value_is_the_formula_and_segments_are_averaged():
    row = torch.zeros(2, T, 29)
    row[..., 3] = 1e4
    labels = torch.full((2, T), 3)
    least = (log1p(exp(-1)) + 28 * log(2)) / 29
    assert avga.soft_margin(row, labels).item() == pytest.approx(least, rel=1e-6)
    total = avga.soft_margin(row, labels, reduction="sum").item()
    assert total == pytest.approx(2 * T * least, rel=1e-6)


@pytest.mark.parametrize("name", ["avga", "dmrn"])
def test_the_probe_of_avga_has_zeros_for_the_other_modality(name):
    model, batch = make(name), drawn()
    outputs = model(batch)
    other = make(name)
    with torch.no_grad():
        zeros = torch.zeros_like(outputs.features["visual"])
        wanted = other.fuse(other(batch).features["audio"], zeros)
    assert_close(outputs.logits["audio"], wanted)
    assert not outputs.logits["audio"].requires_grad
    assert not outputs.logits["visual"].requires_grad
    assert outputs.logits["fused"].requires_grad


def test_U16_the_weights_of_all_segments_of_both_modalities_sum_to_one():
    model = make("mafnet").eval()
    weights = model.attention(torch.randn(3, T, 8), torch.randn(3, T, 8))
    assert weights.shape == (2, 3, T, 1)
    assert_close(weights.sum((0, 2, 3)), torch.ones(3))


def test_U17_without_film_the_sound_does_not_see_the_picture():
    model, batch = make("mafnet").eval(), drawn()
    vectors = torch.randn(2, 3, T, 12)
    assert not torch.equal(*(model.embedded(batch["audio"], v)[0] for v in vectors)), "U18"
    torch.nn.init.zeros_(model.film.weight)
    torch.nn.init.zeros_(model.film.bias)
    assert torch.equal(*(model.embedded(batch["audio"], v)[0] for v in vectors))
    scale, shift = model.film(vectors[0]).chunk(2, -1)
    assert (scale + 1 == 1).all() and (shift == 0).all()


def test_U18_the_audio_stream_is_not_unimodal():
    model, batch = make("mafnet", aux_heads=True).eval(), drawn()
    other = batch | {"visual": torch.randn(3, T, 2, 2, 12)}
    first, second = (model.encoders["audio"](
        x["audio"], *model.film(x["visual"].mean((2, 3))).chunk(2, -1)) for x in (batch, other)
    )  # fmt: skip
    assert not torch.allclose(first, second)


def test_parts_of_mafnet_sum_to_the_logits_before_the_norm():
    model, batch = make("mafnet").eval(), drawn()
    torch.nn.init.normal_(model.fusion.bias)
    outputs = model(batch)
    both = torch.cat(list(outputs.features.values()), -1)
    sums = outputs.logits["audio"] + outputs.logits["visual"]
    assert_close(sums, model.fusion(both))
    assert_close(model.norm(sums), outputs.logits["fused"])


def test_mafnet_of_clips_says_one_class_and_its_segments_sum_up():
    batch = drawn()
    models = []
    for mode in ("segment", "video"):
        torch.manual_seed(0)
        models.append(build(CLASSES, replace(SMALL["mafnet"], mode=mode)).eval())
    segment, video = (model(batch) for model in models)
    assert video.logits["fused"].shape == (3, CLASSES)
    for m in ("audio", "visual"):
        assert_close(segment.features[m].mean(1), video.features[m])


def test_U19_a_row_of_equal_similarities():
    row = torch.ones(2, T, T)
    assert_close(psp.pruned(row, 0.099), torch.full((2, T, T), 0.1))
    assert (psp.pruned(row, 0.11) == 0).all()


def test_a_pruned_row_by_hand():
    row = torch.tensor([6.0, 3.0, 1.0, 0.0])
    assert_close(psp.pruned(row, 0.099), torch.tensor([0.6, 0.3, 0.1, 0.0]))
    assert_close(psp.pruned(row, 0.1), torch.tensor([6.0, 3.0, 0.0, 0.0]) / 9), "not above 0.1"


def test_U20_nothing_similar_is_propagated():
    model = make("psp").eval()
    propagation = model.propagation
    torch.nn.init.zeros_(propagation.maps["v2"][0].weight)  # beta is 0 everywhere
    audio, visual = torch.randn(2, 3, T, 12)
    after = propagation(audio, visual)
    for found, own, name in ((after[0], audio, "a_out"), (after[1], visual, "v_out")):
        assert_close(found, propagation.norm(propagation.maps[name](own)))


def test_U21_similar_modalities_in_the_event_alone():
    event = torch.zeros(1, T, dtype=torch.bool)
    event[0, 2:6] = True
    audio = torch.zeros(1, T, 2)
    audio[..., 0] = 1.0
    aligned = torch.where(event.unsqueeze(-1), audio, -audio)
    assert psp.similarity_loss(audio, aligned, event).item() == pytest.approx(0, abs=1e-12)
    assert psp.similarity_loss(audio, audio, event).item() == pytest.approx(0.015, rel=1e-5)
    assert 100 * psp.similarity_loss(audio, audio, event).item() == pytest.approx(1.5, rel=1e-5)
    assert psp.similarity_loss(audio, -audio, ~event & event).item() == 0, "no event, no target"


def test_the_probe_of_psp_changes_nothing_but_itself():
    """Steps of Adam with the probes' loss and without leave the rest the same to the bit."""
    after = []
    for probed in (True, False):
        model = make("psp")
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        torch.manual_seed(3)
        for _ in range(3):
            outputs = model(drawn())
            loss = model.criterion(outputs.logits["fused"], drawn()["label"])
            loss = loss + outputs.losses["similarity"]
            if probed:
                loss = loss + outputs.losses["probe"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        after.append(model.state_dict())
    probes = [name for name in after[0] if name.startswith("unimodal")]
    changed = [name for name in after[0] if not torch.equal(after[0][name], after[1][name])]
    assert changed == probes and len(probes) == 8


def test_U22_the_event_where_it_is_on():
    logits = cmbs.decoded(torch.tensor([[0.0, 3.0, 1.0]]), torch.tensor([[2.0, -1.0]]))
    assert logits.shape == (1, 2, 4)
    found = logits.argmax(-1)
    assert found.tolist() == [[1, 3]]
    events = torch.zeros(1, 28)
    events[0, :3] = torch.tensor([0.0, 3.0, 1.0])
    found = cmbs.decoded(events, torch.tensor([[2.0, -1.0]])).argmax(-1)
    assert found.tolist() == [[1, 28]], "of 28 classes the background is number 28"


def test_U23_the_mean_of_the_four_highest():
    scores = torch.tensor([1.0, 5, 2, 9, 0, 3, 4, 8, 7, 6]).view(1, 10, 1)
    assert cmbs.strongest(scores, 4).item() == 7.5


@EVERY
def test_U24_a_single_segment_of_a_single_clip(name):
    """B * T = 1, where code that squeezes breaks."""
    config = replace(SMALL[name], top=1) if name == "cmbs" else SMALL[name]
    batch = {key: value[:1, :1] for key, value in drawn().items()}
    for aux_heads in (False, True):
        outputs = build(CLASSES, config, aux_heads).eval()(batch)
        assert {s.shape for s in outputs.logits.values()} == {(1, 1, CLASSES)}


def test_clips_of_cmbs_learn_their_event():
    model, batch = make("cmbs"), drawn()
    batch["label"][1] = CLASSES - 1  # a clip without any event
    outputs = model(batch)
    found, labels = model.supervised(outputs, batch["label"])
    assert labels.tolist() == [0, 2]
    for head, scores in found.logits.items():
        assert_close(scores, outputs.logits[head][[0, 2], 7, :-1], msg=head)
    assert set(outputs.losses) == {"is_event", "gate", "mean"}
    # Two sigmoids after each other: the loss of a perfect gate is not 0.
    gate = torch.tensor([1.0, 0.0])
    bce = torch.nn.functional.binary_cross_entropy_with_logits(gate, gate, reduction="none")
    assert_close(bce, torch.tensor([0.3133, 0.6931]), atol=1e-4, rtol=0)


def test_a_batch_without_events_is_refused_by_name():
    model, batch = make("cmbs"), drawn()
    batch["label"][:] = CLASSES - 1
    outputs = model(batch)
    with pytest.raises(ValueError, match="no clip of this batch has an event"):
        model.supervised(outputs, batch["label"])
    assert set(outputs.losses) == {"is_event", "gate"}
    assert all(torch.isfinite(value) for value in outputs.losses.values())


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (AVGAConfig, {"fusion": "sum"}, "one of concat, dmrn"),
        (AVGAConfig, {"hidden": 0}, "hidden is 0"),
        (CMBSConfig, {"squeeze": 10, "heads": 4}, "not divisible"),
        (PSPConfig, {"tau": 1.5}, "tau is 1.5"),
        (MAFnetConfig, {"bn_momentum": 0.0}, "bn_momentum is 0"),
        (MAFnetConfig, {"mode": "clip"}, "one of segment, video"),
    ],
)
def test_sizes_that_cannot_be(kind, values, words):
    with pytest.raises(ValueError, match=words):
        kind(**values)
