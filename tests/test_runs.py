"""Identity, atomic folders, reuse, resume, and the grid over processes."""

import json
import os
import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import pytest
import yaml
from filelock import FileLock

from companion import params
from companion import settings as kinds
from companion.data import sections
from companion.runs import folder, grid, identity, result
from olmlib import checkpoint, train
from olmlib.config import LateFusionConfig, TrainConfig
from olmlib.data.synthetic import synthetic

CONFIG = kinds.DataSet(
    prepare=sections.Prepare(dev_fraction=0.1, seconds=1.0, frame_size=32),
    model=LateFusionConfig(width=8),
    train=TrainConfig(epochs=2, batch_size=8, lr=0.02, crop_scale=(0.6, 1.0)),
)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared") / "toy"
    synthetic(folder, clips=30, classes=3, frames=75, size=32)
    return folder


@pytest.fixture
def run(arrays, tmp_path):
    row = params.Row(method="olm", options={"preset": "stable"})
    return identity.Run("toy", "olm", row, 0, CONFIG, arrays, tmp_path / "runs", tmp_path / "work")


def content(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_a_finished_run_is_reused_and_has_everything(run):
    assert grid.execute(run) == "trained"
    files = content(run.folder)
    assert set(files) == {
        "identity.json",
        "metrics.json",
        "epochs.csv",
        "iterations.npz",
        "predictions.npz",
        "model.pt",
    }
    assert grid.execute(run) == "reused"
    assert content(run.folder) == files
    metrics = json.loads(files["metrics.json"])
    assert 0 <= metrics["test"]["accuracy"] <= 1 and 0 <= metrics["last"]["map"] <= 1
    assert "accuracy_weighted_sum" in metrics["test"]


def test_the_same_run_twice_is_the_same_bytes(run, tmp_path):
    grid.execute(run)
    other = replace(run, runs=tmp_path / "elsewhere", work=tmp_path / "work2")
    grid.execute(other)
    assert content(other.folder) == content(run.folder)


def test_killed_after_an_epoch_it_resumes_and_ends_alike(run, tmp_path, monkeypatch):
    whole = replace(run, runs=tmp_path / "whole", work=tmp_path / "work2")
    grid.execute(whole)
    real, calls = checkpoint.save, []

    def save_then_die(state, path):
        real(state, path)
        calls.append(path)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", save_then_die)
    with pytest.raises(KeyboardInterrupt):
        grid.execute(run)
    assert not run.folder.exists() and len(calls) == 1
    monkeypatch.setattr(checkpoint, "save", real)
    assert grid.execute(run) == "resumed"
    assert content(run.folder) == content(whole.folder)


def test_killed_between_the_last_epoch_and_the_result(run, tmp_path):
    whole = replace(run, runs=tmp_path / "whole", work=tmp_path / "work2")
    grid.execute(whole)

    def die(*args):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grid.execute(replace(run, leaves=die))
    assert grid.execute(run) == "resumed"
    assert content(run.folder) == content(whole.folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: replace(r, seed=1),
        lambda r: replace(r, row=params.Row(method="olm", options={"preset": "paper"})),
        lambda r: replace(r, row=params.Row(method="joint")),
        lambda r: replace(
            r,
            config=r.config.model_copy(update={"train": replace(r.config.train, lr=0.01)}),
        ),
    ],
)
def test_whatever_changes_the_result_changes_the_identity(run, change):
    assert change(run).identity()["identity"] != run.identity()["identity"]


def test_identity_follows_the_data_and_not_the_place(run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run.prepared, copy)
    assert replace(run, prepared=copy).identity() == run.identity()
    other = tmp_path / "other"
    synthetic(other, clips=30, classes=3, frames=75, size=32, seed=1)
    assert replace(run, prepared=other).identity()["identity"] != run.identity()["identity"]


def test_identity_knows_its_own_method_file_and_no_other(run):
    sources = run.identity()["sources"]
    assert {"olmlib.methods.olm", "olmlib.olm", "olmlib.train"} <= sources.keys()
    assert "olmlib.methods.joint" not in sources
    assert "companion.figures.style" not in sources


def test_a_broken_identity_file_means_a_new_training(run):
    grid.execute(run)
    (run.folder / "identity.json").write_text("{")
    assert grid.execute(run) == "trained"


