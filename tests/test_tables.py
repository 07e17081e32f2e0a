"""Table 1, its ablation, and the sentences that follow from them."""

import json

import numpy as np
import pandas as pd
import pytest
from made_runs import execute, make, write_json

from olmlib import metrics, params, report, tables
from olmlib.metrics import Interval
from olmlib.paper import TABLE1_ROWS

ROWS = list(params.load().rows)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    path = tmp_path_factory.mktemp("paper") / "table1.csv"
    lines = ["group,method,late_concat,cremad_acc,cremad_map"]
    lines += [f"g,{name},,{50 + i},{60 + i}" for i, name in enumerate(TABLE1_ROWS.values())]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def grid(tmp_path):
    return make(tmp_path)


@pytest.fixture
def measured(grid):
    return tables.collect({"cremad": grid})


def frame(**values):
    """Runs of rows whose accuracies are given per seed."""
    lines = [
        {"dataset": "cremad", "title": "toy", "row": row, "seed": seed, "accuracy": value}
        for row, accuracies in values.items()
        for seed, value in enumerate(accuracies)
    ]
    empty = {name: np.nan for name in tables.MEASURES}
    measured = pd.DataFrame([empty | line for line in lines])
    return measured.assign(map=measured["accuracy"], last_accuracy=measured["accuracy"])


def edit(run, change):
    content = json.loads((run.folder / "metrics.json").read_text())
    change(content)
    write_json(run.folder / "metrics.json", **content)


def test_every_run_has_its_line_and_its_identity(grid, measured):
    assert len(measured) == len(grid)
    assert measured["identity"].tolist() == [f"{run.name}{run.seed}" for run in grid]
    assert measured["test_clips"].eq(60).all()


def test_one_line_per_row_of_params(measured, printed):
    table = tables.table1(measured, printed)
    assert table["row"].tolist() == ROWS
    assert table["label"].is_unique
    assert table["title"].eq("CREMA-D miniature").all()


def test_mean_interval_and_differences_by_hand(printed):
    # Of 2 values, t(0.975, 1) = 12.7062 times half their distance.
    measured = frame(concat=[0.50, 0.60], three_heads=[0.53, 0.62])
    concat, heads = tables.table1(measured, printed).to_dict("records")
    assert (concat["accuracy"], concat["accuracy_half"]) == (55.0, pytest.approx(63.5310))
    assert heads["minus_concat"] == 2.5
    assert heads["minus_concat_half"] == pytest.approx(0.5 * 12.7062, abs=1e-3)
    assert not heads["minus_concat_differs"]
    assert np.isnan(concat["minus_concat"])
    assert np.isnan(heads["audio"])


def test_an_interval_without_zero_is_marked(printed):
    measured = frame(concat=[0.5, 0.6], three_heads=[0.55, 0.652])
    table = tables.table1(measured, printed)
    assert table["minus_concat_differs"].tolist() == [False, True]
    text = report.markdown(table)
    assert "+5.1 ± 1.3 \\*" in text
    assert text.count("\\*") == 2  # and Concat minus Three heads


def test_paired_differences_ignore_what_seeds_share(printed):
    measured = frame(concat=[0.2, 0.5, 0.8], three_heads=[0.21, 0.512, 0.811])
    line = tables.table1(measured, printed).iloc[1]
    assert line["accuracy_half"] > 50
    assert line["minus_concat_half"] < 1


def test_the_order_of_lines_does_not_change_the_pairs(measured):
    shuffled = measured.sample(frac=1, random_state=0)
    for name in ("concat", "three_heads"):
        gap = tables.difference(measured, "cremad", "olm", name)
        assert tables.difference(shuffled, "cremad", "olm", name) == gap


def test_paper_beside_ours_where_it_has_the_row(measured, printed):
    table = tables.table1(measured, printed).set_index("row")
    assert table.loc["audio_only", ["paper_accuracy", "paper_map"]].tolist() == [50, 60]
    assert np.isnan(table.loc["three_heads", "paper_accuracy"])
    assert tables.published("avmnist") == {}


def test_a_data_set_that_the_paper_lacks_has_no_such_column(measured, printed):
    text = report.markdown(tables.table1(measured.assign(dataset="avmnist"), printed))
    assert "Paper" not in text and "Accuracy − Concat" in text


def test_ablation_is_a_to_h_in_order(measured, printed):
    lines = tables.ablation(tables.table1(measured, printed))
    assert lines["letter"].tolist() == list("abcdefgh")
    assert lines["row"].tolist()[0] == "three_heads" and lines["row"].tolist()[5] == "olm"
    assert len(report.controls(ROWS)) == 7


def test_a_new_method_gets_a_label_without_being_listed():
    assert tables.label("ogm_ge") == "OGM-GE"
    assert tables.label("my_own") == "my own"


def test_a_missing_run_is_an_error(grid):
    (grid[3].folder / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match="1 of .* runs are missing.*10_train"):
        tables.collect({"cremad": grid})


def test_a_missing_seed_is_an_error(measured, printed):
    one = (measured["row"] == "olm") & (measured["seed"] == 0)
    with pytest.raises(ValueError, match=r"row olm has seeds \(1,\), others have \(0, 1\)"):
        tables.table1(measured[~one], printed)


def test_a_row_to_compare_with_must_be_there(measured, printed):
    with pytest.raises(ValueError, match="no row concat to compare with"):
        tables.table1(measured[measured["row"] != "concat"], printed)


