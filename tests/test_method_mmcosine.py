"""MMCosine: the paper's numbers, cosines by loops, the bias that nothing trains."""

from math import log, sqrt

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from olmlib.config import LateFusionConfig
from olmlib.methods.table import create
from olmlib.models.cosine import cosine_logits

SMALL = LateFusionConfig(width=8)
LABELS = torch.tensor([0, 1, 2, 0])
H_A, H_V = torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]])
W_A, W_V = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 1.0], [0.0, -3.0]])


@pytest.fixture
def batch():
    torch.manual_seed(0)
    audio, visual = torch.randn(4, 1, 65, 75), torch.randn(4, 3, 2, 32, 32)
    return {"audio": audio, "visual": visual, "label": LABELS}


def near(actual, *expected):
    assert_close(actual, torch.tensor(expected).view_as(actual), rtol=0, atol=2e-6)


def fused(h_a, h_v, w_a, w_v, scale=10.0):
    return cosine_logits(h_a, w_a, scale) + cosine_logits(h_v, w_v, scale)


def test_T_COS_1_by_hand():
    near(cosine_logits(H_A, W_A, 1.0)[0], 0.6, 0.8)
    near(cosine_logits(H_V, W_V, 1.0)[0], 0.707107, 0.0)
    z = fused(H_A, H_V, W_A, W_V)
    near(z[0], 13.071068, 8.0)
    near(cross_entropy(z, torch.tensor([0])), 0.006256)
    near(cross_entropy(z, torch.tensor([1])), 5.077324)


def test_T_COS_2_lengths_of_features_and_of_weight_rows_do_not_count():
    shorter = W_A * torch.tensor([[1.0], [0.1]])
    assert_close(fused(7 * H_A, H_V, shorter, W_V), fused(H_A, H_V, W_A, W_V))


def test_T_COS_3_the_bias_of_the_head_receives_no_gradient(batch):
    method = create("mmcosine")
    model = method.build(3, LateFusionConfig(width=8, init="olm"))
    method.loss(model(batch), LABELS).backward()
    assert model.fusion.bias.grad is None
    assert {n for n, p in model.named_parameters() if p.grad is None} == {"fusion.bias"}


def test_the_bias_does_not_move_the_cosines(batch):
    model = create("mmcosine").build(3, SMALL).eval()
    before = model(batch).logits
    model.fusion.bias.fill_(5.0)
    for head, scores in model(batch).logits.items():
        assert torch.equal(scores, before[head]), head


def test_logits_equal_cosines_by_loops(batch):
    torch.manual_seed(1)
    model = create("mmcosine", scale=4.0).build(3, SMALL)
    logits, features, *_ = model(batch)
    first = 0
    total = [[0.0] * 3 for _ in range(4)]
    for m in ("audio", "visual"):
        d = features[m].shape[1]
        for b in range(4):
            for j in range(3):
                h = features[m][b].tolist()
                row = model.fusion.weight[j, first : first + d].tolist()
                dot = sum(x * y for x, y in zip(h, row, strict=True))
                cosine = dot / sqrt(sum(x * x for x in h)) / sqrt(sum(y * y for y in row))
                assert_close(logits[m][b, j].item(), 4 * cosine, rtol=1e-4, atol=1e-5)
                total[b][j] += 4 * cosine
        first += d
    assert_close(logits["fused"], torch.tensor(total), rtol=1e-4, atol=1e-5)
    assert logits["fused"].abs().max() <= 8


def test_a_dead_feature_has_cosine_zero_and_a_finite_gradient():
    h = torch.zeros(1, 2, requires_grad=True)
    logits = cosine_logits(h, W_A, 10.0)
    logits.sum().backward()
    assert (logits == 0).all() and torch.isfinite(h.grad).all()


def test_linear_eval_is_the_ordinary_head_with_its_bias_and_trains_the_same(batch):
    torch.manual_seed(1)
    cosine = create("mmcosine").build(3, LateFusionConfig(width=8, init="olm"))
    torch.manual_seed(1)
    method = create("mmcosine", eval="linear")
    linear = method.build(3, LateFusionConfig(width=8, init="olm"))
    assert torch.equal(linear(batch).logits["fused"], cosine(batch).logits["fused"])
    (logits, features, *_), unimodal = linear.eval()(batch), cosine.eval()(batch).logits
    joined = torch.cat([features["audio"], features["visual"]], 1)
    expected = joined @ linear.fusion.weight.T + linear.fusion.bias
    assert_close(method.predict(logits), expected)
    assert torch.equal(logits["audio"], unimodal["audio"])


@pytest.mark.parametrize(("classes", "scale"), [(6, 2.585), (31, 3.869), (309, 5.146)])
def test_the_scale_bounds_the_probability(classes, scale):
    # Equiangular classes: both modalities have cosine 1 with their own, -1/(C-1) with the others.
    z = torch.full((classes,), -2 * scale / (classes - 1))
    z[0] = 2 * scale
    assert_close(z.softmax(0)[0].item(), 0.99, rtol=0, atol=1e-4)
    assert_close((classes - 1) / (2 * classes) * log((classes - 1) * 99), scale, rtol=0, atol=1e-3)


@pytest.mark.parametrize("options", [{"eval": "head"}, {"scala": 1.0}])
def test_unknown_options_are_errors(options):
    with pytest.raises(ValueError, match="head|scala"):
        create("mmcosine", **options)
