"""Base rates and epochs: chosen by a rule, on seeds that no table shows."""

import pandas as pd
import pytest

from companion import params, plateau
from companion.runs.sources import ROOT

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


def test_the_gap_by_hand():
    lines = [
        ("ks", "concat", 0.1, epochs, seed, dev)
        for epochs, seed, dev in ((8, 100, 50.0), (8, 101, 52.0), (16, 100, 53.0), (16, 101, 57.0))
    ]
    (gap,) = plateau.gaps(pd.DataFrame(lines, columns=plateau.COLUMNS)).to_dict("records")
    # Variances 2 and 8 over two seeds each: sqrt(2 / 2 + 8 / 2).
    assert gap == {"row": "concat", "epochs": 8, "dev_accuracy": 51, "change": 4, "se": 5**0.5}


@pytest.mark.parametrize("dataset", MINI.datasets)
def test_no_table_shows_the_seeds_and_no_method_of_balancing_is_trained(dataset):
    assert not {*plateau.SEEDS} & {*MINI.seeds}
    runs = plateau.rates("mini", dataset) + plateau.doubled("mini", dataset)
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


def test_a_network_is_off_its_plateau_only_if_its_change_is_shown_to_be_too_large():
    # t(4) at 5 %, one-sided, is 2.13: (change - 1.5) / se must be more.
    assert plateau.off({"change": 3.7, "se": 1.0}) and plateau.off({"change": -3.7, "se": 1.0})
    assert not plateau.off({"change": 3.6, "se": 1.0})
    assert not plateau.off({"change": 1.0, "se": 0.01})
