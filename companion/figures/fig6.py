"""Figure 6: accuracies and logit scores over epochs, without OLM, with heads alone, with OLM."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from companion.figures.style import (
    COLOURS,
    closed,
    end_labels,
    ends_of,
    heads_of,
    lines,
    part,
    require,
    seeds,
    style,
)


def draw(
    accuracy: pd.DataFrame, curves: pd.DataFrame, rows: Mapping[str, str], title: str = ""
) -> Figure:
    """Draw Figure 6: test accuracy, and batch-averaged logit scores of each class, over epochs.

    A line of panels per row. Left the mean over seeds and each seed as a thin line. Right thin
    lines are classes and the thick one is their mean, its band from the lowest seed to the highest.

    Args:
        accuracy: columns `row`, `seed`, `epoch`, `head`, `accuracy` in percent.
        curves: columns `row`, `seed`, `epoch`, `head`, `class`, `score`.
        rows: row -> its name, from above.
        title: of the whole figure, such as the data set.
    """
    require(accuracy, rows)
    require(curves, rows)
    unimodal = curves[curves["head"] != "fused"]
    means = unimodal.groupby(["row", "seed", "epoch", "head"], as_index=False)[["score"]].mean()
    letters = iter("ABCDEFGHIJKLMNOPQRSTUVWX")
    with style():
        fig, axes = plt.subplots(
            len(rows),
            2,
            figsize=(9.5, 3.3 * len(rows)),
            sharey="col",
            squeeze=False,
            layout="constrained",
        )
        for (left, right), (row, name) in zip(axes, rows.items(), strict=True):
            seeds(left, part(accuracy, row=row), "accuracy", "head", COLOURS)
            lines(right, part(means, row=row), "score", "head", COLOURS)
            for (head, _), line in part(unimodal, row=row).groupby(["head", "class"], sort=False):
                mean = line.groupby("epoch")["score"].mean()
                right.plot(mean.index, mean, color=COLOURS[str(head)], lw=0.7, alpha=0.7)
            left.set(title=f"({next(letters)}) Accuracy, {name}", ylabel="test accuracy (%)")
            right.set(title=f"({next(letters)}) Logit scores, {name}", ylabel="true-class logit")
        for row, (_, right) in zip(rows, axes, strict=True):
            ends = ends_of(part(unimodal, row=row), "score", ["head", "class"])
            colours = {key: COLOURS[key[0]] for key in ends.index}
            end_labels(right, ends, {key: key[1] for key in ends.index}, colours)
        handles = [
            plt.Line2D([], [], color=COLOURS[head], lw=2, label=name)
            for head, name in heads_of(accuracy).items()
        ]
        handles.append(
            plt.Line2D([], [], color="0.4", lw=0.7, label="one seed (left), one class (right)")
        )
        fig.legend(handles=handles, loc="outside lower center", ncols=4)
        fig.suptitle(title)
    return closed(fig)
