"""A class's marks: kept as they are made, and written as two tables."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from olmlib.files import whole


@dataclass
class Mark:
    """What one student has earned in one assignment.

    Attributes:
        student, assignment: names.
        points: question -> points; empty where nothing was graded.
        most: question -> most points.
        remarks: what a teacher should know.
    """

    student: str
    assignment: str
    points: dict[str, float] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def total(self) -> float:
        """The sum of the points."""
        return sum(self.points.values())


class Kept:
    """Marks on disk, each with the digest of what it was made from.

    Args:
        folder: of the files; made where it is not there.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def load(self, student: str, assignment: str, digest: str) -> Mark | None:
        """Return the mark that was made from the same, if there is one."""
        file = self._file(student, assignment)
        if not file.is_file():
            return None
        kept = json.loads(file.read_text(encoding="utf-8"))
        return Mark(**kept["mark"]) if kept["digest"] == digest else None

    def save(self, mark: Mark, digest: str) -> None:
        """Keep a mark, whole or not at all."""
        with whole(self._file(mark.student, mark.assignment)) as part:
            part.write_text(json.dumps({"digest": digest, "mark": asdict(mark)}), encoding="utf-8")

    def _file(self, student: str, assignment: str) -> Path:
        return self.folder / f"{plain(student)}-{assignment}.json"


def plain(student: str) -> str:
    """Return a student's name in letters and digits of ASCII, another one for every student."""
    letters = re.sub(r"[^A-Za-z0-9]+", "_", student).strip("_")[:40]
    return f"{letters}_{hashlib.sha256(student.encode()).hexdigest()[:8]}"


def questions(marks: list[Mark]) -> pd.DataFrame:
    """Return a row per student, assignment and question: points and the most there are."""
    rows = [
        (mark.student, mark.assignment, question, points, mark.most[question])
        for mark in marks
        for question, points in mark.points.items()
    ]
    return pd.DataFrame(rows, columns=["student", "assignment", "question", "points", "most"])


def grades(marks: list[Mark], strange: dict[str, list[str]]) -> pd.DataFrame:
    """Return a row per student: points of each assignment, their sum, and remarks.

    A missing number is an assignment of which nothing could be graded; it counts as 0.

    Args:
        marks: of every student and assignment.
        strange: student -> remarks on files that are no submission.
    """
    names = sorted({mark.assignment for mark in marks})
    rows = []
    for student, remarks in strange.items():
        mine = {mark.assignment: mark for mark in marks if mark.student == student}
        said = [f"{name}: {'; '.join(m.remarks)}" for name, m in sorted(mine.items()) if m.remarks]
        row = {name: mark.total if mark.points else None for name, mark in mine.items()}
        row |= {"total": sum(mark.total for mark in mine.values())}
        rows.append({"student": student, **row, "remarks": " | ".join([*said, *remarks])})
    return pd.DataFrame(rows, columns=["student", *names, "total", "remarks"])


def write(marks: list[Mark], strange: dict[str, list[str]], folder: Path) -> list[Path]:
    """Write `grades.csv` and `questions.csv` and return where they are."""
    tables = {"grades": grades(marks, strange), "questions": questions(marks)}
    paths = []
    for name, table in tables.items():
        paths.append(folder / f"{name}.csv")
        with whole(paths[-1]) as part:
            table.to_csv(part, index=False, float_format="%g", lineterminator="\n")
    return paths
