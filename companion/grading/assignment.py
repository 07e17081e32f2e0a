"""An assignment's source, and a submission put back into its form."""

import copy
from collections import Counter
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from companion.runs.sources import ROOT

SOURCES = ROOT / "assignments"
LARGEST = 100 << 20  # bytes of a notebook that is handed in, its outputs included


def names() -> list[str]:
    """Return the assignments, in the order in which they are given out."""
    return sorted(path.parent.name for path in SOURCES.glob("*/*.ipynb"))


def source(name: str) -> Path:
    """Return where an assignment's source lies."""
    return SOURCES / name / f"{name}.ipynb"


def read(path: Path) -> NotebookNode:
    """Return the notebook at `path`, in today's format.

    Raises:
        ValueError: it is none, or too large to be an honest one.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"larger than {LARGEST >> 20} MB: ask for it without its outputs")
        made = nbformat.read(path, as_version=4)
        for cell in made.cells:
            if not isinstance(cell.source, str) or not isinstance(cell.metadata, dict):
                raise ValueError("a cell holds no text")
    except Exception as error:  # whatever nbformat meets in a file that a stranger has written
        said = str(error).strip().split("\n")[0][:80]
        raise ValueError(f"no notebook ({type(error).__name__}: {said})") from None
    return made


def identity(cell: NotebookNode) -> str | None:
    """Return the name by which nbgrader knows a cell."""
    known = cell.metadata.get("nbgrader")
    named = known.get("grade_id") if isinstance(known, dict) else None
    return named if isinstance(named, str) else None


def rebuilt(original: NotebookNode, handed_in: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """Return a submission as it is graded: the source's cells with the student's answers.

    Cells that are no answers are the source's own, whatever the student did to them: edited,
    moved, copied or deleted, every test is there once and at its place. Of copies of an answer the
    last counts, as for nbgrader. The student's own cells stay behind the cell that they followed.

    Args:
        original: the assignment's source.
        handed_in: the student's notebook.

    Returns:
        The notebook, and what a teacher should know of it.
    """
    order = [identity(cell) for cell in original.cells]
    known = {name for name in order if name}
    theirs: dict[str, NotebookNode] = {}
    behind: dict[str | None, list[NotebookNode]] = {}
    last, times = None, Counter(filter(None, map(identity, handed_in.cells)))
    for cell in handed_in.cells:
        name = identity(cell)
        if name in known:
            last = name
            theirs[name] = cell
        elif cell.cell_type == "code":
            behind.setdefault(last, []).append(nbformat.v4.new_code_cell(cell.source))
    cells, lost, changed = [*behind.get(None, [])], [], []
    for cell, name in zip(original.cells, order, strict=True):
        mine = copy.deepcopy(cell)
        if name:
            answered = theirs.get(name)
            if cell.metadata["nbgrader"]["solution"]:
                mine.source = answered.source if answered else _lost(name)
                lost += [] if answered else [name]
            elif answered is None or not _same(answered, cell):
                changed.append(name)
        cells += [mine, *(behind.get(name, []) if name else [])]
    remarks = []
    if lost:
        remarks.append(f"no answer cell {', '.join(lost)}")
    if changed:
        remarks.append(f"put back as released: {', '.join(changed)}")
    if twice := [name for name in known if times[name] > 1]:
        remarks.append(f"of several cells the last counts: {', '.join(sorted(twice))}")
    made = nbformat.v4.new_notebook(metadata=original.metadata)
    made.cells = cells
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number}"
    return made, remarks


def _lost(name: str) -> str:
    return f"raise NotImplementedError('the cell {name} is missing')"


def _same(cell: NotebookNode, original: NotebookNode) -> bool:
    """Whether a cell is the source's as it is released, without hidden tests."""
    shown, hidden = [], False
    for line in original.source.split("\n"):
        hidden = hidden or "BEGIN HIDDEN TESTS" in line
        shown += [] if hidden else [line]
        hidden = hidden and "END HIDDEN TESTS" not in line
    return cell.source.strip() == "\n".join(shown).strip()
