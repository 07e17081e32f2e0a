"""OLM in a stranger's training loop: the right answer, or an error that says what to do."""

import copy
import io
import math
import pickle
import re

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from olmlib.olm import OLM
from olmlib.olm_equations import logit_norms, scaled, uniform_loss
from olmlib.olm_presets import PRESETS

HEADS = ["audio", "visual", "fused"]
Y = torch.tensor([0, 1, 2, 1])
presets = pytest.mark.parametrize("preset", PRESETS)


def logits(seed=0, samples=(4,), classes=3, **kind):
    generator = torch.Generator().manual_seed(seed)
    made = {h: torch.randn(*samples, classes, generator=generator).to(**kind) for h in HEADS}
    return {h: s.requires_grad_() for h, s in made.items()}


def steps(olm, batches, labels=Y, times=1):
    """Train on every batch, which is its own dev batch."""
    for batch in batches * times:
        olm.loss(batch, labels).backward()
        olm.update(batch, labels, batch, labels)
    return olm


def exactly(value):
    """Return a state as text that is the same for the same bits, NaN included."""
    match value:
        case OLM():
            return exactly(value.state_dict())
        case torch.Tensor():
            return repr(value.tolist())
        case dict():
            return repr({key: exactly(item) for key, item in value.items()})
    return repr(value)


def wrong_batches():
    """Every (logits, labels) that cannot be right, with what the error must say."""
    good = logits()
    without = {h: good[h] for h in HEADS[:2]}
    one_hot = torch.eye(3, dtype=torch.long)[Y]
    numpy = {h: s.detach().numpy() for h, s in good.items()}
    nan, inf = ({**logits(1)} for _ in range(2))
    nan["visual"] = torch.full((4, 3), math.nan)
    inf["visual"] = torch.tensor([[1.0, math.inf, 0]] * 4)
    masked = good | {"visual": good["visual"].detach().clone()}
    masked["visual"][2, 2] = -math.inf
    nothing = good | {"visual": torch.full((4, 3), -math.inf)}
    meta = {h: torch.zeros(4, 3, device="meta") for h in HEADS}
    return {
        "a list": (list(good.values()), Y, "logits is a list, not a dictionary .* audio, visual"),
        "a tensor": (good["audio"], Y, "logits is a Tensor, not a dictionary"),
        "a head missing": (without, Y, "no logits of head 'fused'; there are audio, visual"),
        "no heads": ({}, Y, "no logits of head 'audio'; there are none"),
        "a head more": (good | {"text": good["audio"]}, Y, "logits also have text"),
        "arrays": (numpy, Y, "head 'audio' are a ndarray, not a torch.Tensor"),
        "labels in an array": (good, Y.numpy(), "labels is a ndarray, not a torch.Tensor"),
        "labels in a list": (good, Y.tolist(), "labels is a list, not a torch.Tensor"),
        "no labels": (good, None, "labels is a NoneType"),
        "soft labels": (good, torch.full((4, 3), 1 / 3), r"float32 .*\(4, 3\).*argmax"),
        "float labels": (good, Y.double(), "labels are torch.float64"),
        "one-hot labels": (good, one_hot, r"labels have shape \(4, 3\).*shape \(4,\)"),
        "fewer labels": (good, Y[:3], r"labels have shape \(3,\), logits of head 'audio' \(4, 3\)"),
        "one label for all": (good, Y[0], r"labels have shape \(\)"),
        "time in the logits alone": (logits(samples=(4, 2)), Y, r"\(4, 2, 3\).*shape \(4, 2\)"),
        "classes before time": (logits(samples=(4, 5), classes=2), Y[:2].expand(4, 2), "shape"),
        "no batch": ({h: torch.zeros(3) for h in HEADS}, Y[0], r"of shape \(3,\), not floating"),
        "whole numbers": ({h: one_hot for h in HEADS}, Y, "torch.int64 of shape"),
        "samples differ": (good | {"fused": good["fused"][:3]}, Y, "head 'fused' (3, 3)"),
        "classes differ": (
            good | {"fused": torch.zeros(4, 5)},
            Y,
            "head 'fused' have 5 classes, those of head 'audio' 3",
        ),
        "an empty batch": (logits(samples=(0,)), Y[:0], r"empty, of shape \(0, 3\)"),
        "no classes": (logits(classes=0), Y, "empty"),
        "a label too large": (good, Y + 1, r"labels lie in \[1, 3\], but .* 3 classes, 0 to 2"),
        "an ignored label": (good, torch.tensor([0, -100, 1, 2]), r"\[-100, 2\].*leave samples"),
        "minus one": (good, Y - 1, r"\[-1, 1\]"),
        "binary with one logit": (logits(classes=1), Y.clamp(max=1), "1 classes"),
        "NaN": (nan, Y, r"head 'visual' are not finite \(NaN or \+inf\)"),
        "infinity": (inf, Y, "head 'visual' are not finite"),
        "a label on a masked class": (masked, Y, "head 'visual' are -inf for class 2.* sample 2"),
        "nothing but masks": (nothing, Y, "head 'visual' are -inf for class 0"),
        "labels elsewhere": (good, Y.to("meta"), "head 'audio' are on cpu, labels on meta"),
        "a head elsewhere": (good | {"fused": meta["fused"]}, Y, "head 'fused' are on meta"),
    }


