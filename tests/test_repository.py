import json
import re
import subprocess
from pathlib import Path

import pytest

from companion import notebooks, params
from companion.runs.sources import imported

# Spelt in parts, so that this file does not hold what it looks for.
HOSTS = "|".join(
    ["pypi" + r"\.", "python" + "hosted" + r"\.", "npmjs" + r"\.", r"deb\." + "debian"]
)
PAGES = "|".join(
    ["methods" + "-table1", "models" + "-tables23", "style" + "-anchors"]
    + [
        f"{name}{ending}"
        for name in ("datasets", "design", "evidence", "ecosystem")
        for ending in (r"\.m" + "d", r",? sect" + r"ion \d")
    ]
)
UNPUBLISHED = re.compile(rf"\b(?:{PAGES})", re.IGNORECASE)
MACHINE = re.compile(rf"(?:^|[^\w.])/(?:work|tmp|root|home|farm)/|{HOSTS}")


@pytest.fixture(scope="module")
def tracked():
    """Files in git and those that would be added, without DVC's objects."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [Path(name) for name in sorted(set(listed.stdout.split("\0"))) if name]
    return [path for path in paths if path.is_file() and ".dvcstore" not in path.parts]


def modules(root, pattern="**/*.py"):
    return sorted((root / "olmlib").glob(pattern))


def lines_with(pattern, paths):
    """Return every line of the text files that holds the pattern, with its place."""
    return [
        f"{path}:{number}: {line.strip()[:80]}"
        for path in paths
        if b"\0" not in path.read_bytes()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("pattern", [MACHINE, UNPUBLISHED], ids=["machine", "unpublished"])
def test_no_file_names_a_machine_a_registry_or_an_unpublished_page(tracked, pattern):
    lines = lines_with(pattern, tracked)
    assert not lines, "\n".join(lines)


def test_notebooks_are_clean(tracked):
    unclean = [
        path
        for path in tracked
        if path.suffix == ".ipynb"
        and path.read_text(encoding="utf-8")
        != notebooks.text(notebooks.clean(notebooks.read(path)))
    ]
    assert not unclean, f"run `make clean-notebooks`: {unclean}"


def test_notebooks_hold_no_class(tracked):
    for path in tracked:
        if path.suffix == ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
            # A cell that writes a file shows it; what the file holds is no code of the notebook.
            code = "\n".join(s for s in sources if not s.startswith("%%writefile"))
            assert not re.search(r"^\s*class ", code, re.M), f"{path}: a class belongs into olmlib"


def test_no_tracked_file_is_large(tracked):
    large = [path for path in tracked if path.stat().st_size > 2_000_000]
    assert not large


def test_modules_are_short(root):
    long = {str(p): n for p in modules(root) if (n := len(p.read_text().splitlines())) > 300}
    assert not long, f"a module over 300 lines wants to be two: {long}"


def test_package_files_are_empty(root):
    assert not [path for path in modules(root, "**/__init__.py") if path.read_text().strip()]


# A room may be split into files whose names begin with its own, such as olm_equations.py.
@pytest.mark.parametrize("room", ["olm", "irfb"])
def test_the_papers_two_modules_stand_alone(root, room):
    for path in modules(root, f"{room}*.py"):
        others = imported(path.read_text(encoding="utf-8"), "olmlib") - {"olmlib"}
        foreign = {name for name in others if not name.startswith(f"olmlib.{room}")}
        assert not foreign, f"{path.name} imports {foreign}"


def test_the_training_loop_names_no_method(root):
    names = {row.method for row in params.load(root / "params.yaml").rows.values()}
    for path in modules(root, "train*.py"):
        text = path.read_text(encoding="utf-8")
        named = {name for name in names if re.search(rf"\b{name}\b", text)}
        assert not named, f"{path.name} names {named}"


def test_arrows_point_one_way(root):
    """Models know no method, methods no data set, data no model."""
    forbidden = {
        "models": ("methods", "data", "miniature", "train", "runs"),
        "methods": ("data", "miniature", "train", "runs"),
        "data": ("models", "methods", "miniature", "train", "runs"),
        "miniature": ("models", "methods", "train", "runs"),
    }
    for room, others in forbidden.items():
        for path in modules(root, f"{room}/**/*.py"):
            names = imported(path.read_text(encoding="utf-8"), f"olmlib.{room}") - {"olmlib"}
            wrong = {name for name in names if name.split(".")[1] in others}
            assert not wrong, f"{path}: {wrong}"
