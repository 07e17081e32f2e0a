"""GradNorm: the paper's numbers, its gradient against a double backward pass, cost."""

from math import log

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from olmlib.config import LateFusionConfig
from olmlib.methods.gradnorm import (
    gradient_norm,
    relative_rates,
    renormalised,
    slopes,
    targets,
)
from olmlib.methods.table import create

SMALL = LateFusionConfig(width=8)
LABELS = torch.tensor([0, 1, 2, 0])
NORMS = torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)
ONES = torch.ones(3, dtype=torch.float64)
LOSSES = torch.tensor([0.895, 1.432, 1.611], dtype=torch.float64)
RATES = relative_rates(LOSSES, 1.79 * ONES)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    audio, visual = torch.randn(4, 1, 65, 75), torch.randn(4, 3, 2, 32, 32)
    return {"audio": audio, "visual": visual, "label": LABELS}


def near(actual, *expected):
    expected = torch.tensor(expected, dtype=actual.dtype).view_as(actual)
    assert_close(actual, expected, rtol=0, atol=1e-6)


def l_grad(w, norms, rates, alpha):
    return (w * norms - targets(w, norms, rates, alpha)).abs().sum()


def test_T_GN_1_one_update():
    near(RATES, 0.681818, 1.090909, 1.227273)
    near(targets(ONES, NORMS, RATES, 1.5), 0.656825, 1.329320, 1.586202)
    near(l_grad(ONES, NORMS, RATES, 1.5), 2.758697)
    slope = slopes(ONES, NORMS, RATES, 1.5)
    near(slope, 2.0, -1.0, -0.5)
    near(ONES - 0.025 * slope, 0.95, 1.025, 1.0125)
    near(renormalised(ONES - 0.025 * slope), 0.953975, 1.029289, 1.016736)


def test_T_GN_1_first_step_of_adam():
    method = create("gradnorm", l0="first")
    method.build(3, SMALL)
    method.initial, method.losses, method.norms = 1.79 * ONES, LOSSES, NORMS
    method.after_step(None, None)
    near(method.w, 0.966942, 1.016529, 1.016529)
    near(method.record()["rate"], 0.681818, 1.090909, 1.227273)


def test_an_adam_made_anew_moves_every_weight_by_its_whole_rate():
    # A public code does that; here one Adam lives as long as the training.
    def trained(anew):
        method = create("gradnorm", l0="first")
        method.build(3, SMALL)
        method.initial, method.losses = 1.79 * ONES, LOSSES
        for size in (1.0, 0.01, 1.0):
            if anew:
                method.optimizer = torch.optim.Adam([method.w], lr=method.lr_w)
            before, method.norms = method.w.clone(), size * NORMS
            method.after_step(None, None)
            slope = slopes(before, method.norms, method.rates, method.alpha)
            step = before - renormalised(before - method.lr_w * slope.sign())
            yield (before - method.w), step

    for moved, whole in trained(anew=True):
        assert_close(moved, whole, atol=1e-5, rtol=0)
    kept = list(trained(anew=False))
    assert_close(*kept[0], atol=1e-5, rtol=0)
    assert not torch.allclose(*kept[1], atol=1e-4)


@pytest.mark.parametrize(
    ("alpha", "expected", "total"),
    [
        pytest.param(0.0, (1.166667,) * 3, 1.666667, id="T-GN-2"),
        pytest.param(0.12, (1.114261, 1.178912, 1.195693), 1.760344, id="T-GN-3"),
    ],
)
def test_T_GN_2_and_T_GN_3_other_exponents(alpha, expected, total):
    near(targets(ONES, NORMS, RATES, alpha), *expected)
    near(l_grad(ONES, NORMS, RATES, alpha), total)


def test_T_GN_4_autograd_equals_the_analytic_rule():
    W = torch.tensor([0.5, -0.3], dtype=torch.float64, requires_grad=True)
    losses = [(W @ torch.tensor([1.0, 2.0]).double() - 1) ** 2, (W[0] - 2) ** 2]
    w, rates = torch.ones(2, dtype=torch.float64), torch.tensor([1.2, 0.8]).double()
    norms = torch.stack([gradient_norm(value, [W]) for value in losses])
    near(norms, 4.919350, 3.0)
    near(targets(w, norms, rates, 1.5), 5.205128, 2.833313)
    near(l_grad(w, norms, rates, 1.5), 0.452465)
    near(slopes(w, norms, rates, 1.5), -4.919350, 3.0)
    near(double_backward(w, losses, [W], rates, 1.5), -4.919350, 3.0)


