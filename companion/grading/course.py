"""The course as nbgrader knows it: sources to release versions, submissions to points.

nbgrader takes solutions and hidden tests out, keeps tests and points in its `gradebook.db`, puts
hidden tests back in and reads the points off the outputs. In between cells run in a room.
"""

import logging
import os
import shutil
import sys
import warnings
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    LimitOutput,
    NbGraderPreprocessor,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from companion import notebooks
from companion.grading import assignment
from companion.grading.rooms import Rooms

STUB = "# your code here\nraise NotImplementedError"


class Course:
    """A course folder of nbgrader: `source/`, `release/`, `submitted/`, `autograded/`, gradebook.

    Attributes:
        folder: where it is.
    """

    def __init__(self, folder: Path, rooms: Rooms | None = None):
        """Take a folder, which is made if it is not there; grading needs rooms."""
        self.folder = folder
        self.remarks: list[str] = []
        config = Config()
        config.CourseDirectory.course_id = "olm"
        config.CourseDirectory.root = str(folder)
        config.ClearSolutions.code_stub = {"python": STUB}
        config.Autograde.sanitize_preprocessors = [
            ClearOutput,
            DeduplicateIds,
            OverwriteKernelspec,
            OverwriteCells,
            CheckCellMetadata,
        ]
        config.Autograde.autograde_preprocessors = [
            self._executes(rooms),
            ClearMetadataPreprocessor,
            LimitOutput,
            SaveAutoGrades,
            CheckCellMetadata,
        ]
        folder.mkdir(parents=True, exist_ok=True)
        # nbgrader calls alembic by name; under `.venv/bin/python -m ...` that is not on the path.
        programs, path = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)
        if programs not in path.split(os.pathsep):
            os.environ["PATH"] = os.pathsep.join([programs, path])
        self.api = NbGraderAPI(config=config)
        self.api.log.setLevel(logging.ERROR)

    def release(self, name: str) -> Path:
        """Make an assignment's release version and return it.

        Raises:
            ValueError: nbgrader finds a fault in the source.
        """
        copy = self.folder / "source" / name / f"{name}.ipynb"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(assignment.source(name), copy)
        self._done(self.api.generate_assignment(name, force=True), name)
        made = self.folder / "release" / name / f"{name}.ipynb"
        notebooks.write(made, notebooks.clean(notebooks.read(made)))
        return made

    def grade(self, name: str, student: str, notebook: NotebookNode) -> tuple[dict, list[str]]:
        """Grade a notebook that `assignment.rebuilt` has made.

        Args:
            name: of the assignment, which is released.
            student: letters and digits.
            notebook: its answers and the source's tests.

        Returns:
            Question -> (points, most points), and remarks.

        Raises:
            ValueError: nbgrader could not.
        """
        place = self.folder / "submitted" / student / name / f"{name}.ipynb"
        place.parent.mkdir(parents=True, exist_ok=True)
        notebooks.write(place, notebook)
        self.remarks.clear()
        with warnings.catch_warnings():
            # Of every submission, for each relation in nbgrader's own tables.
            warnings.simplefilter("ignore", SAWarning)
            self._done(self.api.autograde(name, student), f"{student}, {name}")
        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}", "olm") as book:
            grades = book.find_submission_notebook(name, name, student).grades
            points = {grade.name: (grade.auto_score or 0.0, grade.max_score) for grade in grades}
        return points, [*self.remarks]

    def _executes(self, rooms: Rooms | None) -> type[NbGraderPreprocessor]:
        """Return nbgrader's step that runs the cells.

        It is a class, as nbgrader copies all that is in its settings, and rooms cannot be copied.
        """
        remarks = self.remarks

        class InRoom(NbGraderPreprocessor):
            def preprocess(self, nb, resources):
                if rooms is None:
                    raise ValueError("a course that grades needs rooms")
                with rooms.open() as room:
                    for cell in nb.cells:
                        if cell.cell_type == "code":
                            name = assignment.identity(cell) or "a cell of the student's"
                            outputs = room.run(cell.source, name)
                            cell.outputs = [nbformat.from_dict(output) for output in outputs]
                    remarks.extend(room.remarks)
                return nb, resources

        return InRoom

    def _done(self, result: dict, what: str) -> None:
        if not result["success"]:
            if "KeyboardInterrupt" in result.get("error", ""):
                raise KeyboardInterrupt
            said = (result.get("log", "") + result.get("error", "")).strip()
            raise ValueError(f"{what}: nbgrader failed: {said.splitlines()[-1]}")
