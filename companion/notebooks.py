"""Notebooks as pipeline stages: their code, their executed copies and their clean sources.

python -m companion.notebooks code build/code notebooks/*.ipynb --module companion.paper
python -m companion.notebooks tidy executed/10_train.ipynb
python -m companion.notebooks clean notebooks/*.ipynb
python -m companion.notebooks verify notebooks/*.ipynb
"""

import argparse
import ast
import copy
import json
import re
import sys
from pathlib import Path

from companion.runs import processor
from companion.runs.sources import ROOT, closure, imported, versions

# Every notebook imports this module before it computes anything.
processor.hold()

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
MAGIC = re.compile(r"^\s*[%!]")
PROGRESS = "progress"
WIDGET = "application/vnd.jupyter.widget-view+json"
KEPT_CELL_METADATA = {"nbgrader", "slideshow", "tags"}

# What printed text says about the process and the machine: addresses, the kernel's files, folders.
STEADY = (
    (re.compile(r"\bat 0x[0-9a-f]+"), "at 0x0"),
    (re.compile(r"\S*ipykernel_\d+/\d+\.py"), "<cell>"),
    (re.compile(r"\S*/site-packages/"), "site-packages/"),
    (re.compile(re.escape(f"{ROOT}/")), ""),
)


def root() -> Path:
    """Return the repository's root, from which notebooks build every path."""
    return ROOT