def double_backward(w, losses, shared, rates, alpha):
    """Differentiate L_grad through the network, as the paper writes it."""
    w = w.clone().requires_grad_(True)
    G = []
    for i, value in enumerate(losses):
        parts = torch.autograd.grad(w[i] * value, shared, create_graph=True, allow_unused=True)
        G.append(torch.cat([g.flatten() for g in parts if g is not None]).norm())
    G = torch.stack(G)
    target = (G.mean() * rates**alpha).detach()
    return torch.autograd.grad((G - target).abs().sum(), w)[0]


def kernels(model):
    """The last convolution of each encoder, found by its name."""
    found = {}
    for name, value in model.named_parameters():
        if value.ndim == 4 and "downsample" not in name:
            found[name.split(".")[1]] = value
    return list(found.values())


@pytest.mark.parametrize("site", ["encoders", "features", "classifier"])
def test_one_step_equals_the_double_backward_pass(site, batch):
    torch.manual_seed(1)
    method = create("gradnorm", site=site)
    model = method.build(3, SMALL)
    method.w.copy_(torch.tensor([0.5, 1.2, 1.3]))
    before = method.w.clone()
    outputs = model(batch)
    total = method.loss(outputs, LABELS)
    losses = [cross_entropy(s, LABELS) for s in outputs.logits.values()]
    assert_close(total.item(), sum(w * x.item() for w, x in zip(before.tolist(), losses)))  # noqa: B905

    shared = {"encoders": kernels(model), "features": list(outputs.features.values()),
              "classifier": [model.fusion.weight]}[site]  # fmt: skip
    ratios = [x.item() / log(3) for x in losses]
    rates = torch.tensor([3 * r / sum(ratios) for r in ratios])
    expected = double_backward(before.float(), losses, shared, rates, 1.5)
    slope = slopes(before, method.norms, rates.double(), 1.5)
    assert_close(slope.float(), expected, rtol=1e-4, atol=1e-6)

    method.after_step(outputs, LABELS)
    moved = before - 0.025 * expected.sign()
    assert_close(method.w, 3 * moved / moved.sum(), rtol=1e-6, atol=1e-6)


def test_a_unimodal_loss_has_no_gradient_in_the_other_encoder(batch):
    model = create("gradnorm").build(3, SMALL)
    audio, visual = kernels(model)
    loss = cross_entropy(model(batch).logits["audio"], LABELS)
    assert_close(gradient_norm(loss, [audio, visual]), gradient_norm(loss, [audio]))


def test_the_extra_backward_passes_stop_at_the_last_convolution(batch):
    method = create("gradnorm")
    model = method.build(3, SMALL)
    visited = []
    for encoder in model.encoders.values():
        conv1 = encoder.trunk.layer4[-1].conv1
        conv1.register_forward_hook(lambda *a: a[2].register_hook(visited.append) and None)
    loss = method.loss(model(batch), LABELS)
    assert not visited
    loss.backward()
    assert len(visited) == 2


def test_gradients_of_the_network_are_those_of_the_weighted_sum_alone(batch):
    method = create("gradnorm")
    model = method.build(3, SMALL)
    method.w.copy_(torch.tensor([0.5, 1.2, 1.3]))
    method.loss(model(batch), LABELS).backward()
    found = {name: value.grad.clone() for name, value in model.named_parameters()}
    model.zero_grad()
    logits = model(batch).logits
    losses = [w * cross_entropy(logits[h], LABELS) for h, w in zip(logits, (0.5, 1.2, 1.3))]  # noqa: B905
    sum(losses).backward()
    for name, value in model.named_parameters():
        assert_close(found[name], value.grad, msg=name)


def test_weights_keep_their_sum_and_stay_above_zero():
    near(renormalised(torch.tensor([-1.0, 0.5, 0.5]), floor=0.1), 0.272727, 1.363636, 1.363636)


def test_an_infinite_gradient_norm_leaves_weights_and_moments_alone():
    method = create("gradnorm")
    method.build(3, SMALL)
    method.losses, method.norms = LOSSES, torch.tensor([1.0, float("inf"), 1.0]).double()
    method.after_step(None, None)
    assert torch.equal(method.w, ONES) and not method.optimizer.state


@pytest.mark.parametrize("options", [{"site": "head"}, {"l0": "zero"}, {"alfa": 1.0}])
def test_unknown_options_are_errors(options):
    with pytest.raises(ValueError, match="site is|l0 is|alfa is no option"):
        create("gradnorm", **options)
