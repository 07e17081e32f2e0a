"""Figure 4: confusion matrices, and what OLM changes in the recall of every class."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.figures.style import closed, part, require, style
from companion.report import plus_minus
from companion.spread import spread

# Of a class more than so many percent are written into its cell, up to so many classes.
WRITTEN, READABLE = 9.5, 14
CONTROLS = {
    "concat": ("Concat", "0.55", "s", 0.17),
    "three_heads": ("three heads", "0.1", "o", -0.17),
}


def draw(
    shares: pd.DataFrame,
    scores: pd.DataFrame,
    gaps: pd.DataFrame,
    rows: Mapping[str, str],
    title: str = "",
) -> Figure:
    """Draw a confusion matrix per row, and beside them OLM's recalls minus those of its controls.

    Args:
        shares: columns `row`, `truth`, `predicted`, `share` in percent of the true class.
        scores: columns `row`, `seed`, `balanced` in percent.
        gaps: columns `what` (a class), `control`, `difference`, `low`, `high` in points.
        rows: row -> its name, five of them.
        title: of the whole figure.
    """
    require(shares, rows)
    classes = sorted(set(shares["truth"]))
    names = [name.replace("_", " ") for name in classes]
    letters = iter("ABCDEF")
    with style():
        fig, axes = plt.subplots(2, 3, figsize=(14.5, 10.2), layout="constrained")
        for ax, (row, name) in zip(axes.flat, rows.items(), strict=False):
            own = spread(part(scores, row=row)["balanced"].to_numpy())
            square = part(shares, row=row).pivot(index="truth", columns="predicted", values="share")
            shown = _matrix(ax, square.loc[classes, classes].to_numpy(), names)
            ax.set_title(f"({next(letters)}) {name}: {plus_minus(own.mean, own.sd)} %")
        for ax in (*axes[:, 1], axes[0, 2]):
            ax.set_yticklabels([])
        for ax in axes[:, 0]:
            ax.set_ylabel("true scene")
        for ax in axes.flat[:5]:
            ax.set_xlabel("predicted scene")
        fig.colorbar(shown, ax=axes[0, 2], label="% of the true scene's test frames", shrink=0.9)
        _differences(axes[1, 2], gaps, dict(zip(classes, names, strict=True)))
        axes[1, 2].set_title(f"({next(letters)}) Recall of OLM minus that of")
        fig.suptitle(title)
    return closed(fig)


def _matrix(ax: Axes, square: np.ndarray, names: list[str]):
    """Draw one matrix; all have one colour scale."""
    places = range(len(names))
    shown = ax.imshow(square, cmap="Blues", vmin=0, vmax=100, aspect="equal")
    ax.set_xticks(places, names, rotation=90)
    ax.set_yticks(places, names)
    ax.tick_params(length=0, labelsize="small")
    ax.grid(False)
    if len(names) <= READABLE:
        for (y, x), value in np.ndenumerate(square):
            if value >= WRITTEN:
                ink = "white" if value > 55 else "0.15"
                ax.text(x, y, f"{value:.0f}", ha="center", va="center", size="x-small", color=ink)
    return shown


def _differences(ax: Axes, gaps: pd.DataFrame, names: Mapping[str, str]) -> None:
    places = {scene: y for y, scene in enumerate(names)}
    ax.axvline(0, color="0.5", lw=0.8)
    for control, (name, colour, marker, shift) in CONTROLS.items():
        own = part(gaps, control=control)
        y = own["what"].map(places) + shift
        ends = own[["low", "high"]].sub(own["difference"], axis=0).abs().to_numpy().T
        look: dict[str, Any] = {
            "ls": "",
            "marker": marker,
            "ms": 4.5,
            "color": colour,
            "elinewidth": 1.4,
        }
        ax.errorbar(own["difference"], y, xerr=np.nan_to_num(ends), label=name, **look)
    ax.set_yticks(list(places.values()), list(names.values()))
    ax.tick_params(axis="y", length=0, labelsize="small")
    ax.set(xlabel="points; intervals hold together (95 %)", ylim=(len(places) - 0.5, -0.5))
    ax.grid(axis="y", visible=False)
    ax.legend(loc="upper left", bbox_to_anchor=(0.0, -0.13), ncols=2)
