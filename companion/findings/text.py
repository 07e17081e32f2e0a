"""The tables of the study as pages of Markdown."""

import math

import pandas as pd

from companion import report
from companion.evidence.verdicts import CONTROLS
from companion.findings import numbers
from companion.report import plus_minus, signed


def page(lines: pd.DataFrame, pairs: pd.DataFrame, command: str, book: str) -> str:
    """Return the page of one data set.

    Args:
        lines: as of `numbers.table`.
        pairs: as of `numbers.eight`.
        command: that makes it.
        book: the book's folder, as seen from where the page is read.
    """
    first = lines.iloc[0]
    return "\n\n".join(
        [
            f"# {first['title']}: what each row gains",
            "Accuracy in percent with the weights of the last epoch, mean ± standard deviation "
            "over seeds; every row is tuned by the same budget. Differences in points, with "
            "intervals that all hold at once in 95 % of experiments, and the verdict "
            f"([protocol]({book}/fairness.md)).",
            rows(lines),
            report.can_tell(numbers.can_tell(lines), sizes(lines)),
            "## Eight comparisons, over seeds and over people",
            "The first interval is over seeds, on these clips, the eight of them as one family. "
            f"The second one, plain, draws {pairs['drawn'].iloc[0]} too: it says what others "
            "would give.",
            comparisons(pairs),
            f"Made by `{command}`.",
        ]
    )


def rows(lines: pd.DataFrame) -> str:
    """Return the table of rows."""
    cells = []
    for line in lines.to_dict("records"):
        cell = {"Row": line["label"]}
        cell["Accuracy"] = plus_minus(line["accuracy"], line["accuracy_sd"])
        for control in CONTROLS:
            low, high, verdict = (line[f"{control}_{end}"] for end in ("low", "high", "verdict"))
            gap = _gap(line[f"minus_{control}"], low, high, verdict)
            cell[f"− {numbers.name(control)}"] = gap
        cell["The paper's − Concat"] = _printed(line)
        cell["Best on dev"] = plus_minus(line["best_dev"], line["best_dev_sd"])
        time = line["seconds_over_concat"]
        cell["Time / Concat's"] = "–" if math.isnan(time) else f"{report.rounded(time, 2):.2f}"
        cells.append(cell)
    return report.markdown_table(pd.DataFrame(cells))


def sizes(lines: pd.DataFrame) -> dict[str, int]:
    """Return what a table was measured on, in words -> how many."""
    first = lines.iloc[0]
    found = {"Seeds": int(first["seeds"]), "Test clips": int(first["test_clips"])}
    return found | ({"Folds": int(first["folds"])} if first["folds"] > 1 else {})


def comparisons(pairs: pd.DataFrame) -> str:
    """Return the table of the eight comparisons."""
    cells = []
    for line in pairs.to_dict("records"):
        over_people = f"[{signed(line['people_low'])}, {signed(line['people_high'])}]"
        cells.append(
            {
                "Comparison": f"{numbers.name(line['row'])} − {numbers.name(line['control'])}",
                "Over seeds": _gap(line["difference"], line["low"], line["high"], line["verdict"]),
                f"Over seeds and {line['drawn']}": over_people,
            }
        )
    return report.markdown_table(pd.DataFrame(cells))


def widths(tables: pd.DataFrame) -> str:
    """Return the half-widths that were reached, per data set, as a Markdown table.

    Args:
        tables: lines of `numbers.table`, of every data set.
    """
    cells = []
    for title, lines in tables.groupby("title", sort=False):
        half = (lines["concat_high"] - lines["concat_low"]).dropna() / 2
        heads = (lines["three_heads_high"] - lines["three_heads_low"]).dropna() / 2
        cells.append(
            {
                "Data set": title,
                **{name: f"{size}" for name, size in sizes(lines).items()},
                "Rows": f"{len(lines)}",
                "To Concat: median": f"{report.rounded(half.median()):.1f}",
                "widest": f"{report.rounded(half.max()):.1f}",
                "To three heads: median": f"{report.rounded(heads.median()):.1f}",
                "widest ": f"{report.rounded(heads.max()):.1f}",
                f"Below {LIMIT} points": f"{(half < LIMIT).sum()} of {len(half)}",
            }
        )
    return report.markdown_table(pd.DataFrame(cells).fillna("–"))


# Points: half of an interval's width that is asked of the recordings.
LIMIT = 1.5


def _gap(mean: float, low: float, high: float, verdict: str) -> str:
    if math.isnan(mean):
        return "–"
    if math.isnan(low):
        return f"{signed(mean)}, {verdict}"
    return f"{signed(mean)} [{signed(low)}, {signed(high)}] {verdict}"


def _printed(line: dict) -> str:
    gains = [value for key, value in line.items() if key.startswith("paper_")]
    told = sorted(gain for gain in gains if not math.isnan(gain))
    if not told:
        return "–"
    if len(told) == 1:
        return signed(told[0])
    return f"{signed(told[0])} to {signed(told[-1])}"
