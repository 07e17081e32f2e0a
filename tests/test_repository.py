import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from companion import notebooks, params, store

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
    "olmlib.models": "olmlib.check olmlib.config olmlib.irfb olmlib.losses",
    "olmlib.data": "olmlib.config",
    "olmlib.methods": (
        "olmlib.check olmlib.config olmlib.evaluate olmlib.losses olmlib.models "
        "olmlib.olm olmlib.olm_presets"
    ),
    "companion.settings": "companion.data.sections olmlib.config olmlib.models.ave.config",
    "companion.registry": "companion.data companion.miniature companion.settings",
    "companion.rows": "companion.data.sections companion.registry companion.settings olmlib.config",
    "companion.params": (
        "companion.data.sections companion.reading companion.registry companion.rows "
        "companion.settings companion.study.settings olmlib.config"
    ),
    "companion.data": (
        "companion.runs.sources companion.workers olmlib.config olmlib.data olmlib.files"
    ),
    "companion.extract": "companion.data olmlib.data olmlib.files",
    "companion.miniature": (
        "companion.data companion.runs.sources companion.workers olmlib.files "
        "companion.kernel companion.params companion.registry"  # of its __main__
    ),
    "companion.runs": (
        "companion.data companion.params companion.registry companion.settings companion.workers "
        "olmlib"
    ),
    "companion.evidence": (
        "companion.report companion.runs companion.spread companion.tables olmlib"
    ),
    "companion.figures": "companion.data companion.runs olmlib.data olmlib.files",
    "companion.fig4": (
        "companion.data.sections companion.evidence companion.figures.style companion.params "
        "companion.report companion.runs companion.settings companion.spread"
    ),
    "companion.table1": (
        "companion.evidence companion.figures companion.paper companion.params companion.registry "
        "companion.report companion.runs companion.spread companion.tables olmlib"
    ),
    "companion.table2": (
        "companion.data.sections companion.evidence companion.figures companion.paper "
        "companion.params companion.registry companion.report companion.rows companion.runs "
        "companion.settings companion.spread companion.table1.picture companion.tables olmlib"
    ),
    "companion.table3": (
        "companion.evidence companion.figures companion.paper companion.params companion.registry "
        "companion.report companion.rows companion.runs companion.spread companion.tables olmlib"
    ),
    "companion.grading": "companion.kernel companion.notebooks companion.runs.sources olmlib.files",
    "companion.book": (
        "companion.figures.style companion.kernel companion.lessons.olm.toy companion.notebooks "
        "companion.params companion.registry companion.report companion.runs.sources "
        "companion.study.recordings olmlib"
    ),
    "companion.lessons": (
        "companion.evidence companion.figures companion.rows companion.tables companion.workers "
        "olmlib"
    ),
    "companion.study": (
        "companion.data companion.kernel companion.plateau companion.report companion.rows "
        "companion.runs companion.settings companion.workers companion.params companion.registry "
        "companion.compare companion.notebooks olmlib"
    ),
    "companion.findings": (
        "companion.evidence companion.fig4 companion.figures.style companion.notebooks "
        "companion.params companion.registry companion.report companion.rows companion.runs "
        "companion.settings companion.spread companion.study companion.table1.rows "
        "companion.table2 companion.table3 companion.tables companion.paper olmlib"
    ),
}


