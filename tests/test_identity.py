"""A run's identity follows what its code does; a stage follows what it imports."""

import ast
import json
import os
import shlex
import shutil
import subprocess
import sys
from contextlib import chdir
from functools import partial
from glob import glob
from pathlib import Path

import pytest
from dvc.repo import Repo

from companion import dependencies, notebooks
from companion.runs import sources
from companion.runs.grid import runs_of
from companion.runs.sources import PACKAGES
from companion.table3 import numbers
from olmlib.data.synthetic import synthetic

DATA_STAGES = {
    "miniature_ave",
    "miniature_mer",
    *(f"miniature@{name}" for name in ("cremad", "ks", "vggsound")),
}
TRAINING = {"train@cremad", "train@ks", "train@vggsound"}


def copied(root, folder):
    """Copy what is in git, or would be, without DVC's objects and results."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in set(listed.stdout.split("\0")) - {""}:
        if not name.startswith((".dvcstore", "results/", "tests/")) and (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)
    return folder


def redocumented(source):
    """Return code with other comments and another module docstring."""
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    if ast.get_docstring(tree) is not None:
        lines = lines[tree.body[0].end_lineno :]
    return '"""Another sentence."""\n# A comment.\n\n' + "".join(lines)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A run of OLM on Table 1's data, one of PMR and one of Table 3; prepared data made up."""
    data = synthetic(tmp_path / "data", clips=30, classes=2, size=8, bins=8, frames=8)
    chosen = {run.name: run for run in runs_of("smoke", "cremad")}
    chosen["irfb"] = next(r for r in numbers.runs_of("smoke") if r.name == "olm_t_irfb_AV")
    monkeypatch.setattr("companion.runs.identity.Run.data", lambda run: data)
    return chosen


def identity(run):
    vars(run).pop("modules", None)
    return run.identity()["identity"]


@pytest.mark.parametrize("name", ["olm", "irfb"])
def test_every_module_of_a_run_counts_by_what_it_does_and_not_by_what_it_says(
    runs, root, tmp_path, monkeypatch, name
):
    copy = copied(root, tmp_path / "copy")
    for function in ("closure", "versions"):
        there = partial(getattr(sources, function), root=copy)
        monkeypatch.setattr(sources, function, there)
    run = runs[name]
    before, modules = identity(run), list(run.modules)
    assert len(modules) > 20
    for module in modules:
        path = sources.locate(module, copy)
        source = path.read_text(encoding="utf-8")
        path.write_text(redocumented(source), encoding="utf-8")
        assert identity(run) == before, f"a docstring of {module} trains {name} again"
        path.write_text(source + "\nchanged = True\n", encoding="utf-8")
        assert identity(run) != before, f"{module} may change and {name} is not trained again"
        path.write_text(source, encoding="utf-8")
    assert identity(run) == before


def test_a_run_knows_what_it_has_chosen_and_not_the_tables(runs):
    olm, pmr, irfb = (set(runs[name].modules) for name in ("olm", "pmr", "irfb"))
    assert {"olmlib.methods.olm", "olmlib.olm", "olmlib.olm_equations"} <= olm & irfb
    assert "olmlib.methods.pmr" in pmr
    assert "olmlib.models.late_fusion" in olm & pmr and "olmlib.irfb" in irfb
    assert "olmlib.data.sequences" in irfb - olm
    strangers = {"olmlib.methods.pmr", "olmlib.models.transformer", "olmlib.methods.cur"}
    assert not (strangers | set(sources.TABLES)) & olm
    assert not {"olmlib.methods.pmr", "olmlib.models.late_fusion", *sources.TABLES} & irfb


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 1", "x = (1)  # a comment", True),
        ("def f():\n    return 1", 'def f():\n    """Doc."""\n\n    return 1', True),
        ('class A:\n    """Doc."""', 'class A:\n    """Other."""\n    # why', True),
        ("async def f():\n    'a'\n    x()", "async def f():\n    x()", True),
        ("x = 'a'", 'x = "a"', True),
        ("x = 1", "x = 2", False),
        ("x = 1", "x = 1.0", False),
        ("x = 1", "x = True", False),
        ("x = a.b", "x = a.c", False),
        ("f(a)", "f(*a)", False),
        ("def f(x: int): ...", "def f(x: float): ...", False),
        ("x = 'a'", "x = b'a'", False),
        ("'a'\n'b'", "'c'\n'b'", True),
        ("x = 1\n'a'", "x = 1\n'b'", False),
    ],
)
def test_what_code_does(one, other, same):
    assert (sources.digest(one) == sources.digest(other)) is same


