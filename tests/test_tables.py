"""Table 1, its ablation, and the sentences that follow from them."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from made_runs import execute, make, write_json

from companion import report
from companion.paper import TABLE1_ROWS
from companion.runs.grid import runs_of
from companion.table1 import claims, numbers, rows, text
from olmlib import metrics
from olmlib.metrics import Interval

ROWS = list(dict.fromkeys(run.name for run in runs_of("smoke", "cremad")))


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    path = tmp_path_factory.mktemp("paper") / "table1.csv"
    lines = ["group,method,late_concat,cremad_acc,cremad_map"]
    lines += [f"g,{name},,{50 + i},{60 + i}" for i, name in enumerate(TABLE1_ROWS.values())]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Every run, for tests that look at them."""
    return make(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def collected(made):
    return numbers.collect({"cremad": made})


@pytest.fixture
def measured(collected):
    return collected.copy()


@pytest.fixture
def grid(made, tmp_path):
    """Every run, for tests that change files of them."""
    root = made[0].runs.parents[3]
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    return runs_of("smoke", "cremad", root=tmp_path)


def frame(**values):
    """Runs of rows whose accuracies are given per seed."""
    lines = [
        {"dataset": "cremad", "title": "toy", "row": row, "seed": seed, "accuracy": value}
        for row, accuracies in values.items()
        for seed, value in enumerate(accuracies)
    ]
    empty = {name: np.nan for name in numbers.MEASURED}
    measured = pd.DataFrame([empty | line for line in lines])
    return measured.assign(**{name: measured["accuracy"] for name in numbers.ALWAYS})


def edit(run, change):
    content = json.loads((run.folder / "metrics.json").read_text())
    change(content)
    write_json(run.folder / "metrics.json", **content)


def test_every_run_has_its_line_and_its_identity(made, measured):
    assert len(measured) == len(made)
    assert measured["identity"].tolist() == [run.identity()["identity"] for run in made]
    assert measured["test_clips"].eq(60).all()


def test_one_line_per_row_of_params(measured, printed):
    table = numbers.table1(measured, printed)
    assert table["row"].tolist() == sorted(ROWS, key=rows.place)
    assert table["label"].is_unique
    assert table["title"].eq("CREMA-D miniature").all()


def test_mean_interval_and_differences_by_hand(printed):
    # Of 2 values, t(0.975, 1) = 12.7062 times half their distance.
    measured = frame(concat=[0.50, 0.60], three_heads=[0.53, 0.62])
    concat, heads = numbers.table1(measured, printed).to_dict("records")
    assert (concat["accuracy"], concat["accuracy_half"]) == (55.0, pytest.approx(63.5310))
    assert heads["minus_concat"] == 2.5
    assert heads["minus_concat_half"] == pytest.approx(0.5 * 12.7062, abs=1e-3)
    assert not heads["minus_concat_differs"]
    assert np.isnan(concat["minus_concat"])
    assert np.isnan(heads["audio"])


def test_an_interval_without_zero_is_marked(printed):
    measured = frame(concat=[0.5, 0.6], three_heads=[0.55, 0.652])
    table = numbers.table1(measured, printed)
    assert table["minus_concat_differs"].tolist() == [False, True]
    page = text.markdown(table)
    assert "+5.1 ± 1.3 \\*" in page
    assert page.count("\\*") == 2  # and Concat minus Three heads


def test_paired_differences_ignore_what_seeds_share(printed):
    measured = frame(concat=[0.2, 0.5, 0.8], three_heads=[0.21, 0.512, 0.811])
    line = numbers.table1(measured, printed).iloc[1]
    assert line["accuracy_half"] > 50
    assert line["minus_concat_half"] < 1


def test_the_order_of_lines_does_not_change_the_pairs(measured):
    shuffled = measured.sample(frac=1, random_state=0)
    for name in ("concat", "three_heads"):
        gap = numbers.difference(measured, "cremad", "olm", name)
        assert numbers.difference(shuffled, "cremad", "olm", name) == gap


def test_paper_beside_ours_where_it_has_the_row(measured, printed):
    table = numbers.table1(measured, printed).set_index("row")
    assert table.loc["audio_only", ["paper_accuracy", "paper_map"]].tolist() == [50, 60]
    assert np.isnan(table.loc["three_heads", "paper_accuracy"])
    assert numbers.published("avmnist") == {}


def test_a_data_set_that_the_paper_lacks_has_no_such_column(measured, printed):
    page = text.markdown(numbers.table1(measured.assign(dataset="avmnist"), printed))
    assert "Paper" not in page and "Accuracy − Concat" in page


def test_ablation_is_a_to_h_in_order(measured, printed):
    lines = numbers.ablation(numbers.table1(measured, printed))
    assert lines["letter"].tolist() == list("abcdefgh")
    assert lines["row"].tolist()[0] == "three_heads" and lines["row"].tolist()[5] == "olm"
    assert len(claims.controls(ROWS)) == 7


def test_blocks_stand_together_and_other_encoders_apart(measured, printed):
    table = numbers.table1(measured, printed)
    changes = (table["block"] != table["block"].shift()).sum()
    assert changes == table["block"].nunique()
    assert rows.block("cur") == rows.block("avslowfast") == rows.OTHER_ENCODERS
    assert rows.block("concat") != rows.OTHER_ENCODERS
    assert rows.block("my_own") == rows.block("gradnorm")
    page = text.markdown(table)
    assert page.index("**Late fusion**") < page.index("| Concat") < page.index("**OLM**")


def test_costs_stand_beside_and_are_no_percent(measured, printed, tmp_path):
    path = tmp_path / "costs.csv"
    path.write_text("row,step_over_concat,extra_runs,machine\nolm,1.046,0,x\nconcat,1,,x\n")
    table = numbers.table1(measured, printed, path)
    costs = table.set_index("row")[list(numbers.COSTS)]
    assert costs.loc["olm"].tolist() == [1.046, 0] and costs.loc["audio_only"].isna().all()
    olm, concat = (
        next(line for line in text.markdown(table).splitlines() if name in line)
        for name in ("| OLM (stable)", "| Concat")
    )
    assert [cell.strip() for cell in olm.split("|")][-3:-1] == ["1.05", "0"]
    assert [cell.strip() for cell in concat.split("|")][-3:-1] == ["1.00", ""]


@pytest.mark.parametrize("content", [None, "row,machine\nolm,x\n", "row,step_over_concat\nolm,?\n"])
def test_without_costs_the_table_is_the_same(measured, printed, tmp_path, content):
    path = tmp_path / "costs.csv"
    if content is not None:
        path.write_text(content)
    page = text.markdown(numbers.table1(measured, printed, path))
    assert page == text.markdown(numbers.table1(measured, printed))
    assert "Step" not in page


def test_what_is_larger_than_noise_is_named():
    gaps = {"minus_concat": [5.0, -3.0, 1.0, np.nan], "minus_three_heads": [0.0, 0.1, 0.2, 0.3]}
    table = pd.DataFrame({"title": "toy", "label": list("abcd"), "letter": "", **gaps})
    table["minus_concat_differs"] = [True, True, False, False]
    table["minus_three_heads_differs"] = False
    lines = text.beyond_noise(table).splitlines()
    assert "- higher than Concat: a +5.0" in lines and "- lower than Concat: b −3.0" in lines
    assert "- not told apart from Concat: 1 rows" in lines
    assert lines[-1].startswith("2 of 7 differences are marked.")


def test_epochs_are_chosen_by_dev_and_by_test(grid, monkeypatch):
    run = grid[0]
    table = pd.read_csv(run.folder / "epochs.csv")
    table["dev_accuracy"], table["test_accuracy"] = [0.2, 0.9, 0.9, 0.1], [0.1, 0.3, 0.4, 0.8]
    table.to_csv(run.folder / "epochs.csv", index=False)
    line = numbers.collect({"cremad": grid}).iloc[0]
    assert line[list(numbers.EPOCHS)].tolist() == [0.3, 0.8]


def test_a_new_method_gets_a_label_without_being_listed():
    assert rows.label("ogm_ge") == "OGM-GE"
    assert rows.label("my_own") == "my own"


def test_a_missing_run_is_an_error(grid):
    (grid[3].folder / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match="1 of .* runs are missing.*dvc repro"):
        numbers.collect({"cremad": grid})


def test_a_missing_seed_is_an_error(measured, printed):
    one = (measured["row"] == "olm") & (measured["seed"] == 0)
    with pytest.raises(ValueError, match=r"row olm has seeds \(1,\), others have \(0, 1\)"):
        numbers.table1(measured[~one], printed)


def test_a_row_to_compare_with_must_be_there(measured, printed):
    with pytest.raises(ValueError, match="no row concat to compare with"):
        numbers.table1(measured[measured["row"] != "concat"], printed)


@pytest.mark.parametrize("value", [float("nan"), 1.2, -0.1])
def test_a_value_that_is_no_share_is_an_error(grid, value):
    edit(grid[2], lambda content: content["test"].update(accuracy=value))
    with pytest.raises(ValueError, match=r"not in \[0, 1\]"):
        numbers.collect({"cremad": grid})


@pytest.mark.parametrize("measure", ["accuracy", "audio"])
def test_a_nan_cell_raises(measured, printed, measure):
    measured.loc[measured.index[measured["row"] == "concat"][0], measure] = np.nan
    with pytest.raises(ValueError, match=f"{measure} of row concat is NaN for seeds"):
        numbers.table1(measured, printed)


def test_a_metric_that_only_some_seeds_have_is_an_error(grid):
    olm = next(run for run in grid if run.name == "olm")
    edit(olm, lambda content: content["test"].pop("accuracy_weighted_sum"))
    with pytest.raises(ValueError, match="weighted_sum of row olm is NaN for seeds"):
        numbers.collect({"cremad": grid})


def test_a_folder_with_another_run_is_an_error(grid):
    known = json.loads((grid[0].folder / "identity.json").read_text())
    write_json(grid[0].folder / "identity.json", **known | {"row": "olm"})
    with pytest.raises(ValueError, match="holds the run olm-0"):
        numbers.collect({"cremad": grid})


def test_a_run_made_with_other_values_is_an_error(grid):
    known = json.loads((grid[0].folder / "identity.json").read_text())
    known["train"]["lr"] *= 2
    write_json(grid[0].folder / "identity.json", **known | {"identity": "another"})
    with pytest.raises(
        ValueError, match=r"^1 of .* options than today's.* \(train\): run `dvc rep"
    ):
        numbers.collect({"cremad": grid})


def test_seeds_that_agree_to_the_clip_show_no_spread(printed):
    table = numbers.table1(frame(concat=[0.5, 0.6], three_heads=[0.55, 0.65]), printed)
    assert table["minus_concat"].tolist()[1] == 5 and not table["minus_concat_differs"].any()
    gap = metrics.paired_difference([0.55, 0.65], [0.5, 0.6])
    assert "no spread to judge by" in claims.sentence("olm", "concat", gap, 2)


def test_one_seed_has_a_mean_and_no_interval(printed):
    table = numbers.table1(frame(concat=[0.5], three_heads=[0.6]), printed)
    assert "60.0 |" in text.markdown(table)
    assert not table["minus_concat_differs"].any()
    gap = metrics.paired_difference([0.6], [0.5])
    assert "nothing can be concluded" in claims.sentence("olm", "concat", gap, 1)


@pytest.mark.parametrize(
    ("gap", "word", "says"),
    [
        (Interval(0.02, 0.01), "yes", "excludes 0: OLM (stable) is higher"),
        (Interval(-0.02, 0.01), "no, the other way", "excludes 0: OLM (stable) is lower"),
        (Interval(0.01, 0.02), "not shown", "includes 0: 3 seeds do not show"),
        (Interval(0.02, 1e-17), "not shown", "agree to the clip"),
    ],
)
def test_words_follow_the_interval(gap, word, says):
    assert report.answer(gap) == word
    assert says in claims.sentence("olm", "concat", gap, 3)


@pytest.mark.parametrize(
    ("mean", "half", "shown"),
    [
        (62.74, 5.44, "62.7 ± 5.4"),
        (-0.04, 1, "0.0 ± 1.0"),
        (60.42, 0.0, "60.4"),
        (60.42, np.nan, "60.4"),
        (60.42, 0.04, "60.4 ± < 0.1"),
        (-2.25, 0.06, "−2.2 ± 0.1"),
    ],
)
def test_an_interval_without_width_is_not_shown(mean, half, shown):
    assert report.interval(mean, half) == shown
    assert report.interval(abs(mean), half, sign=True).startswith("+")


def test_claims_put_the_papers_difference_beside_ours(measured, printed):
    answers = claims.claims(measured, "cremad", printed=printed).set_index("question")
    audio = answers.loc["Is audio alone better than visual alone?"]
    # Every made row is a point above the one before; the printed ones, too.
    assert audio.tolist() == ["−1.0", "not shown", "−1.0"]
    assert (answers["paper"] == "–").sum() == 3
    some = measured[measured["row"] != "olm_reversed"]
    assert len(claims.claims(some, "cremad", printed=printed)) == len(answers) - 1


def test_change_turns_the_answer_by_what_the_paper_says():
    table = pd.DataFrame(
        [("a", s, "audio", 3.0 + s) for s in range(3)]
        + [("b", s, "audio", 2.0 + s + 0.01 * s) for s in range(3)],
        columns=["row", "seed", "head", "norm"],
    )
    assert claims.change(table, "norm", ["a", "b"], {"audio": -1})["here"].tolist() == ["yes"]
    answer = claims.change(table, "norm", ["a", "b"], {"audio": 1})["here"].tolist()
    assert answer == ["no, the other way"]


def test_half_a_rounding_step_does_not_depend_on_the_last_bit(printed):
    low, high = (0.1 + 0.2) / 4, 0.3 / 4
    assert low != high
    tied = [numbers.table1(frame(concat=[x], three_heads=[x]), printed) for x in (low, high)]
    assert text.markdown(tied[0]) == text.markdown(tied[1])


def test_notes_say_that_it_is_a_miniature(made):
    notes = text.notes({"cremad": made}, "make reproduce")
    assert "CREMA-D here is a miniature" in notes and "`make reproduce`" in notes
    assert "seeds 0, 1" in notes


def test_notebook_writes_every_result_and_the_same_twice(root, grid, tmp_path, monkeypatch):
    monkeypatch.setattr("companion.notebooks.ROOT", tmp_path)
    (tmp_path / "data" / "paper").mkdir(parents=True)
    shipped = root / "data" / "paper" / "table1.csv"
    if not shipped.is_file():
        pytest.skip("data/ is not pulled: dvc pull data.dvc")
    (tmp_path / "data" / "paper" / "table1.csv").write_bytes(shipped.read_bytes())
    lines = (len(grid) + len(make(tmp_path, dataset="avmnist"))) // 2
    listed = (tmp_path / "params.yaml").read_text(encoding="utf-8")
    listed = listed.replace("[cremad, ks, vggsound]", "[cremad, avmnist]")
    (tmp_path / "params.yaml").write_text(listed, encoding="utf-8")
    for out, datasets in (("one", ["cremad", "avmnist"]), ("two", [])):
        execute(root / "notebooks" / "20_table1.ipynb", out=out, datasets=datasets)
    files = {path.name for path in (tmp_path / "one").iterdir()}
    assert files == {
        *("table1.csv", "table1.md", "table1.png", "table1_runs.csv"),
        *("ablation.csv", "ablation.md", "coefficients.csv", "coefficients.png"),
        *("fairness.csv", "fairness.md", "fairness.png"),
    }
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert len(pd.read_csv(tmp_path / "one" / "table1.csv")) == lines
    page = (tmp_path / "one" / "fairness.md").read_text(encoding="utf-8")
    assert "### AV-MNIST" in page and "| olm" in page
