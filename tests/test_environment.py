import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import metadata, packages_distributions, requires, version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

MACHINES = ("x86_64", "aarch64")
PYTHONS = ("3.11", "3.12", "3.13")
# What torch brings on one processor and not on the other; its own pins hold these.
TORCH_BRINGS = re.compile(r"^(nvidia|cuda|triton)")


def environments():
    for machine in MACHINES:
        for python in PYTHONS:
            yield {
                "platform_machine": machine,
                "platform_system": "Linux",
                "sys_platform": "linux",
                "python_version": python,
                "python_full_version": f"{python}.0",
            }


def pins(root, environment=None):
    lines = (root / "requirements.lock").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [pin for pin in found if pin.marker is None or pin.marker.evaluate(environment)]


def pinned(root, environment=None):
    return {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version
        for pin in pins(root, environment)
    }


def declared(root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [
        Requirement(line)
        for part in (project["dependencies"], *project["optional-dependencies"].values())
        for line in part
    ]


def test_every_line_of_the_lock_is_one_exact_pin(root):
    lines = (root / "requirements.lock").read_text(encoding="utf-8").splitlines()
    for line in lines:
        assert line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", line), line
    for environment in environments():
        names = [canonicalize_name(pin.name) for pin in pins(root, environment)]
        assert len(names) == len(set(names))
        assert not [name for name in names if TORCH_BRINGS.match(name)]


def test_torch_of_each_processor(root):
    versions = {
        (environment["platform_machine"], name, pinned(root, environment)[name])
        for environment in environments()
        for name in ("torch", "torchvision")
    }
    assert versions == {
        ("x86_64", "torch", "2.14.1"),
        ("x86_64", "torchvision", "0.29.1"),
        ("aarch64", "torch", "2.9.1"),
        ("aarch64", "torchvision", "0.24.1"),
    }


def test_the_lock_satisfies_pyproject_everywhere(root):
    for environment in environments():
        locked = pinned(root, environment)
        for requirement in declared(root):
            name = canonicalize_name(requirement.name)
            assert name in locked, f"{name} is not in requirements.lock"
            assert requirement.specifier.contains(locked[name]), f"{requirement}: {locked[name]}"


def test_every_dependency_says_why_it_is_there(root):
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    assert len(re.findall(r'^  ".+>=.+",\s+# \w.+$', text, re.M)) == len(declared(root))


def needed(root, package):
    """Return the distributions that a package of ours imports itself."""
    trees = [ast.parse(p.read_text(encoding="utf-8")) for p in root.glob(f"{package}/**/*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    tops = {name.split(".")[0] for name in names}
    distributions = packages_distributions()
    others = tops - sys.stdlib_module_names - {"olmlib", "companion"}
    return {canonicalize_name(distributions[name][0]) for name in others}


def test_what_is_imported_is_declared(root):
    assert needed(root, "companion") <= {canonicalize_name(r.name) for r in declared(root)}


def test_olmlib_needs_seven_packages_and_has_them(root, tmp_path):
    """A wheel holds olmlib, its types and nothing else, and asks for what olmlib imports."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    copy = tmp_path / "project"
    for part in ("olmlib", "companion"):
        shutil.copytree(root / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / part, copy / part)
    subprocess.run([*command, "--wheel-dir", tmp_path, copy], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    modules = {path.relative_to(root).as_posix() for path in root.glob("olmlib/**/*.py")}
    assert {name for name in names if ".dist-info/" not in name} == {*modules, "olmlib/py.typed"}
    wanted = [Requirement(line[14:]) for line in lines if line.startswith("Requires-Dist:")]
    alone = {canonicalize_name(r.name) for r in wanted if not r.marker}
    assert alone == needed(root, "olmlib")
    assert len(alone) == 7


def test_conda_users_get_the_locked_versions(root):
    environment = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    # Any other package named here could be of another version than the lock's.
    assert conda == ["python=3.11", "pip"]
    assert pip == ["-r requirements.lock", "-e ."]


def test_this_interpreter_has_the_locked_versions(root):
    locked = pinned(root)
    # A local part such as +cpu is another build of the same version.
    installed = {name: version(name).partition("+")[0] for name in locked}
    other = {name: found for name, found in installed.items() if found != locked[name]}
    assert not other, f"installed, but not as locked: {other}; run `make install`"


def test_the_lock_names_what_its_packages_need(root):
    locked = pinned(root)
    for name in locked:
        for needed in map(Requirement, requires(name) or []):
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                key = canonicalize_name(needed.name)
                assert key in locked or TORCH_BRINGS.match(key), f"{name} needs {needed}"


def test_the_python_that_is_asked_for_is_one_that_the_locks_packages_take(root):
    script = (root / ".ci" / "install").read_text(encoding="utf-8")
    low = re.search(r"\((\d+), (\d+), (\d+)\) <= sys.version_info", script)
    for name in pinned(root):
        takes = SpecifierSet(metadata(name)["Requires-Python"] or "")
        assert takes.contains(".".join(low.groups())), f"{name} needs Python {takes}"


# A folder as people have them; what a shell would read in it is in it.
ODD = """my päth (数据) & co's "$HOME" `true`"""
# It makes environments, and does of their work what the scripts look at.
PYTHON = r"""#!/usr/bin/env bash
here=$(dirname -- "$(realpath -- "$0")")
echo "$*" >>"$LOG"
case "$*" in
  "-m venv --clear --prompt olmlib -- "*)
    for last in "$@"; do :; done
    sleep "${SLOW:-0}"
    rm -rf -- "$last"
    mkdir -p -- "$last/bin"
    echo "prompt = 'olmlib'" >"$last/pyvenv.cfg"
    cp -- "$0" "$last/bin/python" ;;
  "-m dvc repro") mkdir -p results/smoke && echo made >results/smoke/table.csv && [ -e .git ] ;;
esac
"""


@pytest.fixture
def project(root, tmp_path):
    """Makefile and scripts in a repository of their own, in an odd folder."""
    folder = tmp_path / "projects" / ODD
    shutil.copytree(root / ".ci", folder / ".ci")
    for name in ("Makefile", "requirements.lock", ".gitignore", ".gitattributes", "params.yaml"):
        shutil.copy(root / name, folder / name)
    table = folder / "results" / "mini" / "table.csv"
    table.parent.mkdir(parents=True)
    table.write_text("a,1\n", encoding="utf-8")
    user = ("-c", "user.name=x", "-c", "user.email=x@y")
    for words in (("init", "-q"), ("add", "."), (*user, "commit", "-q", "-m", "x")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    (tmp_path / "python").write_text(PYTHON, encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    return folder


def make(project, *words, **variables):
    """Return the finished `make` and what Python was asked for meanwhile."""
    box = project.parent.parent
    log = box / "log"
    log.write_text("", encoding="utf-8")
    plain = {n: v for n, v in os.environ.items() if n not in ("VENV", "PYTHONPATH", "MAKEFLAGS")}
    ours = {"PYTHON": str(box / "python"), "LOG": str(log)}
    done = subprocess.run(
        ["make", *words], cwd=project, env=plain | ours | variables, capture_output=True, text=True
    )
    return done, log.read_text(encoding="utf-8").splitlines()


def installed(asked):
    return sum(line.startswith("-m venv") for line in asked)


def test_an_environment_is_made_once_and_anew_when_the_lock_or_the_place_changes(project):
    done, asked = make(project, "install")
    assert not done.returncode, done.stderr
    assert [line for line in asked if ".ci/packages.py" in line][0].endswith("requirements.lock")
    assert not installed(make(project, "install")[1])
    with (project / "requirements.lock").open("a", encoding="utf-8") as lock:
        lock.write("# another\n")
    (project / ".venv" / "stale").touch()
    assert installed(make(project, "install")[1]) == 1
    assert not (project / ".venv" / "stale").exists()
    # Its programs name the place that they were made in.
    moved = project.rename(project.with_name("moved"))
    assert installed(make(moved, "install")[1]) == 1
    assert sorted(path.name for path in moved.parent.iterdir()) == ["moved"]


def test_an_interrupted_installation_begins_anew(project):
    make(project, "install")
    for stamp in (project / ".venv").glob(".installed-*"):
        stamp.unlink()
    assert installed(make(project, "install")[1]) == 1


@pytest.mark.skipif(not shutil.which("flock"), reason="flock is missing, so nobody can wait")
def test_a_second_make_waits_for_the_first_and_installs_nothing(project):
    log = project.parent.parent / "both"
    slow = {"SLOW": "2", "LOG": str(log)}
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(make, project, "install", **slow) for _ in range(2)]
        done = [one.result()[0] for one in both]
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    assert installed(log.read_text(encoding="utf-8").splitlines()) == 1
    assert sum("waiting for it" in one.stdout for one in done) == 1


@pytest.mark.parametrize("venv", [".venv", "{box}/elsewhere", "{box}/my venv/"])
@pytest.mark.parametrize("kind", ["link", "broken link", "link to an old environment", "folder"])
def test_what_is_not_ours_is_never_cleared(project, venv, kind):
    box = project.parent.parent
    venv = venv.format(box=box)
    theirs = box / "their folder"
    (theirs / "bin").mkdir(parents=True)
    (theirs / "thesis.txt").write_text("all of it", encoding="utf-8")
    (theirs / "pyvenv.cfg").write_text("prompt = 'mine'\n", encoding="utf-8")
    if kind == "link to an old environment":
        (theirs / ".installed-1").touch()
    place = project / venv.rstrip("/")
    if kind == "folder":
        theirs = theirs.rename(place)
    else:
        place.symlink_to(box / "nowhere" if kind == "broken link" else theirs)
    for target in ("install", "test"):
        done, asked = make(project, target, f"VENV={venv}")
        assert done.returncode and not asked
        told = "Remove it yourself" if kind == "folder" else "Remove the link"
        assert told in done.stderr and "make install VENV=" in done.stderr
    assert (theirs / "thesis.txt").read_text(encoding="utf-8") == "all of it"
    assert place.is_symlink() == (kind != "folder")


def test_an_empty_folder_and_a_link_to_a_current_environment_are_used(project):
    (project / ".venv").mkdir()
    assert installed(make(project, "install")[1]) == 1
    place = (project / ".venv").rename(project.parent / "env")
    (stamp,) = place.glob(".installed-*")
    stamp.write_text(f"{place}/bin\n", encoding="utf-8")
    (project / ".venv").symlink_to(place)
    done, asked = make(project, "test")
    assert not done.returncode, done.stderr
    assert "-m pytest --numprocesses auto --dist loadfile" in asked and not installed(asked)


def test_a_folder_that_no_search_path_can_hold_is_refused(project):
    done, asked = make(project.rename(project.with_name("a:b")), "install")
    assert done.returncode and not asked and "has a colon in its name" in done.stderr


def test_every_target_works_in_an_odd_folder(project):
    source = project / "data of mine" / "ravdess"
    source.mkdir(parents=True)
    for (
        target
    ) in "help install data lab test bench compare lint clean-notebooks study-data study".split():
        done, asked = make(project, target, OLM_REAL_DATA=str(source.parent))
        assert not done.returncode, (target, done.stderr)
        assert asked or target == "help"
        assert "not found" not in done.stderr, (target, done.stderr)
    assert sorted(path.name for path in project.parent.iterdir()) == [ODD]


# Of what `make` is asked for; a smoke that nobody ends takes a minute.
MAKE = r"""#!/usr/bin/env bash
echo "$1 is done"
case "$1" in
  smoke) trap 'touch ended' EXIT; touch begun; sleep "$SMOKE" ;;
  lint) until [ -e begun ]; do sleep 0.01; done ;;
esac
[ "$1" != "$FAILING" ]
"""


@pytest.mark.parametrize("failing", ["", "install", "lint", "test", "smoke"])
def test_the_pipeline_runs_beside_lint_and_tests_and_is_not_left_behind(root, tmp_path, failing):
    shutil.copytree(root / ".ci", tmp_path / ".ci")
    (tmp_path / "make").write_text(MAKE, encoding="utf-8")
    (tmp_path / "make").chmod(0o755)
    ours = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "FAILING": failing}
    ours["SMOKE"] = "60" if failing in ("lint", "test") else "0.2"
    command = ["bash", str(tmp_path / ".ci" / "run")]
    done = subprocess.run(
        command, env=os.environ | ours, capture_output=True, text=True, timeout=50
    )
    assert bool(done.returncode) == bool(failing), done.stderr
    said = [line.removesuffix(" is done") for line in done.stdout.splitlines() if "done" in line]
    order = ["install", "lint", "test", "smoke"]
    assert said == (order[: order.index(failing) + 1] if failing else order)
    ended = tmp_path / "ended"
    for _ in range(100):  # a program that is told to end may take its time
        if failing != "install" and not ended.exists():
            time.sleep(0.1)
    assert ended.exists() == (failing != "install")


@pytest.mark.parametrize("venv", [".venv", "{box}/my venv"])
def test_a_smoke_in_an_odd_folder_leaves_the_environment_and_no_file_beside(project, venv):
    box = project.parent.parent
    venv = venv.format(box=box)
    make(project, "install", f"VENV={venv}")
    # As from within a hook, with a user's own git and shell.
    theirs = box / "home"
    (theirs / ".ci").mkdir(parents=True)
    (theirs / "hooks").mkdir()
    (theirs / "hooks" / "post-checkout").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (theirs / "hooks" / "post-checkout").chmod(0o755)
    (theirs / ".gitconfig").write_text(
        f"[core]\nautocrlf = true\nhooksPath = {theirs}/hooks\n", encoding="utf-8"
    )
    hostile = {"HOME": str(theirs), "CDPATH": str(theirs), "TMPDIR": str(box / "none")}
    hostile |= {"GIT_DIR": str(theirs), "GIT_INDEX_FILE": str(theirs / "index")}
    before = sorted(project.rglob("*")), sorted((project / venv).rglob("*"))
    done, asked = make(project, "smoke", f"VENV={venv}", **hostile)
    assert not done.returncode, done.stdout + done.stderr
    assert "1 tables and figures expected, 0 missing" in done.stdout
    assert "-m dvc repro" in asked and not installed(asked)
    (project / "build").rmdir()
    assert before == (sorted(project.rglob("*")), sorted((project / venv).rglob("*")))
    assert sorted(path.name for path in project.parent.iterdir()) == [ODD]


def test_pip_has_of_the_users_settings_where_packages_are_and_no_other(root):
    settings = {
        ":env:.index-url": "https://b/simple",
        ":env:.target": "/x",
        "global.cert": "/c.pem",
        "global.extra-index-url": "https://d https://e",
        "global.index-url": "https://a/simple",
        "global.require-virtualenv": "true",
        "global.user": "true",
        "install.no-deps": "true",
        "install.pre": "yes",
        "install.proxy": "http://p:1",
    }
    variables = {"PATH": "/bin", "PIP_TARGET": "/x", "PIP_INDEX_URL": "https://b/simple"}
    pip = runpy.run_path(str(root / ".ci" / "packages.py"))
    assert pip["environment"](variables, settings) == {
        "PATH": "/bin",
        "PIP_CERT": "/c.pem",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_EXTRA_INDEX_URL": "https://d https://e",
        "PIP_INDEX_URL": "https://b/simple",
        "PIP_PROXY": "http://p:1",
    }


def test_a_users_pip_settings_reach_no_installation(root, tmp_path):
    (tmp_path / "pip.conf").write_text(
        "[global]\ntarget = /x\nuser = true\nno-index = true\nfind-links = /wheels of mine\n"
        "[install]\nprefix = /y\npre = true\n",
        encoding="utf-8",
    )
    theirs = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_REQUIRE_HASHES": "1"}
    command = [sys.executable, str(root / ".ci" / "packages.py"), "config", "list"]
    environment = {n: v for n, v in os.environ.items() if not n.startswith("PIP_")} | theirs
    said = subprocess.check_output(command, env=environment, text=True).splitlines()
    assert ":env:.no-index='true'" in said and ":env:.find-links='/wheels of mine'" in said
    assert not [line for line in said if re.search("target|user|prefix|pre=|hashes", line)]
