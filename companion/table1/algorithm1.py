"""The sweep over what the paper leaves open in Algorithm 1: its rate and its number of steps."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from companion import params, report
from companion.figures.style import class_palette, closed, style
from companion.runs.identity import Run
from companion.spread import sensitivity, spread
from companion.table1 import numbers, rows

REFERENCES = ("concat", "three_heads")
MARKERS = "ovsD^"
READING = (
    "Test accuracy in percent, mean ± standard deviation over seeds, of the row OLM (paper) by the "
    "rate η and the number of gradient steps that Algorithm 1 takes at every iteration. The paper "
    "states neither. In bold: the pair of Table 1, which is the official code's. It was not "
    "chosen here, and the best of so many pairs is best by luck as well: whoever reports that one "
    "reports the luck too."
)


def collect(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the test accuracy of every run of the sweep, in percent.

    Args:
        runs: as of `grid.sweep_of`, finished.

    Returns:
        Columns `eta`, `steps`, `row`, `seed`, `accuracy`, `test_clips`.

    Raises:
        FileNotFoundError, ValueError: as `numbers.collect`.
    """
    measured = numbers.collect({runs[0].dataset: runs})
    pairs = {run.name: (run.row.options["eta"], run.row.options["steps"]) for run in runs}
    eta, steps = zip(*measured["row"].map(pairs), strict=True)
    table = measured[["row", "seed", "accuracy", "test_clips"]].assign(eta=eta, steps=steps)
    return table.assign(accuracy=100 * table["accuracy"])


def summary(collected: pd.DataFrame) -> pd.DataFrame:
    """Return a line per pair: `eta`, `steps`, `row`, `seeds`, `test_clips`, `accuracy` and its SD.

    Args:
        collected: as of `collect`.
    """
    lines = []
    for (eta, steps), runs in collected.groupby(["eta", "steps"]):
        mean, sd = spread(runs["accuracy"].round(8).to_numpy())
        line = {"eta": eta, "steps": steps, "row": runs["row"].iloc[0], "seeds": len(runs)}
        line |= {"test_clips": runs["test_clips"].iloc[0], "accuracy": mean, "accuracy_sd": sd}
        lines.append(line)
    return pd.DataFrame(lines)


def markdown(table: pd.DataFrame, references: pd.DataFrame) -> str:
    """Return the sweep as a Markdown table, steps x rates, with what it can tell.

    Args:
        table: as of `summary`.
        references: lines of `numbers.table1` of the same data set: Concat and three heads.
    """
    text = {
        (line["steps"], line["eta"]): _cell(line, line["row"] == params.ALGORITHM1)
        for line in table.to_dict("records")
    }
    lines = [
        {"Steps": f"{steps}"} | {f"η = {eta:g}": text[steps, eta] for eta in _values(table, "eta")}
        for steps in _values(table, "steps")
    ]
    beside = " ".join(
        f"{rows.label(line['row'])}: {_cell(line)}." for line in references.to_dict("records")
    )
    first = table.iloc[0]
    sds, asked = table["accuracy_sd"].to_numpy(), len(table) * len(references)
    found = sensitivity(sds, int(first["seeds"]), asked)
    sizes = {"Seeds": first["seeds"], "Test clips": first["test_clips"]}
    parts = [report.markdown_table(pd.DataFrame(lines)), report.can_tell(found, sizes)]
    return "\n\n".join([*parts, f"Beside it: {beside} {READING}"])


def draw(collected: pd.DataFrame, references: pd.DataFrame, title: str) -> Figure:
    """Draw accuracy against the rate, a line per number of steps, every seed a dot.

    Args:
        collected: as of `collect`.
        references: as of `markdown`.
        title: of the figure.
    """
    table = summary(collected)
    counts = _values(table, "steps")
    with style():
        fig, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
        for line, dashes in zip(references.to_dict("records"), ("--", ":"), strict=False):
            name = f"{rows.label(line['row'])} (mean)"
            ax.axhline(line["accuracy"], color="0.4", ls=dashes, lw=1.2, label=name)
        looks = zip(counts, class_palette(len(counts)), MARKERS * len(counts), strict=False)
        for i, (steps, colour, marker) in enumerate(looks):
            # A little apart, so that seeds of equal accuracy are all seen.
            shift = 1.07 ** (i - (len(counts) - 1) / 2)
            runs, means = (part[part["steps"] == steps] for part in (collected, table))
            ax.plot(
                *(shift * runs["eta"], runs["accuracy"]),
                **{"ls": "", "marker": marker, "mfc": "none", "mec": colour, "ms": 4},
            )
            look = {"color": colour, "marker": marker, "ms": 6}
            ax.plot(shift * means["eta"], means["accuracy"], **look, label=f"{steps} steps")
            own = means[means["row"] == params.ALGORITHM1]
            look = {"ls": "", "marker": "o", "mfc": "none", "mec": "0.1", "ms": 14}
            ax.plot(shift * own["eta"], own["accuracy"], **look)
        ax.plot([], [], **look, label="the row of Table 1")
        ax.set_xscale("log")
        etas = _values(table, "eta")
        ax.set_xticks(etas, [f"{eta:g}" for eta in etas], minor=False)
        ax.set_xticks([], minor=True)
        ax.set(title=title, xlabel="rate η of Algorithm 1", ylabel="test accuracy (%)")
        fig.legend(loc="outside right center")
    return closed(fig)


def _values(table: pd.DataFrame, column: str) -> list:
    return sorted(set(table[column]))


def _cell(line: dict, bold: bool = False) -> str:
    text = report.plus_minus(line["accuracy"], line["accuracy_sd"])
    return f"**{text}**" if bold else text
