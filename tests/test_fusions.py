"""Each fusion by hand, and what the unimodal logits of a fused model are in every sense."""

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from olmlib.config import LateFusionConfig
from olmlib.methods.table import create
from olmlib.models.fusions import FUSIONS, Attention, Bilinear, FiLM, Gated
from olmlib.models.late_fusion import LateFusion, split_logits, unimodal_logits

SMALL = LateFusionConfig(width=8)
NOT_SEPARABLE = ("film", "gated", "attention", "bilinear")
X, Y = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, -1.0]])
TWO = {"audio": 2, "visual": 2}
P, Q = [[1, 0], [0, -1]], [[1, 1], [2, 0]]


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return {"audio": torch.randn(4, 1, 33, 40), "visual": torch.randn(4, 3, 1, 32, 32)}


def with_weights(fusion, **weights):
    for name, rows in weights.items():
        layer = getattr(fusion, name)
        layer.weight.data = torch.tensor(rows, dtype=torch.float32)
        layer.bias.data.zero_()
    return fusion


@pytest.fixture(scope="module")
def plain():
    torch.manual_seed(0)
    return LateFusion(3, LateFusionConfig(width=8, init="olm"))  # biases not zero


@pytest.fixture(scope="module")
def filmed():
    """A model whose head is that of T-FILM, with s = u."""
    model = LateFusion(2, SMALL, fusion="film")
    rows = {"film": [[1, 0], [0, 1], [1, 1], [0, -1]], "head": [[1, 0], [0, 1]]}
    model.fusion = with_weights(FiLM(TWO, 2), **rows)
    return model


def test_T_FILM():
    fusion = with_weights(FiLM(TWO, 2), film=[[1, 0], [0, 1], [1, 1], [0, -1]])
    assert_close(fusion.fuse(X, Y), torch.tensor([[6.0, -4.0]]))


def test_T_GATE():
    fusion = with_weights(Gated(TWO, 2), gate=P, candidate=Q)
    assert_close(fusion.candidate(Y), torch.tensor([[2.0, 6.0]]))
    assert_close(fusion.fuse(X, Y), torch.tensor([[1.462117, 0.715218]]))


def test_T_ATT():
    layers = {"key": [[1, 0, 0, 1], [0, 1, 1, 0]], "score": [[1, 0], [0, 0.5]]}
    raw = with_weights(Attention(TWO, 2), **layers)
    assert_close(raw.weights(X, Y), torch.tensor([[0.0, 2.5]]))
    assert_close(raw.fuse(X, Y), torch.tensor([[7.5, -2.5]]))
    softmax = with_weights(Attention(TWO, 2, normalize="softmax"), **layers)
    assert_close(softmax.weights(X, Y), torch.tensor([[0.075858, 0.924142]]), atol=1e-6, rtol=0)
    assert_close(softmax.fuse(X, Y), torch.tensor([[2.848284, -0.772425]]), atol=1e-5, rtol=0)


def test_T_BIL():
    fusion = with_weights(Bilinear(TWO, 2), first=P, second=Q)
    assert_close(fusion.fuse(X, Y), torch.tensor([[2.0, -12.0]]))
    bounded = with_weights(Bilinear(TWO, 2, normalize="tanh"), first=P, second=Q)
    x, y = bounded.first(X), bounded.second(Y)
    assert_close(x * y, fusion.fuse(X, Y))
    assert_close(bounded.fuse(X, Y), x.tanh() * y.tanh())
    assert_close(bounded.fuse(1e9 * X, Y).abs(), y.tanh().abs())


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("concat", 6_150),
        ("sum", 6_156),
        ("film", 528_390),
        ("gated", 528_390),
        ("attention", 528_904),
        ("bilinear", 528_390),
    ],
)
def test_parameters_at_the_paper_size(name, parameters):
    assert (
        sum(p.numel() for p in FUSIONS[name]({"audio": 512, "visual": 512}, 6).parameters())
        == parameters
    )


