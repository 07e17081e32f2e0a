import ast
import re
import sys
import tomllib
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


def test_what_olmlib_imports_is_declared(root):
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in root.glob("olmlib/**/*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    imported = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"olmlib"}
    distributions = packages_distributions()
    needed = {canonicalize_name(distributions[name][0]) for name in imported}
    assert needed <= {canonicalize_name(requirement.name) for requirement in declared(root)}


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
