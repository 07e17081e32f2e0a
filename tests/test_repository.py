import ast
import json
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from companion import notebooks, params

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


PACKAGES = ("olmlib", "companion")
# What `olmlib` needs besides the standard library; a program that uses it needs no more.
NEEDED = {"torch", "torchvision", "numpy", "sklearn", "scipy", "pandas", "tqdm"}


def modules(root, pattern="**/*.py", packages=PACKAGES):
    return sorted(path for package in packages for path in (root / package).glob(pattern))


def name_of(root, path):
    """Return a module's dotted name."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(root, path):
    """Return the dotted names that a module imports, wherever in it; `from a import b` is a.b."""
    package = path.relative_to(root).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def ours(root, path):
    """Return the modules of ours that a module imports, as dotted names."""
    found = set()
    for name in imports(root, path):
        parts = name.split(".")
        if parts[0] in PACKAGES:
            # The last part may be a function or a class.
            files = (root.joinpath(*parts[:n]) for n in range(len(parts), 0, -1))
            file = next(f for f in files if f.with_suffix(".py").is_file() or f.is_dir())
            found.add(name_of(root, file.with_suffix(".py")))
    return found


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


def test_olmlib_needs_its_seven_packages_and_nothing_of_companion(root):
    for path in modules(root, packages=["olmlib"]):
        tops = {name.split(".")[0] for name in imports(root, path)}
        foreign = tops - sys.stdlib_module_names - NEEDED - {"olmlib"}
        assert not foreign, f"{path} imports {foreign}"


# A room may be split into files whose names begin with its own, such as olm_equations.py.
@pytest.mark.parametrize(
    ("room", "known"), [("olm", ("olmlib.processes", "olmlib.check")), ("irfb", ())]
)
def test_the_papers_two_modules_stand_alone(root, room, known):
    assert (root / f"olmlib/{room}.py").is_file()
    for path in modules(root, f"{room}*.py", ["olmlib"]):
        others = {name for name in ours(root, path) if not name.startswith(f"olmlib.{room}")}
        assert others <= {*known}, f"{path.name} imports {others}"


def test_the_training_loop_names_no_method(root):
    names = {row.method for row in params.load(root / "params.yaml").rows.values()}
    for path in modules(root, "train*.py", ["olmlib"]):
        text = path.read_text(encoding="utf-8")
        named = {name for name in names if re.search(rf"\b{name}\b", text)}
        assert not named, f"{path.name} names {named}"


# Room -> the other rooms that its modules may import, and of which module they may take one alone.
# What is not named here is forbidden, so that an arrow is never added by accident.
ARROWS = {
    "olmlib.models": "olmlib.check olmlib.config olmlib.irfb",
    "olmlib.data": "olmlib.config",
    "olmlib.methods": (
        "olmlib.check olmlib.config olmlib.evaluate olmlib.losses olmlib.models "
        "olmlib.olm olmlib.olm_presets"
    ),
    "companion.registry": "companion.data companion.miniature",
    "companion.params": (
        "companion.data.sections companion.reading companion.registry olmlib.config"
    ),
    "companion.data": (
        "companion.runs.sources companion.workers olmlib.config olmlib.data olmlib.files"
    ),
    "companion.extract": "companion.data olmlib.files",
    "companion.miniature": (
        "companion.data companion.runs.sources companion.workers olmlib.files "
        "companion.params companion.registry companion.runs.processor"  # of its __main__
    ),
    "companion.runs": (
        "companion.data.sections companion.params companion.registry companion.workers olmlib"
    ),
    "companion.evidence": "companion.runs companion.tables olmlib",
    "companion.figures": "companion.data companion.runs olmlib.data olmlib.files",
    "companion.table1": (
        "companion.figures companion.paper companion.params companion.registry companion.report "
        "companion.runs companion.tables olmlib"
    ),
    "companion.table3": (
        "companion.evidence companion.figures companion.paper companion.params companion.registry "
        "companion.report companion.runs companion.tables olmlib"
    ),
    "companion.lessons": "companion.evidence companion.figures companion.tables olmlib",
}


@pytest.mark.parametrize("room", ARROWS)
def test_arrows_point_one_way(root, room):
    """Models know no method and no data, methods no data set and no loop, data no model; and so on.

    Nobody but notebooks knows the lessons.
    """
    allowed = (room, *ARROWS[room].split())
    top = room.split(".")[1]
    files = modules(root, f"{top}/**/*.py") or modules(root, f"{top}.py")
    files = [path for path in files if name_of(root, path).startswith(room)]
    assert files
    for path in files:
        names = {n for n in ours(root, path) if n not in PACKAGES}
        wrong = {n for n in names if not any(f"{n}.".startswith(f"{a}.") for a in allowed)}
        assert not wrong, f"{path} imports {wrong}"


def test_every_room_has_its_arrows(root):
    rooms = {f"{p.parent.parent.name}.{p.parent.name}" for p in modules(root, "*/__init__.py")}
    assert rooms <= {*ARROWS}, "say in ARROWS what the new room may import"


def test_no_module_imports_itself_in_a_circle(root):
    graph = {name_of(root, path): ours(root, path) for path in modules(root)}
    assert [*TopologicalSorter(graph).static_order()]
