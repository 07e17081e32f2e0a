"""Fill the marked places of README.md and of the book's pages, so that no number is typed.

python -m tools.update_readme

A marker names a file: `<!-- table: FILE -->`, or some of its columns and rows:
`<!-- table: FILE | COLUMN, COLUMN | ROW | ROW -->`. The place ends at `<!-- end -->`. What stands
in a second table under the first, which says what it can tell, follows its rows unasked: no table
goes without it. `<!-- rules -->` is the place of the rules by which the paper's claims are judged.
"""

import itertools
import re
from pathlib import Path

from companion.evidence import rules

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "book/fairness.md")
PLACE = re.compile(
    r"(<!-- (?:rules|table: (?P<file>\S+)(?P<part> \|.*?)?) -->\n).*?(<!-- end -->)", re.DOTALL
)
# Data sets with different numbers of comparisons share a line.
NUMBER = re.compile(r"\d+(?= comparison)")


def updated(text: str, root: Path = ROOT) -> str:
    """Return `text` with every marked place filled from the file that it names.

    Raises:
        FileNotFoundError: a named table has not been made.
        KeyError: a named column or row is in no table of the file.
    """

    def fill(match: re.Match) -> str:
        if match["file"] is None:
            return f"{match[1]}\n{rules.page()}\n\n{match[4]}"
        table = (root / match["file"]).read_text(encoding="utf-8").strip()
        if match["part"]:
            columns, *rows = (word.strip() for word in match["part"].split("|")[1:])
            table = excerpt(table, columns.split(", "), rows)
        return f"{match[1]}\n{table}\n\n{match[4]}"

    return PLACE.sub(fill, text)


def excerpt(page: str, columns: list[str], rows: list[str]) -> str:
    """Return one Markdown table of some rows; its columns are those named, of every data set.

    Args:
        page: a Markdown page with one table under every heading, a data set.
        columns: names of columns of these tables.
        rows: names of rows; a data set that lacks one has an empty place.
    """
    cells, heads, facts = {}, [], {}
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    for section in sections:
        title, *text = section.splitlines()
        (head, _, *body), *below = _tables(text)
        for column in columns:
            if column not in head:
                raise KeyError(f"{title} has no column {column!r}")
            names = [title] * (len(sections) > 1) + [column] * (
                len(sections) == 1 or len(columns) > 1
            )
            heads.append(": ".join(names))
            cells |= {(line[0], heads[-1]): line[head.index(column)] for line in body}
        # Its numbers are in their names; said once, in the section's first column.
        first = heads[-len(columns)]
        facts |= {(NUMBER.sub("all", line[0]), first): line[1] for b in below for line in b[2:]}
    for row in rows:
        if not any((row, head) in cells for head in heads):
            raise KeyError(f"no table has a row {row!r}")
    cells |= facts
    rows = [*rows, *dict.fromkeys(name for name, _ in facts)]
    lines = [["Row", *heads], [":--", *["--:"] * len(heads)]]
    lines += [[row, *(cells.get((row, head), "") for head in heads)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _tables(lines: list[str]) -> list[list[list[str]]]:
    """Return the cells of every Markdown table in some lines."""
    groups = itertools.groupby(lines, key=lambda line: line.startswith("|"))
    return [[_cells(line) for line in group] for is_table, group in groups if is_table]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


if __name__ == "__main__":
    for page in PAGES:
        path = ROOT / page
        path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
