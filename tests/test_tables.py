"""Table 1, its ablation, and the sentences that follow from them."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from made_runs import execute, make, make_sweep, write_json

from companion import report
from companion.paper import TABLE1_ROWS
from companion.runs.grid import runs_of
from companion.spread import Spread, detectable
from companion.table1 import claims, numbers, rows, text

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
        {"dataset": "cremad", "title": "toy", "row": row, "seed": seed, "accuracy": value,
         "test_clips": 200}
        for row, accuracies in values.items()
        for seed, value in enumerate(accuracies)
    ]  # fmt: skip
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


def test_mean_spread_and_differences_by_hand(printed):
    # Of 2 values the standard deviation is their distance over sqrt 2; variances add up.
    measured = frame(concat=[0.50, 0.60], three_heads=[0.53, 0.62])
    concat, heads = numbers.table1(measured, printed).to_dict("records")
    assert (concat["accuracy"], concat["accuracy_sd"]) == (
        55.0,
        pytest.approx(10 / 2**0.5, rel=1e-5),
    )
    assert heads["minus_concat"] == 2.5
    assert heads["minus_concat_sd"] == pytest.approx((50 + 40.5) ** 0.5, rel=1e-5)
    assert np.isnan(concat["minus_concat"]) and np.isnan(concat["minus_concat_sd"])
    assert np.isnan(heads["audio"])


def test_the_spread_is_that_of_seeds_and_no_interval(printed):
    page = text.markdown(
        numbers.table1(frame(concat=[0.6, 0.62, 0.64], three_heads=[0.7] * 3), printed)
    )
    assert "62.0 ± 2.0" in page and "+8.0 ± 2.0" in page


def test_under_the_differences_stands_what_they_can_tell(measured, printed):
    table = numbers.table1(measured, printed)
    page = text.markdown(table)
    found = numbers.can_tell(table)
    # All rows against Concat, and all others against three heads, with which Concat was compared.
    assert found.comparisons == (len(ROWS) - 1) + (len(ROWS) - 2)
    assert found.pooled_sd == pytest.approx(2 / 2**0.5, rel=1e-3)
    assert found.alone == pytest.approx(detectable(found.pooled_sd, 2), rel=1e-6)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    assert ["Seeds", "2"] in lines and ["Test clips", "60"] in lines
    assert ["Difference shown with 80 % power", f"{found.alone:.1f}"] in lines
    many = f"The same, {found.comparisons} comparisons judged together"
    assert [many, f"{found.together:.1f}"] in lines
    assert "can tell" not in text.markdown(table, text.CHOICES_COLUMNS)


def test_no_star_and_no_verdict_stands_anywhere(measured, printed):
    table = numbers.table1(measured, printed)
    pages = [text.markdown(table), text.markdown(numbers.ablation(table), text.ABLATION_COLUMNS)]
    pages += [claims.claims(measured, "cremad", printed=printed).to_string(), text.READING]
    for word in ("\\*", "differs", "excludes", "not shown", "significant", "larger than noise"):
        assert not [page for page in pages if word in page], word
    assert not [name for name in table if name.endswith(("_differs", "_half"))]


def test_the_order_of_lines_does_not_change_the_pairs(measured):
    shuffled = measured.sample(frac=1, random_state=0)
    for name in ("concat", "three_heads"):
        gap = numbers.difference(measured, "cremad", "olm", name)
        assert numbers.difference(shuffled, "cremad", "olm", name) == gap


def test_paper_beside_ours_where_it_has_the_row(measured, printed):
    table = numbers.table1(measured, printed).set_index("row")
    assert table.loc["audio_only", ["paper_accuracy", "paper_map"]].tolist() == [50, 60]
    assert np.isnan(table.loc["three_heads", "paper_accuracy"])
    assert numbers.published("sunrgbd") == {}


def test_a_data_set_that_the_paper_lacks_has_no_such_column(measured, printed):
    page = text.markdown(numbers.table1(measured.assign(dataset="sunrgbd"), printed))
    assert "Paper" not in page and "Accuracy − Concat" in page


def test_ablation_is_a_to_j_in_order(measured, printed):
    lines = numbers.ablation(numbers.table1(measured, printed))
    assert lines["letter"].tolist() == list("abcdefghij")
    assert lines["row"].tolist()[0] == "three_heads" and lines["row"].tolist()[5] == "olm"
    assert len(claims.controls(ROWS)) == 9


def test_a_data_set_without_controls_has_no_ablation(measured, printed):
    few = measured[measured["row"].isin(["concat", "three_heads", "olm"])].assign(dataset="sunrgbd")
    table = numbers.table1(pd.concat([measured, few]), printed)
    assert set(numbers.ablation(table)["dataset"]) == {"cremad"}


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
    page = text.markdown(numbers.table1(frame(concat=[0.5] * 2, three_heads=[0.6] * 2), printed))
    assert " 60.0 |" in page and "±" not in page and "No spread over seeds" in page


def test_one_seed_has_a_mean_and_no_spread(printed):
    table = numbers.table1(frame(concat=[0.5], three_heads=[0.6]), printed)
    page = text.markdown(table)
    assert "60.0 |" in page and "±" not in page
    assert "No spread over seeds" in page and "no difference can be shown" in page
    said = claims.sentence("olm", "concat", Spread(0.1, np.nan), numbers.can_tell(table), 1)
    assert said.endswith("points. One seed has no spread: it shows no difference, however large.")


def test_a_sentence_has_numbers_and_what_would_have_shown(printed):
    table = numbers.table1(frame(concat=[0.5, 0.52, 0.54], three_heads=[0.6, 0.61, 0.65]), printed)
    found = numbers.can_tell(table)
    said = claims.sentence("olm", "concat", Spread(0.0123, 0.034), found, 3)
    assert said.startswith("OLM (stable) minus Concat: +1.2 ± 3.4 points (± is the SD of one run")
    assert said.endswith(f"3 seeds would show a true difference of {found.alone:.1f} points.")


@pytest.mark.parametrize(
    ("mean", "spread", "shown"),
    [
        (62.74, 5.44, "62.7 ± 5.4"),
        (-0.04, 1, "0.0 ± 1.0"),
        (60.42, 0.0, "60.4"),
        (60.42, np.nan, "60.4"),
        (60.42, 0.04, "60.4 ± < 0.1"),
        (-2.25, 0.06, "−2.2 ± 0.1"),
    ],
)
def test_a_spread_of_nothing_is_not_shown(mean, spread, shown):
    assert report.plus_minus(mean, spread) == shown
    assert report.plus_minus(abs(mean), spread, sign=True).startswith("+")


def test_claims_put_the_papers_difference_beside_ours(measured, printed):
    answers = claims.claims(measured, "cremad", printed=printed).set_index("question")
    audio = answers.loc["Is audio alone better than visual alone?"]
    # Every made row is a point above the one before; the printed ones, too.
    # Both rows have the seeds 2 points apart: SD sqrt 2, and twice that variance of the difference.
    assert audio.tolist() == ["−1.0 ± 2.0", "−1.0"]
    assert list(answers.columns) == ["difference", "paper"]
    assert (answers["paper"] == "–").sum() == 3
    some = measured[measured["row"] != "olm_reversed"]
    assert len(claims.claims(some, "cremad", printed=printed)) == len(answers) - 1


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
    lines = (len(grid) + len(make(tmp_path, dataset="ks"))) // 2
    make_sweep(tmp_path)
    listed = (tmp_path / "params.yaml").read_text(encoding="utf-8")
    listed = listed.replace("[cremad, ks, vggsound]", "[cremad, ks]")
    (tmp_path / "params.yaml").write_text(listed, encoding="utf-8")
    for out, datasets in (("one", ["cremad", "ks"]), ("two", [])):
        execute(root / "notebooks" / "20_table1.ipynb", out=out, datasets=datasets)
    files = {path.name for path in (tmp_path / "one").iterdir()}
    assert files == {
        *("table1.csv", "table1.md", "table1.png", "table1_runs.csv"),
        *("ablation.csv", "ablation.md", "coefficients.csv", "coefficients.png"),
        *("fairness.csv", "fairness.md", "fairness.png"),
        *("algorithm1.csv", "algorithm1.md", "algorithm1.png"),
        *("table1.json", "curves.csv"),
    }
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert len(pd.read_csv(tmp_path / "one" / "table1.csv")) == lines
    page = (tmp_path / "one" / "fairness.md").read_text(encoding="utf-8")
    assert "### Kinetics-Sounds" in page and "| olm" in page


@pytest.mark.parametrize("value, text", [(0.45, 0.5), (-0.04, 0.0), (2.25, 2.2), (0.34999, 0.3)])
def test_a_number_is_rounded_alike_whoever_computed_it(value, text):
    assert report.rounded(value) == report.rounded(np.float64(value)) == text
    assert str(report.rounded(value)) == str(text)