def test_two_at_once_is_a_clear_error(run, monkeypatch):
    monkeypatch.setattr(grid, "PATIENCE", 0)
    (run.work / "olm-0").mkdir(parents=True)
    with (
        FileLock(run.work / "olm-0" / "lock"),
        pytest.raises(RuntimeError, match="another process"),
    ):
        grid.execute(run)


def test_what_the_worker_of_a_killed_pipeline_ends_is_reused(run, monkeypatch):
    """It goes on without its parent; the pipeline that is started again waits and takes it."""
    started, go_on = threading.Event(), threading.Event()
    fit = train.fit

    def held(*args):
        started.set()
        go_on.wait(timeout=60)
        return fit(*args)

    monkeypatch.setattr(train, "fit", held)
    with ThreadPoolExecutor(2) as pool:
        orphan = pool.submit(grid.execute, run)
        assert started.wait(timeout=60)
        second = pool.submit(grid.execute, run)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.2)
        go_on.set()
        assert orphan.result() == "trained"
        assert second.result() == "reused"


def test_a_full_disk_keeps_what_is_done(run, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device", "checkpoint.part")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", full)
        with pytest.raises(RuntimeError, match="No space left on device.*make room"):
            grid.execute(run)
    assert grid.execute(run) == "trained"


def test_a_folder_that_cannot_be_written(run, tmp_path):
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(RuntimeError, match="cannot write"):
        grid.execute(run)


def test_grid_has_every_row_with_every_seed():
    found = grid.runs_of("mini", "cremad")
    settings = params.load()
    rows = [row for row in settings.rows.values() if "cremad" in (row.datasets or ["cremad"])]
    assert len(found) == len(rows) * len(settings.profiles["mini"].seeds)
    assert len({run.folder for run in found}) == len(found)
    with pytest.raises(ValueError, match="no row best"):
        grid.runs_of("mini", "cremad", ["best"])
    with pytest.raises(ValueError, match="no profile"):
        grid.runs_of("maxi", "cremad")


def changed(tmp_path, **rows):
    """Write a `params.yaml` with these rows beside the known ones; return its folder."""
    tree = yaml.safe_load(identity.sources.ROOT.joinpath("params.yaml").read_text(encoding="utf-8"))
    tree["rows"] |= rows
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    return tmp_path


def test_a_row_changes_the_model(tmp_path):
    wide = {"method": "joint", "model": {"width": 32}}
    names = ["concat", "sum"]
    concat, plain = grid.runs_of("mini", "cremad", names, changed(tmp_path, concat=wide))[::3]
    assert (concat.name, plain.name) == tuple(names)
    assert concat.config.model == replace(plain.config.model, width=32)
    assert plain.config.model.width == 8 and concat.config.train == plain.config.train
    wide["model"] = {"widht": 32}
    with pytest.raises(ValueError, match=r"params.yaml .*\n  rows.concat.model.widht is no option"):
        grid.runs_of("mini", "cremad", names, changed(tmp_path, concat=wide))


def test_a_row_that_cannot_be_trained_is_an_error_before_the_first_run(tmp_path):
    root = changed(
        tmp_path,
        concat={"method": "jiont"},
        film={"method": "joint", "options": {"fusion": "fim"}},
        olm={"method": "olm", "options": {"presett": "stable"}},
        avslowfast={"method": "avslowfast", "options": {"dropp": 0.5}},
    )
    with pytest.raises(ValueError) as error:
        grid.runs_of("mini", "ks", ["sum"], root)
    lines = sorted(str(error.value).splitlines())
    said = ("dropp is no option", "no method 'jiont'", "fusion is 'fim'", "presett")
    for line, row, text in zip(lines, ("avslowfast", "concat", "film", "olm"), said, strict=True):
        assert line.startswith(f"params.yaml, rows.{row}: ") and text in line


