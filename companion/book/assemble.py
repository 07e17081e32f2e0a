"""The source of the book: every page in one tree, laid out as the repository is.

So a link from page to page is the same on a code host, in an editor and in the book.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from companion import notebooks, params
from companion.book import contents, join

LINK = re.compile(r"(\]\()(?!\w+:|#)([^)#\s]+)")
NOTEBOOK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)#:\s]+\.ipynb)\)")
MARK = re.compile(r"^<!-- book: (\S+)(?: (\S+))? -->$", re.MULTILINE)
CODE = re.compile(r"^(?:```|~~~).*?^(?:```|~~~)$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
DEEP = re.compile(r"^#{3,}(?= )", re.MULTILINE)
MADE_FOR = f"{contents.RESULTS}/mini"  # what pages in git link to
PAGES = ("book", "companion/miniature", "assignments")


def assemble(
    root: Path,
    profile: str,
    executed: Path,
    target: Path,
    fillers: Mapping[str, Callable[[str], str]],
) -> list[str]:
    """Write the book's source and return its pages, without ending.

    Args:
        root: of the repository.
        profile: whose results are shown.
        executed: the folder of the executed notebooks.
        target: a folder; what it held is removed.
        fillers: name -> what to put where a page says `<!-- book: name word -->`, given the word
            (or "" without one).

    Raises:
        ValueError: a link leads nowhere, a mark has an unknown name, a page has no place in the
            book, or an executed notebook is of other code than its source.
    """
    texts = {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for folder in [*PAGES, *results(root, profile)]
        for path in sorted((root / folder).glob("*.md"))
    }
    texts = {page: filled(text, page, fillers) for page, text in texts.items()}
    books = join.pages(root / contents.NOTEBOOKS, executed)
    pages = [*texts, *(f"{contents.NOTEBOOKS}/{name}.ipynb" for name in books)]
    names = [str(Path(page).with_suffix("")) for page in pages]
    parts = contents.placed(names)

    shutil.rmtree(target, ignore_errors=True)
    files: set[Path] = set()
    for page, text in texts.items():
        shown = named(root, page, at(profile, text), pages)
        if not shown.startswith("# "):
            # Written to stand under another page's headings, of whatever depth.
            shown = f"# {contents.title(page, profile)}\n\n{DEEP.sub('##', shown)}"
        files |= set(linked(root, page, shown, pages))
        if page == f"{contents.HOME}.md":
            shown += f"\n{contents.toctrees(parts)}"
        (target / page).parent.mkdir(parents=True, exist_ok=True)
        (target / page).write_text(shown, encoding="utf-8")
    for name, book in books.items():
        page = f"{contents.NOTEBOOKS}/{name}.ipynb"
        for cell in book.cells:
            if cell.cell_type == "markdown":
                cell.source = at(profile, cell.source)
                files |= set(linked(root, page, cell.source, pages))
        notebooks.write(target / page, book)
    for file in sorted(files):
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / file, target / file)
    return names


def results(root: Path, profile: str) -> list[str]:
    """Return the folders of results that the book shows: not those of other profiles."""
    others = {*params.load(root / "params.yaml").profiles} - {profile}
    folders = sorted(path.name for path in (root / contents.RESULTS).iterdir() if path.is_dir())
    return [f"{contents.RESULTS}/{name}" for name in folders if name not in others]


def filled(text: str, page: str, fillers: Mapping[str, Callable[[str], str]]) -> str:
    """Return a page with every mark replaced by what its filler returns.

    Raises:
        ValueError: no filler has that name.
    """

    def fill(mark: re.Match) -> str:
        if mark[1] not in fillers:
            raise ValueError(f"{page}: nothing fills {mark[0]}; there are {', '.join(fillers)}")
        return fillers[mark[1]](mark[2] or "")

    return MARK.sub(fill, text)


def at(profile: str, text: str) -> str:
    """Return a page whose links lead to the results of a profile."""
    return LINK.sub(
        lambda link: link[1] + link[2].replace(f"{MADE_FOR}/", f"{contents.RESULTS}/{profile}/"),
        text,
    )


def named(root: Path, page: str, text: str, pages: list[str]) -> str:
    """Return a page that only names notebooks which the book does not show, such as assignments.

    Args:
        root: of the repository.
        page: its path.
        text: its Markdown.
        pages: the paths of all pages.
    """

    def name(link: re.Match) -> str:
        file = (root / page).parent.joinpath(link[2]).resolve()
        hidden = file.is_file() and str(file.relative_to(root)) not in pages
        return link[1] if hidden else link[0]

    return NOTEBOOK.sub(name, text)


def linked(root: Path, page: str, text: str, pages: list[str]) -> Iterator[Path]:
    """Yield the files of the repository that a page links to and that are no pages themselves.

    Args:
        root: of the repository.
        page: its path.
        text: its Markdown.
        pages: the paths of all pages.

    Raises:
        ValueError: a link leads nowhere.
    """
    for link in LINK.finditer(CODE.sub("", text)):
        found = (root / page).parent.joinpath(link[2]).resolve()
        if not found.is_relative_to(root) or not found.exists():
            raise ValueError(f"{page}: nothing is at {link[2]}")
        if found.is_dir():
            raise ValueError(f"{page}: {link[2]} is a folder, and no page")
        file = found.relative_to(root)
        if str(file) not in pages:
            yield file
