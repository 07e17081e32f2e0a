"""What a training leaves behind: values of every iteration, movements of every epoch."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from olmlib import history
from olmlib.history import History

HEADS = ("audio", "visual", "fused")


def steps(count, last):
    """Return so many batches of 6 samples, the last one smaller."""
    torch.manual_seed(0)
    sizes = [6] * (count - 1) + [last]
    return [({head: torch.randn(n, 4) for head in HEADS}, torch.randint(0, 4, (n,))) for n in sizes]


def test_many_steps_together_are_what_each_is_alone(monkeypatch):
    together, alone = History(HEADS), History(HEADS)
    for logits, labels in steps(history.KEPT + 3, last=2):
        for one in (together, alone):
            one.add(1, torch.tensor(0.5), logits, labels, {"w": torch.ones(3)})
        _ = alone.values
    a, b = together.arrays(), alone.arrays()
    assert a.keys() == b.keys()
    assert len(a["norm"]) == history.KEPT + 3
    for name, value in a.items():
        if value.dtype.kind == "f":
            assert_close(torch.from_numpy(value), torch.from_numpy(b[name]), equal_nan=True)


def test_an_iteration_by_hand():
    logits = {"audio": torch.tensor([[3.0, 4.0], [0.0, 0.0]])}
    kept = History(("audio",))
    kept.add(2, torch.tensor(1.5), logits, torch.tensor([1, 1]), {})
    (norm,), (loss,) = kept.values["norm"], kept.values["train_loss"]
    assert norm.item() == 2.5
    assert loss.item() == pytest.approx((math.log(math.exp(3) + math.exp(4)) - 4 + math.log(2)) / 2)
    # No sample of class 0 is there.
    (by_class,), (score,) = kept.values["norm_class"], kept.values["score_class"]
    assert math.isnan(by_class[0, 0]) and by_class[0, 1] == 2.5
    assert math.isnan(score[0, 0]) and score[0, 1] == 2.0


def test_the_movement_of_an_encoder_by_hand():
    encoders = nn.ModuleDict({"audio": nn.Linear(1, 1), "visual": nn.Linear(1, 1)})
    with torch.no_grad():
        for encoder in encoders.values():
            encoder.weight.fill_(3.0)
            encoder.bias.fill_(4.0)
    before = history.weights(encoders)
    with torch.no_grad():
        encoders["audio"].weight.add_(1.0)
    moved = history.updates(before, history.weights(encoders))
    assert moved == {"update_audio": pytest.approx(0.2), "update_visual": 0.0}