def code(notebook: dict) -> str:
    """Return what the notebook's result depends on: its code and what stands behind it.

    Prose, outputs and cell ids are left out, so a stage that depends on this text and not on the
    `.ipynb` file is not run again when only they change.

    Args:
        notebook: a notebook of format 4, as read from JSON.

    Returns:
        The code cells, then one comment line per module imported at any depth and per package of
        others, see `dependencies`.

    Raises:
        SyntaxError: a code cell is not Python; the message names the cell.
    """
    cells = [_source(cell) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    modules: set[str] = set()
    for number, cell in enumerate(cells, 1):
        # A magic is IPython's, not Python's, and imports nothing.
        lines = ["pass" if MAGIC.match(line) else line for line in cell.splitlines()]
        try:
            tree = ast.unparse(ast.parse("\n".join(lines)))
        except SyntaxError as error:
            raise SyntaxError(f"code cell {number}: {error}") from None
        modules |= imported(tree)
    return "\n\n".join([*(cell.rstrip("\n") for cell in cells), dependencies(*modules)])


def dependencies(*modules: str) -> str:
    """Return a comment line per module that `modules` need at any depth, and per package of others.

    Each has the module's digest (`companion.runs.sources`) or the package's installed version.
    """
    digests = closure(*modules)
    lines = [*digests.items(), *versions(digests).items()]
    return "".join(f"# {name} {value}\n" for name, value in lines)


def tidy(notebook: dict) -> dict:
    """Return an executed notebook without anything that differs from one execution to the next.

    Removed are papermill's times and paths, the kernel's version, widgets' ids, and what printed
    text tells about the process and the machine; cells are numbered. A cell tagged `progress` loses
    its output, which tells how this execution went. Other times that a notebook prints stay.
    """
    tidied = copy.deepcopy(notebook)
    tidied["metadata"] = _metadata(tidied["metadata"])
    for number, cell in enumerate(tidied["cells"]):
        cell["id"] = f"cell-{number}"
        for key in ("papermill", "execution"):
            cell["metadata"].pop(key, None)
        if cell["cell_type"] == "code":
            passing = PROGRESS in cell["metadata"].get("tags", [])
            cell["outputs"] = [] if passing else _joined(cell["outputs"])
    return tidied


def clean(notebook: dict) -> dict:
    """Return a source notebook as it belongs into git: no outputs, counts, times, foreign kernels.

    Cell ids stay, so that a diff shows only what was edited; a cell without one is given one.
    """
    cleaned = copy.deepcopy(notebook)
    cleaned["metadata"] = _metadata(cleaned["metadata"])
    taken = {cell.get("id") for cell in cleaned["cells"]}
    for number, cell in enumerate(cleaned["cells"]):
        if not cell.get("id"):
            cell["id"] = next(
                name
                for name in (f"cell-{number + step}" for step in range(len(taken) + 1))
                if name not in taken
            )
            taken.add(cell["id"])
        cell["metadata"] = {
            key: value
            for key, value in cell["metadata"].items()
            if key in KEPT_CELL_METADATA and value
        }
        # One string a line, as Jupyter writes it, so that git shows the lines that changed.
        cell["source"] = _source(cell).splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
    cleaned["nbformat"], cleaned["nbformat_minor"] = 4, max(5, notebook.get("nbformat_minor", 5))
    return cleaned


def read(path: Path) -> dict:
    """Return the notebook at `path`.

    Raises:
        ValueError: the file is not a notebook of format 4.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or "cells" not in notebook:
        raise ValueError(f"{path} is not a notebook of format 4")
    return notebook


def write(path: Path, notebook: dict) -> None:
    """Write `notebook` the way Jupyter does: indent 1, sorted keys, a newline at the end."""
    path.write_text(text(notebook), encoding="utf-8")


def text(notebook: dict) -> str:
    """Return the bytes of a notebook file as text."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run one of the four commands; the exit code is 1 where `verify` found an unclean notebook."""
    parser = argparse.ArgumentParser(
        prog="python -m companion.notebooks", description=__doc__.split("\n")[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "code", help="write the code cells and the hashes of their modules"
    )
    command.add_argument("out", type=Path, help="folder of the .py files, one per notebook")
    command.add_argument("notebooks", type=Path, nargs="+")
    command.add_argument(
        "--module", action="append", default=[], help="of a stage without notebook"
    )
    for name, purpose in (
        ("tidy", "remove times and random ids from executed copies"),
        ("clean", "remove outputs from sources"),
        ("verify", "name the sources that are not clean"),
    ):
        command = commands.add_parser(name, help=purpose)
        command.add_argument("notebooks", type=Path, nargs="*")
    chosen = parser.parse_args(arguments)

    if chosen.command == "code":
        chosen.out.mkdir(parents=True, exist_ok=True)
        for name in chosen.module:
            (chosen.out / f"{name}.py").write_text(dependencies(name), encoding="utf-8")
        for path in chosen.notebooks:
            try:
                source = code(read(path))
            except SyntaxError as error:
                sys.exit(f"{path}, {error}")
            (chosen.out / f"{path.stem}.py").write_text(source, encoding="utf-8")
    elif chosen.command == "verify":
        unclean = [
            path
            for path in chosen.notebooks
            if path.read_text(encoding="utf-8") != text(clean(read(path)))
        ]
        for path in unclean:
            print(f"{path} is not clean: run `make clean-notebooks`")
        return int(bool(unclean))
    else:
        change = tidy if chosen.command == "tidy" else clean
        for path in chosen.notebooks:
            notebook = read(path)
            changed = change(notebook)
            if path.read_text(encoding="utf-8") != text(changed):
                write(path, changed)
    return 0


def _source(cell: dict) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _metadata(metadata: dict) -> dict:
    language = {
        key: value
        for key, value in metadata.get("language_info", {"name": "python"}).items()
        if key != "version"
    }
    return {"kernelspec": KERNEL, "language_info": language}


def _joined(outputs: list[dict]) -> list[dict]:
    """Join neighbouring pieces of one stream, which the kernel cuts by time; make text steady."""
    joined: list[dict] = []
    for output in outputs:
        if output["output_type"] == "stream":
            output["text"] = _steady(output["text"])
            last = joined[-1] if joined else {}
            if last.get("output_type") == "stream" and last["name"] == output["name"]:
                last["text"] += output["text"]
                continue
        data = output.get("data", {})
        if "text/plain" in data:
            data["text/plain"] = _steady(data["text/plain"])
        data.pop(WIDGET, None)
        joined.append(output)
    return joined


def _steady(printed: str | list[str]) -> str:
    joined = "".join(printed)
    for pattern, replacement in STEADY:
        joined = pattern.sub(replacement, joined)
    return joined


if __name__ == "__main__":
    sys.exit(main())
