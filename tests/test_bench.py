"""`make bench`: its parts run, small; what they take is measured by it, never here."""

import io
import json
import math

import pytest

from benchmarks import attention, localization, since
from benchmarks.steps import Trainee, step_seconds
from companion import params
from companion.runs.sources import ROOT
from olmlib.config import TrainConfig
from olmlib.data.synthetic import segments
from olmlib.models.ave.config import AVGAConfig


@pytest.fixture(scope="module")
def rows():
    return params.load(ROOT / "params.yaml").table2.rows


def test_localization_measures_every_network_and_ratio(rows):
    sizes = {"audio": 4, "visual": 4, "locations": 4}
    small = {"avga": AVGAConfig(**sizes, attention=4, hidden=4, readout=4)}
    found = localization.measure(rows, small, audio=4, visual=(2, 2, 4), batch=4)
    names = ["step_seconds", "olm_over_three_heads", "olm_over_baseline"]
    assert list(found) == [f"avga4.{name}" for name in names]
    assert all(math.isfinite(value) and value > 0 for value in found.values())


def test_budgets_of_localization_name_what_is_measured():
    assert set(localization.BUDGETS) == {
        f"{name}{localization.BATCH}.olm_over_baseline" for name in localization.NETWORKS
    }


def test_rows_take_their_steps_in_turn(rows, tmp_path, monkeypatch):
    data = segments(tmp_path / "ave", classes=4)
    config = TrainConfig(epochs=1, batch_size=4, optimizer="adam", lr=1e-3)
    model = AVGAConfig(attention=4, hidden=4, readout=4)
    trainees = {name: Trainee(rows[name], data, model, config) for name in ("baseline", "olm")}
    taken = []
    for name, trainee in trainees.items():
        monkeypatch.setattr(trainee, "step", lambda name=name: taken.append(name) or 1.0)
    assert step_seconds(trainees, rounds=2) == {"baseline": 1.0, "olm": 1.0}
    period = trainees["olm"].method.probe_every
    # Each steps once to warm up, then whole periods of OLM's probe.
    assert taken == ["baseline", "olm"] * (1 + 2 * period)


def test_an_epoch_is_timed_for_every_line_that_arrives(monkeypatch, capsys):
    monkeypatch.setattr(since, "ROWS", {"three_heads": ("three_heads", {}), "olm": ("olm", {})})
    monkeypatch.setattr(attention, "LENGTHS", {"100_400": (3, 5)})
    monkeypatch.setattr("sys.stdin", io.StringIO("\n\n"))
    since.serve()
    ready, *turns = capsys.readouterr().out.splitlines()
    assert ready == "ready" and len(turns) == 2
    for seconds in map(json.loads, turns):
        assert list(seconds) == ["three_heads", "olm", "olm, IRFB"]
        assert min(seconds.values()) > 0
