"""Which choices change the ranking, and where options come from."""

import numpy as np
import pandas as pd
import pytest

from companion import params
from companion.runs import grid
from companion.table1 import fairness, hyperparameters, picture
from olmlib.methods.table import create

ROWS = ("concat", "olm", "ogm_ge", "my_own")


def runs_of(seeds=2, dataset="cremad", **columns):
    """Runs whose accuracies fall by a tenth from row to row, except in the given columns."""
    lines = []
    for place, row in enumerate(ROWS):
        for seed in range(seeds):
            accuracy = 0.9 - 0.1 * place - 0.01 * seed
            line = {"dataset": dataset, "title": dataset, "row": row, "seed": seed}
            line |= dict.fromkeys(fairness.CHOICES, accuracy)
            lines.append(line | {name: values[place] for name, values in columns.items()})
    return pd.DataFrame(lines)


def at(ranked, row, choice):
    return ranked[(ranked["row"] == row) & (ranked["choice"] == choice)].iloc[0]


def test_ranks_and_places_gained_by_hand():
    # By the sum of heads the last row comes first, so every other one loses a place.
    ranked = fairness.rank(runs_of(sum=[0.5, 0.4, 0.3, 0.95]))
    assert [at(ranked, row, fairness.DEFAULT)["rank"] for row in ROWS] == [1, 2, 3, 4]
    assert [at(ranked, row, "sum")["rank"] for row in ROWS] == [2, 3, 4, 1]
    assert [at(ranked, row, "sum")["moved"] for row in ROWS] == [-1, -1, -1, 3]
    assert ranked.loc[ranked["choice"] == fairness.DEFAULT, "moved"].eq(0).all()


def test_equal_accuracies_share_the_better_place():
    ranked = fairness.rank(runs_of(sum=[0.5, 0.5, 0.6, 0.4]))
    assert [at(ranked, row, "sum")["rank"] for row in ROWS] == [2, 2, 1, 4]


def test_a_change_is_that_of_the_same_runs_in_points():
    measured = runs_of()
    measured["last_accuracy"] = measured["best_dev_accuracy"] + [0.02, 0.021] * len(ROWS)
    line = at(fairness.rank(measured), "concat", "last_accuracy")
    # Changes of 2 and 2.1 points: SD 0.1 / sqrt 2. That of the accuracies themselves is larger.
    assert line["change"] == pytest.approx(2.05)
    assert line["change_sd"] == pytest.approx(0.1 / 2**0.5)
    assert line["accuracy_sd"] == pytest.approx(0.9 / 2**0.5)


def test_without_coefficients_the_weighted_sum_is_the_plain_one():
    ranked = fairness.rank(runs_of(weighted_sum=[np.nan] * 4, sum=[0.1, 0.2, 0.3, 0.4]))
    assert at(ranked, "concat", "weighted_sum")["accuracy"] == pytest.approx(10)


def test_controls_are_not_ranked_and_new_methods_are():
    control = runs_of().query("row == 'olm'").assign(row="olm_random")
    ranked = fairness.rank(pd.concat([runs_of(), control]))
    assert set(ranked["row"]) == set(ROWS)


def test_tau_by_hand():
    # Of six pairs, moving the last of four rows to the front turns three round: (3 - 3) / 6.
    measured = runs_of(sum=[0.5, 0.4, 0.3, 0.95])
    tau = fairness.agreement(measured).set_index("choice")["tau"]
    assert tau["sum"] == 0 and tau["last_accuracy"] == 1
    assert set(tau.index) == set(fairness.CHOICES) - {fairness.DEFAULT}


def test_rankings_are_compared_of_the_same_runs_only():
    # Another order in another seed is another set of runs: it changes no tau.
    measured = runs_of()
    turned = measured["seed"] == 1
    for choice in fairness.CHOICES:
        measured.loc[turned, choice] = 1 - measured[choice]
    assert fairness.agreement(measured)["tau"].eq(1).all()


