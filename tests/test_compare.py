"""Cells by hand for each kind, what is missing or added, and the command."""

import math
import shutil
import subprocess

import pytest

from companion import compare
from companion.compare import committed, compare_all, files, kind, main, read, summary


def kinds(old, new):
    """Row, column and kind of every cell that is not identical."""
    found = compare.compare(read(old), read(new))
    found = found[found["kind"] != "identical"]
    return list(found[["row", "column", "kind"]].itertuples(index=False, name=None))


def test_the_same_text_is_identical():
    assert kinds("row,seed,w\na,0,0.5\n", "row,seed,w\na,0,0.5\n") == []


@pytest.mark.parametrize(
    ("old", "new", "unit", "expected"),
    [
        ("1000000", "1000001", 0, "within rounding"),
        ("1000000", "1000002", 0, "different"),
        ("63.3681", "63.3682", 1e-4, "within rounding"),
        ("63.3681", "63.3683", 1e-4, "different"),
        ("1.4e-16", "0", 0, "within rounding"),
        ("16", "17", 0, "different"),
        ("", "17", 0, "different"),
        ("yes", "unclear", 0, "different"),
    ],
)
def test_rounding(old, new, unit, expected):
    assert kind(old, new, unit, math.nan) == kind(new, old, unit, math.nan) == expected


def test_the_unit_is_that_of_the_column_with_the_most_decimals_and_whole_numbers_have_none():
    assert kinds("measured\n0.25\n0.1\n", "measured\n0.25\n0.11\n") == [
        ("#2", "measured", "within rounding")
    ]
    assert kinds("clips\n192\n", "clips\n193\n") == [("#1", "clips", "different")]


def test_noise_of_a_mean_is_the_root_of_the_summed_squares_of_both_half_widths():
    # A triangle of 3, 4 and 5.
    old, near, far = (f"row,f1,f1_half\na,{value}\n" for value in ("50,3", "55,4", "55.1,4"))
    assert kinds(old, near) == [
        ("row a", "f1", "within seed noise"),
        ("row a", "f1_half", "within seed noise"),
    ]
    assert [found[-1] for found in kinds(old, far)] == ["different", "different"]


def test_noise_follows_from_a_standard_deviation_and_the_number_of_seeds():
    # t(0.975, 2) = 4.3027: SDs of 3 and 4 times sqrt 3 are half widths of 3 and 4 times t.
    lines = "row,seeds,f1,f1_sd\na,3,{},{}\n"
    sds = [3 * 3**0.5, 4 * 3**0.5]
    old, near, far = (
        lines.format(value, sd)
        for value, sd in ((50, sds[0]), (50 + 5 * 4.302, sds[1]), (50 + 5 * 4.303, sds[1]))
    )
    assert kinds(old, near) == [
        ("row a", "f1", "within seed noise"),
        ("row a", "f1_sd", "within seed noise"),
    ]
    assert [found[-1] for found in kinds(old, far)] == ["different", "different"]
    # Without the number of seeds it says nothing of the mean.
    unknown = [text.replace("seeds", "clips") for text in (old, near)]
    assert [found[-1] for found in kinds(*unknown)] == ["different", "different"]


def test_a_half_width_of_the_same_mean_is_noise():
    old, new = "measured,interval\n50,3\n", "measured,interval\n50,9\n"
    assert kinds(old, new) == [("#1", "interval", "within seed noise")]


def test_noise_of_a_run_is_the_spread_over_seeds_of_its_own_row():
    # Of two seeds: t = 12.706; s = 0.7071 on both sides, so that the half width is 12.706 again.
    lines = "row,seed,w\na,0,{}\na,1,{}\nb,0,5\nb,1,5\n"
    old = lines.format(1, 2)
    assert [k for *_, k in kinds(old, lines.format(13, 14))] == ["within seed noise"] * 2
    assert [k for *_, k in kinds(old, lines.format(14, 15))] == ["different"] * 2
    # Row b has no spread, whatever row a has.
    assert kinds(old, old.replace("b,1,5", "b,1,6").replace("b,0,5", "b,0,6")) == [
        ("row b, seed 0", "w", "different"),
        ("row b, seed 1", "w", "different"),
    ]


