"""OGM-GE: the paper's numbers, the ratio by loops, which gradients change and when."""

from math import exp, tanh
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close

from olmlib.config import LateFusionConfig
from olmlib.methods.ogm_ge import coefficients, discrepancy_ratios, modulate
from olmlib.methods.table import create

SMALL = LateFusionConfig(width=8)
LABELS = torch.tensor([0, 1, 2, 0])
S_A = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
S_V = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
HUNDRED = SimpleNamespace(config=SimpleNamespace(epochs=100))


@pytest.fixture
def batch():
    torch.manual_seed(0)
    audio, visual = torch.randn(4, 1, 65, 75), torch.randn(4, 3, 2, 32, 32)
    return {"audio": audio, "visual": visual, "label": LABELS}


def near(actual, *expected):
    assert_close(actual, torch.tensor(expected).view_as(actual), rtol=0, atol=1e-6)


def probabilities(scores, labels):
    """Each row's probability of its own class, one sample at a time."""
    return [
        exp(row[y]) / sum(exp(value) for value in row)
        for row, y in zip(scores.tolist(), labels.tolist(), strict=True)
    ]


def test_T_OGM_1_ratio_and_coefficients():
    labels = torch.tensor([0, 1])
    near(torch.tensor(probabilities(S_A, labels)), 0.786986, 0.576117)
    near(torch.tensor(probabilities(S_V, labels)), 0.333333, 0.211942)
    near(torch.tensor([sum(probabilities(s, labels)) for s in (S_A, S_V)]), 1.363103, 0.545275)
    rho = discrepancy_ratios(torch.stack([S_A, S_V]), labels)
    near(rho, 2.499845, 0.400025)
    for alpha, k in ((0.1, 0.755096), (0.3, 0.364879), (0.8, 0.035981)):
        near(coefficients(rho, alpha), k, 1.0)


def test_T_OGM_2_a_ratio_of_two():
    rho = torch.tensor([2.0, 0.5])
    near(coefficients(rho, 0.1), 0.802625, 1.0)
    near(coefficients(rho, 0.8), 0.078331, 1.0)


def gradients(model, method, batch):
    """Gradients before and after the hook; the encoders are those of `model`."""
    model.zero_grad()
    method.loss(model(batch), LABELS).backward()
    before = {name: value.grad.clone() for name, value in model.named_parameters()}
    method.after_backward(model)
    return before, {name: value.grad for name, value in model.named_parameters()}


def test_T_OGM_3_without_ge_only_the_leading_encoders_kernels_are_scaled(batch):
    torch.manual_seed(1)
    method = create("ogm_ge", ge=False)
    model = method.build(3, SMALL)
    method.on_epoch_start(HUNDRED, 1, 1)
    before, after = gradients(model, method, batch)
    assert min(method.k) < 1 == max(method.k)
    scaled = 0
    for name, value in before.items():
        kernel = name.startswith("encoders.") and value.ndim == 4
        k = method.k[["audio", "visual"].index(name.split(".")[1])] if kernel else 1.0
        assert torch.equal(after[name], value * k), name
        scaled += kernel
    assert scaled == 2 * 20, "ResNet-18 has 20 convolutions"


def test_T_OGM_4_noise_has_the_spread_of_the_unscaled_gradient():
    torch.manual_seed(0)
    g, k = torch.tensor([1.0, 2.0, 3.0, 4.0]), 0.25
    draws = []
    for _ in range(4000):
        draw = g.clone()
        modulate(draw, k, ge=True)
        draws.append(draw)
    draws = torch.stack(draws)
    assert_close(draws.mean(0), k * g, rtol=0, atol=4 * 1.290994 / 4000**0.5)
    near(g.std(), 1.290994)
    assert_close(draws.std(0), torch.full((4,), 1.290994), rtol=0.05, atol=0)


def test_T_OGM_5_a_ratio_of_exactly_one_changes_nothing():
    assert coefficients(torch.ones(2), 0.8).tolist() == [1.0, 1.0]
    assert discrepancy_ratios(torch.stack([S_A, S_A]), torch.tensor([0, 1])).tolist() == [1, 1]


@pytest.mark.parametrize("M", [2, 3, 4])
def test_the_ratio_equals_a_loop_over_samples_and_modalities(M):
    torch.manual_seed(M)
    scores, labels = 3 * torch.randn(M, 7, 5), torch.randint(0, 5, (7,))
    p = [sum(probabilities(s, labels)) for s in scores]
    rho = [sum(p[m] / p[j] for j in range(M) if j != m) / (M - 1) for m in range(M)]
    k = [1 - tanh(0.3 * r) if r > 1 else 1.0 for r in rho]
    found = discrepancy_ratios(scores, labels)
    assert_close(found, torch.tensor(rho), rtol=1e-5, atol=0)
    assert_close(coefficients(found, 0.3), torch.tensor(k), rtol=1e-5, atol=1e-6)


def test_the_scores_are_the_blocks_of_the_fused_head(batch):
    torch.manual_seed(1)
    method = create("ogm_ge")
    model = method.build(3, SMALL)
    outputs = model(batch)
    method.loss(outputs, LABELS)
    d = outputs.features["audio"].shape[1]
    W, half = model.fusion.weight.detach(), model.fusion.bias.detach() / 2
    parts = [outputs.features["audio"].detach() @ W[:, :d].T + half,
             outputs.features["visual"].detach() @ W[:, d:].T + half]  # fmt: skip
    p_a, p_v = (sum(probabilities(s, LABELS)) for s in parts)
    assert_close(method.rho, torch.tensor([p_a / p_v, p_v / p_a]), rtol=1e-5, atol=0)
    assert not method.rho.requires_grad


def test_noise_is_added_in_both_encoders_also_where_k_is_one(batch):
    torch.manual_seed(1)
    method = create("ogm_ge")
    model = method.build(3, SMALL)
    method.on_epoch_start(HUNDRED, 1, 1)
    before, after = gradients(model, method, batch)
    for name, value in before.items():
        kernel = name.startswith("encoders.") and value.ndim == 4
        assert torch.equal(after[name], value) != kernel, name
        if kernel and value.numel() > 5000:
            k = method.k[["audio", "visual"].index(name.split(".")[1])]
            spread = (after[name] - k * value).std()
            assert_close(spread, value.std(), rtol=0.05, atol=0)


def test_the_window_of_epochs_includes_both_ends():
    method = create("ogm_ge")
    acts = []
    for epoch in range(1, 101):
        method.on_epoch_start(HUNDRED, epoch, 1)
        acts.append(method.active)
    assert acts == [True] * 51 + [False] * 49, "epochs 0 to 50, counted from 0"
    method = create("ogm_ge", start=0.29, until=0.57)
    shares = [method.on_epoch_start(HUNDRED, e, 1) or method.active for e in range(1, 101)]
    assert [i for i, on in enumerate(shares) if on] == list(range(29, 58))


def test_outside_the_window_gradients_stay_and_k_is_one(batch):
    method = create("ogm_ge")
    model = method.build(3, SMALL)
    method.on_epoch_start(HUNDRED, 52, 1)
    before, after = gradients(model, method, batch)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    record = method.record()
    assert record["k"].tolist() == [1.0, 1.0, 1.0]
    assert record["rho"][0] != 1 and record["rho"][2] == 1


@pytest.mark.parametrize("options", [{"start": 0.6}, {"until": 50}, {"alfa": 1.0}])
def test_unknown_options_and_empty_windows_are_errors(options):
    with pytest.raises(ValueError, match="until|alfa"):
        create("ogm_ge", **options)
