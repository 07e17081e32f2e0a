"""What a class has handed in: a folder that is read, and never written."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from companion.grading import assignment
from companion.grading.assignment import identity


@dataclass
class Submission:
    """What one student has handed in for one assignment.

    Attributes:
        student: name of the folder.
        name: of the assignment.
        path: the notebook that is graded; None where there is none.
        remarks: what a teacher should know.
    """

    student: str
    name: str
    path: Path | None = None
    remarks: list[str] = field(default_factory=list)


def found(folder: Path) -> tuple[list[Submission], dict[str, list[str]]]:
    """Return a submission per student and assignment, and remarks on what is none.

    A notebook lies in the student's folder or in a folder in it, and is known by its name; `2_olm
    (1).ipynb` and `2 OLM.ipynb` are understood. One of another name is known by its cells.

    Args:
        folder: a folder per student.

    Raises:
        ValueError: it has none.
    """
    students = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not students:
        raise ValueError(f"{folder} has no folders: it needs one per student")
    cells = {
        name: {*filter(None, map(identity, assignment.read(assignment.source(name)).cells))}
        for name in assignment.names()
    }
    handed_in: list[Submission] = []
    strange: dict[str, list[str]] = {}
    for student in students:
        mine = {name: Submission(student.name, name) for name in cells}
        strange[student.name] = _sort(student, mine, cells)
        handed_in += mine.values()
    return handed_in, strange


def _sort(student: Path, mine: dict[str, Submission], cells: dict[str, set[str]]) -> list[str]:
    """Give each notebook of a student to its submission; return remarks on the others."""
    remarks = []
    files = [p for p in sorted(student.rglob("*")) if not _ours_to_skip(p.relative_to(student))]
    notebooks = [p for p in files if p.suffix.lower() == ".ipynb"]
    candidates: dict[str, list[Path]] = {name: [] for name in cells}
    for path in notebooks:
        shown = str(path.relative_to(student))
        if path.is_symlink() or not path.is_file():
            remarks.append(f"{shown} is a link and is not followed")
            continue
        name = _by_name(path, cells) or _by_cells(path, cells)
        if name is None:
            remarks.append(f"{shown} is none of {', '.join(cells)}")
        else:
            candidates[name].append(path)
    for name, paths in candidates.items():
        paths.sort(key=lambda p: (p.stem != name, len(p.parts), str(p)))
        if not paths:
            continue
        mine[name].path = paths[0]
        if paths[0].stem != name:
            mine[name].remarks.append(f"named {paths[0].relative_to(student)}")
        if others := [str(p.relative_to(student)) for p in paths[1:]]:
            mine[name].remarks.append(f"not graded beside it: {', '.join(others)}")
    if not notebooks and files:
        remarks.append(f"no notebook, but {', '.join(p.name for p in files[:3] if p.is_file())}")
    return remarks


def _ours_to_skip(path: Path) -> bool:
    """Whether a file is one that Jupyter, macOS or a checkpoint leaves behind."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _by_name(path: Path, cells: dict[str, set[str]]) -> str | None:
    """Return the assignment whose name a file's name begins with; letters and digits count."""

    def plain(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.lower())

    return next((name for name in cells if plain(path.stem).startswith(plain(name))), None)


def _by_cells(path: Path, cells: dict[str, set[str]]) -> str | None:
    """Return the assignment most of whose cells a notebook has, if it is more than half."""
    try:
        has = {*filter(None, map(identity, assignment.read(path).cells))}
    except ValueError:
        return None
    shares = {name: len(has & known) / len(known) for name, known in cells.items()}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] > 0.5 else None
