r"""Notebooks as pipeline stages: their code, their execution and their clean sources.

python -m companion.notebooks code build/code notebooks/*.ipynb --module companion.paper
python -m companion.notebooks run notebooks/10_train.ipynb executed/10_train-ks.ipynb \
    -p profile mini -p dataset ks
python -m companion.notebooks lab
python -m companion.notebooks clean notebooks/*.ipynb
python -m companion.notebooks verify notebooks/*.ipynb
"""

import argparse
import copy
import logging
import os
import re
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import NoReturn

from companion import kernel

if __name__ == "__main__":
    # Before what follows, which would be imported twice.
    kernel.restart()

# nbformat loads what checks addresses in JSON, which no notebook has and which costs every process
# four seconds. Without it, it does not check them.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat
import yaml
from nbformat import NotebookNode
from nbstripout import strip_output

from companion.dependencies import code, dependencies
from companion.runs.sources import ROOT
from olmlib.files import whole

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
PROGRESS = "progress"
WIDGET = "application/vnd.jupyter.widget-view+json"
KEPT_CELL_METADATA = {"nbgrader", "slideshow", "tags"}

# What printed text says about the process and the machine: addresses, the kernel's files, folders,
# whose names may have spaces.
TEMPORARY, PACKAGES = (re.escape(p) for p in (tempfile.gettempdir(), sysconfig.get_path("purelib")))
STEADY = (
    (re.compile(r"\bat 0x[0-9a-f]+"), "at 0x0"),
    (re.compile(rf"(?:{TEMPORARY}/|\S*)ipykernel_\d+/\d+\.py"), "<cell>"),
    (re.compile(rf"(?:{PACKAGES}|\S*/site-packages)/"), "site-packages/"),
    (re.compile(re.escape(f"{ROOT}/")), ""),
)


def root() -> Path:
    """Return the repository's root, from which notebooks build every path."""
    return ROOT


def run(notebook: Path, executed: Path, parameters: dict) -> None:
    """Execute a notebook, untouched by the user's own configuration, and tidy the executed copy.

    Args:
        notebook: the source.
        executed: the copy to write; of a notebook that fails it stays as far as it came.
        parameters: name -> value, for the cell tagged `parameters`.

    Raises:
        papermill.PapermillExecutionError: a cell failed.
        RuntimeError: the system ended the kernel.
        OSError: the executed copy cannot be written.
    """
    kernel.isolate()
    # Late: a kernel that asks for `root` has no need of it.
    import papermill
    from nbclient.exceptions import DeadKernelError
    from nbclient.output_widget import OutputWidget

    # Telling the kernel what a widget shows, nbclient misses a reply that comes meanwhile and
    # waits for ever (its issue 312). No notebook asks what its widgets show.
    setattr(OutputWidget, "sync_state", lambda self: None)  # noqa: B010  # mypy: no assignment
    failed = None
    with whole(executed) as part:
        try:
            papermill.execute_notebook(
                notebook,
                part,
                parameters,
                kernel_name=KERNEL["name"],
                language=KERNEL["language"],
                progress_bar=False,
                log_output=True,
                cwd=kernel.HOME,
                coalesce_streams=True,
                record_timing=False,
                # Asked politely, a kernel with torch in it takes seconds to end, in every stage.
                # What it has written is on the disk, and its workers have ended.
                shutdown_kernel="immediate",
            )
            part.write_text(text(tidy(read(part))), encoding="utf-8")
        except (papermill.PapermillExecutionError, DeadKernelError) as error:
            failed = error
    if isinstance(failed, DeadKernelError):
        raise RuntimeError(
            f"{notebook}: its process was ended by the system, most often because memory ran out. "
            f"How far it came is in {executed}. Finished work is kept: run again"
        ) from failed
    if failed is not None:
        raise failed


