"""The notebooks as a reader meets them: their order, what leads where, what stands beside what."""

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest

from companion import notebooks
from companion.lessons.source import source

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = {
    path.stem: notebooks.read(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
}
ORDER = list(NOTEBOOKS)
README = (ROOT / "README.md").read_text(encoding="utf-8")
EACH = pytest.mark.parametrize("name", ORDER)
NAME = r"\d\d_[a-z][a-z0-9_]*"


def text(name):
    return "\n\n".join(cell.source for cell in NOTEBOOKS[name].cells)


def code(name):
    return [cell.source for cell in NOTEBOOKS[name].cells if cell.cell_type == "code"]


def test_readme_and_tour_list_every_notebook_in_order():
    assert re.findall(rf"\[({NAME})\]\(notebooks/\1\.ipynb\)", README) == ORDER
    (tour,) = [c.source for c in NOTEBOOKS["00_tour"].cells if c.get("id") == "map"]
    assert re.findall(rf"`({NAME})`", tour.split("Read `")[0]) == ORDER[1:]


@EACH
def test_each_leads_to_the_next(name):
    following = dict(zip(ORDER, ORDER[1:], strict=False)).get(name)
    named = re.findall(rf"Next: \[({NAME})\]\(\1\.ipynb\)", NOTEBOOKS[name].cells[-1].source)
    assert named == [following] * (following is not None)


def test_the_tour_says_what_the_readme_says():
    assert re.findall(rf"Read `({NAME})` next", text("00_tour")) == [ORDER[1]]


def test_what_reads_runs_comes_after_what_trains_them():
    """A page reads the runs of notebooks that stand before it."""
    for name in ORDER:
        reads = re.findall(r"\(notebook (\d\d)\)", NOTEBOOKS[name].cells[1].source)
        assert all(number < name[:2] for number in reads), name


def test_no_page_names_a_notebook_that_is_not_there():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    numbers = {name[:2] for name in ORDER}
    for file in sorted(filter(None, listed.stdout.split("\0"))):
        path = ROOT / file
        if path.suffix not in {".md", ".py", ".ipynb", ".yaml", ".toml"} or not path.is_file():
            continue
        said = path.read_text(encoding="utf-8")
        for named in re.findall(r"\b[Nn]otebooks? (\d\d(?:(?:, | and | to |-)\d\d)*)", said):
            assert set(re.findall(r"\d\d", named)) <= numbers, f"{file}: notebook {named}"
        for named in re.findall(rf"`({NAME})`", said):
            assert named in ORDER, f"{file}: {named}"


@EACH
def test_it_ends_with_two_exercises(name):
    last = NOTEBOOKS[name].cells[-1].source
    exercises = last.split("## Exercises\n", 1)[1]
    assert re.findall(r"^(\d)\. ", exercises, re.MULTILINE) == ["1", "2"]


@EACH
def test_cells_that_it_quotes_are_there(name):
    for start in re.findall(r"cell that begins with `([^`]+)`", text(name)):
        assert any(cell.startswith(start) for cell in code(name)), start


def shows_a_figure(cell):
    """Whether a cell's last line is a figure, or a call that draws one."""
    if cell.cell_type != "code" or cell.source.startswith("%%"):
        return False
    last = ast.parse(cell.source).body[-1]
    if not isinstance(last, ast.Expr):
        return False
    return re.match(r"figure$|picture\.[a-z_]+\(", ast.unparse(last)) is not None


@EACH
def test_under_every_figure_stands_what_to_see(name):
    waiting = None
    for cell in NOTEBOOKS[name].cells:
        if shows_a_figure(cell):
            assert waiting is None, f"no word on what {waiting} shows"
            waiting = cell.id
        elif cell.cell_type == "markdown" and re.search(r"\*\*What you should see", cell.source):
            waiting = None
    assert waiting is None, f"no word on what {waiting} shows"


@EACH
def test_a_lesson_is_short(name):
    if name.startswith("0"):
        assert len(NOTEBOOKS[name].cells) <= 45


@EACH
def test_code_is_shown_without_docstrings(name):
    assert "getsource" not in "".join(code(name))


def with_both(x):
    """Return x.

    Args:
        x: given.
    """

    # Why it is so.
    def inner():
        """Return more."""
        return """not said"""

    return inner


class OnlySaid:
    """Nothing but words."""


def test_source_drops_what_is_said_and_keeps_the_rest():
    shown = source(with_both)
    assert "Return" not in shown and "Args" not in shown
    assert shown.startswith("def with_both(x):\n    # Why it is so.\n    def inner():\n")
    assert 'return """not said"""' in shown
    assert source(OnlySaid) == "class OnlySaid:\n    ...\n"
    compile(shown, "shown", "exec")


def test_source_of_a_method_begins_at_the_margin():
    shown = source(json.JSONEncoder.default)
    assert shown.startswith("def default(self, o):\n    raise TypeError(")