def test_versions_of_packages_are_part_of_it(runs, monkeypatch):
    before = identity(runs["olm"])
    known = sources._version
    assert {"torch", "torchvision", "numpy", "scikit-learn"} <= runs["olm"].identity()[
        "versions"
    ].keys()
    monkeypatch.setattr(sources, "_version", lambda name: "0" if name == "numpy" else known(name))
    assert identity(runs["olm"]) != before


@pytest.fixture
def loaded():
    """Import what a notebook imports, with our modules loaded anew; return those of ours."""

    def ours():
        return {name: m for name, m in sys.modules.items() if name.split(".")[0] in PACKAGES}

    def load(path):
        for name in ours():
            del sys.modules[name]
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        code = "\n".join("" if line[:1] in "%!" else line for c in code for line in c.splitlines())
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                exec(compile(ast.Module([node], []), path.name, "exec"), {})
        return set(ours())

    before = ours()
    yield load
    for name in ours():
        del sys.modules[name]
    sys.modules.update(before)


def test_the_rule_sees_every_module_that_a_notebook_loads(root, loaded):
    """Python itself is asked; `companion.notebooks code` reads the source."""
    paths = sorted((root / "notebooks").glob("*.ipynb"))
    assert paths
    for path in paths:
        seen = notebooks.code(notebooks.read(path))
        modules = loaded(path)
        assert modules
        missed = [name for name in modules if f"# {name} " not in seen]
        assert not missed, f"{path} loads {missed} and would not run again when they change"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """A copy of the repository in which DVC holds every stage for up to date."""
    folder = copied(sources.ROOT, tmp_path_factory.mktemp("pipeline"))
    (folder / "dvc.lock").unlink(missing_ok=True)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    with chdir(folder), Repo(folder) as repo:
        words = " ".join([shlex.quote(sys.executable), *command(repo)])
        environment = os.environ | {"PYTHONPATH": str(folder)}
        subprocess.run(words, shell=True, env=environment, check=True)
        stages = [*named(repo).values()]
        for item in (item for stage in stages for item in (*stage.deps, *stage.outs)):
            place = Path(item.fs_path)
            if place.suffix and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text("made up")
            elif not place.exists():
                place.mkdir(parents=True)
                (place / "made_up").write_text("made up")
        for stage in stages:
            stage.save(run_cache=False)
        stage.dvcfile.dump_stages(stages, update_pipeline=False)
    return folder


def named(repo):
    """Return name -> stage of the main pipeline."""
    file = str(Path(repo.root_dir) / "dvc.yaml")
    return {stage.name: stage for stage in repo.index.stages if stage.path == file}


def command(repo):
    """Return the words of the stage `code` after `python`."""
    return named(repo)["code"].cmd.split()[1:]


@pytest.fixture
def would_run(pipeline, monkeypatch):
    """The stages that `dvc repro` would run, `code` apart, when `code` has run."""
    for function in ("closure", "imported", "refuse_absent", "versions"):
        there = partial(getattr(sources, function), root=pipeline)
        monkeypatch.setattr(dependencies, function, there)
    monkeypatch.chdir(pipeline)

    def found():
        with Repo(pipeline) as repo, repo.lock:
            module, program, *arguments = command(repo)
            assert (module, program) == ("-m", "companion.notebooks")
            notebooks.main([path for word in arguments for path in glob(word) or [word]])
            return {name for name, s in named(repo).items() if s.changed_deps()} - {"code"}

    return found


def test_dvc_runs_every_stage_that_uses_an_edited_module_and_no_other(pipeline, would_run):
    first = TRAINING | {"train_mer", "tour", "add_a_method", "table1", "table3"}
    expected = {
        "olmlib/olm.py": first | {"olm"},
        "olmlib/irfb.py": first | {"irfb", "fig1"},
        "olmlib/models/encoders.py": first | {"methods", "imbalance@cremad"},
        "olmlib/methods/pmr.py": first | {"methods"},
    }
    for name, stages in expected.items():
        path = pipeline / name
        source = path.read_text(encoding="utf-8")
        path.write_text(source + "\nchanged = True\n", encoding="utf-8")
        changed = would_run()
        assert stages <= changed, f"{name} changed, and DVC would not run {stages - changed}"
        assert not DATA_STAGES & changed, f"{name} makes no miniature"
        path.write_text(redocumented(source), encoding="utf-8")
    # The book shows docstrings, on its page of the API.
    assert would_run() == {"book"}, f"a docstring of {[*expected]} runs other stages"
