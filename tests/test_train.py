"""The one training loop: learning, exact resume, selection, history."""

from contextlib import suppress
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from olmlib import train
from olmlib.config import LateFusionConfig, TrainConfig
from olmlib.data.cycle import DevCycle
from olmlib.data.synthetic import synthetic
from olmlib.methods.base import Method
from olmlib.methods.table import METHODS, create

MODEL = LateFusionConfig(width=8, blocks=1)
CONFIG = TrainConfig(epochs=3, batch_size=8, lr=0.02, crop_scale=(0.6, 1.0))
ROWS = [
    ("unimodal", {"modality": "audio"}),
    ("unimodal", {"modality": "visual"}),
    *((name, {}) for name in METHODS if name != "unimodal"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return synthetic(tmp_path_factory.mktemp("d") / "set", clips=60, classes=3, frames=75, size=32)


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Three steps an epoch."""
    return synthetic(tmp_path_factory.mktemp("d") / "set", clips=30, classes=3, frames=40, size=32)


def same(one, other):
    assert one.selected_epoch == other.selected_epoch
    assert one.epochs.equals(other.epochs)
    for name, value in other.model.state_dict().items():
        assert torch.equal(one.model.state_dict()[name], value), name
    for name, value in other.history.arrays().items():
        assert one.history.arrays()[name].tobytes() == value.tobytes(), name


def summing_to(name, total):
    return lambda arrays: abs(arrays[name].sum(1) - total).max() < 1e-6


# A method, options with which what it must remember matters, and what shows that they acted: a
# method that did nothing would be resumed by anybody.
RESUMED = [
    ("unimodal", {"modality": "audio"}, lambda a: a["heads"].tolist() == ["audio"]),
    ("unimodal", {"modality": "visual"}, lambda a: a["heads"].tolist() == ["visual"]),
    ("joint", {}, None),
    ("joint", {"fusion": "gated"}, None),
    ("three_heads", {}, None),
    ("olm", {"probe_every": 2}, lambda a: (a["w"][-1] != 1).any()),
    ("olm", {"preset": "code"}, lambda a: (a["w"][-1] != 1).all()),
    ("olm", {"rule": "random"}, lambda a: (a["w"][-1] != 1).any()),
    ("gradnorm", {}, summing_to("weight", 3)),
    ("gradnorm", {"l0": "first", "site": "classifier"}, lambda a: (a["rate"][0] == 1).all()),
    ("gradnorm", {"site": "features"}, summing_to("weight", 3)),
    ("mmcosine", {}, None),
    ("mmcosine", {"eval": "linear"}, None),
    ("avslowfast", {"drop": 0.5}, lambda a: a["dropped"].any() and not a["dropped"][:, 1].all()),
    ("avslowfast", {"drop": 0.5, "avs": 1.0}, lambda a: a["dropped"].any()),
    # Every probe too is stopped after each of its epochs.
    ("gblend", {"epochs_share": 0.4}, lambda a: (a["weight"][0] == a["weight"][-1]).all()),
    ("gblend", {"mode": "online", "super_epoch": 2, "estimate": "multibench"},
     lambda a: (a["weight"][0] != a["weight"][-1]).any() and summing_to("weight", 1)(a)),
    # The first epoch, of three steps, ends in the middle of a window.
    ("cur", {"start_epoch": 1, "threshold": 0.0, "window": 5}, lambda a: a["blocked"].any()),
    ("cur", {"start_epoch": 1, "rule": "random"}, lambda a: a["blocked"].any()),
    ("pmr", {"until": 1.0, "regularise": 1.0}, lambda a: (a["gamma"][:, :2].max(1) > 0).all()),
    ("ogm_ge", {"until": 1.0}, lambda a: (a["k"].min(1) < 1).all()),
]  # fmt: skip


def test_every_method_is_resumed():
    assert {name for name, *_ in RESUMED} == set(METHODS)


def identical(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(identical(v, other[k]) for k, v in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(identical, one, other))
    return one == other


@pytest.mark.parametrize(("name", "options", "acted"), RESUMED)
def test_stopped_after_every_epoch_it_ends_with_the_same_numbers_to_the_bit(
    name, options, acted, few, tmp_path, monkeypatch
):
    """Its own epochs and those of the trainings before it; each is finished once."""
    finished, plain = [], train.Training.train_epoch

    class Stop(Exception):
        pass

    def fit(*checkpoint, epochs):
        def train_epoch(self, epoch, clips):
            if len(finished) == epochs:
                raise Stop
            loss = plain(self, epoch, clips)
            finished.append(epoch)
            return loss

        finished.clear()
        monkeypatch.setattr(train.Training, "train_epoch", train_epoch)
        return train.fit(create(name, 1, **options), few, MODEL, CONFIG, 1, *checkpoint)

    through = fit(epochs=None)
    total = len(finished)
    assert total == 3 or name == "gblend" and total == (6 if "epochs_share" in options else 12)
    file = tmp_path / "checkpoint.pt"
    resumed, trained = None, 0
    while resumed is None:
        with suppress(Stop):
            resumed = fit(file, "me", epochs=1)
        trained += len(finished)
        assert finished, "a start that ends no epoch would be the first of endless ones"
    assert trained == total, "nothing that was finished is trained again"
    same(resumed, through)
    for weight, value in through.last.items():
        assert torch.equal(resumed.last[weight], value), weight
    assert identical(resumed.method.state_dict(), through.method.state_dict())
    arrays = through.history.arrays()
    for array in resumed.method.record():
        assert arrays[array].shape == (len(arrays["step"]), len(arrays["heads"])), array
    assert acted is None or acted(arrays)


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


@pytest.mark.parametrize(("name", "options"), ROWS)
def test_every_row_learns_what_can_be_learnt(name, options, data):
    # Runs that are resumed have one block per stage.
    config, model = replace(CONFIG, epochs=8), replace(MODEL, blocks=2)
    result = train.fit(create(name, **options), data, model, config, seed=0)
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
             "after_backward", "after_step", "record"}  # fmt: skip
    train.fit(Spy(), data, MODEL, replace(CONFIG, epochs=1), seed=0)
    step = ["forward_extra", "loss", "after_backward", "after_step", "record"]
    assert calls[:4] == ["build", "pre_run", "epoch_length", "on_epoch_start"]
    assert calls[4:9] == step and calls[-5:] == step