@pytest.mark.parametrize("room", ARROWS)
def test_arrows_point_one_way(root, room):
    """Models know no method and no data, methods no data set and no loop, data no model; and so on.

    Nobody but notebooks and the book knows the lessons.
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


# Of people who have told git, for all that they do, to convert what it checks out.
CONVERTING = {"core.autocrlf": "true", "core.eol": "crlf", "core.attributesFile": "attributes"}
THEIR_ATTRIBUTES = "* text eol=crlf ident filter=theirs\n*.ipynb filter=theirs\n*.csv text\n"


def test_whatever_git_is_told_a_checkout_has_the_bytes_that_were_committed(tracked, tmp_path):
    (tmp_path / "attributes").write_text(THEIR_ATTRIBUTES)
    told = {**CONVERTING, "core.attributesFile": tmp_path / "attributes"}
    told |= {"filter.theirs.smudge": "tr a-z A-Z", "filter.theirs.clean": "cat"}
    options = [word for name, value in told.items() for word in ("-c", f"{name}={value}")]
    out = tmp_path / "checkout"
    git = ["git", *options]
    subprocess.run([*git, "checkout-index", "--all", f"--prefix={out}/"], check=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--stage"], check=True, capture_output=True, text=True
    ).stdout
    committed = {}
    for line in filter(None, listed.split("\0")):
        entry, name = line.split("\t")
        committed[name] = entry.split()[1]
    names = "\n".join(str(out / name) for name in committed)
    found = subprocess.run(
        ["git", "hash-object", "--no-filters", "--stdin-paths"],
        input=names,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    other = [name for name, blob in zip(committed, found, strict=True) if blob != committed[name]]
    assert not other, f"git converts {other}"
    assert any(name.startswith(".dvcstore/") for name in committed)


@pytest.fixture
def shipped(tmp_path):
    """A repository with three shipped objects, of which two have been copied into DVC's cache."""
    folder = tmp_path / "my päth (数据) & co"
    contents = (b"a,b\n1,2\n", b"\0\n\0\n", b'[{"relpath": "x\n"}]')
    for content, suffix in zip(contents, ("", "", ".dir"), strict=True):
        name = hashlib.md5(content).hexdigest()
        for place in (store.STORE, store.CACHE) if content != contents[1] else (store.STORE,):
            path = folder / place / "files" / "md5" / name[:2] / f"{name[2:]}{suffix}"
            path.parent.mkdir(parents=True)
            path.write_bytes(content)
    (folder / "data").mkdir()
    (folder / ".gitignore").write_text("/data\n/.dvc/cache\n")
    user = ("-c", "user.name=x", "-c", "user.email=x@y")
    for words in (("init", "-q"), ("add", "."), (*user, "commit", "-q", "-m", "x")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def test_the_shipped_objects_are_what_was_committed(root):
    assert store.damaged(root) == []


CHANGES = {
    "converted": lambda content: content.replace(b"\n", b"\r\n"),
    "cut": lambda content: content[:-1],
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_object_is_named_and_the_advice_mends_it(shipped, change):
    assert store.damaged(shipped) == []
    (shipped / "data" / "made_of_it").touch()
    changed = []
    for path in sorted(p for p in shipped.rglob("files/md5/*/*") if p.is_file()):
        content = path.read_bytes()
        path.write_bytes(change(content))
        changed.append(path.relative_to(shipped))
    assert sorted(store.damaged(shipped)) == sorted(changed)
    assert len(changed) == 5
    advice = store.advice(store.damaged(shipped))
    assert all(str(path) in advice for path in changed)
    commands = [line for line in advice.splitlines() if line.startswith("  ")]
    assert commands.pop() == "  make data"
    subprocess.run("\n".join(commands), shell=True, cwd=shipped, check=True)
    assert store.damaged(shipped) == []
    assert not (shipped / "data").exists()


def test_a_store_without_objects_says_how_to_have_them(shipped, monkeypatch):
    shutil.rmtree(shipped / store.STORE)
    monkeypatch.setattr(store, "ROOT", shipped)
    with pytest.raises(SystemExit, match="is empty; fetch it: git checkout -- .dvcstore"):
        store.main()


def test_dvc_itself_refuses_a_changed_object(root, tmp_path):
    """Whoever runs `dvc pull` by hand is not asked by `make data`."""
    box = tmp_path / "project"
    for part in (".dvcstore", ".dvc/config", "data.dvc"):
        copy = shutil.copytree if (root / part).is_dir() else shutil.copy
        (box / part).parent.mkdir(parents=True, exist_ok=True)
        copy(root / part, box / part)
    subprocess.run(["git", "init", "-q"], cwd=box, check=True)
    named = next(path for path in box.glob(".dvcstore/files/md5/*/*") if path.suffix != ".dir")
    named.write_bytes(named.read_bytes() + b"\r\n")
    environment = os.environ | {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(tmp_path / "s")}
    pull = [sys.executable, "-m", "dvc", "pull", "data.dvc"]
    done = subprocess.run(pull, cwd=box, env=environment, capture_output=True, text=True)
    assert done.returncode and "failed to pull data" in done.stderr
