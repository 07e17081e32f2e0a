"""Are the results in this folder those in git? Cell by cell: `python -m companion.compare`.

Processors may round the same sums differently, and a training turns the last bit of a sum into
another accuracy. So every cell of `results/<profile>/*.csv` is called one of

- identical: the same text.
- within rounding: numbers that differ by at most a millionth of the larger one, by 2.4e-7 (two
  roundings of a float32 near 1, for small differences of such), or, in a column with decimals, by
  one unit of the last decimal that any of its cells prints. (One unit and not half a one: both were
  rounded, so two numbers that agree to half a unit may print one apart.)
- within seed noise: numbers that differ by at most half the width of the 95 % interval of the
  difference of two independent numbers that vary as this one does from seed to seed. If `h` and
  `h'` are the half widths of the two intervals, that is `sqrt(h^2 + h'^2)`: Welch's interval, with
  the degrees of freedom of the smaller sample, its cautious end.
- different: everything else, words included.
- provenance: an `identity` or a hash that is another one. It names the code and data that a number
  was made from, so it changes with them; it is counted and never different.

What varies from seed to seed is read in the file itself, from either side:

- `<name>_sd` beside `<name>` in a file with a column `seeds`: the standard deviation `s` over `n`
  seeds, or of a difference of two of them, so that `h = t s / sqrt(n)`.
- `<name>_half` beside `<name>` (`interval` beside `measured` in the data cards) is `h`. Neither has
  an interval of its own: it is within seed noise unless its number is different.
- In a file with a line per `seed`, `h` of a number is the half width of a single one, `t s`, with
  `s` the standard deviation over the seeds of the same row (the same epoch, head, class and so on).
- Other files show no spread, so that nothing in them is within seed noise: curves of one training,
  lessons, ranks, and the ranges `low` to `high` of figures, which do not say of how many seeds.
  Nor is anything where there is one seed, or where all seeds agree on both sides.

On a processor that rounds differently (Arm) look at the tables first: of the cells with a spread up
to one in twenty is different by chance alone, and cells without one are different wherever a
training is behind them. Words that follow from numbers ("holds") are different where a conclusion
is, which is what one wants to know.

Rows are matched by the columns in `KEYS`, and by their order where these repeat. Rows, columns and
files that only git has are missing, those that only this folder has are added. The exit status is
1 if any cell is different or anything is missing. Pictures and pages follow from the CSV files
and are not compared.
"""

import argparse
import io
import math
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from scipy import stats

from companion.runs.sources import ROOT

KINDS = ("identical", "within rounding", "within seed noise", "different")
OTHERS = ("provenance", "missing", "added")
COLUMNS = ["row", "column", "in git", "now", "kind"]
# What says which number a line holds; all else is what it says.
KEYS = (
    "dataset panel series protocol property modalities fusion control option network stream part "
    "rule variant pool token row eta steps seed choice split epoch step head class id modality"
).split()
HASH = re.compile(r"[0-9a-f]{32,}")
RELATIVE, ABSOLUTE = 1e-6, 2.4e-7
# Lines per file that are printed of what differs.
SHOWN = 20


def read(text: str) -> pd.DataFrame:
    """Return a CSV file as the texts that it prints; an empty cell is an empty text."""
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)