def test_who_moves_most_under_each_choice():
    measured = runs_of(sum=[0.5, 0.4, 0.3, 0.95])
    ranked, agreed = fairness.rank(measured), fairness.agreement(measured)
    most = fairness.most_moved(ranked).set_index("choice")["row"]
    assert most.to_dict() == {"sum": "my_own"}
    page = fairness.moves(ranked, agreed)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    assert ["sum of heads", "0.00", "my own", "+3", "+35.5 ± 0.7"] in lines
    assert ["last epoch", "1.00", "no method", "–", "–"] in lines


def test_of_equal_moves_the_larger_change_is_named():
    # Second and third change places; the second loses 15 points, the third stays.
    ranked = fairness.rank(runs_of(sum=[0.9, 0.65, 0.7, 0.6]))
    assert fairness.most_moved(ranked).set_index("choice")["row"]["sum"] == "olm"


def test_the_figure_has_a_panel_per_data_set_with_every_rank():
    both = pd.concat([runs_of(), runs_of(dataset="ks").query("row != 'ogm_ge'")])
    ranked, found = fairness.rank(both), fairness.agreement(both)
    figure = picture.choices(ranked, found)
    panels = [ax for ax in figure.axes if ax.get_title(loc="left")]
    assert [ax.get_title(loc="left") for ax in panels] == ["cremad", "ks"]
    assert [len(ax.texts) for ax in panels] == [20, 15]
    assert [tick.get_text() for tick in panels[0].get_xticklabels()] == ["", *["1.00"] * 4]
    moved = fairness.rank(runs_of(sum=[0.5, 0.4, 0.3, 0.95]))
    drawn = picture.choices(moved, found[found["dataset"] == "cremad"]).axes[0].patches
    # Framed is the fourth choice of the third row: new methods stand before those of OLM.
    assert [patch.get_xy() for patch in drawn] == [(2.5, 1.5)]
    numbers = fairness.numbers(ranked, found)
    assert len(numbers) == len(ranked) and numbers["tau"].notna().all()


def test_what_rows_share_is_read_from_the_configuration():
    table = fairness.settings({"cremad": grid.runs_of("mini", "cremad")}).set_index("Setting")
    chosen = params.load().profiles["mini"]
    own = table["CREMA-D miniature"]
    assert own["epochs"] == str(chosen.dataset("cremad").train.epochs)
    assert own["seeds"] == ", ".join(map(str, chosen.seeds))


def test_options_are_those_of_the_code_and_of_the_row():
    row = params.Row(method="ogm_ge", options={"alpha": 0.3}, model={"width": 32})
    options = hyperparameters.options(row)
    assert options["alpha"] == 0.3 and options["model.width"] == 32
    assert options["ge"] == create("ogm_ge").ge
    assert "seed" not in options and "options" not in options


def test_every_option_of_every_row_says_where_it_comes_from():
    table = hyperparameters.table(params.load().rows)
    unknown = table[table["Note"] == hyperparameters.UNKNOWN[1]]
    assert unknown.empty, f"tell companion/table1/hyperparameters.py about {unknown.to_string()}"


def test_rows_of_one_value_share_a_line_and_an_unknown_option_is_ours():
    chosen = {
        "ogm_ge": params.Row(method="ogm_ge"),
        "ogm": params.Row(method="ogm_ge", options={"ge": False}),
        "olm": params.Row(method="olm", options={"baseline": "first"}),
        "olm_paper": params.Row(method="olm", options={"preset": "paper", "eta": 0.5}),
    }
    table = hyperparameters.table(chosen).set_index(["Method", "Option", "Value"])
    assert table.loc[("ogm_ge", "alpha", "0.8"), "Rows"] == "OGM-GE; OGM, without GE"
    assert table.loc[("ogm_ge", "ge", "False"), "Rows"] == "OGM, without GE"
    assert table.loc[("olm", "baseline", "first"), "From"] == hyperparameters.OURS
    assert "smoothing" in table.loc[("olm", "preset", "stable"), "Note"]
    # The rate of the preset, which the row changes, is not told as if it were used.
    note = table.loc[("olm", "preset", "paper"), "Note"]
    assert "steps 20" in note and "eta" not in note


def test_rows_without_options_are_named():
    chosen = {"three_heads": params.Row(method="three_heads"), "x": params.Row(method="mmcosine")}
    assert hyperparameters.without_any(chosen) == ["Three heads (all w = 1)"]