def test_a_row_is_left_out_where_it_does_not_belong(tmp_path):
    text = identity.sources.ROOT.joinpath("params.yaml").read_text(encoding="utf-8")
    own = "  only_here: {method: joint, datasets: [cremad]}\n\n# Algorithm 1 with"
    (tmp_path / "params.yaml").write_text(
        text.replace("\n# Algorithm 1 with", own), encoding="utf-8"
    )
    names = [{run.name for run in grid.runs_of("mini", d, root=tmp_path)} for d in ("cremad", "ks")]
    assert "only_here" in names[0] and "only_here" not in names[1]
    assert "olm" in names[1]
    with pytest.raises(ValueError, match="no row only_here for ks"):
        grid.runs_of("mini", "ks", ["only_here"], root=tmp_path)
    (tmp_path / "params.yaml").write_text(
        text.replace("\n# Algorithm 1 with", own.replace("[cremad]", "[cremad_]")), encoding="utf-8"
    )
    with pytest.raises(ValueError, match="rows.only_here.datasets"):
        grid.runs_of("mini", "ks", root=tmp_path)


def test_the_weighted_sum_takes_the_coefficients_of_its_own_epoch(run, monkeypatch):
    seen = []

    def note(method, outputs, labels, valence, w):
        seen.append(w.tolist())
        return {"accuracy": 0.5}

    config = replace(run.config.train, epochs=3)
    run = replace(run, config=run.config.model_copy(update={"train": config}))
    monkeypatch.setattr(result, "_metrics", note)
    # All epochs tie, which would make the first the best; epoch 2 is made the best instead.
    monkeypatch.setattr(
        train.Training, "keep_best", lambda self, row: _keep(self, row, row["epoch"] == 2)
    )
    grid.execute(run)
    history = folder.iterations(run)
    w, epoch = history["w"], history["epoch"]
    assert seen == [w[epoch == 2][-1].tolist(), w[-1].tolist()]
    assert seen[0] != seen[1]


def _keep(training, row, best):
    if best:
        training.best = {"score": 1, "epoch": row["epoch"], "weights": training.model.state_dict()}


@pytest.mark.parametrize("method", ["three_heads", "gradnorm"])  # a weighed loss scales no logit
def test_a_row_without_coefficients_has_no_weighted_sum(run, method):
    plain = replace(run, name="plain", row=params.Row(method=method))
    grid.execute(plain)
    metrics = json.loads((plain.folder / "metrics.json").read_text())
    assert "accuracy_weighted_sum" not in metrics["test"] and "accuracy_sum" in metrics["test"]


def test_workers_change_nothing_and_a_failure_stops_no_other(run, tmp_path, capsys):
    good = [replace(run, seed=seed) for seed in (0, 1)]
    bad = replace(run, name="bad", row=params.Row(method="joint", options={"alpha": 1}))
    with pytest.raises(RuntimeError, match="1 of 3 runs failed:\nbad-0: ValueError.*alpha"):
        grid.train_all([good[0], bad, good[1]], workers=2)
    assert capsys.readouterr().out.count("trained") == 2
    alone = [replace(r, runs=tmp_path / "alone", work=tmp_path / "work2") for r in good]
    assert grid.train_all(alone, workers=1).to_dict() == {"trained": 2}
    for one, other in zip(good, alone, strict=True):
        assert content(one.folder) == content(other.folder)


class Killed(identity.Run):
    """A run whose process the system ends, as it does where memory has run out."""

    def identity(self):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_costs_its_own_run_and_is_named(run, capsys):
    killed = Killed(**{f.name: getattr(run, f.name) for f in fields(run)} | {"name": "greedy"})
    others = [replace(run, seed=seed) for seed in (0, 1)]
    with pytest.raises(RuntimeError, match="1 of 3 runs failed:\ngreedy-0: .*memory.*SIGKILL"):
        grid.train_all([others[0], killed, others[1]], workers=2)
    assert capsys.readouterr().out.count("trained") == 2
    assert all(folder.is_finished(other, other.identity()["identity"]) for other in others)


def test_load_refuses_to_skip_a_missing_run(run):
    with pytest.raises(FileNotFoundError, match=r"1 of 1 runs are missing.*dvc repro"):
        folder.load([run])
    grid.execute(run)
    table = folder.load([run])
    assert set(table["weights"]) == {"test", "last"}
    assert table["value"].between(0, 1).all()
    assert len(folder.epochs([run])) == 2
    assert folder.iterations(run)["w"].shape[1] == 3
