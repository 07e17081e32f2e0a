"""CUR: its numbers, and what a cut-off branch sees."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from olmlib.config import LateFusionConfig
from olmlib.methods.cur import choose, movement, speed
from olmlib.methods.table import create
from olmlib.models.mmtm import MMTM, TwoBranch

MODEL = LateFusionConfig(width=8)
LABELS = torch.tensor([0, 1, 2, 0])


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    # As in the pipeline: on a busy machine, threads that wait for each other take most of the time.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    audio, visual = torch.randn(4, 1, 65, 75), torch.randn(4, 3, 1, 32, 32)
    return {"audio": audio, "visual": visual, "label": LABELS}


def parameter(values, gradient):
    tensor = torch.nn.Parameter(torch.tensor(values))
    tensor.grad = torch.tensor(gradient)
    return tensor


def test_T_CUR_1_mu_of_a_group():
    assert_close(movement([parameter([1.0, 2, 2], [0.3, 0, 0.4])]).item(), 0.25 / 9)
    split = [parameter([1.0], [0.3]), parameter([2.0, 2], [0.0, 0.4])]
    assert_close(movement(split).item(), 0.25 / 9)


def test_T_CUR_2_speeds_and_whom_they_block():
    speeds = {"audio": speed(0.02, 0.10), "visual": speed(0.05, 0.10)}
    assert speeds == pytest.approx({"audio": -0.698970, "visual": -0.301030}, abs=1e-6)
    difference = speeds["audio"] - speeds["visual"]
    assert difference == pytest.approx(-0.397940, abs=1e-6)
    assert difference * math.log(10) == pytest.approx(-0.916291, abs=1e-6)
    assert choose(speeds, 0.01) == "visual"
    assert choose({"audio": 0.5, "visual": 0.1}, 0.01) == "audio"
    assert choose(speeds, 0.4) is None
    assert choose({"audio": 0.1, "visual": 0.1}, 0.0) is None, "exactly 0 never triggers"
    assert choose({"audio": 9.0, "visual": -9.0}, None) is None, "no threshold, no intervention"


@pytest.mark.parametrize(("blocked", "other"), [("audio", "visual"), ("visual", "audio")])
def test_T_CUR_4_a_blocked_branch_does_not_see_the_other_modality(blocked, other, batch):
    model = TwoBranch(3, MODEL)
    changed = batch | {other: torch.randn_like(batch[other])}
    free = [model(x).logits[blocked] for x in (batch, changed)]
    assert not torch.allclose(*free)
    model.blocked = blocked
    first, second = model(batch).logits, model(changed).logits
    assert torch.equal(first[blocked], second[blocked])
    assert not torch.allclose(first[other], second[other])
    # The unchanged modality still reaches the other branch, whose gates are live.
    swapped = batch | {blocked: torch.randn_like(batch[blocked])}
    assert not torch.allclose(model(swapped).logits[other], first[other])
    model.eval()
    assert not torch.equal(model(batch).logits[blocked], model(changed).logits[blocked])


def steps(method, model, batch, number):
    """Take steps, and return who was blocked in each."""
    seen = []
    for _ in range(number):
        seen.append(model.blocked)
        model.zero_grad()
        method.loss(model(batch), LABELS).backward()
        method.after_backward(model)
    return seen


def test_T_CUR_5_five_steps_are_blocked_after_the_trigger(batch):
    method = create("cur", threshold=0.0)
    model = method.build(3, MODEL)
    training = SimpleNamespace(model=model)
    method.on_epoch_start(training, 1, 3)
    assert steps(method, model, batch, 3) == [None] * 3, "epoch 1 only watches"
    method.on_epoch_start(training, 2, 13)
    seen = steps(method, model, batch, 13)
    assert [b is None for b in seen] == [True, *[False] * 5] * 2 + [True]
    assert len(set(seen[1:6])) == 1


def test_sums_stand_still_in_blocked_steps_and_gradients_are_only_read(batch):
    method = create("cur", threshold=0.0, window=2)
    model = method.build(3, MODEL)
    method.on_epoch_start(SimpleNamespace(model=model), 2, 9)
    steps(method, model, batch, 1)
    moved, gates = method.state_dict()["moved"], model.blocks[0].mean_gate("audio").clone()
    before = [p.clone() for p in model.parameters()]
    assert model.blocked is not None and method.record()["blocked"].tolist() == [0, 0, 0]
    steps(method, model, batch, 2)
    assert method.state_dict()["moved"] == moved
    assert torch.equal(model.blocks[0].mean_gate("audio"), gates)
    assert method.record()["blocked"].sum() == 1
    steps(method, model, batch, 1)
    assert method.state_dict()["moved"] != moved
    gradients = [p.grad.clone() for p in model.parameters()]
    method._accumulate(model)
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))
    assert all(torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True))


def test_an_overflow_of_mixed_precision_does_not_enter_the_sums(batch):
    method = create("cur")
    model = method.build(3, MODEL)
    steps(method, model, batch, 1)
    moved = method.state_dict()["moved"]
    model.classifiers["audio"].weight.grad.fill_(torch.inf)
    method.after_backward(model)
    assert method.state_dict()["moved"] == moved


def test_groups_are_apart_except_for_the_squeezes():
    model = TwoBranch(3, MODEL)
    groups = [{*map(id, model.branch(m))} for m in ("audio", "visual")]
    groups += [{*map(id, model.fusion(m))} for m in ("audio", "visual")]
    squeezes = {id(p) for block in model.blocks for p in block.squeeze.parameters()}
    assert groups[2] & groups[3] == squeezes
    assert not groups[0] & groups[1] and not (groups[0] | groups[1]) & (groups[2] | groups[3])
    assert set.union(*groups) == {*map(id, model.parameters())}


def test_squeezed_widths_at_the_paper_size():
    blocks = [MMTM({"audio": C, "visual": C}) for C in (128, 256, 512)]
    assert [block.squeeze.out_features for block in blocks] == [128, 256, 512]
    small = [block.squeeze.in_features for block in TwoBranch(6, MODEL).blocks]
    assert small == [2 * 128 // 8, 2 * 256 // 8, 2 * 512 // 8]


def test_each_branch_remembers_its_own_gates_in_training_only(batch):
    block = MMTM({"audio": 8, "visual": 16})
    gates = []
    for _ in range(3):
        maps = {"audio": torch.randn(4, 8, 5, 6), "visual": torch.randn(4, 16, 3, 3)}
        out = block(maps, 4)
        gates.append({m: (out[m] / maps[m])[:, :, 0, 0].mean(0) for m in maps})
    for m in maps:
        assert_close(block.mean_gate(m), torch.stack([g[m] for g in gates]).mean(0).detach())
    kept = {k: v.clone() for k, v in block.state_dict().items() if "mean" in k or k == "steps"}
    block.eval()(maps, 4)
    block.train()(maps, 4, blocked="visual")
    assert kept.keys() == {"steps", "mean_gate_audio", "mean_gate_visual"}
    assert all(torch.equal(block.state_dict()[k], v) for k, v in kept.items())


def test_a_scale_of_two_doubles_the_gates():
    torch.manual_seed(0)
    one, two = MMTM({"audio": 8, "visual": 8}), MMTM({"audio": 8, "visual": 8}, scale=2.0)
    two.load_state_dict(one.state_dict())
    maps = {m: torch.randn(2, 8, 3, 3) for m in ("audio", "visual")}
    doubled = two(maps, 2)
    assert all(torch.equal(2 * x, doubled[m]) for m, x in one(maps, 2).items())


def test_identical_frames_give_the_logits_of_one(batch):
    model = TwoBranch(3, MODEL).eval()
    many = batch | {"visual": batch["visual"].expand(-1, -1, 3, -1, -1)}
    assert_close(model(many).logits, model(batch).logits)


def test_the_prediction_is_the_mean_and_the_loss_the_sum(batch):
    method = create("cur")
    outputs = method.build(3, MODEL)(batch)
    a, v = outputs.logits["audio"], outputs.logits["visual"]
    assert_close(method.predict(outputs.logits), (a + v) / 2)
    assert_close(method.loss(outputs, LABELS), cross_entropy(a, LABELS) + cross_entropy(v, LABELS))


def test_the_random_rule_draws_thirds():
    method, model = create("cur", seed=3, rule="random"), SimpleNamespace(blocked=None)
    method.start(("audio", "visual"))
    method._accumulate = lambda model: None
    method.epoch, seen = 2, []
    for _ in range(3000):
        method.after_backward(model)
        seen.append(model.blocked)
    for choice in (None, "audio", "visual"):
        assert seen.count(choice) == pytest.approx(1000, abs=100)
    with pytest.raises(ValueError, match="'greedy'"):
        create("cur", rule="greedy")