def test_one_seed_and_files_without_any_have_no_noise():
    assert kinds("row,seed,w\na,0,1\n", "row,seed,w\na,0,2\n")[0][-1] == "different"
    assert kinds("epoch,w\n1,1\n2,3\n", "epoch,w\n1,2\n2,3\n")[0][-1] == "different"


def test_a_hash_is_provenance():
    old = f"row,identity,file\na,old,{'0' * 64}\n"
    new = f"row,identity,file\na,new,{'1' * 64}\n"
    assert [found[-1] for found in kinds(old, new)] == ["provenance", "provenance"]


def test_rows_are_matched_by_their_keys_whatever_their_order():
    assert kinds("row,seed,w\na,0,1\nb,0,2\n", "row,seed,w\nb,0,2\na,0,1\n") == []


def test_missing_and_added_rows_and_columns_are_named():
    old, new = "row,seed,w\na,0,1\na,1,1\n", "row,seed,w,G\na,0,1,0\nb,0,1,0\n"
    assert kinds(old, new) == [
        ("row a, seed 1", "", "missing"),
        ("row b, seed 0", "", "added"),
        ("", "G", "added"),
    ]
    assert kinds(new, old)[1:] == [("", "G", "missing"), ("row a, seed 1", "", "added")]


def test_missing_and_added_files_are_named():
    cells = compare_all({"a.csv": "w\n1\n"}, {"b.csv": "w\n1\n"})
    assert list(zip(cells["file"], cells["kind"], strict=True)) == [
        ("a.csv", "missing"),
        ("b.csv", "added"),
    ]


def test_the_summary_counts_cells_and_shows_those_that_differ():
    cells = compare_all({"a.csv": "w,x\n1,2\n"}, {"a.csv": "w,x\n1,3\n"})
    lines = [line.replace(" ", "") for line in summary(cells).splitlines()]
    assert "|a.csv|1|0|0|1|0|0|0|" in lines
    assert "|a.csv|#1|x|2|3|different|" in lines


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Results of a profile in a folder that stands for git, and the same in the working tree."""
    monkeypatch.setattr(compare, "ROOT", tmp_path)
    (tmp_path / "git").mkdir()
    (tmp_path / "git" / "a.csv").write_text("row,w\na,1\nb,2\n")
    shutil.copytree(tmp_path / "git", tmp_path / "results" / "mini")
    return tmp_path


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ("row,w\na,1\nb,2\n", 0),
        ("row,w\na,1\nb,2.000001\n", 0),
        ("row,w\na,1\nb,2\nc,3\n", 0),
        ("row,w\na,1\nb,3\n", 1),
        ("row,w\na,1\n", 1),
    ],
)
def test_the_exit_status(folder, capsys, now, status):
    (folder / "results" / "mini" / "a.csv").write_text(now)
    assert main(["--against", str(folder / "git")]) == status
    assert "a.csv" in capsys.readouterr().out


def test_nothing_to_compare_with_is_an_error(folder, capsys):
    (folder / "empty").mkdir()
    assert main(["--against", str(folder / "empty")]) == 2
    assert "no results of profile mini" in capsys.readouterr().err
    assert main(["--against", "no-such-revision"]) == 2


def test_what_git_has_is_found_and_is_identical_to_itself(root, tmp_path):
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True).returncode:
        pytest.skip("not a git checkout")
    old = committed("HEAD", "mini")
    assert {"table1.csv", "table1_runs.csv", "fig1.csv"} <= old.keys()
    for name, text in old.items():
        (tmp_path / name).write_text(text, "utf-8")
    cells = compare_all(old, files(tmp_path))
    assert set(cells["file"]) == set(old)
    assert set(cells["kind"]) == {"identical"}
