"""The plane in which one modality is better than two, and what balancing gains across it."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.figures.style import class_palette, closed, style
from companion.lessons.controlled.runs import BALANCED, BEST, JOINT

KNOBS = {
    "strength": "strength of the weaker modality",
    "width": "dimensions of the stronger modality",
    "shared": "share of samples that both tell of",
}
HEADS = "three_heads"


def plane(gains: pd.DataFrame) -> Figure:
    """Draw what Concat gains over the best single modality, a cell per world.

    Args:
        gains: as of `runs.gains`; worlds in which everything is shared are drawn.
    """
    own = gains[(gains["row"] == JOINT) & (gains["reference"] == BEST) & (gains["shared"] == 1)]
    mean, half = (
        own.pivot(index="width", columns="strength", values=value)
        for value in ("gain", "half_width")
    )
    limit = max(1.0, float(mean.abs().to_numpy().max()))
    with style(), plt.rc_context({"axes.grid": False}):
        size = (3.4 + 1.0 * mean.shape[1], 2.4 + 0.6 * mean.shape[0])
        fig, ax = plt.subplots(figsize=size, layout="constrained")
        image = ax.imshow(mean, cmap="PuOr", vmin=-limit, vmax=limit, origin="lower", aspect="auto")
        for (i, j), value in np.ndenumerate(mean.to_numpy()):
            ink = "white" if abs(value) > 0.65 * limit else "0.1"
            text = f"{value:+.1f}\n± {half.to_numpy()[i, j]:.1f}".replace("-", "−")
            ax.text(j, i, text, ha="center", va="center", color=ink, fontsize="small")
        ax.set_xticks(range(mean.shape[1]), [f"{x:g}" for x in mean.columns])
        ax.set_yticks(range(mean.shape[0]), [f"{x:g}" for x in mean.index])
        ax.tick_params(length=0)
        ax.set(xlabel=KNOBS["strength"], ylabel=KNOBS["width"])
        ax.set_title("Concat − best single modality (points)")
        fig.colorbar(image, ax=ax).outline.set_visible(False)
    return closed(fig)


def curves(gains: pd.DataFrame, names: Mapping[str, str], centre: Mapping[str, float]) -> Figure:
    """Draw gains over Concat, and over three heads below, across each knob.

    Args:
        gains: as of `runs.gains`.
        names: row -> its readable name.
        centre: knob -> its value while another one is turned.
    """
    turned = [knob for knob in KNOBS if len(along(gains, knob, centre)[knob].unique()) > 1]
    colours = dict(zip(BALANCED, class_palette(len(BALANCED)), strict=True))
    with style():
        fig, axes = plt.subplots(
            2,
            len(turned),
            figsize=(1.2 + 3.6 * len(turned), 5.4),
            squeeze=False,
            sharey="row",
            layout="constrained",
        )
        for across, reference in zip(axes, (JOINT, HEADS), strict=True):
            for ax, knob in zip(across, turned, strict=True):
                own = along(gains, knob, centre)
                own = own[own["reference"] == reference]
                _curves(ax, own, knob, [row for row in BALANCED if row != reference], colours)
            across[0].set_ylabel(f"accuracy − {names[reference]}\n(points)")
        for ax, knob in zip(axes[-1], turned, strict=True):
            ax.set_xlabel(KNOBS[knob])
        handles = [
            plt.Line2D([], [], color=colours[row], marker="o", ms=4, label=names[row])
            for row in BALANCED
        ]
        fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return closed(fig)


def along(gains: pd.DataFrame, knob: str, centre: Mapping[str, float]) -> pd.DataFrame:
    """Return the worlds that differ from the centre in one knob only, in its order."""
    for other, value in centre.items():
        if other != knob:
            gains = gains[gains[other] == value]
    return gains.sort_values(knob, kind="stable")


def _curves(ax: Axes, own: pd.DataFrame, knob: str, rows: Sequence[str], colours: Mapping) -> None:
    ax.axhline(0, color="0.5", lw=0.8, zorder=1)
    for row in rows:
        line = own[own["row"] == row]
        look = {"color": colours[row], "marker": "o", "ms": 4, "capsize": 2, "lw": 1.6}
        ax.errorbar(line[knob], line["gain"], line["half_width"], **look)
    if knob == "width":
        ax.set_xscale("log")
    at = sorted(own[knob].unique())
    ax.set_xticks(at, [f"{x:g}" for x in at])
    ax.minorticks_off()
