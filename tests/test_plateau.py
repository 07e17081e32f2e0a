"""Base rates and epochs: chosen by a rule, on seeds that no table shows."""

import pandas as pd
import pytest

from companion import params, plateau
from companion.runs.sources import ROOT
from companion.study import plateau as study_plateau
from companion.study import recordings
from companion.study.grid import Study

MINI = params.load(ROOT / "params.yaml").profiles["mini"]


def table(values):
    lines = [("ks", "concat", lr, 8, seed, dev) for (lr, seed), dev in values.items()]
    return pd.DataFrame(lines, columns=plateau.COLUMNS)


def test_the_best_rate_is_that_of_the_highest_mean():
    values = {(0.1, 100): 60, (0.1, 101): 40, (0.05, 100): 52, (0.05, 101): 50}
    assert plateau.best(table(values)) == 0.05


def test_of_equal_rates_the_smaller_one_is_taken():
    assert plateau.best(table({(0.1, 100): 50, (0.02, 100): 50, (0.05, 100): 50})) == 0.02


def test_every_network_of_table_2_has_a_rate_of_its_own():
    joint = plateau.joints(plateau.unbalanced("mini", "ave"))
    assert [run.name for run in joint] == [
        f"{network}_baseline" for network in ("avga", "mafnet", "psp", "cmbs")
    ]
    runs = plateau.rates("mini", "ave")
    assert len(runs) == 4 * len(plateau.RATES["adam"]) * len(plateau.RATE_SEEDS)
    assert len({run.folder for run in runs}) == len(runs)


@pytest.mark.parametrize("dataset", MINI.datasets)
def test_no_table_shows_the_seeds_and_no_method_of_balancing_is_trained(dataset):
    assert not {*plateau.SEEDS} & {*MINI.seeds}
    runs = plateau.rates("mini", dataset) + plateau.longer("mini", dataset, (1, 2))
    assert "joint" in {run.row.method for run in runs} <= {"joint", "unimodal"}
    assert {run.seed for run in runs} == {*plateau.SEEDS}
    assert len({run.folder for run in runs}) == len({(r.name, r.seed) for r in runs})


@pytest.mark.parametrize("dataset", MINI.datasets)
def test_the_rate_in_params_is_the_best_that_was_measured(dataset):
    measured = pd.read_csv(plateau.PLACE / "rates.csv").query("dataset == @dataset")
    assert {*measured["seed"]} == {*plateau.RATE_SEEDS}
    joint = plateau.joints(plateau.unbalanced("mini", dataset))
    assert {*measured["row"]} == {run.name for run in joint}
    for run in joint:
        own, train = measured[measured["row"] == run.name], run.config.train
        assert {*own["lr"]} == {*plateau.RATES[train.optimizer]}
        assert plateau.best(own) == train.lr
        assert {*own["epochs"]} == {train.epochs}


@pytest.mark.parametrize("dataset", MINI.datasets)
def test_doubled_epochs_were_measured_at_the_epochs_in_params(dataset):
    measured = pd.read_csv(plateau.PLACE / "epochs.csv").query("dataset == @dataset")
    runs = plateau.unbalanced("mini", dataset)
    assert {*measured["row"]} == {run.name for run in runs}
    for run in runs:
        own, train = measured[measured["row"] == run.name], run.config.train
        assert {*own["epochs"]} == {train.epochs, 2 * train.epochs}
        assert {*own["lr"]} == {train.lr}
    assert (measured.groupby(["row", "epochs"])["seed"].nunique() == len(plateau.SEEDS)).all()


def test_curves_were_measured_at_the_epochs_in_params():
    measured = pd.read_csv(plateau.PLACE / "curve.csv")
    for dataset, own in measured.groupby("dataset"):
        runs = plateau.longer("mini", str(dataset), plateau.FACTORS["curve"])
        asked = {(r.name.split("@")[0], r.config.train.epochs, r.seed) for r in runs}
        assert {*zip(own["row"], own["epochs"], own["seed"], strict=True)} == asked


def test_a_network_is_off_its_plateau_only_if_its_change_is_shown_to_be_too_large():
    # t(9) at 5 %, one-sided, is 1.83: (change - 1.5) / se must be more.
    assert plateau.off({"change": 3.4, "se": 1.0}) and plateau.off({"change": -3.4, "se": 1.0})
    assert not plateau.off({"change": 3.3, "se": 1.0})
    assert not plateau.off({"change": 1.0, "se": 0.01})


STUDY = Study(ROOT)


@pytest.mark.parametrize("dataset", recordings.RECORDINGS)
def test_recordings_are_measured_on_every_fold_by_what_nothing_balances(dataset):
    runs = study_plateau.runs(STUDY, dataset)
    assert {run.row.method for run in runs} == {"joint", "unimodal"}
    assert not {run.seed for run in runs} & {*STUDY.seeds(dataset)}
    folds = pd.Series([run.fold for run in runs], index=[run.name for run in runs])
    for _, own in folds.groupby(level=0):
        assert sorted(own) == [*STUDY.folds(dataset)]


@pytest.mark.parametrize("dataset", recordings.RECORDINGS)
def test_a_recording_has_the_best_rate_that_was_measured(dataset):
    train = STUDY.section(dataset).train
    measured = pd.read_csv(ROOT / study_plateau.RESULT).query("dataset == @dataset")
    joint = measured.query("row == 'concat' and epochs == @train.epochs")
    assert {*joint["lr"]} == {*plateau.RATES[train.optimizer]}
    assert plateau.best(joint) == train.lr


def test_seeds_and_their_folds_are_paired_by_hand():
    lines = [
        ("ravdess", "concat", 0.1, epochs, seed, dev)
        for epochs, seed, dev in ((8, 100, 50.0), (8, 101, 70.0), (16, 100, 53.0), (16, 101, 75.0))
    ]
    (gap,) = plateau.gaps(pd.DataFrame(lines, columns=plateau.COLUMNS)).to_dict("records")
    # Folds differ by 20 points, their changes, 3 and 5, by 2: a variance of 2 over two folds.
    assert gap == {"row": "concat", "epochs": 8, "dev_accuracy": 60, "change": 4, "se": 1.0}
