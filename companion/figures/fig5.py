"""Figure 5: logit norms over epochs, without OLM, with heads alone, and with OLM."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.figures.style import (
    COLOURS,
    class_colours,
    closed,
    end_labels,
    ends_of,
    heads_of,
    lines,
    part,
    require,
    seeds,
    style,
    unimodal,
)

RAW, SCALED = ":", "-"


def draw(
    curves: pd.DataFrame, means: pd.DataFrame, rows: Mapping[str, str], title: str = ""
) -> Figure:
    """Draw Figure 5, a line of panels per row.

    Left, as in the paper, the L2 norm of the logits of each class, visual and audio: means over
    seeds, the band from the lowest seed to the highest. Then the mean over classes relative to the
    first epoch, and the same mean in logits: times w, as the loss sees it, and raw.

    Args:
        curves: columns `row`, `seed`, `epoch`, `head`, `class`, `norm`, as of `curves.classes`.
        means: as of `growth.means`.
        rows: row -> its name, from above.
        title: of the whole figure, such as the data set.
    """
    require(curves, rows)
    require(means, rows)
    palette = class_colours(list(dict.fromkeys(curves["class"])))
    heads, names = unimodal(curves), heads_of(curves)
    letters = iter("ABCDEFGHIJKLMNOPQRSTUVWX")
    with style():
        fig, axes = plt.subplots(
            len(rows), 4, figsize=(15, 3.1 * len(rows)), squeeze=False, layout="constrained"
        )
        for ax in axes[:, :2].flat[1:]:
            ax.sharey(axes[0, 0])
        for column in axes.T[2:]:
            for ax in column[1:]:
                ax.sharey(column[0])
        for across, (row, name) in zip(axes, rows.items(), strict=True):
            own = part(means, row=row)
            for ax, head in zip(across, heads, strict=False):
                lines(ax, part(curves, row=row, head=head), "norm", "class", palette)
                ax.set_title(f"({next(letters)}) {names[head][0].upper()}{names[head][1:]}, {name}")
            _relative(across[2], own)
            _scaled(across[3], own)
            for ax, what in zip(across[2:], ("Growth", "Seen by the loss"), strict=True):
                ax.set_title(f"({next(letters)}) {what}, {name}")
            across[0].set_ylabel("L2 norm of the logit vector")
            across[2].set_ylabel("norm / norm of epoch 1")
            across[3].set_ylabel("mean norm over classes")
        axes[0, 0].set_ylim(bottom=0)
        axes[0, 3].set_ylim(bottom=0)
        _ends(axes, curves, means, rows, palette)
        fig.legend(handles=_legend(names), loc="outside lower center", ncols=5)
        fig.suptitle(title)
    return closed(fig)


def _relative(ax: Axes, means: pd.DataFrame) -> None:
    ax.axhline(1, color="0.5", lw=0.8, zorder=1)
    seeds(ax, means, "relative", "head", COLOURS)


def _scaled(ax: Axes, means: pd.DataFrame) -> None:
    seeds(ax, means, "scaled", "head", COLOURS, SCALED)
    if (means["w"] != 1).any():
        for head, mean in means.groupby("head"):
            raw = mean.groupby("epoch")["norm"].mean()
            ax.plot(raw.index, raw, RAW, color=COLOURS[str(head)], lw=2)


def _ends(axes, curves: pd.DataFrame, means: pd.DataFrame, rows, palette: Mapping) -> None:
    """Name the lines; after all are drawn, as the names' places depend on the shared axes."""
    for across, row in zip(axes, rows, strict=True):
        for ax, head in zip(across, unimodal(curves), strict=False):
            ends = ends_of(part(curves, row=row, head=head), "norm", ["class"])
            end_labels(ax, ends, {name: name for name in palette}, palette)
        own = part(means, row=row)
        relative, w = (ends_of(own, value, ["head"]) for value in ("relative", "w"))
        end_labels(
            across[2], relative, {h: f"× {relative[h]:.2f}" for h in relative.index}, COLOURS
        )
        if (own["w"] != 1).any():
            names = {head: f"w = {w[head]:.2f}" for head in w.index}
            end_labels(across[3], ends_of(own, "scaled", ["head"]), names, COLOURS)


def _legend(names: Mapping[str, str]) -> list:
    handles = [
        plt.Line2D([], [], color=COLOURS[head], lw=2, label=name)
        for head, name in names.items()
        if head != "fused"
    ]
    looks = {
        "one seed": (0.7, SCALED),
        "norm, times w": (2, SCALED),
        "raw norm, where w is not 1": (2, RAW),
    }
    return handles + [
        plt.Line2D([], [], color="0.4", lw=width, ls=dash, label=name)
        for name, (width, dash) in looks.items()
    ]
