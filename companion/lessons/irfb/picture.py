"""Figures of notebook 04: readings of Eq. 4, and what gradients reach."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from companion.figures.style import COLOURS, closed, style

PARTS = {"audio": "audio encoder", "visual": "visual encoder", "fused": "hub"}


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
