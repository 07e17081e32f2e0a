"""Table 3 as a picture, and Figure 1."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from companion.figures.style import (
    COLOURS,
    PAPER,
    class_colours,
    closed,
    end_labels,
    ends_of,
    lines,
    part,
    style,
)

# Fusions are not modalities, so none has a modality's colour.
FUSIONS = {
    "attention": ("Attention", "0.65", "s"),
    "olm_t_mbt": ("OLM-T-MBT", "0.4", "^"),
    "olm_t_irfb": ("OLM-T-IRFB", "0.1", "o"),
}
AXES = {"f1": "weighted F1 (%), higher is better", "mse": "valence MSE, lower is better"}


def dots(table: pd.DataFrame, protocol: str, title: str = "") -> Figure:
    """Draw a dot and its interval per combination and fusion, and the paper's number beside.

    Args:
        table: as of `numbers.table3`.
        protocol: `cv` or `test`.
        title: of the whole figure.
    """
    shown = part(table, protocol=protocol)
    letters = list(dict.fromkeys(shown["modalities"]))
    with style():
        fig, axes = plt.subplots(1, 2, figsize=(10, 6.4), sharey=True, layout="constrained")
        for ax, (measure, text) in zip(axes, AXES.items(), strict=True):
            for i, (fusion, (_, colour, marker)) in enumerate(FUSIONS.items()):
                cells = part(shown, fusion=fusion).set_index("modalities").loc[letters]
                high = [k + (i - 1) * 0.24 for k in range(len(letters))]
                look = {"color": colour, "fmt": marker, "ms": 5, "capsize": 2, "lw": 1.2}
                ax.errorbar(cells[measure], high, xerr=cells[f"{measure}_half"], **look)
                ax.scatter(
                    cells[f"{measure}_paper"], high, marker="D", s=16, color=PAPER, zorder=3, lw=0
                )
            ax.set(xlabel=text, yticks=range(len(letters)), yticklabels=letters)
        axes[0].invert_yaxis()
        handles = [
            plt.Line2D([], [], color=colour, marker=marker, lw=1.2, label=name)
            for name, colour, marker in FUSIONS.values()
        ]
        handles.append(plt.Line2D([], [], color=PAPER, marker="D", lw=0, label="paper, real data"))
        fig.legend(handles=handles, loc="outside lower center", ncols=4)
        fig.suptitle(title)
    return closed(fig)


def figure1(accuracy: pd.DataFrame, curves: pd.DataFrame, title: str = "") -> Figure:
    """Draw Figure 1: (A) accuracy, (B) logit scores, (C) and (D) norms per class, over epochs.

    Means over runs, the band from the lowest run to the highest.

    Args:
        accuracy: columns `seed`, `epoch`, `head`, `accuracy` in `[0, 1]`.
        curves: columns `seed`, `epoch`, `head`, `class`, `score`, `norm`, as of `curves.classes`.
        title: of the whole figure.
    """
    percent = accuracy.assign(accuracy=100 * accuracy["accuracy"])
    unimodal = curves[curves["head"] != "fused"]
    means = unimodal.groupby(["seed", "epoch", "head"], as_index=False)[["score"]].mean()
    classes = list(dict.fromkeys(curves["class"]))
    palette = class_colours(classes)
    names = {"audio": "audio", "visual": "visual", "fused": "audiovisual"}
    with style():
        fig, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
        (a, b), (c, d) = axes
        lines(a, percent, "accuracy", "head", COLOURS)
        a.set(title="(A) Accuracy", ylabel="test accuracy (%)")
        lines(b, means, "score", "head", COLOURS)
        b.set(title="(B) Batch-averaged logit scores", ylabel="true-class logit")
        _norms(c, unimodal, "visual", palette, "(C) Visual")
        _norms(d, unimodal, "audio", palette, "(D) Audio")
        # One axis for both, from 0 to the higher of the two.
        top = max(ax.get_ylim()[1] for ax in (c, d))
        for ax in (c, d):
            ax.set_ylim(0, top)
        for ax, head in ((c, "visual"), (d, "audio")):
            ends = ends_of(part(unimodal, head=head), "norm", ["class"])
            end_labels(ax, ends, {name: name for name in classes}, palette)
        handles = [plt.Line2D([], [], color=COLOURS[head], label=names[head]) for head in names]
        a.legend(handles=handles, loc="best")
        fig.suptitle(title)
    return closed(fig)


def _norms(ax, curves: pd.DataFrame, head: str, palette: Mapping, title: str) -> None:
    lines(ax, part(curves, head=head), "norm", "class", palette)
    ax.set(title=title, ylabel="L2 norm of the logit vector")
