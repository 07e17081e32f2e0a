import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions, requires, version

import yaml
from packaging.requirements import Requirement
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
