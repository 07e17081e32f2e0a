"""Notebooks 41 and 42 for whoever has not run the study: from the files in git to the same."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from companion import notebooks
from companion.study import recorded


def execute(root, out, name, *words):
    notebook = root / "notebooks" / f"{name}.ipynb"
    notebooks.main(
        ["run", str(notebook), str(out / f"{name}.ipynb"), "-p", "out", str(out), *words]
    )


def test_what_is_in_git_makes_the_tables_and_pictures_that_are_in_git(root, tmp_path):
    execute(root, tmp_path, "41_study")
    results = root / "results" / "study"
    for name in ("ravdess.md", "ravdess_pairs.csv", "ravdess_claims.csv", "ravdess_runs.csv"):
        assert (tmp_path / name).read_bytes() == (results / name).read_bytes(), name
    # From numbers of eight digits, so that the last of these can be another.
    made, kept = (pd.read_csv(folder / "ravdess.csv") for folder in (tmp_path, results))
    assert_frame_equal(made, kept, rtol=1e-6)
    assert (tmp_path / "ravdess.png").is_file()


def test_the_page_of_findings_is_made_of_files_in_git_alone(root, tmp_path):
    page = tmp_path / "findings.md"
    execute(root, tmp_path, "42_findings", "-p", "page", str(page))
    assert page.read_bytes() == (root / "book" / "findings.md").read_bytes()
    for name in (
        "rates.csv",
        "forest.csv",
        "forest.md",
        "cost.csv",
        "what_helps.csv",
        "summary.md",
    ):
        made, kept = (folder / name for folder in (tmp_path, root / "results" / "study"))
        assert made.read_bytes() == kept.read_bytes(), name


def test_a_set_without_results_is_named():
    with pytest.raises(FileNotFoundError, match="lack another; `make study` measures it"):
        recorded.frame("another")
