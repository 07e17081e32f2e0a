"""Assignments are graded to the point, and a bad submission harms nobody."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import psutil
import pytest
from nbgrader.utils import determine_grade
from wrong_answers import WRONG

from companion import notebooks
from companion.grading import assignment, confine
from companion.grading.__main__ import grade
from companion.grading.course import Course
from companion.grading.marks import plain
from companion.grading.rooms import Rooms

NAMES = assignment.names()
SOURCES = {name: assignment.read(assignment.source(name)) for name in NAMES}
MOST = {
    name: {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
        for cell in source.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    for name, source in SOURCES.items()
}
CASES = [(name, wrong) for name in NAMES for wrong in WRONG[name]]


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    with Rooms(tmp_path_factory.mktemp("rooms")) as opened:
        yield opened


@pytest.fixture(scope="module")
def course(rooms, tmp_path_factory):
    made = Course(tmp_path_factory.mktemp("course"), rooms)
    for name in NAMES:
        made.release(name)
    return made


def cell(notebook, name):
    (found,) = (c for c in notebook.cells if assignment.identity(c) == name)
    return found


def released(course, name):
    return assignment.read(course.folder / "release" / name / f"{name}.ipynb")


def answered(course, name):
    """The release version with the source's answers: what a good student hands in."""
    made = released(course, name)
    for mine in made.cells:
        if mine.metadata.get("nbgrader", {}).get("solution"):
            mine.source = cell(SOURCES[name], assignment.identity(mine)).source
    return made


def points(course, name, handed_in, student="somebody"):
    notebook, _ = assignment.rebuilt(SOURCES[name], handed_in)
    got, remarks = course.grade(name, student, notebook)
    assert {question: most for question, (_, most) in got.items()} == MOST[name]
    return {question: earned for question, (earned, _) in got.items()}, remarks


@pytest.mark.parametrize("name", NAMES)
def test_the_source_has_every_point_and_an_empty_release_none(course, name):
    assert points(course, name, SOURCES[name]) == (MOST[name], [])
    assert set(points(course, name, released(course, name))[0].values()) == {0}