WRONG = wrong_batches()


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_batch_is_an_error_and_nothing_has_changed(case):
    given, labels, message = WRONG[case]
    message = message if "\\" in message or ".*" in message else re.escape(message)
    olm = steps(OLM(HEADS, warmup=1), [logits()], times=3)
    before = exactly(olm)
    with pytest.raises(ValueError, match=message):
        olm.loss(given, labels)
    with pytest.raises(ValueError, match=message):
        olm.update(given, labels, logits(), Y)
    with pytest.raises(ValueError, match="dev_" if labels is not None else "need their dev_labels"):
        olm.update(logits(), Y, given, labels)
    assert exactly(olm) == before


def test_the_dev_batch_comes_whole_and_has_the_classes_of_training():
    olm = OLM(HEADS)
    for dev in ((logits(), None), (None, Y)):
        with pytest.raises(ValueError, match="dev_logits need their dev_labels"):
            olm.update(logits(), Y, *dev)
    with pytest.raises(ValueError, match="dev_logits have 5 classes, the training logits 3"):
        olm.update(logits(), Y, logits(classes=5), Y)
    with pytest.raises(ValueError, match="dev_logits of head 'audio' are empty"):
        olm.update(logits(), Y, logits(samples=(0,)), Y[:0])
    assert olm.step == 0 and olm.train_loss is None


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ("audio", "heads is 'audio', not a list of names"),
        (3, "heads is 3, not"),
        (None, "heads is None, not"),
        ([], "distinct names"),
        (["a", "b", "a"], "distinct names"),
        ([0, 1], "distinct names"),
        ([["a"], ["b"]], "distinct names"),
    ],
)
def test_heads_are_several_names(heads, message):
    with pytest.raises(ValueError, match=message):
        OLM(heads)


def test_any_iterable_of_names_will_do():
    modules = torch.nn.ModuleDict({h: torch.nn.Linear(1, 1) for h in HEADS})
    for heads in (tuple(HEADS), logits(), modules, dict.fromkeys(HEADS).keys(), iter(HEADS)):
        assert OLM(heads).heads == tuple(HEADS)


@pytest.mark.parametrize("warmup", [-1, 1.5, 10.0, True, None, "10"])
def test_a_warmup_is_a_number_of_updates(warmup):
    with pytest.raises(ValueError, match=r"^warmup is .*, not a whole number from 0$"):
        OLM(HEADS, warmup=warmup)
    with pytest.raises(ValueError, match=r"^seed is .*, not a whole number from 0$"):
        OLM(HEADS, seed=warmup)
    assert OLM(HEADS, warmup=np.int64(3)).warmup == 3


def test_the_coefficients_have_names_and_the_object_says_what_it_is():
    olm = OLM(HEADS, "constant", constant=0.75)
    assert olm.coefficients == dict.fromkeys(HEADS, 0.75)
    assert repr(olm) == (
        "OLM(['audio', 'visual', 'fused'], 'constant'): 0 updates, "
        "w = audio 0.75, visual 0.75, fused 0.75"
    )
    assert "2 updates" in repr(steps(OLM(["audio"]), [{"audio": logits()["audio"]}], times=2))


