"""The sweep over Algorithm 1: its runs, its table and its figure."""

import pandas as pd
import pytest
from made_runs import make, make_sweep

from companion import params
from companion.runs.grid import runs_of, sweep_of
from companion.table1 import algorithm1


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    make(folder)
    return algorithm1.collect(make_sweep(folder))


@pytest.fixture
def beside():
    return pd.DataFrame(
        {"row": ["concat", "three_heads"], "accuracy": [60.0, 62.04], "accuracy_sd": 2.0}
    )


def test_every_pair_is_a_run_per_seed_and_one_pair_is_the_row_of_table_1():
    settings = params.load()
    sweep, own = settings.algorithm1, runs_of("mini", "cremad")
    swept = sweep_of("mini", "cremad")
    pairs = {(run.row.options["eta"], run.row.options["steps"]) for run in swept}
    assert pairs == {(eta, steps) for eta in sweep.eta for steps in sweep.steps}
    assert len(swept) == len(pairs) * 3 == len({run.folder for run in swept})
    same = [run for run in swept if run in own]
    assert {run.name for run in same} == {params.ALGORITHM1} and len(same) == 3
    for run in swept:
        assert run.row.options["preset"] == "paper" and run.config == same[0].config


def test_the_sweep_is_no_row_of_the_table_and_of_one_data_set_only():
    names = {run.name for run in sweep_of("mini", "cremad")} - {params.ALGORITHM1}
    assert not names & {run.name for run in runs_of("mini", "cremad")}
    assert sweep_of("mini", "ks") == []
    (one, *_) = names
    assert [run.name for run in runs_of("smoke", "cremad", [one])] == [one, one]
    with pytest.raises(ValueError, match=f"no row {one} for ks"):
        runs_of("smoke", "ks", [one])


def test_the_table_has_a_mean_and_a_spread_per_pair(tried):
    table = algorithm1.summary(tried)
    assert len(table) == 6 and table["seeds"].eq(2).all() and table["test_clips"].eq(60).all()
    # Made runs: 0.3 and a thousandth per step; seeds 2 points apart, SD sqrt 2.
    few = table[(table["steps"] == 20) & (table["eta"] == 0.01)].iloc[0]
    assert few["accuracy"] == pytest.approx(33) and few["accuracy_sd"] == pytest.approx(2**0.5)


def test_the_page_is_steps_by_rates_with_the_row_of_table_1_in_bold(tried, beside):
    table = algorithm1.summary(tried)
    page = algorithm1.markdown(table, beside)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    assert lines[0] == ["Steps", "η = 0.0003", "η = 0.001", "η = 0.01"]
    assert [line[0] for line in lines[2:4]] == ["20", "80"]
    own = table.set_index("row").loc[params.ALGORITHM1]
    assert lines[2][2] == f"**{own['accuracy']:.1f} ± 1.4**" and page.count("**") == 2
    assert "Concat: 60.0 ± 2.0. Three heads (all w = 1): 62.0 ± 2.0." in page
    assert "12 comparisons judged together" in page and "\\*" not in page


def test_the_figure_has_a_dot_per_seed_and_a_line_per_number_of_steps(tried, beside):
    figure = algorithm1.draw(tried, beside, "toy")
    ax = figure.axes[0]
    lines = [line for line in ax.lines if len(line.get_xdata()) == 3 and line.get_ls() != "None"]
    assert [line.get_label() for line in lines] == ["20 steps", "80 steps"]
    dots = [line for line in ax.lines if line.get_ls() == "None" and len(line.get_xdata()) == 6]
    assert len(dots) == 2
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.0003", "0.001", "0.01"]
    assert {text.get_text() for text in figure.legends[0].get_texts()} >= {"Concat (mean)"}
