"""Figure 5: logit norms of every class over epochs, without and with OLM."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from companion.figures.style import (
    class_colours,
    closed,
    end_labels,
    ends_of,
    lines,
    part,
    require,
    style,
)


def draw(curves: pd.DataFrame, rows: Mapping[str, str], title: str = "") -> Figure:
    """Draw Figure 5: L2 norms of the logits of each class over epochs.

    (A) visual and (B) audio without OLM, (C) visual and (D) audio with OLM; mean over seeds, the
    band from the lowest seed to the highest.

    Args:
        curves: columns `row`, `seed`, `epoch`, `head`, `class`, `norm`, as of `curves.classes`.
        rows: the row without and the row with OLM -> its label.
        title: of the whole figure, such as the data set.
    """
    require(curves, rows)
    classes = list(dict.fromkeys(curves["class"]))
    palette = class_colours(classes)
    with style():
        fig, axes = plt.subplots(2, 2, figsize=(9, 6.6), sharey=True, layout="constrained")
        panels = [(row, head) for row in rows for head in ("visual", "audio")]
        for letter, ax, (row, head) in zip("ABCD", axes.flat, panels, strict=True):
            norms = part(curves, row=row, head=head)
            lines(ax, norms, "norm", "class", palette)
            ax.set_title(f"({letter}) {head.capitalize()}, {rows[row]}")
        axes[0, 0].set_ylim(bottom=0)
        for ax, (row, head) in zip(axes.flat, panels, strict=True):
            ends = ends_of(part(curves, row=row, head=head), "norm", ["class"])
            end_labels(ax, ends, {name: name for name in classes}, palette)
        for ax in axes[:, 0]:
            ax.set_ylabel("L2 norm of the logit vector")
        fig.suptitle(title)
    return closed(fig)
