"""The code beside an equation: the lines that compute, without what the reader has just read."""

import ast
import inspect
import textwrap
from collections.abc import Callable


def show(*shown: Callable) -> None:
    """Print the source of functions or classes without their docstrings."""
    print("\n".join(map(source, shown)), end="")


def source(shown: Callable) -> str:
    """Return the source of a function or class, without docstrings, with comments.

    Raises:
        OSError: Python has no source of it.
        TypeError: it is built in.
    """
    text = textwrap.dedent(inspect.getsource(shown))
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            said = node.body[0]
            # The empty line after a docstring goes with it; a body of nothing else stays one.
            end = said.end_lineno or said.lineno
            last = end + (end < len(lines) and not lines[end].strip())
            instead = "" if len(node.body) > 1 else " " * said.col_offset + "...\n"
            lines[said.lineno - 1 : last] = [instead, *[""] * (last - said.lineno)]
    return "".join(lines)
