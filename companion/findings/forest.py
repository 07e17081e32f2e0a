"""The eight comparisons over data sets: each set's, and the random-effects means."""

import math
from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion import report
from companion.evidence import rules
from companion.evidence.sets import random_effects
from companion.figures.style import PAPER, closed, style
from companion.findings import numbers
from companion.findings.picture import BAND, FILL, INK, MEAN
from companion.report import signed

RECORDINGS, MINIATURES = "recordings", "miniatures"
SETS = {RECORDINGS: "sets of recordings", MINIATURES: "miniatures"}
COLUMNS = ["row", "control", "kind", "dataset", "title", "difference", "low", "high", "verdict"]


def table(pairs: Mapping[str, pd.DataFrame], kinds: Mapping[str, str], titles: Mapping[str, str]):
    """Return every comparison on every data set, and its mean over the sets of one kind.

    Args:
        pairs: data set -> as of `numbers.eight`.
        kinds: data set -> `RECORDINGS` or `MINIATURES`, which are never pooled.
        titles: data set -> its readable name.

    Returns:
        `COLUMNS`; a mean has no `dataset`, and no interval over one set.
    """
    lines: list[tuple] = []
    for row, control in numbers.EIGHT:
        for kind in dict.fromkeys(kinds.values()):
            effects, errors = [], []
            for dataset in (name for name in pairs if kinds[name] == kind):
                own = pairs[dataset]
                for line in own[(own["row"] == row) & (own["control"] == control)].to_dict(
                    "records"
                ):
                    ends = line["difference"], line["low"], line["high"], line["verdict"]
                    lines.append((row, control, kind, dataset, titles[dataset], *ends))
                    if line["error"] > 0:
                        effects.append(line["difference"])
                        errors.append(line["error"])
            if len(effects) > 1:
                mean = random_effects(effects, errors)
                title = f"mean over {len(effects)} {SETS[kind]}"
                lines.append((row, control, kind, "", title, *mean[:3], ""))
    return pd.DataFrame(lines, columns=COLUMNS)


def markdown(found: pd.DataFrame) -> str:
    """Return comparisons x data sets as a Markdown table: differences and their intervals."""
    cells = []
    for (row, control), part in found.groupby(["row", "control"], sort=False):
        cell = {"Comparison": f"{numbers.name(str(row))} − {numbers.name(str(control))}"}
        for line in part.to_dict("records"):
            interval = f" [{signed(line['low'])}, {signed(line['high'])}]"
            told = "" if math.isnan(line["low"]) else interval
            cell[line["title"]] = f"{signed(line['difference'])}{told}"
        cells.append(cell)
    return report.markdown_table(pd.DataFrame(cells).fillna("–"))


def picture(found: pd.DataFrame) -> Figure:
    """Draw the forest: a panel per comparison, a line per data set, a diamond per mean."""
    pairs = list(dict.fromkeys(zip(found["row"], found["control"], strict=True)))
    titles = list(dict.fromkeys(found["title"]))
    places = {title: at for at, title in enumerate(titles)}
    across = 4
    down = math.ceil(len(pairs) / across)
    with style():
        fig, axes = plt.subplots(
            down,
            across,
            figsize=(12.5, down * (1.1 + 0.3 * len(places))),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for ax in axes.flat[len(pairs) :]:
            ax.set_visible(False)
        for ax, (row, control) in zip(axes.flat, pairs, strict=False):
            part = found[(found["row"] == row) & (found["control"] == control)]
            _panel(ax, part, places)
            ax.set_title(f"{numbers.name(row)}\n− {numbers.name(control)}", fontsize="small")
        axes[0, 0].set_yticks(list(places.values()), titles)
        axes[0, 0].set_ylim(len(places) - 0.5, -0.5)
        for ax in axes[-1]:
            ax.set_xlabel("points")
    return closed(fig)


def _panel(ax: Axes, part: pd.DataFrame, places: Mapping[str, float]) -> None:
    ax.axvspan(-rules.TABLE1, rules.TABLE1, color=BAND, lw=0, zorder=0)
    ax.axvline(0, color="0.5", lw=0.8, zorder=1)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    for line in part.to_dict("records"):
        at, mean = places[line["title"]], not line["dataset"]
        ax.plot([line["low"], line["high"]], [at, at], color=PAPER if mean else INK, lw=1.6)
        look = {**MEAN, "marker": "D", "mec": PAPER} if mean else MEAN
        fill = PAPER if mean else FILL.get(line["verdict"], "white")
        ax.plot([line["difference"]], [at], **look, mfc=fill, zorder=4)
