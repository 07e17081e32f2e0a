"""A notebook's prose from its source and its outputs from the executed copy, as one page."""

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from companion import notebooks, registry
from companion.study.recordings import RECORDINGS

HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
INJECTED = "injected-parameters"
NOT_EXECUTED = (
    "> **Without outputs.** This notebook has not been executed here. "
    "`make reproduce` executes every notebook; `make book` then shows what came out."
)


def copies(notebook: Path, executed: Path) -> dict[str, Path]:
    """Return the executed copies of a notebook: the page's name -> file, in order of their names.

    A notebook that runs once for each of several data sets has as many copies,
    `<notebook>-<data set>.ipynb`; the first one's page has the notebook's own name, so that links
    to the notebook lead there.

    Args:
        notebook: the source.
        executed: the folder of the copies.
    """
    whole = executed / notebook.name
    found = [whole] if whole.is_file() else sorted(executed.glob(f"{notebook.stem}-*.ipynb"))
    names = [notebook.stem, *(copy.stem for copy in found[1:])]
    return dict(zip(names, found, strict=False))


def joined(source: NotebookNode, executed: NotebookNode | None, name: str = "") -> NotebookNode:
    """Return the page of a notebook: the source's text, the executed copy's outputs.

    So an edit of prose is seen without running anything.

    Args:
        source: the notebook in git.
        executed: its copy with outputs; without one the page says that it has none.
        name: of the copy, for the error.

    Raises:
        ValueError: the copy is of other code than the source.
    """
    page = nbformat.v4.new_notebook(metadata=source.metadata)
    if executed is None:
        head, *rest = source.cells
        note = nbformat.v4.new_markdown_cell(NOT_EXECUTED, id="not-executed")
        page.cells = [head, note, *rest]
        return page
    outputs = [cell for cell in executed.cells if cell.cell_type == "code"]
    injected = [cell for cell in outputs if INJECTED in cell.metadata.get("tags", [])]
    outputs = [cell for cell in outputs if cell not in injected]
    sources = [cell for cell in source.cells if cell.cell_type == "code"]
    if [c.source.rstrip() for c in sources] != [c.source.rstrip() for c in outputs]:
        raise ValueError(f"{name} was made by other code than its notebook has now")
    ran, heading = iter(outputs), ""
    for cell in source.cells:
        if cell.cell_type == "markdown":
            heading = (HEADING.findall(cell.source) or [heading])[-1]
            page.cells.append(cell)
            continue
        shown = next(ran)
        shown.metadata["mystnb"] = {"image": {"alt": f"Figure: {plain(heading)}"}}
        page.cells.append(shown)
        if "parameters" in cell.metadata.get("tags", []):
            page.cells += injected
    return page


def pages(sources: Path, executed: Path) -> dict[str, NotebookNode]:
    """Return the page's name -> its notebook, of every notebook in a folder, in reading order.

    Args:
        sources: the folder of the notebooks in git.
        executed: the folder of their executed copies.

    Raises:
        ValueError: copies are of other code than their sources; a line for each.
    """
    made, stale = {}, []
    for notebook in sorted(sources.glob("*.ipynb")):
        found: dict[str, Path | None] = {**copies(notebook, executed)} or {notebook.stem: None}
        for name, copy in found.items():
            ran = notebooks.read(copy) if copy else None
            try:
                page = joined(notebooks.read(notebook), ran, str(copy))
            except ValueError as error:
                stale.append(str(error))
                continue
            if copy and copy.stem != notebook.stem:
                entitle(page, copy.stem.removeprefix(f"{notebook.stem}-"))
            made[name] = page
    if stale:
        lines = "\n".join(stale)
        raise ValueError(
            f"{lines}\nRun `make reproduce` (`make study` for 41 and 42), or undo the edits, "
            "and build again"
        )
    return made


def entitle(page: NotebookNode, name: str) -> None:
    """Add the data set to the title, by which pages of one notebook are told apart."""
    known: dict = registry.DATASETS | RECORDINGS
    data = known[name].title if name in known else name
    head = page.cells[0]
    head.source = HEADING.sub(lambda title: f"{title[0]} ({data})", head.source, count=1)


def plain(text: str) -> str:
    """Return a line of Markdown without its marks."""
    return re.sub(r"[`*$\\]", "", text)
