"""What a profile lacks is said at once, before any work."""

import shutil

import pytest
import torch
from tiny_release import write_release

from companion import params, registry
from companion.data import cremad
from companion.data.release import ReleaseError
from companion.runs import grid, preflight
from olmlib.methods.table import create

PAPER = params.load().profiles["paper"]


@pytest.fixture
def cards(monkeypatch):
    """A machine with one GPU of so many GiB."""

    def there(gib):
        properties = type("Properties", (), {"total_memory": gib * preflight.GIB})
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)

    return there


def test_a_profile_of_miniatures_lacks_nothing(tmp_path):
    assert preflight.lacking("mini", params.load().profiles["mini"], tmp_path) == []


def test_everything_that_is_missing_is_said_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    lines = preflight.lacking("paper", PAPER, tmp_path)
    for name in PAPER.datasets:
        title = registry.entry(name).title
        assert sum(line.startswith(f"{title}: ") for line in lines) == 1, name
        assert str(tmp_path / "raw/paper" / name) in "".join(lines), name
    assert sum("sees no GPU" in line for line in lines) >= 4


def test_a_small_gpu_is_named_with_what_helps(tmp_path, cards):
    cards(8)
    lines = [line for line in preflight.lacking("paper", PAPER, tmp_path) if "GiB of a GPU" in line]
    assert [line.partition(":")[0].rpartition(".")[2] for line in lines] == [
        "ks", "vggsound", "mer2023",
    ]  # fmt: skip
    assert (
        "takes 11.8 GiB" in lines[0] and "cuda has 8.0: set a smaller train.batch_size" in lines[0]
    )
    cards(80)
    assert "GiB of a GPU" not in "".join(preflight.lacking("paper", PAPER, tmp_path))


def test_a_full_disk_is_seen_before_it_is_full(tmp_path, monkeypatch, cards):
    cards(80)
    found = cremad.load(write_release(tmp_path / "few"), "published", False, 0)
    monkeypatch.setattr(preflight.registry, "entry", lambda name: _entry(name, found))
    free = shutil.disk_usage(tmp_path)._replace(free=10**6)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: free)
    *_, last = preflight.lacking("paper", PAPER, tmp_path)
    assert last.startswith(f"{tmp_path}: the arrays of the releases that are here and the weights")
    assert "take 7 GiB, 0 GiB are free: make room" in last


def _entry(name, found):
    real = registry.DATASETS[name]

    def load(root, config):
        if name == "cremad":
            return found
        raise ReleaseError(f"{root} is empty")

    return type("Entry", (), {"title": real.title, "table": real.table, "load": staticmethod(load)})


def test_a_clip_takes_what_its_arrays_take():
    section = params.load().profiles["mini"].dataset("cremad")
    # 25 x 29 numbers in half precision, one picture of 40 x 40.
    assert preflight.clip_bytes(section) == 2 * 25 * 29 + 3 * 40 * 40
    assert preflight.clip_bytes(PAPER.dataset("ave")) == 2 * 10 * (128 + 7 * 7 * 512)
    assert preflight.clip_bytes(PAPER.dataset("mer2023")) == 0


def test_runs_take_what_their_weights_take():
    runs = grid.runs_of("paper", "cremad")
    model = PAPER.dataset("cremad").model
    sizes = {}
    for run in runs:
        if run.name not in sizes:
            with torch.device("meta"):
                network = create(run.row.method, 0, **run.row.options).build(6, model)
            sizes[run.name] = sum(4 * value.numel() for value in network.state_dict().values())
    total = sum(sizes[run.name] for run in runs) / preflight.GIB
    assert preflight.WEIGHTS["cremad"] == pytest.approx(total, abs=0.1)
