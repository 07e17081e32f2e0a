"""The one training loop: learning, exact resume, selection, history."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from olmlib import train
from olmlib.config import LateFusionConfig, TrainConfig
from olmlib.data.arrays import synthetic
from olmlib.data.cycle import DevCycle
from olmlib.methods.base import Method, create

MODEL = LateFusionConfig(width=8)
CONFIG = TrainConfig(epochs=3, batch_size=8, lr=0.02, crop_scale=(0.6, 1.0))
ROWS = (
    "audio_only visual_only joint three_heads olm gradnorm mmcosine avslowfast gblend cur pmr "
    "ogm_ge"
).split()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return synthetic(tmp_path_factory.mktemp("d") / "set", clips=60, classes=3, frames=75, size=32)


class Stop(Exception):
    """The process ends here."""


def stop_after(number):
    def on_epoch(epoch):
        if epoch == number:
            raise Stop

    return on_epoch


def same(one, other):
    assert one.selected_epoch == other.selected_epoch
    assert one.epochs.equals(other.epochs)
    for name, value in other.model.state_dict().items():
        assert torch.equal(one.model.state_dict()[name], value), name
    for name, value in other.history.arrays().items():
        assert one.history.arrays()[name].tobytes() == value.tobytes(), name


@pytest.mark.parametrize("name", ROWS)
def test_stopped_and_continued_equals_uninterrupted_to_the_bit(name, data, tmp_path):
    through = train.fit(create(name), data, MODEL, CONFIG, seed=1)
    file = tmp_path / "checkpoint.pt"
    for epoch in (1, 2):
        with pytest.raises(Stop):
            train.fit(create(name), data, MODEL, CONFIG, 1, file, "me", on_epoch=stop_after(epoch))
    seen = []
    resumed = train.fit(create(name), data, MODEL, CONFIG, 1, file, "me", on_epoch=seen.append)
    assert seen == [3]
    same(resumed, through)


def test_a_checkpoint_of_another_identity_is_not_used(data, tmp_path):
    file, seen = tmp_path / "checkpoint.pt", []
    train.fit(create("joint"), data, MODEL, CONFIG, 0, file, "one")
    train.fit(create("joint"), data, MODEL, CONFIG, 0, file, "two", on_epoch=seen.append)
    assert seen == [1, 2, 3]


def test_seeds_change_the_result_and_nothing_else_does(data):
    first = train.fit(create("joint"), data, MODEL, CONFIG, seed=0)
    torch.rand(5)
    same(train.fit(create("joint"), data, MODEL, CONFIG, seed=0), first)
    other = train.fit(create("joint"), data, MODEL, CONFIG, seed=1)
    assert other.epochs["train_loss"][0] != first.epochs["train_loss"][0]


@pytest.mark.parametrize("name", ROWS)
def test_every_row_learns_what_can_be_learnt(name, data):
    config = replace(CONFIG, epochs=8)
    result = train.fit(create(name), data, MODEL, config, seed=0)
    assert result.epochs["train_loss"].iloc[-1] < 0.7 * result.epochs["train_loss"].iloc[0]


@pytest.mark.parametrize(
    ("selection", "column"), [("best_dev", "dev_accuracy"), ("best_test", "test_accuracy")]
)
def test_the_selected_epoch_is_the_first_best_one(selection, column, data):
    config = replace(CONFIG, selection=selection, epochs=4)
    result = train.fit(create("joint"), data, MODEL, config, seed=0)
    best = result.epochs[column].idxmax()
    assert result.selected_epoch == result.epochs["epoch"][best]


def test_last_selects_the_last_epoch(data):
    config = replace(CONFIG, selection="last")
    result = train.fit(create("joint"), data, MODEL, config, seed=0)
    assert result.selected_epoch == config.epochs
    for name, value in result.last.items():
        assert torch.equal(result.model.state_dict()[name], value)


def test_history_has_every_iteration_head_and_class(data):
    result = train.fit(create("olm"), data, MODEL, CONFIG, seed=0)
    arrays = result.history.arrays()
    steps = 3 * -(-len(data.rows("train")) // 8)
    assert arrays["heads"].tolist() == ["audio", "visual", "fused"]
    assert arrays["norm_class"].shape == arrays["score_class"].shape == (steps, 3, 3)
    for name in ("w", "lam", "G", "C", "train_loss", "dev_loss", "norm"):
        assert arrays[name].shape == (steps, 3), name
    assert arrays["epoch"].tolist() == sorted(arrays["epoch"].tolist())
    assert (arrays["w"][: steps // 3] == 1).all(), "the first epoch is the warm-up"
    assert_close(torch.from_numpy(arrays["lam"].sum(1)), torch.ones(steps).double())


def test_dev_cycle_gives_every_sample_once_a_pass(data):
    dev = DevCycle(train.Training(create("joint"), data, MODEL, CONFIG, 0).clips["dev"], seed=0)
    size = len(dev.clips)
    rows = torch.cat([dev.next(5)["row"] for _ in range(-(-size // 5))])
    assert sorted(rows.tolist()) == data.rows("dev").tolist()
    assert dev.passes == 1 and dev.taken == 0


def test_a_loss_that_is_not_finite_stops_the_training(data):
    class Broken(Method):
        def loss(self, outputs, labels):
            return super().loss(outputs, labels) * float("nan")

    with pytest.raises(FloatingPointError, match=r"epoch 1.*train.lr"):
        train.fit(Broken(), data, MODEL, CONFIG, seed=0)


def test_a_device_that_is_not_there_is_an_error(data):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    config = replace(CONFIG, device="cuda")
    with pytest.raises(RuntimeError, match="set it to cpu"):
        train.fit(create("joint"), data, MODEL, config, seed=0)


def test_hooks_are_called_in_their_order(data):
    calls = []

    class Spy(Method):
        def __getattribute__(self, name):
            if name in HOOKS:
                calls.append(name)
            return super().__getattribute__(name)

    HOOKS = {"build", "pre_run", "epoch_length", "on_epoch_start", "forward_extra", "loss",
             "after_backward", "after_step", "record", "on_epoch_end"}  # fmt: skip
    train.fit(Spy(), data, MODEL, replace(CONFIG, epochs=1), seed=0)
    step = ["forward_extra", "loss", "after_backward", "after_step", "record"]
    assert calls[:4] == ["build", "pre_run", "epoch_length", "on_epoch_start"]
    assert calls[4:9] == step and calls[-6:-1] == step and calls[-1] == "on_epoch_end"