@pytest.mark.parametrize(
    "kind", [torch.int32, torch.int16, torch.int8, torch.uint8, torch.int64], ids=str
)
def test_labels_of_every_integer_type_and_with_a_last_dimension_are_the_same(kind):
    expected = steps(OLM(HEADS, warmup=1), [logits()], times=3)
    for labels in (Y.to(kind), Y.to(kind)[:, None]):
        assert torch.equal(steps(OLM(HEADS, warmup=1), [logits()], labels, 3).w, expected.w)


@presets
def test_segments_are_samples(preset):
    flat = {h: s.detach().flatten(0, 1).requires_grad_() for h, s in logits(samples=(2, 2)).items()}
    expected = steps(OLM(HEADS, preset, warmup=1), [flat], Y, 3)
    for labels in (Y.view(2, 2), Y.view(2, 2, 1)):
        made = steps(OLM(HEADS, preset, warmup=1), [logits(samples=(2, 2))], labels, 3)
        assert torch.equal(made.w, expected.w)


@presets
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_costs_no_digits_of_the_coefficients(preset, kind):
    half = logits(dtype=kind)
    exact = {h: s.detach().float().requires_grad_() for h, s in half.items()}
    olm = steps(OLM(HEADS, preset, warmup=1), [half], times=4)
    assert torch.equal(olm.w, steps(OLM(HEADS, preset, warmup=1), [exact], times=4).w)
    large = {h: torch.full((64, 3), 60_000.0, dtype=torch.float16) for h in HEADS}
    labels = torch.zeros(64, dtype=torch.long)
    assert torch.isfinite(OLM(HEADS, preset).loss(large, labels)), "a sum that overflows half"
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.isfinite(OLM(HEADS, preset).loss(half, Y))


def test_heads_may_differ_in_precision():
    mixed = logits()
    mixed["fused"] = mixed["fused"].detach().double().requires_grad_()
    made = steps(OLM(HEADS, warmup=1), [mixed], times=3)
    assert_close(made.w, steps(OLM(HEADS, warmup=1), [logits()], times=3).w)


@presets
def test_a_masked_class_counts_as_if_no_head_had_it(preset):
    # Labels 0 to 2 of five classes; 1 and 3 are masked in every head and sample.
    few, labels = [logits(seed) for seed in range(3)], torch.tensor([0, 2, 1, 1])
    kept = [0, 2, 4]
    many = []
    for batch in few:
        wide = {h: torch.full((4, 5), -math.inf) for h in HEADS}
        for h in HEADS:
            wide[h][:, kept] = batch[h].detach()
        many.append({h: s.requires_grad_() for h, s in wide.items()})
    right = torch.tensor(kept)[labels]
    one, other = (OLM(HEADS, preset, warmup=2) for _ in range(2))
    steps(one, few, labels, 2)
    steps(other, many, right, 2)
    assert_close(other.w, one.w)
    assert_close(other.lam, one.lam)
    assert_close(other.loss(many[0], right), one.loss(few[0], labels))
    for h in HEADS:
        assert_close(many[0][h].grad[:, kept], few[0][h].grad)
        assert (many[0][h].grad[:, [1, 3]] == 0).all()


def test_masks_by_hand():
    # Norms over what is left: (3, -inf, 4) has 5; two of three classes are left, then all.
    rows = torch.tensor([[[3.0, -math.inf, 4.0], [1.0, 2.0, 2.0]]])
    assert_close(logit_norms(rows), torch.tensor([[5.0], [3.0]]))
    assert_close(uniform_loss(rows), torch.tensor([(math.log(2) + math.log(3)) / 2]).double())
    assert uniform_loss(rows[:, 1:]).tolist() == [math.log(3)]
    for w in (-1.0, 0.0, 2.0):
        made = scaled(w, rows)
        assert made[0, 0].tolist() == [3 * w, -math.inf, 4 * w]
        assert torch.equal(made[0, 1], w * rows[0, 1])
    w = torch.tensor(2.0, requires_grad=True)
    cross_entropy(scaled(w, rows[0]), torch.tensor([0, 1])).backward()
    assert torch.isfinite(w.grad)


