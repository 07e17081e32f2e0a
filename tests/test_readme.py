"""The README says what results/ says, and names what exists."""

import re
from pathlib import Path

import pytest
import yaml

from companion.findings import elsewhere, pages
from tools.update_readme import PLACE, excerpt, updated

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_tables_are_those_of_results():
    assert len(PLACE.findall(README)) == 2
    assert updated(README) == README, "run `python -m tools.update_readme`"


def test_no_star_stands_in_it_and_no_verdict_but_the_studys():
    said = PLACE.sub("", README)
    for word in ("\\*", "excludes 0", "not shown", "paired"):
        assert word not in said, word
    assert "results/study/summary.md" in README


def test_the_page_of_findings_is_that_of_results():
    """The prose follows from the files: nobody types a number or a verdict."""
    study = pages.read(ROOT / "results" / "study")
    other = elsewhere.found(ROOT / "results" / "mini", ROOT / "benchmarks" / "costs.csv")
    written = (ROOT / "book" / "findings.md").read_text(encoding="utf-8")
    whole = f"{pages.page(study, other, 'make study')}\n"
    assert written == whole, "run `python -m companion.findings`"
    short = (ROOT / "results" / "study" / "summary.md").read_text(encoding="utf-8")
    assert short == f"{pages.summary(study, other)}\n" and short.strip() in written


def test_a_table_is_put_between_its_markers(tmp_path):
    (tmp_path / "t.md").write_text("| a |\n")
    text = "x\n<!-- table: t.md -->\nold\n<!-- end -->\ny"
    filled = updated(text, tmp_path)
    assert filled == "x\n<!-- table: t.md -->\n\n| a |\n\n<!-- end -->\ny"
    assert updated(filled, tmp_path) == filled


PAGE = """## one

| Row   | a | b |
|:------|--:|--:|
| **x** |   |   |
| p     | 1 | 2 |
| q     | 3 | 4 |

A note.

## two

| Row | a | b |
|:----|--:|--:|
| p   | 5 | 6 |
"""


def test_an_excerpt_has_the_named_rows_of_every_data_set(tmp_path):
    table = "| Row | one | two |\n| :-- | --: | --: |\n| q | 3 |  |\n| p | 1 | 5 |"
    assert excerpt(PAGE, ["a"], ["q", "p"]) == table
    assert excerpt(PAGE, ["b", "a"], ["p"]).startswith("| Row | one: b | one: a | two: b |")
    assert excerpt(PAGE.split("## two")[0], ["b"], ["p"]).startswith("| Row | b |")
    (tmp_path / "t.md").write_text(PAGE)
    text = "<!-- table: t.md | a | q | p -->\n<!-- end -->"
    filled = updated(text, tmp_path)
    assert filled == f"<!-- table: t.md | a | q | p -->\n\n{table}\n\n<!-- end -->"
    assert updated(filled, tmp_path) == filled
    for wrong in (["c"], ["p"]), (["a"], ["r"]):
        with pytest.raises(KeyError):
            excerpt(PAGE, *wrong)


BELOW = """
| What this table can tell | |
|:--|--:|
| Seeds | 3 |
| The same, {} comparisons judged together | 9.1 |
"""


def test_what_a_table_can_tell_follows_it_unasked():
    one, two = PAGE.split("## two")
    page = f"{one}{BELOW.format(55)}\nA note.\n\n## two{two}{BELOW.format(33)}"
    lines = excerpt(page, ["a"], ["p"]).splitlines()
    assert lines == [
        "| Row | one | two |",
        "| :-- | --: | --: |",
        "| p | 1 | 5 |",
        "| Seeds | 3 | 3 |",
        "| The same, all comparisons judged together | 9.1 | 9.1 |",
    ]
    assert excerpt(page, ["a", "b"], ["p"]).splitlines()[3] == "| Seeds | 3 |  | 3 |  |"


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) > 8
    assert not [link for link in links if not Path(link).exists()]


def test_its_commands_are_targets_of_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", Path("Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert {"reproduce", "test"} <= named <= targets | {"any"}


def test_values_that_it_sets_by_dvc_are_in_params():
    told = re.findall(r"dvc exp run -S ([\w.]+)=", README)
    assert told
    for place in told:
        section = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
        for name in place.split("."):
            section = section[name]
        assert not isinstance(section, dict), place