def compare(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return what became of each cell of a file.

    Args:
        old: the file in git, as of `read`.
        new: the file now.

    Returns:
        Columns `COLUMNS`: a line per cell, and one per row or column that is missing or added, with
        an empty `column` or `row`.
    """
    keys = [name for name in KEYS if name in old and name in new]
    if len(keys) == len(old.columns):
        keys = []
    old, new = _keyed(old, keys), _keyed(new, keys)
    found = [
        (*place, "", "", kind)
        for kind, one, other in (("missing", old, new), ("added", new, old))
        for place in (
            *((_name(row, keys), "") for row in one.index.difference(other.index, sort=False)),
            *(("", column) for column in one.columns.difference(other.columns, sort=False)),
        )
    ]
    rows = old.index.intersection(new.index, sort=False)
    names = [_name(row, keys) for row in rows]
    kinds: dict[str, list[str]] = {}
    for column in old.columns.intersection(new.columns, sort=False):
        texts = old.loc[rows, column], new.loc[rows, column]
        noise = _noise(column, old, new).reindex(rows)
        unit = _unit(pd.concat(texts))
        kinds[column] = [
            "provenance"
            if a != b and (column == "identity" or HASH.fullmatch(a) and HASH.fullmatch(b))
            else kind(a, b, unit, limit)
            for a, b, limit in zip(*texts, noise, strict=True)
        ]
        if value := _value_of(column, kinds):
            # A value stands before its spread in every file, so its kinds are known.
            kinds[column] = [
                "within seed noise" if own == "different" != its else own
                for own, its in zip(kinds[column], kinds[value], strict=True)
            ]
        found += zip(names, [column] * len(rows), *texts, kinds[column], strict=True)
    return pd.DataFrame(found, columns=COLUMNS)


def kind(old: str, new: str, unit: float, noise: float) -> str:
    """Return which of `KINDS` two cells are.

    Args:
        old, new: their texts.
        unit: of the last decimal of their column; 0 if it has none.
        noise: half the width of the interval of their difference; NaN if nothing tells it.
    """
    if old == new:
        return "identical"
    try:
        a, b = float(old), float(new)
    except ValueError:
        return "different"
    # A unit is a decimal fraction and no sum of powers of two, hence a little more than it.
    bound = max(RELATIVE * max(abs(a), abs(b)), ABSOLUTE, unit * (1 + 1e-6))
    if abs(a - b) <= bound:
        return "within rounding"
    return "within seed noise" if abs(a - b) <= noise else "different"


def compare_all(old: Mapping[str, str], new: Mapping[str, str]) -> pd.DataFrame:
    """Return `compare` of all files, with a column `file` before the others.

    Args:
        old: name -> text of the files in git.
        new: the same of the files now.
    """
    parts = []
    for name in sorted({*old, *new}):
        if name in old and name in new:
            part = compare(read(old[name]), read(new[name]))
        else:
            gone = "missing" if name in old else "added"
            part = pd.DataFrame([("", "", "", "", gone)], columns=COLUMNS)
        part.insert(0, "file", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def summary(cells: pd.DataFrame) -> str:
    """Return how many cells of each file are what, and below it those that differ, as Markdown."""
    counts = pd.crosstab(cells["file"], cells["kind"]).reindex(
        columns=[*KINDS, *OTHERS], fill_value=0
    )
    counts.loc["all"] = counts.sum()
    text = counts.rename_axis("file").to_markdown()
    wrong = cells[cells["kind"].isin(["different", "missing", "added"])]
    shown = wrong.groupby("file", sort=False).head(SHOWN)
    if len(wrong):
        text += "\n\n" + shown.to_markdown(index=False, disable_numparse=True)
    if len(shown) < len(wrong):
        text += f"\n\n{len(wrong) - len(shown)} more, no file shows more than {SHOWN} here"
    return text


def committed(revision: str, profile: str) -> dict[str, str]:
    """Return name -> text of a profile's CSV files in a revision, or in a folder of that name.

    Raises:
        subprocess.CalledProcessError: git does not know the revision, or this is no repository.
    """
    if Path(revision).is_dir():
        return files(Path(revision))
    folder = f"results/{profile}/"
    listed = _git("ls-tree", "-z", "--name-only", revision, folder).split("\0")
    return {
        Path(path).name: _git("show", f"{revision}:./{path}")
        for path in listed
        if path.endswith(".csv")
    }


def files(folder: Path) -> dict[str, str]:
    """Return name -> text of the CSV files of a folder."""
    return {path.name: path.read_text("utf-8") for path in folder.glob("*.csv")}


def main(arguments: list[str] | None = None) -> int:
    """Compare, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--against", default="HEAD", help="a revision, or a folder of CSV files")
    parser.add_argument("--profile", default="mini", help="folder of results/")
    chosen = parser.parse_args(arguments)
    try:
        old = committed(chosen.against, chosen.profile)
    except subprocess.CalledProcessError as error:
        print(error.stderr.strip(), file=sys.stderr)
        return 2
    if not old:
        print(f"{chosen.against} has no results of profile {chosen.profile}", file=sys.stderr)
        return 2
    cells = compare_all(old, files(ROOT / "results" / chosen.profile))
    print(summary(cells))
    return int(cells["kind"].isin(["different", "missing"]).any())


def _git(*words: str) -> str:
    command = ["git", *words]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, encoding="utf-8")
    return done.stdout


def _keyed(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return a table whose index is its keys, and a number where these repeat."""
    again = table.groupby(keys).cumcount() if keys else pd.Series(range(len(table)))
    return table.assign(**{"": again}).set_index([*keys, ""])


def _name(row: tuple, keys: list[str]) -> str:
    """Return a row of an index in words."""
    *values, again = row if keys else (row,)
    words = [f"{key} {value}" for key, value in zip(keys, values, strict=True) if value]
    return ", ".join(words + [f"#{again + 1}"] * (again > 0 or not keys))


def _unit(texts: pd.Series) -> float:
    """Return the unit of the last decimal that a column prints, 0 for whole numbers."""
    decimals = texts.str.extract(r"^-?\d+\.(\d+)$")[0].str.len().max()
    return 0.0 if math.isnan(decimals) else 10.0**-decimals


def _value_of(column: str, columns) -> str | None:
    """Return the column whose half width or standard deviation `column` is, if it is one."""
    name = "measured" if column == "interval" else column.removesuffix("_half").removesuffix("_sd")
    return name if name != column and name in columns else None


def _noise(column: str, old: pd.DataFrame, new: pd.DataFrame) -> pd.Series:
    """Return half the width of the interval of the difference new - old, NaN where unknown."""
    halves = [_half(column, table) for table in (old, new)]
    return (halves[0] ** 2 + halves[1] ** 2) ** 0.5


def _half(column: str, table: pd.DataFrame) -> pd.Series:
    """Return half the width of the interval of each number of a column, NaN where unknown."""
    beside = next((name for name in map(str, table) if _value_of(name, [column])), None)
    if beside:
        width = pd.to_numeric(table[beside], errors="coerce")
        if not beside.endswith("_sd"):
            return width
        count = pd.to_numeric(table["seeds"]) if "seeds" in table else width * math.nan
        return pd.Series(stats.t.ppf(0.975, count - 1), width.index) * width / count**0.5
    numbers = pd.to_numeric(table[column], errors="coerce")
    if "seed" not in table.index.names:
        return numbers * math.nan
    levels = [i for i, name in enumerate(table.index.names) if name != "seed"]
    seeds = numbers.groupby(level=levels)
    count = seeds.transform("count")
    # A single value has neither a spread nor a quantile: NaN twice.
    return pd.Series(stats.t.ppf(0.975, count - 1), numbers.index) * seeds.transform("std")


if __name__ == "__main__":
    sys.exit(main())
