"""How norms, scores and accuracies differ between rows: tables and sentences of Figures 5 and 6.

Sentences are made from the numbers, so they hold for other runs too. They tell means and what the
seeds span, and give no verdict, for which three seeds are too few.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from companion.figures.style import ends_of, part

# What section 4.4 says that OLM does to the growth of a modality's logits.
PAPER = {"audio": -1, "visual": +1}
KEYS = ["row", "seed", "head", "epoch"]


def means(curves: pd.DataFrame, coefficients: pd.DataFrame) -> pd.DataFrame:
    """Return the norms of every head as means over classes.

    Args:
        curves: columns `row`, `seed`, `epoch`, `head`, `class`, `norm`, and `scaled`, the norm of
            w times the logits.
        coefficients: as of `curves.coefficients`, of the rows that have any.

    Returns:
        Columns `row`, `seed`, `head`, `epoch`, `norm`, `scaled`, `relative` (norm over that of the
        first epoch) and `w`, 1 in rows without coefficients.
    """
    table = curves.groupby(KEYS, sort=False)[["norm", "scaled"]].mean().reset_index()
    table["relative"] = table["norm"] / table.groupby(KEYS[:-1])["norm"].transform("first")
    table = table.merge(coefficients[[*KEYS, "w"]], how="left", on=KEYS)
    return table.fillna({"w": 1.0})


def last(table: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of the last epoch."""
    return table[table["epoch"] == table["epoch"].max()]


def norms(table: pd.DataFrame, rows: Mapping[str, str]) -> pd.DataFrame:
    """Return Figure 5 as a table of text, a line per row and head: means over seeds ± SD.

    Args:
        table: as of `means`.
        rows: row -> its name, in the order of the lines.
    """
    first, end = table[table["epoch"] == table["epoch"].min()], last(table)
    columns = {
        "norm, first epoch": (first, "norm"),
        "norm, last epoch": (end, "norm"),
        "last / first": (end, "relative"),
        "w, last epoch": (end, "w"),
        "w · norm, last epoch": (end, "scaled"),
    }
    return pd.DataFrame(
        [
            {"row": name, "head": head}
            | {
                words: spread(part(values, row=row, head=head)[value])
                for words, (values, value) in columns.items()
            }
            for row, name in rows.items()
            for head in PAPER
        ]
    )


def by_row(
    table: pd.DataFrame, value: str, rows: Mapping[str, str], digits: int = 2
) -> pd.DataFrame:
    """Return mean over seeds ± SD as text, a line per row and a column per head.

    Args:
        table: columns `row`, `seed`, `head` and the value, one line for each.
        value: name of the column.
        rows: row -> its name.
        digits: after the point.
    """
    cells = {
        head: [spread(part(table, row=row, head=head)[value], digits) for row in rows]
        for head in dict.fromkeys(table["head"])
    }
    return pd.DataFrame({"row": list(rows.values())} | cells)


def grown(table: pd.DataFrame, rows: Mapping[str, str]) -> str:
    """Say how far the norms grew in each row, and whether OLM changes that as the paper says.

    Args:
        table: as of `means`.
        rows: row -> its name; the last one is OLM, which is held against all others.
    """
    end, lines = last(table), []
    for row, name in rows.items():
        own = part(end, row=row)
        each = [f"{head}'s norm {_way(part(own, head=head)['relative'])}" for head in PAPER]
        lines.append(f"- {name}, from the first epoch to the last: {', '.join(each)}.")
    *others, olm = rows
    for other in others:
        each, agree = [], []
        for head, sign in PAPER.items():
            ours, theirs = (part(end, row=row, head=head)["relative"] for row in (olm, other))
            more = ours.mean() > theirs.mean()
            times = f"{ours.mean():.2f} against {theirs.mean():.2f} times, {_apart(ours, theirs)}"
            each.append(f"{head}'s norm grows {'more' if more else 'less'} ({times})")
            agree.append(more == (sign > 0))
        lines.append(f"- {rows[olm]} against {rows[other]}: {', '.join(each)}: {_said(agree)}.")
    return "\n".join(lines)


def explained(table: pd.DataFrame, olm: str, control: str, rows: Mapping[str, str]) -> str:
    """Say how much of the difference between two rows' norms is left in what the loss sees.

    Args:
        table: as of `means`.
        olm: a row with coefficients.
        control: the same network with all w = 1.
        rows: row -> its name.
    """
    norm, scaled, w = (ends_of(table, value, ["row", "head"]) for value in ("norm", "scaled", "w"))
    lines = []
    for head in PAPER:
        raw, seen = (values[olm, head] / norm[control, head] for values in (norm, scaled))
        if np.isclose(w[olm, head], 1, atol=5e-3):
            why = "With w at 1 there is nothing that w could explain."
        elif (raw > 1) == (w[olm, head] > 1):
            why = "w and the raw norm went the same way, so w does not explain the norm."
        elif abs(np.log(seen)) < abs(np.log(raw)):
            why = "What the loss sees differs less than what the network gives: the norm answers w."
        else:
            why = "What the loss sees differs as much or more: w explains the side, not the size."
        lines.append(
            f"- {head}: w is {w[olm, head]:.2f} in the last epoch. The raw norm is {raw:.2f} times "
            f"that of {rows[control]}, and w times it {seen:.2f} times. {why}"
        )
    return "\n".join(lines)


def learnt(accuracy: pd.DataFrame, head: str, rows: Mapping[str, str]) -> str:
    """Say what a head reaches in each row: what the heads change, and what the coefficients.

    Args:
        accuracy: columns `row`, `seed`, `epoch`, `head`, `accuracy` in percent.
        head: whose accuracy.
        rows: row -> its name: without OLM, heads alone, OLM.
    """
    end = part(last(accuracy), head=head)
    values = {row: part(end, row=row)["accuracy"] for row in rows}
    lines = [
        f"- {name}: the {head} head ends at {spread(values[row], 1)} % (seeds "
        f"{values[row].min():.1f} to {values[row].max():.1f})."
        for row, name in rows.items()
    ]
    without, control, olm = rows
    for before, after, what in (
        (without, control, "a head and a loss of its own change it by"),
        (control, olm, "the coefficients change it by"),
    ):
        gap = f"{values[after].mean() - values[before].mean():+.1f}".replace("-", "−")
        apart = _apart(values[after], values[before])
        lines.append(f"- From {rows[before]} to {rows[after]}: {what} {gap} points ({apart}).")
    return "\n".join(lines)


def spread(values: pd.Series, digits: int = 2) -> str:
    """Return mean ± SD over seeds; the mean alone where there is no spread, as of one seed."""
    text, deviation = f"{values.mean():.{digits}f}", values.std()
    return (f"{text} ± {deviation:.{digits}f}" if deviation > 0 else text).replace("-", "−")


def _way(values: pd.Series) -> str:
    way = "grows" if values.mean() > 1 else "falls"
    return f"{way} to {values.mean():.2f} times (seeds {values.min():.2f} to {values.max():.2f})"


def _apart(ours: pd.Series, theirs: pd.Series) -> str:
    apart = ours.min() > theirs.max() or ours.max() < theirs.min()
    return "seeds do not overlap" if apart else "seeds overlap"


def _said(agree: Sequence[bool]) -> str:
    if len(set(agree)) == 1:
        return "as the paper says" if agree[0] else "the opposite of what the paper says"
    words = {True: "as the paper says", False: "the opposite"}
    each = [f"{words[one]} of {head}" for head, one in zip(PAPER, agree, strict=True)]
    return ", ".join(each)
