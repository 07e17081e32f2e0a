"""Table 2 as a picture: how good every cell is, and how far it is from its network's baseline."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.figures.style import PAPER, closed, style
from companion.table1.picture import BAND, INK, SEED, places_of
from companion.table2 import numbers

RING: dict[str, Any] = {"ls": "", "marker": "o", "ms": 3.8, "mfc": "none", "mec": SEED, "mew": 1.0}
BAR: dict[str, Any] = {"ls": "", "marker": "|", "ms": 9, "mec": INK, "mew": 2.4}


def dots(table: pd.DataFrame, measured: pd.DataFrame, levels: numbers.Levels, title: str) -> Figure:
    """Draw accuracies with the reference lines, and differences to the baseline with the paper's.

    Never ours and the paper's heights on one axis: they are of other data; a difference can be set
    beside another.

    Args:
        table: as of `numbers.table2`.
        measured: as of `numbers.collect`: the seeds behind it.
        levels: as of `numbers.levels`.
        title: readable name of the data set.
    """
    places = places_of(table.assign(block=table["title"]))
    lines = table.to_dict("records")
    at = [places[line["title"], line["label"]] for line in lines]
    with style():
        size = (9.5, 2.0 + 0.235 * max(places.values()))
        fig, axes = plt.subplots(1, 2, figsize=size, sharey=True, layout="constrained")
        left, right = axes
        _levels(left, levels)
        found = numbers.can_tell(table)
        if found.alone > 0:
            name = "too small to be shown by so many seeds (80 % power)"
            right.axvspan(-found.alone, found.alone, color=BAND, lw=0, zorder=0, label=name)
        right.axvline(0, color="0.5", lw=0.8, zorder=1)
        for line, y in zip(lines, at, strict=True):
            own = (measured["network"] == line["network"]) & (measured["row"] == line["row"])
            seeds = 100 * measured.loc[own, "accuracy"]
            base = table[(table["network"] == line["network"]) & (table["row"] == numbers.BASE)]
            for ax, zero in ((left, 0.0), (right, base["accuracy"].item())):
                first = {"label": "a seed"} if ax is left and line is lines[0] else {}
                ax.plot(seeds - zero, [y] * len(seeds), **RING, **first, zorder=2)
                first = {"label": "mean"} if first else {}
                ax.plot(line["accuracy"] - zero, y, **BAR, **first, zorder=4)
        label = "the paper, on real recordings"
        right.plot(
            table["paper_minus_baseline"], at, "D", color=PAPER, ms=4.6, label=label, zorder=3
        )
        left.set(xlabel="accuracy (% of test segments)", title=title)
        right.set(xlabel="accuracy − baseline (points)")
        left.set_yticks(list(places.values()), [key[-1] for key in places])
        for key, text in zip(places, left.get_yticklabels(), strict=True):
            text.set_fontweight("bold" if len(key) == 1 else "normal")
        left.set_ylim(max(places.values()) + 0.7, -0.7)
        for ax in axes:
            ax.tick_params(axis="y", length=0)
            ax.grid(axis="y", visible=False)
        fig.legend(loc="outside lower center", ncols=2)
    return closed(fig)


def _levels(ax: Axes, levels: numbers.Levels) -> None:
    for (field, name), dash in zip(numbers.LEVELS.items(), (":", "--"), strict=True):
        ax.axvline(getattr(levels, field), color="0.35", lw=1.1, ls=dash, zorder=1, label=name)
