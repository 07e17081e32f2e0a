"""What a notebook's result depends on, as one text."""

import ast
import re

from companion.runs.sources import closure, imported, refuse_absent, versions

MAGIC = re.compile(r"^\s*[%!]")


def code(notebook: dict, name: str = "") -> str:
    """Return what the notebook's result depends on: its code and what stands behind it.

    Prose, outputs and cell ids are left out, so a stage that depends on this text and not on the
    `.ipynb` file is not run again when only they change.

    Args:
        notebook: a notebook of format 4, as read from JSON.
        name: begins the message of an error.

    Returns:
        The code cells, then one comment line per module imported at any depth and per package of
        others, see `dependencies`.

    Raises:
        SyntaxError: a code cell is not Python; the message names cell and line. A module behind it
            is not; the message names its file.
        ModuleNotFoundError: something imports a module that is not there; the message says where.
    """
    cells = [_source(cell) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    modules: set[str] = set()
    for number, cell in enumerate(cells, 1):
        # A magic is IPython's, not Python's, and imports nothing.
        lines = ["pass" if MAGIC.match(line) else line for line in cell.splitlines()]
        try:
            ast.parse(source := "\n".join(lines))
        except SyntaxError as error:
            place = f"{name}code cell {number}"
            raise SyntaxError(f"{place}: {error.msg} (line {error.lineno})") from None
        refuse_absent(source, f"{name}code cell {number}")
        modules |= imported(source)
    return "\n\n".join([*(cell.rstrip("\n") for cell in cells), dependencies(*modules)])


def dependencies(*modules: str) -> str:
    """Return a comment line per module that `modules` need at any depth, and per package of others.

    Each has the module's digest (`companion.runs.sources`) or the package's installed version.
    """
    digests = closure(*modules)
    lines = [*digests.items(), *versions(digests).items()]
    return "".join(f"# {name} {value}\n" for name, value in lines)


def _source(cell: dict) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)