@pytest.mark.parametrize(("name", "wrong"), CASES, ids=[wrong for _, wrong in CASES])
def test_a_wrong_answer_costs_what_it_should(course, name, wrong):
    question, right, said, lost = WRONG[name][wrong]
    handed_in = answered(course, name)
    mine = cell(handed_in, question)
    assert mine.source.count(right) == 1
    mine.source = mine.source.replace(right, said)
    got, _ = points(course, name, handed_in)
    assert got == MOST[name] | {q: MOST[name][q] - less for q, less in lost.items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_release_shows_no_solution_and_no_hidden_test(course, name):
    path = course.folder / "release" / name / f"{name}.ipynb"
    text = path.read_text(encoding="utf-8")
    assert "SOLUTION" not in text and "HIDDEN" not in text
    assert notebooks.text(notebooks.clean(notebooks.read(path))) == text
    sources = [c.source for c in SOURCES[name].cells]
    hidden = [source for source in sources if "BEGIN HIDDEN TESTS" in source]
    assert len(hidden) >= 5
    # A line that a visible test has too is no secret.
    known = {line for source in sources if source not in hidden for line in source.split("\n")}
    for source in hidden:
        secret = source.split("### BEGIN HIDDEN TESTS\n")[1].split("\n")
        for line in {line for line in secret if len(line) > 30} - known:
            assert json.dumps(line)[1:-1] not in text
    for kept in WRONG[name].values():
        assert json.dumps(kept[1])[1:-1] not in text


@pytest.mark.parametrize("name", NAMES)
def test_every_assignment_has_visible_and_hidden_tests_and_partial_credit(name):
    tests = [c.source for c in SOURCES[name].cells if assignment.identity(c) in MOST[name]]
    hidden = ["HIDDEN" in source for source in tests]
    assert any(hidden) and not all(hidden)
    assert any("points" in source.split("\n")[-2] or "sum(" in source for source in tests)
    said = "".join(c.source for c in SOURCES[name].cells if c.cell_type == "markdown")
    assert f"{sum(MOST[name].values()):g} points." in said


@pytest.mark.parametrize("name", NAMES)
def test_another_year_has_other_numbers_and_the_same_points(rooms, name):
    with rooms.open() as room:
        for mine in SOURCES[name].cells:
            if mine.cell_type == "code":
                source = mine.source.replace("year = 2026", "year = 2031")
                assert (source != mine.source) == (assignment.identity(mine) == "parameters")
                mine = nbformat.from_dict(mine | {"outputs": room.run(source)})
                if assignment.identity(mine) in MOST[name]:
                    got, most = determine_grade(mine)
                    assert got == most, mine.outputs


# What students do without being asked.
LOOP = """
def rates(train0, dev0, train, dev):
    while True:
        try:
            while True:
                pass
        except Exception:
            pass
"""
PRINTS = "for i in range(10):\n    print('a' * 10**8)\n"
# Its first cell: whatever it finds, it says by failing.
THIEF = """
import os
from pathlib import Path

taken = []
for folder in FOLDERS:
    for place in [Path(folder), *Path(folder).parents]:
        try:
            taken += [str(place / name) for name in os.listdir(place)]
        except OSError:
            pass
for name in FILES:
    for use in (
        lambda: Path(name).read_bytes(),
        lambda: Path(name).write_bytes(b""),
        lambda: Path(name).unlink(),
        lambda: os.chmod(name, 0o777),
        lambda: Path(name).with_name("mine").write_text("mine"),
        lambda: os.rename(name, name + ".mine"),
    ):
        try:
            use()
            taken.append(name)
        except OSError:
            pass
try:
    os.kill(PROCESS, 9)
    taken.append("the grader")
except OSError:
    pass
Path("own").write_text("its own folder is its own")
assert not taken, taken
"""


def handed_in(place, student, notebook, file="2_olm.ipynb"):
    path = place / student / file
    path.parent.mkdir(parents=True, exist_ok=True)
    text = notebook if isinstance(notebook, str) else nbformat.writes(notebook)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory):
    """A class of bad manners, graded; its folder, its place, its tables and what was said."""
    place = tmp_path_factory.mktemp("class of 2026 (ä)")
    good = answered(course, "2_olm")

    def changed(question, text):
        made = copy.deepcopy(good)
        cell(made, question).source = text
        return made

    handed_in(place, "Anna Ä.", good, "2_olm/2_olm.ipynb")
    handed_in(place, "loops", changed("q1", LOOP))
    handed_in(place, "prints", changed("q8", PRINTS + cell(good, "q8").source))
    handed_in(place, "exits", changed("q7", "import os\nos._exit(0)\n"))
    handed_in(place, "no json", "{ this is no notebook", "2_olm.ipynb")
    handed_in(place, "other names", good, "Homework final (2).ipynb")
    handed_in(place, "copy", good, "2 OLM-Copy1.ipynb")
    handed_in(place, "wrong kernel", good).write_text(
        nbformat.writes(good).replace('"name": "python3"', '"name": "ir"'), encoding="utf-8"
    )
    deleted = copy.deepcopy(good)
    deleted.cells = [c for c in deleted.cells if assignment.identity(c) not in ("q3_hidden", "q8")]
    cell(deleted, "q1_hidden").source = "pass"
    cell(deleted, "q2_hidden").metadata.nbgrader.points = 100
    deleted.cells.reverse()
    handed_in(place, "deletes", deleted)
    (place / "nothing").mkdir()
    handed_in(place, "essay", "see my essay", "essay.docx")
    linked = place / "links" / "2_olm.ipynb"
    linked.parent.mkdir()
    linked.symlink_to(place / "Anna Ä." / "2_olm" / "2_olm.ipynb")
    secret = handed_in(place, "thief", good)
    thief = copy.deepcopy(good)
    files = [assignment.source("2_olm"), course.folder / "gradebook.db", secret, Path.home() / "x"]
    told = {"FILES": [*map(str, files)], "FOLDERS": [str(f.parent) for f in files]}
    told["PROCESS"] = os.getpid()
    text = "\n".join(f"{name} = {value!r}" for name, value in told.items())
    thief.cells.insert(0, nbformat.v4.new_code_cell(text + THIEF))
    mine = cell(thief, "q1")
    mine.source = f"assert 'taken' in dir() and not taken\n{mine.source}"
    secret = handed_in(place, "thief", thief)
    before = {p: p.read_bytes() for p in (*place.rglob("*"), *files) if p.is_file()}
    said = []
    built = tmp_path_factory.mktemp("built")
    tables = grade(place, built, said.append, each=2.0)
    after = {p: p.read_bytes() for p in (*place.rglob("*"), *files) if p.is_file()}
    assert before == after
    return place, built, tables, said


