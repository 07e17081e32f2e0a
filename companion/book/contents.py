"""What the book holds, in which order."""

from collections.abc import Iterable
from pathlib import Path

HOME = "book/index"
NOTEBOOKS = "notebooks"
RESULTS = "results"
# Caption -> pages, without ending. A name that ends in a slash stands for every page in that folder
# that no other line names. A page that is not there (yet) is left out.
PARTS = {
    "What we found": ("book/findings", "book/gallery", "book/explorer"),
    "Read": ("notebooks/",),
    "Compare": ("book/fairness", "book/paper_vs_code", "results/"),
    "Research": (
        "book/data",
        "companion/miniature/",
        "book/notation",
        "book/api",
        "book/gpu",
        "book/troubleshooting",
    ),
    "Teach": ("book/course", "assignments/", "book/solutions"),
}
# Of the tables that the pipeline writes; they have no title of their own.
TITLES = {
    "ablation": "Table 1's ablation",
    "fairness": "Settings, options, choices",
    "fig4": "Figure 4 in numbers",
    "plateau": "Rates and plateaus",
    "summary": "Findings in short",
    "table1": "Table 1 in full",
    "table2": "Table 2 in full",
    "table3": "Table 3 in full",
}


def title(page: str, profile: str) -> str:
    """Return the title of a table's page.

    Args:
        page: its path, `results/<folder>/<table>.md`.
        profile: whose results need not be told from others.
    """
    folder, name = Path(page).parent.name, Path(page).stem
    return TITLES.get(name, name) + (f" ({folder})" if folder not in (profile, name) else "")


def placed(pages: Iterable[str]) -> dict[str, list[str]]:
    """Return caption -> the pages that are there, in reading order.

    Raises:
        ValueError: a page has no place; the book would hide it.
    """
    there = sorted({*pages} - {HOME})
    named = {name for names in PARTS.values() for name in names}
    found = {
        caption: [
            page
            for name in names
            for page in (
                [p for p in there if p.startswith(name) and p not in named]
                if name.endswith("/")
                else [name]
            )
            if page in there
        ]
        for caption, names in PARTS.items()
    }
    lost = {*there} - {page for listed in found.values() for page in listed}
    if lost:
        raise ValueError(f"no part of the book has {', '.join(sorted(lost))}: see {__name__}")
    return {caption: listed for caption, listed in found.items() if listed}


def toctrees(parts: dict[str, list[str]]) -> str:
    """Return the book's table of contents as MyST, to stand at the end of its first page."""
    head = "```{toctree}\n:hidden:\n"
    lists = {caption: "\n".join(f"/{page}" for page in pages) for caption, pages in parts.items()}
    return "\n".join(f"{head}:caption: {name}\n\n{pages}\n```\n" for name, pages in lists.items())