@pytest.mark.parametrize("value", [float("nan"), 1.2, -0.1])
def test_a_value_that_is_no_share_is_an_error(grid, value):
    edit(grid[2], lambda content: content["test"].update(accuracy=value))
    with pytest.raises(ValueError, match=r"not in \[0, 1\]"):
        tables.collect({"cremad": grid})


@pytest.mark.parametrize("measure", ["accuracy", "audio"])
def test_a_nan_cell_raises(measured, printed, measure):
    measured.loc[measured.index[measured["row"] == "concat"][0], measure] = np.nan
    with pytest.raises(ValueError, match=f"{measure} of row concat is NaN for seeds"):
        tables.table1(measured, printed)


def test_a_metric_that_only_some_seeds_have_is_an_error(grid):
    olm = next(run for run in grid if run.name == "olm")
    edit(olm, lambda content: content["test"].pop("accuracy_weighted_sum"))
    with pytest.raises(ValueError, match="weighted_sum of row olm is NaN for seeds"):
        tables.collect({"cremad": grid})


def test_a_folder_with_another_run_is_an_error(grid):
    known = json.loads((grid[0].folder / "identity.json").read_text())
    write_json(grid[0].folder / "identity.json", **known | {"row": "olm"})
    with pytest.raises(ValueError, match="holds the run olm-0"):
        tables.collect({"cremad": grid})


def test_a_run_made_with_other_values_is_an_error(grid):
    known = json.loads((grid[0].folder / "identity.json").read_text())
    known["train"]["lr"] *= 2
    write_json(grid[0].folder / "identity.json", **known)
    with pytest.raises(ValueError, match="trained before train changed in params.yaml"):
        tables.collect({"cremad": grid})


def test_seeds_that_agree_to_the_clip_show_no_spread(printed):
    table = tables.table1(frame(concat=[0.5, 0.6], three_heads=[0.55, 0.65]), printed)
    assert table["minus_concat"].tolist()[1] == 5 and not table["minus_concat_differs"].any()
    gap = metrics.paired_difference([0.55, 0.65], [0.5, 0.6])
    assert "no spread to judge by" in report.sentence("olm", "concat", gap, 2)


def test_one_seed_has_a_mean_and_no_interval(printed):
    table = tables.table1(frame(concat=[0.5], three_heads=[0.6]), printed)
    assert "60.0 |" in report.markdown(table)
    assert not table["minus_concat_differs"].any()
    gap = metrics.paired_difference([0.6], [0.5])
    assert "nothing can be concluded" in report.sentence("olm", "concat", gap, 1)


@pytest.mark.parametrize(
    ("gap", "word", "says"),
    [
        (Interval(0.02, 0.01), "yes", "excludes 0: OLM (fixed) is higher"),
        (Interval(-0.02, 0.01), "no, the other way", "excludes 0: OLM (fixed) is lower"),
        (Interval(0.01, 0.02), "not shown", "includes 0: 3 seeds do not show"),
        (Interval(0.02, 1e-17), "not shown", "agree to the clip"),
    ],
)
def test_words_follow_the_interval(gap, word, says):
    assert report.answer(gap) == word
    assert says in report.sentence("olm", "concat", gap, 3)


def test_claims_put_the_papers_difference_beside_ours(measured, printed):
    answers = report.claims(measured, "cremad", printed=printed).set_index("question")
    audio = answers.loc["Is audio alone better than visual alone?"]
    # Every made row is a point above the one before; the printed ones, too.
    assert audio.tolist() == ["−1.0 [−1.0, −1.0]", "not shown", "−1.0"]
    assert (answers["paper"] == "–").sum() == 3


def test_change_turns_the_answer_by_what_the_paper_says():
    table = pd.DataFrame(
        [("a", s, "audio", 3.0 + s) for s in range(3)]
        + [("b", s, "audio", 2.0 + s + 0.01 * s) for s in range(3)],
        columns=["row", "seed", "head", "norm"],
    )
    assert report.change(table, "norm", ["a", "b"], {"audio": -1})["here"].tolist() == ["yes"]
    answer = report.change(table, "norm", ["a", "b"], {"audio": 1})["here"].tolist()
    assert answer == ["no, the other way"]


def test_half_a_rounding_step_does_not_depend_on_the_last_bit(printed):
    low, high = (0.1 + 0.2) / 4, 0.3 / 4
    assert low != high
    tied = [tables.table1(frame(concat=[x], three_heads=[x]), printed) for x in (low, high)]
    assert report.markdown(tied[0]) == report.markdown(tied[1])


def test_notes_say_that_it_is_a_miniature(grid):
    notes = report.notes({"cremad": grid}, "make reproduce")
    assert "CREMA-D here is a miniature" in notes and "`make reproduce`" in notes
    assert "seeds 0, 1" in notes


def test_notebook_writes_every_result_and_the_same_twice(root, grid, tmp_path, monkeypatch):
    monkeypatch.setattr("olmlib.nb.ROOT", tmp_path)
    (tmp_path / "data" / "paper").mkdir(parents=True)
    shipped = root / "data" / "paper" / "table1.csv"
    if not shipped.is_file():
        pytest.skip("data/ is not pulled: dvc pull data.dvc")
    (tmp_path / "data" / "paper" / "table1.csv").write_bytes(shipped.read_bytes())
    for out in ("one", "two"):
        execute(root / "notebooks" / "20_table1.ipynb", out=out)
    files = {path.name for path in (tmp_path / "one").iterdir()}
    assert files == {
        *("table1.csv", "table1.md", "table1.png", "table1_runs.csv"),
        *("ablation.csv", "ablation.md", "coefficients.csv", "coefficients.png"),
    }
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert len(pd.read_csv(tmp_path / "one" / "table1.csv")) == len(ROWS)
