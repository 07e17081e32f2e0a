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


def test_a_change_is_paired_over_seeds_in_points():
    measured = runs_of()
    measured["last_accuracy"] = measured["best_dev_accuracy"] + [0.02, 0.021] * len(ROWS)
    line = at(fairness.rank(measured), "concat", "last_accuracy")
    # Of the differences 2 and 2.1, t(0.975, 1) = 12.7062 times half their distance.
    assert line["change"] == pytest.approx(2.05)
    assert line["change_half"] == pytest.approx(0.05 * 12.7062, abs=1e-4)
    assert line["differs"] and not at(fairness.rank(measured), "concat", "sum")["differs"]


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
    assert tau[fairness.SEEDS] == 1


def test_the_yardstick_compares_seeds_and_one_seed_has_none():
    measured = runs_of()
    turned = measured["seed"] == 1
    measured.loc[turned, "best_dev_accuracy"] = -measured["best_dev_accuracy"]
    tau = fairness.agreement(measured).set_index("choice")["tau"]
    assert tau[fairness.SEEDS] == -1 and tau["last_accuracy"] == 0
    alone = fairness.agreement(runs_of(seeds=1))
    assert np.isnan(alone.set_index("choice").loc[fairness.SEEDS, "tau"])
    assert "one seed has no noise" in fairness.sentences(alone)


def test_sentences_name_what_is_below_the_yardstick():
    found = fairness.agreement(runs_of(sum=[0.5, 0.4, 0.3, 0.95]))
    assert fairness.sentences(found).endswith("τ = 1.00. Below that: sum of heads (0.00).")
    assert "No choice is below that" in fairness.sentences(fairness.agreement(runs_of()))


def test_the_figure_has_a_panel_per_data_set_with_every_rank():
    both = pd.concat([runs_of(), runs_of(dataset="ks").query("row != 'ogm_ge'")])
    ranked, found = fairness.rank(both), fairness.agreement(both)
    figure = picture.choices(ranked, found)
    panels = [ax for ax in figure.axes if ax.get_title(loc="left")]
    assert [ax.get_title(loc="left") for ax in panels] == ["cremad", "ks"]
    assert [len(ax.texts) for ax in panels] == [20, 15]
    assert [tick.get_text() for tick in panels[0].get_xticklabels()][1:] == ["1.00"] * 4
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
        "olm": params.Row(method="olm", options={"steps": 3}),
    }
    table = hyperparameters.table(chosen).set_index(["Method", "Option", "Value"])
    assert table.loc[("ogm_ge", "alpha", "0.8"), "Rows"] == "OGM-GE; OGM, without GE"
    assert table.loc[("ogm_ge", "ge", "False"), "Rows"] == "OGM, without GE"
    assert table.loc[("olm", "steps", "3"), "From"] == hyperparameters.OURS
    assert "smoothing" in table.loc[("olm", "preset", "stable"), "Note"]


def test_rows_without_options_are_named():
    chosen = {"three_heads": params.Row(method="three_heads"), "x": params.Row(method="mmcosine")}
    assert hyperparameters.without_any(chosen) == ["Three heads (all w = 1)"]
