"""Which source a result depends on: the modules that its code imports, at any depth.

What counts of a module is its syntax tree without docstrings, so that an edit of a comment, of a
docstring or of the formatting makes nothing anew.
"""

import ast
import hashlib
import io
import os
import sys
import tokenize
from collections.abc import Collection, Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("olmlib", "companion")
# They list every method and every network; a run depends on those that it has chosen alone.
TABLES = ("olmlib.methods.table", "olmlib.models.table")
# Where a package is imported by another name than it is installed by.
INSTALLED_AS = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "PyYAML"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def closure(*modules: str, without: Collection[str] = (), root: Path = ROOT) -> dict[str, str]:
    """Return the digest of every module of ours that `modules` need, themselves included.

    Imports are read off the syntax tree, wherever they stand, so nothing is executed.

    Args:
        modules: dotted names, such as `"olmlib.train"`.
        without: modules that are left out with what they import.
        root: the folder that holds the packages.

    Returns:
        Dotted name to `digest`, sorted by name.

    Raises:
        ModuleNotFoundError: one of `modules`, or a module of ours that they import, is no file
            below `root`.
        SyntaxError: a file is not Python. Each message begins with the file and its line.
    """
    digests: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in digests or name in without:
            continue
        source, package = _read(name, root)
        digests[name] = digest(source)
        refuse_absent(source, str(locate(name, root)), package, root)
        waiting += imported(source, package, root)
    return dict(sorted(digests.items()))


def versions(modules: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """Return the installed versions of the packages of others that `modules` import themselves.

    Args:
        modules: dotted names of ours, such as the keys of `closure`.
        root: the folder that holds the packages.

    Returns:
        Name of the distribution -> version, sorted by name.

    Raises:
        ModuleNotFoundError: a package is not installed; the message begins with file and line.
    """
    found = {}
    for name in modules:
        source, package = _read(name, root)
        for top in _foreign(source, package):
            distribution = INSTALLED_AS.get(top, top)
            try:
                found[distribution] = _version(distribution)
            except metadata.PackageNotFoundError:
                place = f"{locate(name, root)}, line {_line(source, package, top)}"
                raise ModuleNotFoundError(
                    f"{place}: no package {top} is installed", name=top
                ) from None
    return dict(sorted(found.items()))


@cache
def _version(distribution: str) -> str:
    return metadata.version(distribution)


@cache
def digest(source: str) -> str:
    """Return the SHA-256 of what Python code does: comments, docstrings and formatting left out."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if not isinstance(node, DOCUMENTED):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return hashlib.sha256(repr(_shape(tree)).encode()).hexdigest()


def imported(source: str, package: str = "", root: Path = ROOT) -> set[str]:
    """Return the modules of ours that `source` imports itself, with the packages that hold them.

    Args:
        source: Python code.
        package: the package that the code is part of, which relative imports start from.
        root: the folder that holds the packages.

    Returns:
        Dotted names of existing modules; `from x import y` counts `x.y` where that is a module.
    """
    names = {name for name in _named(source, package)[1] if name.split(".")[0] in PACKAGES}
    return {name for name in names if locate(name, root) is not None}


def refuse_absent(source: str, place: str, package: str = "", root: Path = ROOT) -> None:
    """Refuse code that imports a module of ours which is not there.

    Args:
        source: Python code.
        place: where it stands, for the message.
        package: the package that the code is part of.
        root: the folder that holds the packages.

    Raises:
        ModuleNotFoundError: the message begins with the place and the line.
    """
    for name in sorted(_named(source, package)[0]):
        if name.split(".")[0] in PACKAGES and locate(name, root) is None:
            line = _line(source, package, name)
            raise ModuleNotFoundError(f"{place}, line {line}: there is no module {name}", name=name)


def locate(name: str, root: Path = ROOT) -> Path | None:
    """Return the file of module `name`, or None where there is none.

    It is below `root`, or, of a module that someone has loaded from elsewhere, where it was loaded
    from: notebook 22 keeps a new method outside the repository so.
    """
    # Hundreds of times per run: `pathlib` takes ten times as long.
    stem = os.path.join(root, *name.split("."))
    for path in (os.path.join(stem, "__init__.py"), f"{stem}.py"):
        if os.path.isfile(path):
            return Path(path)
    loaded = getattr(sys.modules.get(name), "__file__", None) if root == ROOT else None
    return Path(loaded) if loaded else None


def _read(name: str, root: Path) -> tuple[str, str]:
    """Return a module's source and the package that its relative imports start from."""
    path = locate(name, root)
    if path is None:
        raise ModuleNotFoundError(f"{name} is not a module below {root}", name=name)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return text(path), package


def text(path: Path) -> str:
    """Return the text of a Python file, in the encoding that it declares or else UTF-8.

    Raises:
        SyntaxError: it is not Python; the message begins with the file and its line.
    """
    content = path.read_bytes()
    try:
        source = content.decode(_encoding(content)).replace("\r\n", "\n")
        digest(source)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SyntaxError(
            f"{path}, line {line}: byte {content[error.start]:#04x} is not {error.encoding}; save "
            "the file as UTF-8 in your editor"
        ) from None
    except SyntaxError as error:
        raise SyntaxError(f"{path}, line {error.lineno or 1}: {error.msg}") from None
    except ValueError as error:  # a null byte
        raise SyntaxError(f"{path}, line 1: {error}") from None
    return source


def _encoding(content: bytes) -> str:
    try:
        return tokenize.detect_encoding(io.BytesIO(content).readline)[0]
    except SyntaxError:
        content.decode()  # says which byte is not UTF-8, where that is what is wrong
        raise


def _shape(node: object) -> object:
    """Return a syntax tree as nested tuples, the same in every version of Python.

    `ast.dump` writes fields that are empty in some versions and leaves them out in others.
    """
    if isinstance(node, ast.AST):
        fields = ((name, _shape(value)) for name, value in ast.iter_fields(node) if name != "kind")
        return type(node).__name__, *(field for field in fields if field[1] not in (None, ()))
    if isinstance(node, list):
        return tuple(map(_shape, node))
    return None if node is None else repr(node)


@cache
def _named(source: str, package: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return what `source` imports; many runs ask for the same modules.

    Args:
        source: Python code.
        package: the package that the code is part of.

    Returns:
        The dotted names that must be modules (of `from x import y`, x), and all that may be.
    """
    must: set[str] = set()
    may: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        base, others = _imports(node, package)
        must |= base
        may |= base | others
    return _with_packages(must), _with_packages(may)


def _with_packages(names: set[str]) -> frozenset[str]:
    # Importing a.b.c runs a/__init__.py and a/b/__init__.py too.
    return frozenset(name.rsplit(".", k)[0] for name in names for k in range(name.count(".") + 1))


def _imports(node: ast.AST, package: str) -> tuple[set[str], set[str]]:
    """Return the modules that a statement imports, and what may be modules in them."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}, set()
    if isinstance(node, ast.ImportFrom):
        base = _absolute(node, package)
        return {base}, {f"{base}.{alias.name}" for alias in node.names}
    return set(), set()


def _line(source: str, package: str, wanted: str) -> int:
    """Return the first line of `source` that imports module `wanted`, or something in it."""
    return next(
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and any(f"{name}.".startswith(f"{wanted}.") for name in _imports(node, package)[0])
    )


def _foreign(source: str, package: str) -> set[str]:
    """Return the top names of the packages of others that `source` imports."""
    tops = {name.split(".")[0] for name in _named(source, package)[1]}
    return tops - set(PACKAGES) - sys.stdlib_module_names


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    base = parents[: len(parents) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])
