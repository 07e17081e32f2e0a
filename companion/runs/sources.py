"""Which source a result depends on: the `olmlib` modules that its code imports, at any depth."""

import ast
import hashlib
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("olmlib", "companion")


def closure(*modules: str, root: Path = ROOT) -> dict[str, str]:
    """Return the SHA-256 of every `olmlib` module that `modules` need, themselves included.

    Imports are found in the syntax tree, wherever they stand, so nothing is executed. A module
    loaded by a name made at run time is not seen: name it among `modules`.

    Args:
        modules: dotted names, such as `"olmlib.train"`.
        root: the folder that holds the package.

    Returns:
        Dotted name to hexadecimal SHA-256 of the file, sorted by name.

    Raises:
        ModuleNotFoundError: one of `modules` is no file below `root`.
    """
    hashes: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in hashes:
            continue
        path = locate(name, root)
        if path is None:
            raise ModuleNotFoundError(f"{name} is not a module below {root}", name=name)
        source = path.read_bytes()
        hashes[name] = hashlib.sha256(source).hexdigest()
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += imported(source.decode("utf-8"), package, root)
    return dict(sorted(hashes.items()))


def imported(source: str, package: str = "", root: Path = ROOT) -> set[str]:
    """Return the `olmlib` modules that `source` imports itself, with the packages that hold them.

    Args:
        source: Python code.
        package: the package that the code is part of, which relative imports start from.
        root: the folder that holds the package.

    Returns:
        Dotted names of existing modules; `from x import y` counts `x.y` where that is a module.
    """
    return {name for name in _named(source, package) if locate(name, root) is not None}


def locate(name: str, root: Path = ROOT) -> Path | None:
    """Return the file of module `name`, or None where there is none.

    It is below `root`, or, as for Python, in a folder that someone has added to the `__path__` of
    the package: this is how notebook 22 keeps a new method outside the repository.
    """
    package, _, last = name.rpartition(".")
    added = getattr(sys.modules.get(package), "__path__", ()) if root == ROOT else ()
    for stem in (root.joinpath(*name.split(".")), *(Path(folder) / last for folder in added)):
        for path in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
            if path.is_file():
                return path
    return None


@cache
def _named(source: str, package: str) -> frozenset[str]:
    """Return the names below the package that `source` may import; a grid asks for every run."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    # Importing a.b.c runs a/__init__.py and a/b/__init__.py too.
    holders = {name.rsplit(".", k)[0] for name in names for k in range(name.count(".") + 1)}
    return frozenset(name for name in holders if name.split(".")[0] in PACKAGES)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    base = parents[: len(parents) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])