@pytest.mark.parametrize("name", FUSIONS)
def test_logits_have_a_row_per_sample_and_read_both_features(name):
    torch.manual_seed(0)
    fusion = FUSIONS[name]({"audio": 8, "visual": 8}, 3)
    audio, visual = torch.randn(5, 8), torch.randn(5, 8)
    logits = fusion({"audio": audio, "visual": visual})
    assert logits.shape == (5, 3)
    assert not torch.allclose(fusion({"audio": audio + 1, "visual": visual}), logits)
    assert not torch.allclose(fusion({"audio": audio, "visual": visual + 1}), logits)


def test_sum_computes_what_concat_does():
    torch.manual_seed(0)
    concat, total = (FUSIONS[name]({"audio": 8, "visual": 8}, 3) for name in ("concat", "sum"))
    total.parts["audio"].weight.data, total.parts["visual"].weight.data = concat.weight.split(8, 1)
    total.parts["audio"].bias.data, total.parts["visual"].bias.data = concat.bias, torch.zeros(3)
    features = {"audio": torch.randn(5, 8), "visual": torch.randn(5, 8)}
    assert_close(total(features), concat(features))


def test_the_parts_of_a_sum_have_their_own_full_bias():
    model = LateFusion(2, SMALL, fusion="sum")
    for m, bias in (("audio", 1.0), ("visual", 10.0)):
        model.fusion.parts[m].bias.data.fill_(bias)
    features = {"audio": torch.zeros(1, 64), "visual": torch.zeros(1, 64)}
    parts = unimodal_logits(model, features, "split")
    assert parts["audio"].tolist() == [[1.0, 1.0]] and parts["visual"].tolist() == [[10.0, 10.0]]


@pytest.mark.parametrize("name", ["concat", "sum"])
def test_separable_parts_sum_to_the_fused_logits(name, batch):
    model = LateFusion(6, LateFusionConfig(width=8, init="olm"), fusion=name)  # biases not zero
    logits = model(batch).logits
    assert_close(logits["audio"] + logits["visual"], logits["fused"])


@pytest.mark.parametrize("name", NOT_SEPARABLE)
def test_split_of_a_fusion_that_is_not_separable_is_an_error(name):
    with pytest.raises(ValueError, match="not separable"):
        split_logits(FUSIONS[name](TWO, 3), {"audio": X, "visual": Y})


def test_unimodal_logits_say_that_there_is_no_split(filmed):
    with pytest.raises(ValueError, match="FiLM is not separable"):
        unimodal_logits(filmed, {"audio": X, "visual": Y}, "split")


def test_masked_logits_by_hand(filmed):
    features = {"audio": X, "visual": Y}
    means = {"audio": torch.tensor([1.0, 0.0]), "visual": torch.tensor([0.0, 1.0])}
    logits = unimodal_logits(filmed, features, "mask", means=means)
    # gamma = (1, 2) and delta = (3, -2) from X on visual (0, 1); (1, 0) and (1, 0) on Y.
    assert_close(logits["audio"], torch.tensor([[3.0, 0.0]]))
    assert_close(logits["visual"], torch.tensor([[4.0, 0.0]]))
    zeros = {m: torch.zeros(2) for m in means}
    logits = unimodal_logits(filmed, features, "mask", means=zeros)
    assert_close(logits["audio"], torch.tensor([[3.0, -2.0]]))
    assert_close(logits["visual"], torch.zeros(1, 2))


def test_masking_a_concatenation_by_zeros_leaves_its_part_and_the_other_half_of_the_bias(plain):
    features = {"audio": torch.randn(4, 64), "visual": torch.randn(4, 64)}
    zeros = {m: torch.zeros(64) for m in features}
    masked = unimodal_logits(plain, features, "mask", means=zeros)
    split = unimodal_logits(plain, features, "split")
    assert_close(masked["audio"], split["audio"] + plain.fusion.bias / 2)


def test_the_mean_is_that_of_all_batches_first_and_then_of_recent_ones():
    mean = LateFusion(2, SMALL, fusion="film").means["audio"]
    for k in range(1, 11):
        mean.update(torch.full((4, 64), float(k)))
    assert_close(mean.value, torch.full((64,), 5.5))
    mean.update(torch.full((4, 64), 15.5))
    assert_close(mean.value, torch.full((64,), 6.5))