@presets
def test_dev_logits_may_have_a_graph_and_none_of_it_is_kept(preset):
    olm = OLM(HEADS, preset, warmup=1)
    for _ in range(3):
        batch = {h: 2 * s for h, s in logits().items()}
        olm.loss(batch, Y).backward()
        olm.update(batch, Y, {h: 2 * s for h, s in logits().items()}, Y)
    kept = [*vars(olm).values(), *olm.record.values()]
    assert all(value.grad_fn is None for value in kept if isinstance(value, torch.Tensor))
    with torch.inference_mode():
        dev = {h: 2 * s for h, s in logits().items()}
    olm.update(logits(), Y, dev, Y)
    assert torch.isfinite(olm.w).all()


@presets
def test_a_loss_without_gradient_is_a_number_and_disturbs_nothing(preset):
    disturbed, plain = (OLM(HEADS, preset, warmup=1) for _ in range(2))
    for seed in range(4):
        for olm in (disturbed, plain):
            batch = logits(seed)
            olm.loss(batch, Y).backward()
            if olm is disturbed:
                with torch.no_grad():
                    assert not olm.loss(logits(9), Y).requires_grad
            olm.update(batch, Y, batch, Y)
    assert torch.equal(disturbed.w, plain.w)


@pytest.mark.parametrize("preset", ["code", "variant"])
def test_coefficients_that_feel_the_loss_wait_for_its_backward_pass(preset):
    olm = OLM(HEADS, preset)
    loss = olm.loss(logits(), Y)
    with pytest.raises(ValueError, match=r"run its backward\(\) before update\(\)"):
        olm.update(logits(), Y, logits(), Y)
    loss.backward()
    olm.update(logits(), Y, logits(), Y)
    assert olm.step == 1


def test_the_scale_of_a_mixed_precision_loss_is_taken_back():
    plain, mixed = OLM(HEADS, "code"), OLM(HEADS, "code")
    scaler = torch.amp.GradScaler("cpu")
    network = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for seed in range(4):
        plain.loss(logits(seed), Y).backward()
        extra = network(torch.ones(1, 1)).sum()
        scaler.scale(mixed.loss(logits(seed), Y) + extra).backward()
        scaler.unscale_(mixed.optimizer)
        scaler.step(optimizer)
        scaler.update()
        for olm in (plain, mixed):
            olm.update(logits(seed), Y, logits(seed), Y)
    assert_close(mixed.w, plain.w)


def test_an_overflow_of_mixed_precision_does_not_spoil_the_coefficients():
    olm = steps(OLM(HEADS, "code"), [logits()], times=2)
    before = olm.w.detach().clone()
    olm.loss(logits(), Y).backward()
    olm.w.grad[0] = math.inf
    olm.update(logits(), Y)
    assert torch.equal(olm.w, before)
    steps(olm, [logits()])
    assert torch.isfinite(olm.w).all() and not torch.equal(olm.w, before)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("preset", PRESETS)
def test_the_loss_is_a_mean_or_a_sum_as_it_is_told(preset, reduction):
    batch = logits()
    for network_loss in ("mean", "sum"):
        olm = OLM(HEADS, preset, network_loss=network_loss, reduction=reduction)
        total = sum(cross_entropy(s, Y, reduction=network_loss) for s in batch.values())
        assert_close(olm.loss(batch, Y), total)
        if PRESETS[preset].coefficients_feel_loss:
            # Their own pull is of `reduction` alone, whatever the network's loss is.
            steps(olm, [batch])
            other = "sum" if network_loss == "mean" else "mean"
            same = OLM(HEADS, preset, network_loss=other, reduction=reduction)
            assert_close(steps(same, [batch]).w, olm.w)


