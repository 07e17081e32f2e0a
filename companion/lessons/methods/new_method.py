"""The picture of notebook 22: a new method's row beside others."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from companion.figures.style import COLOURS, heads_of
from companion.lessons.methods.picture import GREY
from companion.lessons.olm.picture import drawn


@drawn
def row(
    accuracy: pd.DataFrame, weights: pd.DataFrame, labels: Mapping[str, str], title: str
) -> Figure:
    """Draw a new row's accuracy beside others', and its coefficients.

    Args:
        accuracy: columns `row`, `seed`, `accuracy` in `[0, 1]`.
        weights: columns `seed`, `epoch`, `head`, `w`, of the new row.
        labels: row -> its label, from top to bottom.
        title: readable name of the data set, as of `rows.dataset_title`.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")
    for place, name in enumerate(labels):
        points = 100 * accuracy.loc[accuracy["row"] == name, "accuracy"]
        left.plot(
            points,
            np.full(len(points), place),
            "o",
            mfc="none",
            color=GREY,
            ms=11,
            label="one seed",
        )
        left.plot(points.mean(), place, "D", color="k", ms=5, label="mean")
    left.set(yticks=range(len(labels)), yticklabels=list(labels.values()))
    left.set(xlabel="test accuracy (%)", title="(A) The new row beside the others")
    left.margins(y=0.25)
    left.invert_yaxis()
    handles, names = left.get_legend_handles_labels()
    fig.legend(handles[:2], names[:2], loc="outside lower left", ncols=2)
    heads = heads_of(weights)
    for head in heads:
        colour = COLOURS[head]
        w = weights[weights["head"] == head].groupby("epoch")["w"]
        right.fill_between(w.min().index, w.min(), w.max(), color=colour, alpha=0.15, lw=0)
        right.plot(w.mean(), color=colour, label=head)
    right.axhline(1, color="0.5", lw=0.8, zorder=0)
    right.set(xlabel="epoch", ylabel="weight w", title="(B) Its weights, mean and range of seeds")
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    shown = [plt.Line2D([], [], color=COLOURS[head], lw=2.5, label=head) for head in heads]
    fig.legend(handles=shown, loc="outside lower right", ncols=3)
    fig.suptitle(title)
    return fig
