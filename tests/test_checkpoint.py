"""The file of a checkpoint: everything comes back, whole or not at all, and nothing is executed."""

import pickle
from collections import OrderedDict

import pytest
import torch

from olmlib import checkpoint

STATE = {
    "identity": "me",
    "rows": [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": float("nan")}],
    "weights": OrderedDict(a=torch.randn(3, 2), empty=torch.zeros(0, 4), scalar=torch.tensor(2.0)),
    "counts": (torch.arange(5), [torch.tensor([True, False]), None]),
    "precise": {"w": torch.randn(4, dtype=torch.float64)},
    "heads": ("audio", "visual"),
}


def same(one, other):
    if isinstance(other, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in other)
    if isinstance(other, list | tuple):
        return type(one) is type(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return repr(one) == repr(other)


def test_everything_comes_back_as_it_was(tmp_path):
    checkpoint.save(STATE, tmp_path / "deep" / "file.pt")
    assert same(checkpoint.load(tmp_path / "deep" / "file.pt"), STATE)
    assert [file.name for file in tmp_path.rglob("*.p*t")] == ["file.pt"]


def test_transposed_tensors_keep_their_values(tmp_path):
    matrix = torch.arange(6.0).view(2, 3).t()
    checkpoint.save({"matrix": matrix}, tmp_path / "file.pt")
    assert torch.equal(checkpoint.load(tmp_path / "file.pt")["matrix"], matrix)


def test_loaded_tensors_share_no_memory(tmp_path):
    checkpoint.save({"a": torch.zeros(2), "b": torch.zeros(2)}, tmp_path / "file.pt")
    state = checkpoint.load(tmp_path / "file.pt")
    state["a"].add_(1)
    assert state["b"].eq(0).all()


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "file.pt"
    checkpoint.save({"epoch": 1}, file)

    def full(state, path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save({"epoch": 2}, file)
    monkeypatch.undo()
    assert checkpoint.load(file) == {"epoch": 1}


class Executed:
    def __reduce__(self):
        return print, ("executed",)


def test_a_file_with_foreign_objects_is_refused_and_not_executed(tmp_path, capsys):
    torch.save(({"bad": Executed()}, {}), tmp_path / "file.pt")
    with pytest.raises(pickle.UnpicklingError):
        checkpoint.load(tmp_path / "file.pt")
    assert "executed" not in capsys.readouterr().out
