"""G-Blend: the weights by hand, and what the probes see."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from olmlib import train
from olmlib.config import LateFusionConfig, TrainConfig
from olmlib.data.synthetic import synthetic
from olmlib.methods import gblend
from olmlib.methods.table import create
from olmlib.methods.three_heads import Scheme as ThreeHeads
from olmlib.models import late_fusion
from olmlib.models.outputs import Outputs

SMALL = LateFusionConfig(width=8)
HEADS = ("audio", "visual", "fused")
CONFIG = TrainConfig(epochs=2, batch_size=18, lr=0.02, schedule="cosine")
# T-GB-1: (trained, held out) of audio, visual and fused.
START = torch.tensor([[1.80, 1.85]] * 3, dtype=torch.float64)
END = torch.tensor([[0.40, 1.35], [1.20, 1.45], [0.30, 1.25]], dtype=torch.float64)


class Tiny(nn.Module):
    """Mean colours in place of a ResNet, whose initialisation would take most of these tests."""

    dim = 4

    def __init__(self, channels):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(channels, 4), nn.BatchNorm1d(4), nn.ReLU())

    def forward(self, x):
        return self.net(x.flatten(2).mean(2))


@pytest.fixture(autouse=True)
def tiny_encoders(monkeypatch):
    channels = {"audio": 1, "visual": 3}
    monkeypatch.setattr(
        late_fusion,
        "encoders",
        lambda config: nn.ModuleDict({m: Tiny(channels[m]) for m in config.encoders}),
    )


def close(actual, *expected):
    assert_close(actual, torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=1e-6)


def test_t_gb_1():
    learnt, overfitted = gblend.learning(START, END)
    close(learnt, 0.5, 0.4, 0.6)
    close(overfitted, 0.9, 0.2, 0.9)
    close((overfitted / learnt).abs(), 1.8, 0.5, 1.5)
    close(gblend.raw_weights(START, END), 0.617284, 10, 0.740741)
    close(gblend.weights(START, END), 0.054348, 0.880435, 0.065217)


def test_t_gb_2():
    close(gblend.raw_weights(START, END, "multibench"), 1.495845, 23.2, 1.385042)
    close(gblend.weights(START, END, "multibench"), 0.057354, 0.889540, 0.053106)


def test_t_gb_3():
    start = torch.tensor([[1.80, 1.85]], dtype=torch.float64)
    end = torch.tensor([[0.40, 1.95]], dtype=torch.float64)
    close(gblend.learning(start, end)[0], -0.1)
    close(gblend.raw_weights(start, end), 0)
    close(gblend.raw_weights(start, end, "absolute"), 0.044444)


def test_t_gb_4():
    end = END[:1].expand(3, 2)
    for estimate in ("drop", "multibench", "absolute"):
        close(gblend.weights(START, end, estimate), 1 / 3, 1 / 3, 1 / 3)


def test_weights_are_equal_where_no_head_learns_and_finite_where_no_gap_opens():
    close(gblend.weights(START, START + 1), 1 / 3, 1 / 3, 1 / 3)
    close(gblend.raw_weights(START, START - 0.5), 5e5, 5e5, 5e5)


@pytest.mark.parametrize(("scale", "factor"), [("one", 1 / 3), ("heads", 1)])
def test_at_equal_weights_the_loss_is_a_multiple_of_that_of_three_heads(scale, factor):
    torch.manual_seed(0)
    labels = torch.tensor([0, 1, 2, 0])
    outputs = Outputs({m: torch.randn(4, 3) for m in HEADS}, {})
    method = create("gblend", scale=scale)
    assert method.build(3, SMALL).heads == tuple(outputs.logits) == HEADS
    expected = factor * ThreeHeads().loss(outputs, labels)
    assert_close(method.loss(outputs, labels), expected)
    method.w = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    losses = [cross_entropy(s, labels) for s in outputs.logits.values()]
    expected = 3 * factor * (0.2 * losses[0] + 0.5 * losses[1] + 0.3 * losses[2])
    assert_close(method.loss(outputs, labels), expected)
    assert method.record()["weight"].tolist() == [0.2, 0.5, 0.3]


def test_each_part_has_its_share_of_every_class():
    labels = np.repeat([0, 1, 2], [50, 20, 3])
    part = gblend.deal(labels, 10, seed=0)
    for c, sizes in enumerate(([5] * 10, [2] * 10, [1] * 3 + [0] * 7)):
        assert np.bincount(part[labels == c], minlength=10).tolist() == sizes
    assert part.tolist() == gblend.deal(labels, 10, seed=0).tolist()
    assert part.tolist() != gblend.deal(labels, 10, seed=1).tolist()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return synthetic(tmp_path_factory.mktemp("d") / "set", clips=30, classes=3, frames=40, size=32)


def test_probes_split_the_training_clips_and_folds_are_averaged(data, monkeypatch):
    seen = []

    def probe(self, training, head, name, epochs, clips):
        seen.append((head, name, epochs, *clips))
        index = HEADS.index(head)
        return torch.stack([START[index], END[(index + len(seen) // 4) % 3]])

    monkeypatch.setattr(gblend.Scheme, "_probe", probe)
    method = create("gblend", folds=2, hold_out=0.5, epochs_share=0.5)
    training = train.Training(method, data, SMALL, CONFIG, 0)
    method.pre_run(training)
    one, other = (gblend.weights(START, END.roll(-k, 0)) for k in (0, 1))
    assert_close(method.w, (one + other) / 2)
    assert [x[0] for x in seen] == [*HEADS] * 2
    assert len({x[1] for x in seen}) == 6 and {x[2] for x in seen} == {1}
    for *_, trained, held_out in seen:
        assert sorted([*trained, *held_out]) == data.rows("train").tolist()
        assert np.bincount(data.labels[held_out]).tolist() == [3, 3, 3]
    assert not set(seen[0][-1]) & set(seen[3][-1])


def test_the_losses_of_a_probe_are_those_of_its_model_before_and_after(data):
    method = create("gblend", hold_out=0.3)
    training = train.Training(method, data, SMALL, CONFIG, 0)
    rows = data.rows("train")
    losses = method._probe(training, "audio", "p", 1, [rows[:12], rows[12:]])
    plain = train.Training(create("unimodal", modality="audio"), data, SMALL, CONFIG, 0)
    for stage in range(2):
        plain.model.eval()
        for split, part in enumerate((rows[:12], rows[12:])):
            batch = training.part(part).__getitems__(range(len(part)))
            with torch.no_grad():
                value = cross_entropy(plain.model(batch).logits["audio"], batch["label"])
            assert_close(losses[stage, split].item(), value.item())
        if stage == 0:
            plain.train_epoch(1, plain.part(rows[:12], augment=True))
    method.start = "log_classes"
    guess = method._probe(training, "audio", "p", 0, [rows[:12], rows[12:]])[0]
    close(guess, math.log(3), math.log(3))


def test_an_online_probe_starts_where_its_head_is(data):
    training = train.Training(create("gblend", mode="online"), data, SMALL, CONFIG, 3)
    model = training.model.eval()
    training.optimizer.step()
    training.schedule.step()
    rates = []

    class Spy(gblend.Probe):
        def loss(self, outputs, labels):
            rates.append(probe.optimizer.param_groups[0]["lr"])
            return super().loss(outputs, labels)

    batch = training.part(data.rows("dev")).__getitems__(range(6))
    for head in HEADS:
        method = Spy(training.method._alone(training.model, head), training.schedule.state_dict())
        start = gblend.probe_weights(model, head)
        probe = train.Training(method, data, SMALL, CONFIG, 0)
        probe.model.load_state_dict(start)
        with torch.no_grad():
            logits = probe.model.eval()(batch).logits
            assert torch.equal(method.predict(logits), model(batch).logits[head])
    probe.train_epoch(1, training.clips["train"])
    assert rates == training.schedule.get_last_lr() == [0.01], "half of a cosine over two epochs"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "one"}, "offline, online"),
        ({"estimate": "rise"}, "drop"),
        ({"folds": 11}, "11 disjoint parts"),
        ({"super_epoch": 0}, "super_epoch is 0"),
        ({"ema": 0.5}, "ema is no option"),
    ],
)
def test_an_unknown_option_is_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        create("gblend", **options)