def test_the_presets_of_the_code_say_that_they_sum():
    for text in (OLM.__doc__, OLM.loss.__doc__):
        assert 'network_loss="sum"' in text and "`code` and `variant`" in " ".join(text.split())
    for preset in PRESETS:
        is_sum = PRESETS[preset].network_loss == "sum"
        one, two = logits(), {h: s.repeat(2, 1) for h, s in logits().items()}
        factor = OLM(HEADS, preset).loss(two, Y.repeat(2)) / OLM(HEADS, preset).loss(one, Y)
        assert factor.item() == pytest.approx(2 if is_sum else 1)
        assert is_sum == (preset in ("code", "variant"))


@pytest.mark.parametrize(
    ("preset", "changes"),
    [("variant", {}), ("constant", {}), ("stable", {"rule": "uniform"})],
)
def test_rules_that_do_not_look_at_the_dev_set_need_none(preset, changes):
    with_dev, without = (OLM(HEADS, preset, warmup=1, **changes) for _ in range(2))
    for seed in range(4):
        for olm in (with_dev, without):
            olm.loss(logits(seed), Y).backward()
        with_dev.update(logits(seed), Y, logits(seed + 10), Y)
        without.update(logits(seed), Y)
    assert torch.equal(with_dev.w, without.w) and torch.equal(with_dev.lam, without.lam)
    assert without.record["dev_loss"].isnan().all() and without.record["G"].isnan().all()
    assert torch.isfinite(with_dev.record["G"]).all()


def saved(olm):
    file = io.BytesIO()
    torch.save(olm.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@presets
@pytest.mark.parametrize("way", ["file", "deepcopy", "pickle", "memory"])
def test_a_copy_goes_on_exactly_and_by_itself(preset, way):
    batches = [logits(seed) for seed in range(4)]
    for after in (1, 3):  # in the warm-up, where norms are still summed, and behind it
        olm = steps(OLM(HEADS, preset, warmup=3), batches[:after])
        match way:
            case "deepcopy":
                other = copy.deepcopy(olm)
            case "pickle":
                other = pickle.loads(pickle.dumps(olm))
            case _:
                other = OLM(HEADS, preset, warmup=99)
                state = saved(olm) if way == "file" else olm.state_dict()
                other.load_state_dict(state)
        at_copy = exactly(other)
        steps(olm, batches)
        assert exactly(other) == at_copy
        assert torch.equal(steps(other, batches).w, olm.w)
        assert repr(other) == repr(olm)


def test_a_state_in_memory_stays_what_it_was():
    olm = steps(OLM(HEADS, warmup=9), [logits()])
    state = olm.state_dict()
    norms = state["norms"].clone()
    steps(olm, [logits(1)], times=2)
    assert torch.equal(state["norms"], norms)
    first, second = OLM(HEADS, warmup=9), OLM(HEADS, warmup=9)
    first.load_state_dict(state)
    second.load_state_dict(state)
    steps(first, [logits(2)])
    assert torch.equal(second.norms, norms)


OTHERS = {
    "another preset": ({"preset": "paper"}, "not those of factors bounded, but of softmax"),
    "another option": ({"smoothing": 0.5}, "not those of smoothing 0.9, but of 0.5"),
    "another clamp": ({"clamp": None}, r"not those of clamp \(0.1, 10.0\), but of None"),
    "another seed": ({"seed": 1}, "not those of seed 0, but of 1"),
    "another order": ({"heads": HEADS[::-1]}, "not those of heads"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_state_of_another_olm_is_refused(case):
    changes, message = OTHERS[case]
    theirs = OLM(**{"heads": HEADS, **changes})
    olm = steps(OLM(HEADS), [logits()])
    before = exactly(olm)
    with pytest.raises(ValueError, match=message):
        olm.load_state_dict(theirs.state_dict())
    assert exactly(olm) == before


def test_what_is_no_state_is_refused():
    olm = OLM(HEADS)
    older = olm.state_dict()
    del older["smoothing"]
    for state, message in (
        (torch.nn.Linear(1, 1).state_dict(), "with or without .*bias"),
        (older, "with or without smoothing"),
        (olm.state_dict() | {"epoch": 3}, "with or without epoch"),
        ([], "a list"),
        (olm, "a OLM"),
    ):
        with pytest.raises(ValueError, match=f"no state_dict of this version's OLM: {message}"):
            olm.load_state_dict(state)
