"""Figure 1: accuracies, logit scores and logit norms over epochs, without OLM."""

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
    seeds,
    style,
)
from companion.figures.style import unimodal as two_heads


def draw(accuracy: pd.DataFrame, curves: pd.DataFrame, title: str = "") -> Figure:
    """Draw Figure 1: (A) accuracy, (B) logit scores, (C) and (D) norms per class, over epochs.

    Means over seeds; in (A) and (B) every seed is a thin line, in (C) and (D) the band goes from
    the lowest seed to the highest.

    Args:
        accuracy: columns `seed`, `epoch`, `head`, `accuracy` in percent.
        curves: columns `seed`, `epoch`, `head`, `class`, `score`, `norm`, as of `curves.classes`.
        title: of the whole figure.
    """
    unimodal = curves[curves["head"] != "fused"]
    means = unimodal.groupby(["seed", "epoch", "head"], as_index=False)[["score"]].mean()
    classes = list(dict.fromkeys(curves["class"]))
    palette = class_colours(classes)
    with style():
        fig, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
        (a, b), (c, d) = axes
        seeds(a, accuracy, "accuracy", "head", COLOURS)
        a.set(title="(A) Accuracy", ylabel="dev accuracy (%)")
        seeds(b, means, "score", "head", COLOURS)
        b.set(title="(B) Batch-averaged logit scores", ylabel="true-class logit")
        names, (left, right) = heads_of(accuracy), two_heads(unimodal)
        _norms(c, unimodal, left, palette, f"(C) Logit norms, {names[left]}")
        _norms(d, unimodal, right, palette, f"(D) Logit norms, {names[right]}")
        # One axis for both, from 0 to the higher of the two.
        top = max(ax.get_ylim()[1] for ax in (c, d))
        for ax in (c, d):
            ax.set_ylim(0, top)
        for ax, head in ((c, left), (d, right)):
            ends = ends_of(part(unimodal, head=head), "norm", ["class"])
            end_labels(ax, ends, {name: name for name in classes}, palette)
        handles = [plt.Line2D([], [], color=COLOURS[h], lw=2, label=names[h]) for h in names]
        handles.append(plt.Line2D([], [], color="0.4", lw=0.7, label="one seed"))
        fig.legend(handles=handles, loc="outside lower center", ncols=4)
        fig.suptitle(title)
    return closed(fig)


def _norms(ax: Axes, curves: pd.DataFrame, head: str, palette: Mapping, title: str) -> None:
    lines(ax, part(curves, head=head), "norm", "class", palette)
    ax.set(title=title, ylabel="L2 norm of the logit vector")
