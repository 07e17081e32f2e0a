"""Figures of notebook 04: the network redrawn, readings of Eq. 4, and what gradients reach."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from companion.figures.style import COLOURS, closed, style

ROWS = {"audio": 3.0, "fused": 1.5, "visual": 0.0}
NAMES = {"audio": "audio", "fused": "hub", "visual": "visual"}
PARTS = {"audio": "audio encoder", "visual": "visual encoder", "fused": "hub"}


def diagram() -> Figure:
    """Draw the network of Figures 2 and 3 of the paper, in our own way.

    Left to right: tokens, two of the blocks, pooling, heads and OLM. Arrows lead from the
    modalities to the hub and never back.
    """
    with style():
        fig, ax = plt.subplots(figsize=(10.5, 3.9), layout="constrained")
        ax.set(xlim=(-0.05, 12.5), ylim=(-0.5, 4.0), aspect="equal")
        ax.axis("off")
        texts = {"audio": "audio rows\n+ CLS", "visual": "visual rows\n+ CLS"}
        texts["fused"] = "bottleneck\ntokens"
        for stream, y in ROWS.items():
            _box(ax, 0, y, texts[stream], stream)
            for x in (2.6, 5.2):
                if stream == "fused":
                    _box(ax, x + 0.6, y, "IRFB\nEq. 2–4", stream)
                else:
                    _box(ax, x, y, "block\nEq. 1", stream)
                    side = 0.45 if y > ROWS["fused"] else -0.45
                    _arrow(ax, (x + 1.35, y - side), (x + 1.65, ROWS["fused"] + side), stream)
            starts = (1.7, 4.9, 7.5) if stream == "fused" else (1.7, 4.3, 6.9)
            ends = (3.2, 5.8, 8.4) if stream == "fused" else (2.6, 5.2, 8.4)
            for start, end in zip(starts, ends, strict=True):
                _arrow(ax, (start, y), (end, y), stream)
            _box(ax, 8.4, y, "pool, head\nEq. 5", stream)
            _arrow(ax, (10.1, y), (11.0, y), stream)
            sub = {"audio": "a", "fused": "b", "visual": "v"}[stream]
            label = rf"$w_{sub}\, s_{sub}$" + f"\n{NAMES[stream]} logits"
            ax.text(11.15, y, label, va="center", color=COLOURS[stream])
        ax.text(0.85, 3.75, "tokens", ha="center", color="0.35")
        ax.text(4.75, 3.75, "one block after another", ha="center", color="0.35")
        ax.text(9.25, 3.75, "read-out", ha="center", color="0.35")
        ax.text(11.15, 3.75, "OLM scales", color="0.35")
    return closed(fig)


def equation4(readings: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw the weights of each reading of Eq. 4 and the change of the hub that follows.

    Args:
        readings: as of `toy.readings`.
    """
    high = max(np.abs(one["change"]).max() for one in readings.values())
    with style():
        fig, axes = plt.subplots(2, len(readings), figsize=(10, 4.6), layout="constrained")
        for (pool, one), (above, below) in zip(readings.items(), axes.T, strict=True):
            above.set_title(pool)
            tokens = range(len(one["change"]))
            if "weights" in one:
                shown = above.imshow(one["weights"], vmin=0, vmax=1, cmap="Greys", aspect="auto")
                for (m, i), weight in np.ndenumerate(one["weights"]):
                    colour = "white" if weight > 0.5 else "black"
                    above.text(i, m, f"{weight:.2f}", ha="center", va="center", color=colour)
                above.set(yticks=[0, 1], yticklabels=["audio", "visual"], xticks=tokens)
                above.grid(False)
            else:
                above.axis("off")
                above.text(0.5, 0.5, "no weights:\nsum of the copies", ha="center", va="center")
            change = below.imshow(one["change"], vmin=-high, vmax=high, cmap="PuOr", aspect="auto")
            below.set(xlabel="feature", yticks=tokens, xticks=range(0, one["change"].shape[1], 2))
            below.grid(False)
            above.set_xlabel("hub token" if "weights" in one else "")
        axes[1, 0].set_ylabel("hub token")
        fig.colorbar(shown, ax=axes[0], label="weight of Eq. 4")
        fig.colorbar(change, ax=axes[1], label="change of the hub")
    return closed(fig)


def gradients(reach: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw which head's loss pulls at which part of the network.

    Args:
        reach: title -> as of `toy.reach`; exact zeros are crossed out.
    """
    values = np.concatenate([table.to_numpy().ravel() for table in reach.values()])
    scale = LogNorm(values[values > 0].min() / 2, values.max())
    with style():
        fig, axes = plt.subplots(1, len(reach), figsize=(10, 3.1), layout="constrained")
        for ax, (title, table) in zip(axes, reach.items(), strict=True):
            numbers = table.to_numpy()
            shown = ax.imshow(np.ma.masked_equal(numbers, 0), norm=scale, cmap="viridis")
            for (i, j), value in np.ndenumerate(numbers):
                text = "0" if value == 0 else f"{value:.2g}"
                ink = "black" if value == 0 else _ink(plt.get_cmap("viridis")(scale(value)))
                ax.text(j, i, text, ha="center", va="center", color=ink)
                if value == 0:
                    ax.add_patch(
                        plt.Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, hatch="///", ec="0.8")
                    )
            ax.set(title=title, xticks=range(3), yticks=range(3), yticklabels=table.index)
            ax.set_xticklabels([PARTS[name].replace(" ", "\n") for name in table.columns])
            for label in ax.get_yticklabels():
                label.set_color(COLOURS[label.get_text()])
            ax.grid(False)
        axes[0].set_ylabel("loss of the head")
        # Inside the last panel's coordinates, so that bar and square panels are of one height.
        bar = axes[-1].inset_axes((1.08, 0, 0.07, 1))
        fig.colorbar(shown, cax=bar, label="L2 norm of the gradient")
    return closed(fig)


def _ink(colour: tuple) -> str:
    """Return which of black and white reads better on `colour`, by WCAG's relative luminance."""
    rgb = np.asarray(colour[:3])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return "black" if linear @ (0.2126, 0.7152, 0.0722) > 0.179 else "white"


def _box(ax, x: float, y: float, text: str, stream: str) -> None:
    box = FancyBboxPatch(
        (x, y - 0.45), 1.7, 0.9, "round,pad=0,rounding_size=0.12", fc="white", ec=COLOURS[stream]
    )
    ax.add_patch(box)
    ax.text(x + 0.85, y, text, ha="center", va="center", fontsize=9.5)


def _arrow(ax, start: tuple, end: tuple, stream: str) -> None:
    look = {"arrowstyle": "-|>", "color": COLOURS[stream], "lw": 1.4, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=look)