def test_means_follow_the_training_only(batch):
    model = LateFusion(6, SMALL, fusion="gated")
    features = model(batch).features
    for m in ("audio", "visual"):
        assert_close(model.means[m].value, features[m].mean(0))
    model.eval()
    before = model.means["audio"].value.clone()
    logits = model(batch | {"visual": batch["visual"] + 1}).logits
    assert torch.equal(model.means["audio"].value, before)
    assert_close(logits["audio"], model(batch).logits["audio"])


def test_masking_by_zeros_keeps_the_means_at_zero(batch):
    model = LateFusion(6, SMALL, fusion="bilinear", mask="zeros")
    model(batch)
    assert (model.means["audio"].value == 0).all()


@pytest.mark.parametrize("name", NOT_SEPARABLE)
def test_masked_logits_have_no_gradient_and_take_none_from_the_loss(name, batch):
    model = LateFusion(6, SMALL, fusion=name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(batch).logits
    assert not logits["audio"].requires_grad and not logits["visual"].requires_grad
    logits["fused"].float().square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.fusion.parameters())


def test_aux_mode_reads_the_heads_and_needs_them(plain, batch):
    model = LateFusion(6, SMALL, aux_heads=True, fusion="film").eval()
    logits, features, *_ = model(batch)
    assert_close(logits["audio"], model.aux["audio"](features["audio"]))
    assert_close(unimodal_logits(model, features, "aux")["visual"], logits["visual"])
    with pytest.raises(ValueError, match="aux_heads=True"):
        unimodal_logits(plain, features, "aux")


def test_prototype_logits_are_minus_the_distances_of_T_PMR_1(plain):
    features = {
        "audio": torch.tensor([[0.0, 1], [3, 2]]),
        "visual": torch.tensor([[0.5, 0], [0, 0]]),
    }
    prototypes = {
        "audio": torch.tensor([[0.0, 0], [3, 4]]),
        "visual": torch.tensor([[0.0, 0], [1, 0]]),
    }
    for model in (plain, create("unimodal", modality="audio").build(2, SMALL)):
        logits = unimodal_logits(model, features, "proto", prototypes)
        assert_close(logits["audio"], torch.tensor([[-1, -4.242641], [-3.605551, -2]]))
        assert_close(logits["visual"], torch.tensor([[-0.5, -0.5], [0, -1]]))
    p = logits["audio"].softmax(1)
    assert p.diagonal().tolist() == pytest.approx([0.962408, 0.832793], abs=1e-6)


@pytest.mark.parametrize(
    ("mode", "message"),
    [("proto", "needs prototypes"), ("mask", "no training means"), ("half", "split, aux, mask")],
)
def test_a_mode_without_what_it_needs_is_an_error(plain, mode, message):
    with pytest.raises(ValueError, match=message):
        unimodal_logits(plain, {"audio": X, "visual": Y}, mode)


@pytest.mark.parametrize("name", FUSIONS)
def test_joint_trains_the_fused_head_of_its_fusion(name, batch):
    method = create("joint", fusion=name)
    model = method.build(3, SMALL)
    labels = torch.tensor([0, 1, 2, 0])
    outputs = model(batch)
    assert type(model.fusion) is FUSIONS[name] and model.aux is None
    assert {h: tuple(v.shape) for h, v in outputs.logits.items()} == dict.fromkeys(
        model.heads, (4, 3)
    )
    assert {tuple(h.shape) for h in outputs.features.values()} == {(4, 64)}, "raw, not projected"
    assert_close(method.loss(outputs, labels), cross_entropy(outputs.logits["fused"], labels))


def test_joint_passes_the_options_of_its_fusion():
    model = create("joint", fusion="attention", normalize="softmax", mask="zeros").build(3, SMALL)
    assert model.fusion.normalize == "softmax" and model.mask == "zeros"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fusion": "mean"}, "concat, sum, film, gated, attention, bilinear"),
        ({"fusion": "film", "normalize": "softmax"}, "normalize is no option"),
        ({"fusion": "attention", "normalize": "l2"}, "normalize is 'l2'"),
        (
            {"fusion": "bilinear", "normalize": "softmax"},
            "normalize is 'softmax', not one of tanh or null",
        ),
        ({"fusion": "film", "mask": "noise"}, "mask is 'noise'"),
    ],
)
def test_an_unknown_fusion_or_option_is_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        create("joint", **options).build(3, SMALL)
