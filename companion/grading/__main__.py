"""Give out assignments, and grade what comes back.

python -m companion.grading release
python -m companion.grading grade FOLDER

`FOLDER` has a folder per student and is only read. Everything goes to `build/assignments`.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path

from filelock import FileLock, Timeout

from companion import kernel

if __name__ == "__main__":
    # Before what follows, which would be imported twice.
    kernel.restart()

from companion.grading import assignment, confine, marks, submissions
from companion.grading.course import Course
from companion.grading.marks import Kept, Mark
from companion.grading.room import IMPORTS
from companion.grading.rooms import Rooms
from companion.grading.submissions import Submission
from companion.runs.sources import ROOT, closure

PLACE = ROOT / "build" / "assignments"


def release(course: Course) -> list[Path]:
    """Make the release version of every assignment and return where they are."""
    return [course.release(name) for name in assignment.names()]


def grade(
    folder: Path, place: Path, say: Callable[[str], None] = print, each=60.0, all_of_it=300.0
) -> list[Path]:
    """Grade a class and write its tables.

    A mark that was made from the same submission and the same source is kept, so that what was
    interrupted goes on, and a late submission is graded alone.

    Args:
        folder: of the class; it is only read.
        place: where the course and its marks are kept.
        say: told of progress.
        each, all_of_it: seconds that a cell and a notebook may take.

    Returns:
        The two tables.

    Raises:
        ValueError: the folder has no students, or a source has a fault.
        OSError: the folder cannot be read.
    """
    handed_in, strange = submissions.found(folder)
    kept = Kept(place / "marks" / marks.plain(str(folder.resolve())))
    ours = [name for name in IMPORTS if name.startswith(("companion.", "olmlib."))]
    rules = repr((closure("companion.grading.__main__", *ours), each, all_of_it))
    made = []
    with ExitStack() as stack:
        try:
            stack.enter_context(FileLock(place / ".lock", timeout=0))
        except Timeout:
            raise ValueError(f"another class is graded in {place}: wait for it") from None

        @cache
        def course() -> Course:
            """Open the course when the first submission needs it."""
            opened = Course(place, stack.enter_context(Rooms(place / "rooms", each, all_of_it)))
            release(opened)
            return opened

        for number, one in enumerate(handed_in, 1):
            start, took = time.monotonic(), "kept"
            digest = _digest(one, rules)
            mark = kept.load(one.student, one.name, digest)
            if mark is None:
                mark = graded(course, one)
                took = f"{time.monotonic() - start:.1f} s"
                if mark.points:
                    kept.save(mark, digest)
            made.append(mark)
            say(_line(number, len(handed_in), mark, took))
    return marks.write(made, strange, place)


def graded(course: Callable[[], Course], one: Submission) -> Mark:
    """Return the mark of a submission, whatever it holds.

    Args:
        course: gives the course, which is needed for what is a notebook.
        one: the submission.
    """
    mark = Mark(one.student, one.name, remarks=[*one.remarks])
    if one.path is None:
        mark.remarks.append("nothing handed in")
        return mark
    try:
        original, handed_in = (assignment.read(p) for p in (assignment.source(one.name), one.path))
        notebook, remarks = assignment.rebuilt(original, handed_in)
        points, more = course().grade(one.name, marks.plain(one.student), notebook)
    except ValueError as error:
        mark.remarks.append(f"not graded: {error}")
        return mark
    mark.points = {question: got for question, (got, _) in points.items()}
    mark.most = {question: most for question, (_, most) in points.items()}
    mark.remarks += remarks + more
    return mark


def main(arguments: list[str] | None = None) -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(
        prog="python -m companion.grading", description=__doc__.split("\n")[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("release", help="make what students get")
    command = commands.add_parser("grade", help="grade a class")
    command.add_argument("folder", type=Path, help="a folder per student; it is only read")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "release":
            for path in release(Course(PLACE)):
                print(path.relative_to(ROOT))
            return
        if not chosen.folder.is_dir():
            raise ValueError(f"{chosen.folder} is no folder: say make grade SUBMISSIONS=folder")
        warn()
        # Progress is seen in a pipe, too.
        for path in grade(chosen.folder, PLACE, partial(print, flush=True)):
            print(path.relative_to(ROOT))
    except (OSError, ValueError) as error:
        sys.exit(str(error))


def warn() -> None:
    """Say so where this machine cannot shut submissions in."""
    if not confine.landlock():
        print(
            "This kernel has no Landlock (Linux 5.13): what students have written can read and "
            "write all that you can. Grade on another machine, or in a container.",
            file=sys.stderr,
        )


def _digest(one: Submission, rules: str) -> str:
    parts = [rules.encode(), repr(one.remarks).encode(), assignment.source(one.name).read_bytes()]
    if one.path is not None and one.path.stat().st_size <= assignment.LARGEST:
        parts.append(one.path.read_bytes())
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _line(number: int, count: int, mark: Mark, took: str) -> str:
    got = f"{mark.total:g}/{sum(mark.most.values()):g}" if mark.points else "-"
    said = f"  {'; '.join(mark.remarks)}" if mark.remarks else ""
    return f"{number}/{count} {mark.student} {mark.assignment}: {got} ({took}){said}"


if __name__ == "__main__":
    main()
