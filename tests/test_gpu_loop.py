"""What the loop does for a GPU, as far as it can be seen without one."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from olmlib import optimise, train
from olmlib.config import LateFusionConfig, TrainConfig
from olmlib.data.arrive import ahead, moved, ready
from olmlib.data.synthetic import synthetic
from olmlib.history import History, Losses
from olmlib.methods.table import create
from olmlib.olm_later import LOOK_EVERY, Later

CPU = torch.device("cpu")
CONFIG = TrainConfig(epochs=2, batch_size=8, lr=0.02, crop_scale=(0.6, 1.0))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("d") / "set"
    return synthetic(folder, clips=30, classes=3, frames=40, size=32, bins=33, n_frames=2)


@pytest.mark.parametrize("augment", [True, False])
def test_a_stored_batch_becomes_the_batch_of_the_reader_to_the_bit(data, augment):
    clips = data.clips(data.rows("train"), augment, CONFIG, seed=3)
    clips.set_epoch(2)
    whole = clips.__getitems__([5, 0, 2])
    clips.late = True
    stored = clips.__getitems__([5, 0, 2])
    assert stored["visual"].dtype == torch.uint8 and stored["audio"].dtype == torch.float16
    size = sum(v.nbytes for v in stored.values())
    assert 2 * size < sum(v.nbytes for v in whole.values())
    made = ready(stored)
    assert list(made) == list(whole)
    for name, value in whole.items():
        assert torch.equal(made[name], value) and made[name].stride() == value.stride(), name
    assert ready(made).keys() == made.keys()
    assert all(torch.equal(v, made[k]) for k, v in ready(made).items()), "once is enough"


def test_a_training_of_stored_batches_ends_with_the_same_numbers(data, monkeypatch):
    """The way of a GPU: batches are stored ones, made ready by the step, losses looked at late."""
    plain = train.fit(create("olm", probe_every=2), data, LateFusionConfig(width=8), CONFIG, 0)
    part = train.Training.part

    def late(self, rows, augment=False):
        clips = part(self, rows, augment)
        clips.late, self._every = True, 5
        return clips

    monkeypatch.setattr(train.Training, "part", late)
    other = train.fit(create("olm", probe_every=2), data, LateFusionConfig(width=8), CONFIG, 0)
    assert other.epochs.equals(plain.epochs)
    for name, value in plain.history.arrays().items():
        assert other.history.arrays()[name].tobytes() == value.tobytes(), name
    for name, value in plain.last.items():
        assert torch.equal(other.last[name], value), name


def test_batches_come_in_their_order_and_lengths_stay_with_the_host():
    batches = [{"x": torch.tensor([i]), "x_length": torch.tensor([i])} for i in range(3)]
    assert [b["x"].item() for b in ahead(iter(batches), CPU)] == [0, 1, 2]
    gone = moved(batches[1], torch.device("meta"))
    assert gone["x"].is_meta and not gone["x_length"].is_meta


def test_losses_are_looked_at_late_and_the_error_names_the_step():
    losses = Losses(every=3)
    for value in (1.0, 2.0, 3.0, math.nan):
        losses.add(7, torch.tensor(value), 1)
    with pytest.raises(FloatingPointError, match=r"nan in epoch 7, step 4; a smaller train.lr"):
        losses.mean(7)
    losses = Losses(every=3)
    losses.add(7, torch.tensor(math.inf), 1)
    losses.add(7, torch.tensor(1.0), 1)
    with pytest.raises(FloatingPointError, match="inf in epoch 7, step 1"):
        losses.add(7, torch.tensor(1.0), 1)


def test_the_mean_loss_is_that_of_the_samples():
    losses = Losses(every=50)
    losses.add(1, torch.tensor(1.0), 3)
    losses.add(1, torch.tensor(5.0), 1)
    assert losses.mean(1) == 2.0


def test_history_is_the_same_whenever_it_is_looked_at():
    logits = {"a": torch.randn(4, 3), "fused": torch.randn(4, 3)}
    labels = torch.tensor([0, 1, 2, 0])
    seldom, often = History(("a", "fused")), History(("a", "fused"))
    for step in range(3):
        record = {"w": torch.tensor([float(step), 1.0], dtype=torch.float64)}
        for history in (seldom, often):
            history.add(1, torch.tensor(0.5), logits, labels, record)
        often.arrays()
    resumed = History(("a", "fused"))
    resumed.load_state_dict(copy.deepcopy(seldom.state_dict()))
    for history in (often, resumed):
        for name, value in seldom.arrays().items():
            np.testing.assert_array_equal(history.arrays()[name], value)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_logits_of_a_gpu_are_looked_at_late_and_the_error_names_head_and_step(bad):
    fine, labels = torch.ones(2, 3), torch.tensor([1, 1])
    broken = torch.tensor([[1.0, bad, 0.0]]).expand(2, 3)
    later = Later(("audio", "fused"))
    later.ask("logits", 3, [fine, fine], labels)
    later.ask("dev_logits", 4, [fine, broken], labels)
    with pytest.raises(ValueError, match=r"dev_logits of head 'fused' .*NaN or \+inf.* in step 4"):
        later.look()
    later.look()
    later.ask("logits", 0, [broken, fine], labels)
    with pytest.raises(ValueError, match="head 'audio'"):
        for step in range(1, LOOK_EVERY):
            later.ask("logits", step, [fine, fine], labels)


def test_a_mask_is_no_fault_where_it_is_not_the_label():
    masked = torch.tensor([[1.0, -math.inf, 0.0]])
    later = Later(("audio",))
    later.ask("logits", 0, [masked], torch.tensor([2]))
    later.look()
    later.ask("logits", 1, [masked], torch.tensor([1]))
    with pytest.raises(ValueError, match="in step 1"):
        later.look()


def test_mixed_precision_takes_what_the_gpu_has(monkeypatch):
    config, gpu = replace(CONFIG, mixed_precision=True), torch.device("cuda")
    for native, wanted in ((True, torch.bfloat16), (False, torch.float16)):
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation, native=native: native
        )
        assert optimise.half(config, gpu) is wanted
    assert optimise.half(CONFIG, gpu) is None and optimise.half(config, CPU) is None


def test_deterministic_is_for_the_training_alone():
    config = replace(CONFIG, deterministic=True)
    with optimise.deterministic(config, torch.device("cuda")):
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    for other, device in ((config, CPU), (CONFIG, torch.device("cuda"))):
        with optimise.deterministic(other, device):
            assert not torch.are_deterministic_algorithms_enabled()
