"""The class OLM: presets, a foreign training loop, the invariances, and stability."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from companion.lessons.olm.toy import HEADS, Head, simulate
from olmlib.olm import OLM
from olmlib.olm_presets import PRESETS, OLMConfig

VAB = ["visual", "audio", "fused"]
Y = torch.tensor([0, 1])


def engine_batch():
    return {
        "visual": torch.tensor([[1.0, 0, 0], [0, 1, 0]]),
        "audio": torch.tensor([[2.0, 0, -1], [0, 0, 2]]),
        "fused": torch.tensor([[3.0, 0, 0], [0, 4, 0]]),
    }


def close(actual, expected, atol=1e-6):
    expected = torch.tensor(expected, dtype=torch.float64)
    assert_close(actual.detach().double(), expected, atol=atol, rtol=0)


def test_T_OLM_ENG():
    from olmlib.olm_equations import logit_loss, logit_norms

    olm, logits = OLM(VAB, "code"), engine_batch()
    losses = [cross_entropy(logits[h], Y, reduction="sum").item() for h in VAB]
    assert losses == pytest.approx([1.102889, 2.409391, 0.130899], abs=1e-6)
    loss = olm.loss(logits, Y)
    assert loss.item() == pytest.approx(sum(losses), abs=1e-5)
    loss.backward()
    close(olm.w.grad, [-0.847766, 1.219551, -0.413018])
    norms = logit_norms([logits[h] for h in VAB])
    close(norms, [[1, 2.236068, 3], [1, 2, 4]])
    close(norms.mean(1) / 3, [0.692896, 0.777778])
    w = torch.ones(3, requires_grad=True)
    value = logit_loss(w, norms, torch.full((3,), 1 / 3))
    assert value.item() == pytest.approx(8.824045, abs=1e-5)
    slope = torch.autograd.grad(value, w)[0]
    close(slope, [2, 4.236068, 7], atol=1e-5)
    close(olm.w.grad + slope, [1.152234, 5.455619, 6.586982], atol=1e-5)
    olm.update(logits, Y, logits, Y)
    close(olm.lam, [1 / 3] * 3)
    close(olm.w, [0.999] * 3)


def test_a_mean_loss_for_the_network_leaves_the_coefficients_of_the_code_alone():
    summed, mean = OLM(VAB, "code"), OLM(VAB, "code", network_loss="mean")
    for olm in (summed, mean):
        logits = {h: s.clone().requires_grad_() for h, s in engine_batch().items()}
        loss = olm.loss(logits, Y)
        loss.backward()
        olm.update(logits, Y, logits, Y)
        olm.seen = loss.item(), logits["audio"].grad
    assert_close(mean.w, summed.w)
    assert mean.seen[0] == pytest.approx(summed.seen[0] / 2)
    assert_close(mean.seen[1], summed.seen[1] / 2)


def test_T_OLM_F2_equal_norms_make_every_coefficient_of_the_code_fall():
    olm = OLM(VAB, "code", warmup=1000)
    logits = dict.fromkeys(VAB, torch.eye(3))
    previous = olm.w.detach().clone()
    for _ in range(20):
        olm.loss(logits, torch.arange(3)).backward()
        olm.update(logits, torch.arange(3), logits, torch.arange(3))
        assert (olm.w < previous).all()
        previous = olm.w.detach().clone()


def test_T_OLM_F3_210_adam_steps():
    w = torch.ones(1, requires_grad=True)
    adam = torch.optim.Adam([w], lr=1e-3)
    for _ in range(210):
        w.grad = torch.ones(1)
        adam.step()
    assert w.item() == pytest.approx(0.79, abs=1e-4)


@given(st.floats(1e-2, 1e2), st.integers(0, 1000))
def test_T_OLM_F4_argmax_is_unchanged_by_a_positive_coefficient(w, seed):
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(seed))
    assert_close((w * logits).argmax(-1), logits.argmax(-1))


def test_T_OLM_F5_code_keeps_lambda_uniform_after_a_partial_dev_baseline():
    # The last dev batch of KS has 15 samples, later ones 64; per-sample losses stay above 23 %.
    olm = OLM(VAB, "code", warmup=1)
    good = {h: 2 * torch.eye(6)[torch.arange(64) % 6] for h in VAB}
    poor = {h: torch.zeros(15, 6) for h in VAB}
    labels = torch.arange(64) % 6
    olm.update(good, labels, poor, labels[:15])
    for _ in range(3):
        olm.update(good, labels, good, labels)
        close(olm.lam, [1 / 3] * 3)


def test_T_OLM_F6():
    norms, lam = torch.tensor([4.0, 10, 7]), torch.tensor([0.5, 0.2, 0.3])
    olm = OLM(VAB, "stable")
    olm.solve(norms, lam)
    close(olm.w, [1.1625, 0.942, 0.99])
    for _ in range(300):
        olm.solve(norms, lam)
        assert (olm.w * norms).mean().item() == pytest.approx(7, abs=1e-6)
    close(olm.w, [2.625, 0.42, 0.90])


@given(
    st.lists(st.floats(1e-2, 1e2), min_size=3, max_size=3),
    st.lists(st.floats(1e-2, 1), min_size=3, max_size=3),
)
def test_fixed_keeps_the_mean_of_the_scaled_norms(norms, lam):
    norms, lam = (torch.tensor(x, dtype=torch.float64) for x in (norms, lam))
    olm = OLM(VAB, "stable", clamp=None)
    olm.solve(norms, lam / lam.sum())
    assert (olm.w * norms).mean().item() == pytest.approx(norms.mean().item(), rel=1e-9)


def test_variant_targets_average_to_the_mean_norm():
    # r = (L / L(0)) / mean, shares of the scaled norm follow r.
    olm = OLM(VAB, "variant", warmup=0)
    start = {h: torch.zeros(3, 3) for h in VAB}
    olm.update(start, torch.arange(3), start, torch.arange(3))
    assert olm.lam.sum().item() == pytest.approx(1)
    better = start | {"audio": 5 * torch.eye(3)}
    olm.update(better, torch.arange(3), better, torch.arange(3))
    assert olm.lam[1] < olm.lam[0] == olm.lam[2]


def test_paper_collapses_where_norms_are_large():
    olm = OLM(VAB, "paper")
    large = {h: 10 * s for h, s in engine_batch().items()}
    olm.update(large, Y, large, Y)
    assert (olm.w < 0.5).all()


finite = st.floats(-(2.0**127), 2.0**127, width=32)
shape = st.tuples(st.just(3), st.integers(1, 4), st.integers(1, 5))
batch = hnp.arrays("float32", shape, elements=finite)


@pytest.mark.parametrize("preset", PRESETS)
@given(train=batch, seed=st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_coefficients_are_finite_for_any_finite_logits(preset, train, seed):
    logits = dict(zip(VAB, torch.from_numpy(train), strict=True))
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(train.shape[2], (train.shape[1],), generator=generator)
    olm = OLM(VAB, preset, warmup=1)
    for _ in range(4):
        olm.update(logits, labels, logits, labels)
        assert torch.isfinite(olm.w).all() and torch.isfinite(olm.lam).all()
        assert olm.lam.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("preset", PRESETS)
def test_zero_norms_one_sample_one_class_and_identical_heads(preset):
    cases = [torch.zeros(4, 3), torch.randn(1, 3), torch.randn(4, 1), torch.randn(4, 3)]
    for same in cases:
        olm = OLM(VAB, preset, warmup=1)
        labels = torch.zeros(len(same), dtype=torch.long)
        for _ in range(5):
            olm.loss(dict.fromkeys(VAB, same.requires_grad_()), labels).backward()
            olm.update(dict.fromkeys(VAB, same), labels, dict.fromkeys(VAB, same), labels)
        assert torch.isfinite(olm.w).all()
        assert_close(olm.w, olm.w.mean().expand(3), msg="identical heads, equal coefficients")
        if preset == "stable":
            close(olm.w, [1.0] * 3)


@pytest.mark.parametrize("preset", PRESETS)
def test_permuting_heads_permutes_coefficients(preset):
    torch.manual_seed(0)
    train = {h: (m + 1) * torch.randn(8, 4) for m, h in enumerate(VAB)}
    dev = {h: torch.randn(8, 4) for h in VAB}
    labels = torch.arange(8) % 4
    one, other = OLM(VAB, preset, warmup=2), OLM(VAB[::-1], preset, warmup=2)
    for _ in range(6):
        one.update(train, labels, dev, labels)
        other.update(train, labels, dev, labels)
    assert_close(one.w, other.w.flip(0))


def test_any_number_of_heads_and_time_steps():
    torch.manual_seed(0)
    for heads in (["only"], list("abcde")):
        olm = OLM(heads, warmup=1)
        logits = {h: torch.randn(2, 10, 29, requires_grad=True) for h in heads}
        labels = torch.randint(29, (2, 10))
        olm.loss(logits, labels).backward()
        olm.update(logits, labels, logits, labels)
        flat = {h: s.detach().flatten(0, 1) for h, s in logits.items()}
        assert_close(olm.loss(flat, labels.flatten()), olm.loss(logits, labels).detach())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_error_names_the_head_that_is_not_finite(value):
    logits = engine_batch()
    logits["audio"][0, 0] = value
    olm = OLM(VAB)
    for call in (lambda: olm.loss(logits, Y), lambda: olm.update(logits, Y, engine_batch(), Y)):
        with pytest.raises(ValueError, match="'audio'"):
            call()


def test_misuse_is_an_error_that_says_what_is_there():
    with pytest.raises(ValueError, match="stable"):
        OLM(VAB, "best")
    with pytest.raises(ValueError, match="smothing is no option"):
        OLM(VAB, smothing=0.5)
    with pytest.raises(ValueError, match="distinct"):
        OLM(["a", "a"])
    with pytest.raises(ValueError, match="no logits of head 'fused'"):
        OLM(VAB).loss({"visual": torch.zeros(1, 2), "audio": torch.zeros(1, 2)}, Y[:1])
    with pytest.raises(ValueError, match="dev_logits"):
        OLM(VAB).update(engine_batch(), Y)
    with pytest.raises(ValueError, match="not those of heads"):
        OLM(VAB).load_state_dict(OLM(["a"]).state_dict())


WRONG = {
    "rule": "revrsed",
    "factors": "sofmax",
    "signed_rates": "yes",
    "solver": "closed",
    "per_sample": 1,
    "rescale_target": "false",
    "reference": "curent",
    "baseline": "log_class",
    "weighted_losses": None,
    "coefficients_feel_loss": 0,
    "reduction": "average",
    "network_loss": ["mean"],
    "steps": -3,
    "eta": "1e-3",
    "smoothing": 5.0,
    "clamp": [5, 0.2],
    "constant": "x",
    "dev_pass": "evaluate",
    "dev_iter": "cycel",
}
MORE = [
    ("rule", None),
    ("steps", 2.0),
    ("steps", 0),
    ("steps", True),
    ("eta", 0.0),
    ("eta", math.nan),
    ("smoothing", 1.0),
    ("smoothing", -0.1),
    ("smoothing", False),
    ("clamp", (1.0, 1.0)),
    ("clamp", (0.1, math.nan)),
    ("clamp", [0.1]),
    ("clamp", "wide"),
    ("constant", math.inf),
]


@pytest.mark.parametrize(("field", "value"), [*WRONG.items(), *MORE])
def test_a_value_that_a_field_cannot_have_is_an_error(field, value):
    with pytest.raises(ValueError, match=rf"^{field} is .*, not "):
        OLM(VAB, **{field: value})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"per_sample": True}, "need reference: current"),
        ({"per_sample": True, "reference": "current"}, "closed_form is for means"),
        ({"solver": "weighted_median", "reference": "current"}, "needs per_sample: true"),
        ({"coefficients_feel_loss": True}, "only solver: adam"),
    ],
)
def test_options_without_effect_beside_the_others_are_an_error(changes, message):
    with pytest.raises(ValueError, match=message):
        OLM(VAB, **changes)


def test_the_weighted_median_minimises_eq_9_over_the_samples():
    torch.manual_seed(0)
    change = {"solver": "weighted_median", "per_sample": True, "reference": "current"}
    olm = OLM(VAB, **change, smoothing=0.0, clamp=None)
    norms, lam = 5 * torch.rand(9, 3).double() + 0.5, torch.tensor([0.5, 0.2, 0.3]).double()
    targets = 3 * lam * norms.mean(1, keepdim=True)
    olm.solve(norms, lam)

    def cost(w):
        return (w * norms - targets).abs().sum(0)

    for other in torch.linspace(0, 5, 101).double():
        assert (cost(olm.w) <= cost(other) + 1e-9).all()
    batch = {h: torch.randn(9, 4) for h in VAB}
    for _ in range(3):
        olm.update(batch, torch.arange(9) % 4, batch, torch.arange(9) % 4)
    assert torch.isfinite(olm.w).all()
    assert olm.w.shape == (3,)


def test_every_field_is_checked_and_the_error_says_what_there_is():
    assert WRONG.keys() == OLMConfig.__dataclass_fields__.keys()
    message = "rule is 'revrsed', not one of olm, uniform, random, reversed"
    with pytest.raises(ValueError, match=message):
        OLMConfig(rule="revrsed")
    assert OLM(VAB, clamp=[0.5, 2], eta=1).config.clamp == (0.5, 2), "lists and whole numbers"


@pytest.mark.parametrize("preset", PRESETS)
def test_state_dict_continues_exactly(preset):
    torch.manual_seed(0)
    batches = [{h: torch.randn(6, 3) for h in VAB} for _ in range(8)]
    labels = torch.arange(6) % 3

    def run(olm, part):
        for logits in part:
            loss = olm.loss(logits, labels)
            if loss.requires_grad:
                loss.backward()
            olm.update(logits, labels, logits, labels)
        return olm

    through = run(OLM(VAB, preset, warmup=2), batches)
    first = run(OLM(VAB, preset, warmup=2), batches[:5])
    resumed = OLM(VAB, preset, warmup=2)
    resumed.load_state_dict(first.state_dict())
    assert torch.equal(run(resumed, batches[5:]).w, through.w)


def test_a_foreign_training_loop():
    # It uses nothing of olmlib but the class OLM.
    torch.manual_seed(0)
    x, y = torch.randn(64, 8), torch.arange(64) % 2
    x[:, 0] += 4 * y
    heads = torch.nn.ModuleDict({h: torch.nn.Linear(8, 2) for h in VAB})
    optimizer = torch.optim.SGD(heads.parameters(), lr=0.5)
    olm = OLM(VAB, warmup=5)
    for _ in range(60):
        logits = {h: heads[h](x[:48]) for h in VAB}
        optimizer.zero_grad()
        olm.loss(logits, y[:48]).backward()
        optimizer.step()
        with torch.no_grad():
            dev = {h: heads[h](x[48:]) for h in VAB}
        olm.update(logits, y[:48], dev, y[48:])
    assert all((s.argmax(-1) == y[48:]).float().mean() > 0.9 for s in dev.values())


def test_fixed_is_stable_where_the_closed_loop_runs_away():
    inside = simulate(OLM(list(HEADS), "stable"), steps=1500)["w"]
    assert 0.2 < inside.min() and inside.max() < 5
    loop = {"factors": "softmax", "reference": "current"}
    runaway = simulate(OLM(list(HEADS), "stable", **loop), steps=1500)["w"]
    assert runaway.min() <= 0.1 + 1e-9


head = st.builds(
    Head,
    speed=st.floats(0.002, 0.1),
    confidence=st.floats(1, 30),
    train_error=st.floats(0, 0.6),
    dev_error=st.floats(0, 0.8),
)


@given(st.tuples(head, head, head))
@settings(max_examples=10, deadline=None)
def test_fixed_stays_inside_its_bounds_for_any_learning_curves(heads):
    named = dict(zip(HEADS, heads, strict=True))
    unclamped = OLM(list(named), "stable", clamp=None)
    w = simulate(unclamped, named, steps=400)["w"]
    assert 0.2 < w.min() and w.max() < 5


def test_dev_losses_have_the_memory_of_the_training_losses_however_rarely_they_are_measured():
    # Eight steps at 0.9 each leave 0.9 ** 8 of the first value, measured at each step or once.
    labels = torch.tensor([0, 1])
    start = {h: torch.zeros(2, 3) for h in VAB}
    later = {h: torch.tensor([[2.0, 0, 0], [0, 2.0, 0]]) for h in VAB}
    often, rarely = OLM(VAB, "stable"), OLM(VAB, "stable")
    for olm in (often, rarely):
        olm.update(start, labels, start, labels)
    for step in range(8):
        often.update(later, labels, later, labels)
        rarely.update(later, labels, *((later, labels) if step == 7 else ()))
    assert_close(rarely.dev_loss, often.dev_loss)
