"""Eq. 6-9 and their solvers against numbers worked out by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close as torch_close

from olmlib.olm_equations import (
    algorithm1,
    bounded_factors,
    closed_form,
    logit_loss,
    rates,
    rebalancing_factors,
    weighted_median,
)


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def close(actual, *expected, atol=1e-6):
    torch_close(actual, tensor(*expected), atol=atol, rtol=0)


NORMS, LAMBDA = tensor(4, 10, 7), tensor(0.5, 0.2, 0.3)
START = tensor(1.80, 1.80, 1.80), tensor(1.82, 1.82, 1.82)


@pytest.mark.parametrize("signed", [False, True])
def test_T_OLM_R1(signed):
    G, C = rates(*START, tensor(1.50, 0.60, 0.50), tensor(1.60, 1.20, 1.10), signed)
    close(G, 0.22, 0.62, 0.72)
    close(C, 0.08, 0.58, 0.58)
    close(G / C, 2.75, 1.068966, 1.241379)
    close(rebalancing_factors(G, C), 0.710532, 0.132288, 0.157180)


def test_T_OLM_R2():
    now = tensor(1.50, 0.60, 0.50), tensor(1.45, 1.20, 1.10)
    G, C = rates(*START, *now, signed=True)
    close(C, 1e-6, 0.58, 0.58)
    assert (G / C)[0].item() == pytest.approx(370_000)
    close(rebalancing_factors(G, C), 1, 0, 0)
    G, C = rates(*START, *now)
    close(C, 0.03, 0.58, 0.58)
    close(rebalancing_factors(G, C), 0.999972, 0.000013, 0.000015)


@pytest.mark.parametrize("signed", [False, True])
def test_T_OLM_R3(signed):
    G, C = rates(*START, *START, signed)
    close(rebalancing_factors(G, C), 1 / 3, 1 / 3, 1 / 3)


@pytest.mark.parametrize(
    ("dev0_samples", "expected"),
    [
        (16, (1 / 3, 1 / 3, 1 / 3)),
        (64, (0.280839, 0.300199, 0.418962)),
        (59, (0.164160, 0.370616, 0.465224)),
    ],
)
def test_T_OLM_R4_a_partial_batch_as_baseline_kills_the_rule(dev0_samples, expected):
    train0, dev0 = torch.full((3,), 64 * 1.79).double(), torch.full((3,), dev0_samples * 1.79)
    train, dev = 64 * tensor(1.5, 0.9, 0.8), 64 * tensor(1.6, 1.2, 1.1)
    G, C = rates(train0, dev0.double(), train, dev, signed=True)
    close(rebalancing_factors(G, C), *expected, atol=2e-6)


def test_T_OLM_F1():
    for scale, targets, loss, slope in [
        (1.0, (3.5, 1.4, 2.1), 14, (4, 10, 7)),
        (3.0, (10.5, 4.2, 6.3), 13, (-4, 10, 7)),
    ]:
        close(scale * LAMBDA * NORMS.mean(), *targets)
        w = torch.ones(3, dtype=torch.float64, requires_grad=True)
        value = logit_loss(w, NORMS, LAMBDA, scale)
        assert value.item() == pytest.approx(loss)
        close(torch.autograd.grad(value, w)[0], *slope)


def test_the_literal_target_has_no_solution_but_zero():
    mean, w = NORMS.mean(), torch.ones(3, dtype=torch.float64)
    for expected in (2.333333, 0.777778, 0.259259, 0.086420):
        w = closed_form(NORMS, LAMBDA * (w * NORMS).mean(), w)
        torch_close((w * NORMS).mean().item(), expected, atol=1e-6, rtol=0)
    assert mean == 7


@pytest.mark.parametrize(
    ("detach", "steps", "expected"),
    [
        (True, 10, (0.96, 0.90, 0.93)),
        (True, 100, (0.60, 0.04, 0.30)),
        (True, 1000, (0.008, 0.0, 0.006)),
        (False, 10, (0.97333, 0.93333, 0.95333)),
        (False, 100, (0.73333, 0.33333, 0.53333)),
    ],
)
def test_algorithm1_shrinks_all_coefficients(detach, steps, expected):
    w = algorithm1(NORMS, LAMBDA, steps, eta=1e-3, detach=detach)
    close(w, *expected, atol=0.011 if steps == 1000 else 1e-5)


def test_algorithm1_with_rescaled_target_finds_the_right_ray_but_not_the_scale():
    close(algorithm1(NORMS, LAMBDA, 10, 1e-3, scale=3), 1.040, 0.900, 0.930)
    w = algorithm1(NORMS, LAMBDA, 1000, 1e-3, scale=3)
    close(w, 1.328, 0.220, 0.454, atol=0.012)
    assert (w * NORMS).sum() < 0.55 * NORMS.sum()


def test_closed_form_is_the_minimum_and_keeps_the_mean():
    targets = 3 * LAMBDA * 7
    w = closed_form(NORMS, targets, torch.ones(3))
    close(w, 2.625, 0.42, 0.90)
    close((w * NORMS).mean()[None], 7)
    close(closed_form(tensor(0, 2), tensor(1, 1), tensor(0.7, 0.7)), 0.7, 0.5)


def test_weighted_median_by_hand():
    norms, targets = tensor(1, 2, 4, 6), tensor(3, 2, 2, 12)
    w = weighted_median(norms, targets)
    assert w == 2.0
    assert (w * norms - targets).abs().sum() == 9.0
    mean_form = targets.sum() / norms.sum()
    torch_close((mean_form * norms - targets).abs().sum().item(), 9.538462, atol=1e-6, rtol=0)
    # Half of the weight exactly: every w in [1, 2] is optimal, the lower end is returned.
    assert weighted_median(tensor(1, 2, 4, 5), tensor(3, 2, 2, 10)) == 1.0
    assert weighted_median(tensor(0, 0), tensor(1, 1)) == 1.0


positive = st.floats(0.01, 100)


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=8))
def test_no_coefficient_beats_the_weighted_median(pairs):
    norms, targets = (tensor(*column) for column in zip(*pairs, strict=True))

    def cost(w):
        return (w * norms - targets).abs().sum()

    best = cost(weighted_median(norms, targets))
    assert all(best <= cost(ratio) + 1e-9 * (1 + best) for ratio in targets / norms)


rate = st.floats(0, 1e6)


@given(st.lists(st.tuples(rate, rate), min_size=1, max_size=5), st.randoms())
def test_factors_are_a_distribution_and_follow_a_permutation_of_heads(pairs, random):
    order = list(range(len(pairs)))
    random.shuffle(order)
    G, C = (tensor(*column) for column in zip(*pairs, strict=True))
    for rule in (rebalancing_factors, bounded_factors):
        lam = rule(G, C)
        assert torch.isfinite(lam).all() and (lam >= 0).all()
        torch_close(lam.sum().item(), 1.0)
        torch_close(rule(G[order], C[order]), lam[order])


@given(st.lists(st.tuples(rate, rate), min_size=3, max_size=3))
def test_bounded_factors_never_let_one_head_take_everything(pairs):
    lam = bounded_factors(*(tensor(*column) for column in zip(*pairs, strict=True)))
    assert lam.max() / lam.min() <= 4 + 1e-9
    assert (3 * lam).min() >= 1 / 3 - 1e-9 and (3 * lam).max() <= 2 + 1e-9


def test_bounded_factors_favour_the_head_that_generalises_and_overfits_little():
    visual, audio, fused = bounded_factors(tensor(0.22, 0.62, 0.72), tensor(0.08, 0.58, 0.58))
    assert visual > fused > audio