@pytest.fixture
def grades(graded):
    table = pd.read_csv(graded[2][0], dtype={"remarks": str}).set_index("student")
    return table.fillna({"remarks": ""})


def test_the_table_has_a_row_per_student_and_a_column_per_assignment(graded, grades):
    assert [*grades.columns] == [*NAMES, "total", "remarks"]
    assert [*grades.index] == sorted(p.name for p in graded[0].iterdir())
    assert grades.loc["Anna Ä.", "total"] == 25
    questions = pd.read_csv(graded[2][1])
    assert [*questions.columns] == ["student", "assignment", "question", "points", "most"]
    mine = questions[questions["student"] == "Anna Ä."]
    assert dict(zip(mine["question"], mine["points"], strict=True)) == MOST["2_olm"]


@pytest.mark.parametrize(
    ("student", "total", "remark"),
    [
        ("loops", 22, "timed out in q1_visible after 2 s; timed out in q1_hidden"),
        ("prints", 25, ""),
        ("exits", 18, "its process ended in q7"),
        ("no json", 0, "not graded: no notebook"),
        ("other names", 25, "named Homework final (2).ipynb"),
        ("copy", 25, "named 2 OLM-Copy1.ipynb"),
        ("wrong kernel", 25, ""),
        ("deletes", 22, "no answer cell q8; put back as released: q1_hidden, q3_hidden"),
        ("nothing", 0, "2_olm: nothing handed in"),
        ("essay", 0, "no notebook, but essay.docx"),
        ("links", 0, "2_olm.ipynb is a link and is not followed"),
    ],
)
def test_a_bad_submission_is_told_and_the_others_are_graded(grades, student, total, remark):
    assert grades.loc[student, "total"] == total
    assert remark in grades.loc[student, "remarks"]


def test_a_submission_that_takes_and_writes_what_is_not_its_own_gets_nothing(grades):
    if not confine.landlock():
        pytest.skip("this kernel has no Landlock (Linux 5.13), and nothing is confined")
    assert grades.loc["thief", "total"] == 25, grades.loc["thief", "remarks"]


def test_what_was_printed_without_end_is_cut(graded):
    folder = graded[1] / "autograded" / plain("prints")
    (path,) = folder.rglob("*.ipynb")
    assert path.stat().st_size < 300_000
    assert "more characters are cut" in path.read_text(encoding="utf-8")


def test_a_second_time_marks_are_kept_and_a_new_submission_is_graded_alone(
    course, graded, tmp_path
):
    place, built, tables, _ = graded
    kept = tables[0].read_bytes()
    said = []
    late = handed_in(place, "nothing", answered(course, "3_irfb"), "3_irfb.ipynb")
    try:
        grade(place, built, said.append, each=2.0)
    finally:
        late.unlink()
    assert len(said) == 4 * len([*place.iterdir()])
    ran = [line for line in said if " s)" in line and ": -" not in line]
    assert len(ran) == 1 and "nothing 3_irfb: 25/25" in ran[0]
    assert tables[0].read_bytes() != kept


def test_a_folder_without_students_is_refused(tmp_path):
    with pytest.raises(ValueError, match="needs one per student"):
        grade(tmp_path, tmp_path / "built")


def test_a_room_leaves_no_process_and_no_file(rooms):
    with rooms.open() as room:
        room.run("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)")
        assert len(psutil.Process(rooms.process.pid).children(recursive=True)) >= 2
    assert not psutil.Process(rooms.process.pid).children(recursive=True)
    assert not [*rooms.place.iterdir()]


def test_nbgraders_own_commands_give_the_same_points(course, tmp_path):
    """Without a room: its kernel, its steps, its table of points."""
    name, wrong = "2_olm", "the ratio of the means"
    question, right, said, lost = WRONG[name][wrong]
    for step, notebook in (("source", SOURCES[name]), ("submitted", answered(course, name))):
        path = tmp_path / step / ("x" if step == "submitted" else ".") / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        if step == "submitted":
            mine = cell(notebook, question)
            mine.source = mine.source.replace(right, said)
        notebooks.write(path, notebook)
    run = [sys.executable, "-m", "nbgrader"]
    here = {"cwd": tmp_path, "check": True, "capture_output": True}
    subprocess.run([*run, "generate_assignment", name], **here)
    subprocess.run([*run, "autograde", name, "--Execute.timeout=300"], **here)
    subprocess.run([*run, "export"], **here)
    table = pd.read_csv(tmp_path / "grades.csv")
    assert table["score"].tolist() == [25 - sum(lost.values())]