def lab(options: list[str]) -> NoReturn:
    """Become JupyterLab, opened in `notebooks/`, whose kernels are started as those of `run` are.

    Args:
        options: of JupyterLab, such as `--no-browser`.
    """
    kernel.isolate()
    ours = (
        f"--ServerApp.root_dir={ROOT}",
        "--LabApp.default_url=/lab/tree/notebooks",
        # The lock says which version this is, and which packages there are.
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        # Looking for language servers, it would start npm, which writes into the home folder.
        "--LanguageServerManager.autodetect=False",
    )
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *ours, *options])


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Return an executed notebook without anything that differs from one execution to the next.

    Removed are papermill's times and paths, the kernel's version, widgets' ids, and what printed
    text tells about the process and the machine; cells are numbered. A cell tagged `progress` loses
    its output, which tells how this execution went. Other times that a notebook prints stay.
    """
    tidied = copy.deepcopy(notebook)
    language = {k: v for k, v in tidied.metadata.language_info.items() if k != "version"}
    tidied.metadata = {"kernelspec": KERNEL, "language_info": language}
    for number, cell in enumerate(tidied.cells):
        cell.id = f"cell-{number}"
        cell.metadata.pop("papermill", None)
        if PROGRESS in cell.metadata.get("tags", []):
            cell.outputs = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop(WIDGET, None)
            for place, key in ((output, "text"), (data, "text/plain")):
                if key in place:
                    place[key] = _steady(place[key])
    return tidied


def clean(notebook: NotebookNode) -> NotebookNode:
    """Return a source notebook as it belongs into git: no outputs, counts, times, foreign kernels.

    Cell ids stay, so that a diff shows only what was edited.
    """
    cleaned = nbformat.v4.upgrade(copy.deepcopy(notebook))
    cleaned.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in cleaned.cells:
        kept = {k: v for k, v in cell.metadata.items() if k in KEPT_CELL_METADATA and v}
        cell.metadata = nbformat.from_dict(kept)
    return strip_output(cleaned, keep_output=False, keep_count=False, keep_id=True)


def read(path: Path) -> NotebookNode:
    """Return the notebook at `path`.

    Raises:
        ValueError: the file is no notebook.
    """
    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, AttributeError, nbformat.ValidationError) as error:
        raise ValueError(f"{path} is no notebook: {error}") from None


def write(path: Path, notebook: NotebookNode) -> None:
    """Write `notebook` to `path`, whole or not at all."""
    with whole(path) as part:
        part.write_text(text(notebook), encoding="utf-8")


def text(notebook: NotebookNode) -> str:
    """Return what a notebook's file holds."""
    return nbformat.writes(notebook) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run one of the five commands; the exit code is 1 where `verify` found an unclean notebook."""
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
        "--module", action="append", default=[], help="what a stage without a notebook runs"
    )
    command = commands.add_parser("run", help="execute a notebook; values are YAML")
    command.add_argument("notebook", type=Path)
    command.add_argument("executed", type=Path, help="the copy with outputs")
    command.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    command.add_argument("-y", type=yaml.safe_load, action="append", default=[], metavar="YAML")
    command.add_argument(
        "--own-sums", action="store_true", help="those that MKL has for this maker's processors"
    )
    commands.add_parser("lab", help="open JupyterLab; what follows goes to it", add_help=False)
    for name, purpose in (
        ("clean", "remove outputs from sources"),
        ("verify", "name the sources that are not clean"),
    ):
        command = commands.add_parser(name, help=purpose)
        command.add_argument("notebooks", type=Path, nargs="*")
    chosen, others = parser.parse_known_args(arguments)
    if others and chosen.command != "lab":
        parser.error(f"unknown: {' '.join(others)}")

    if chosen.command == "code":
        try:
            sources = {name: dependencies(name) for name in chosen.module}
            sources |= {path.stem: code(read(path), f"{path}, ") for path in chosen.notebooks}
        except (SyntaxError, ModuleNotFoundError, ValueError) as error:
            sys.exit(str(error))
        chosen.out.mkdir(parents=True, exist_ok=True)
        for name, source in sources.items():
            (chosen.out / f"{name}.py").write_text(source, encoding="utf-8")
    elif chosen.command == "run":
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        parameters = {name: yaml.safe_load(value) for name, value in chosen.p}
        for more in chosen.y:
            parameters |= more
        if chosen.own_sums:
            kernel.own_sums()
        try:
            run(chosen.notebook, chosen.executed, parameters)
        except (OSError, RuntimeError, ValueError) as error:
            sys.exit(str(error))
    elif chosen.command == "lab":
        lab(others)
    else:
        unclean = [
            path
            for path in chosen.notebooks
            if path.read_text(encoding="utf-8") != text(clean(read(path)))
        ]
        for path in unclean:
            if chosen.command == "clean":
                write(path, clean(read(path)))
            else:
                print(f"{path} is not clean: run `make clean-notebooks`")
        return int(bool(unclean) and chosen.command == "verify")
    return 0


def _steady(printed: str) -> str:
    for pattern, replacement in STEADY:
        printed = pattern.sub(replacement, printed)
    return printed


if __name__ == "__main__":
    sys.exit(main())
