"""Figure 6: accuracies and logit scores over epochs, without and with OLM."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from companion.figures.style import (
    COLOURS,
    closed,
    end_labels,
    ends_of,
    lines,
    part,
    require,
    style,
)


def draw(
    accuracy: pd.DataFrame, curves: pd.DataFrame, rows: Mapping[str, str], title: str = ""
) -> Figure:
    """Draw Figure 6: test accuracy, and batch-averaged logit scores of each class, over epochs.

    (A), (B) without OLM and (C), (D) with OLM; mean over seeds, the band from the lowest seed to
    the highest. In (B) and (D) thin lines are classes and the thick one is their mean.

    Args:
        accuracy: columns `row`, `seed`, `epoch`, `head`, `accuracy` in percent.
        curves: columns `row`, `seed`, `epoch`, `head`, `class`, `score`.
        rows: the row without and the row with OLM -> its label.
        title: of the whole figure, such as the data set.
    """
    require(accuracy, rows)
    require(curves, rows)
    names = {"audio": "audio", "visual": "visual", "fused": "audiovisual"}
    unimodal = curves[curves["head"] != "fused"]
    means = unimodal.groupby(["row", "seed", "epoch", "head"], as_index=False)[["score"]].mean()
    with style():
        fig, axes = plt.subplots(2, 2, figsize=(9, 7), sharey="col", layout="constrained")
        for letters, (left, right), row in zip(("AB", "CD"), axes, rows, strict=True):
            lines(left, part(accuracy, row=row), "accuracy", "head", COLOURS)
            lines(right, part(means, row=row), "score", "head", COLOURS)
            for (head, _), line in part(unimodal, row=row).groupby(["head", "class"], sort=False):
                mean = line.groupby("epoch")["score"].mean()
                right.plot(mean.index, mean, color=COLOURS[str(head)], lw=0.7, alpha=0.7)
            left.set(title=f"({letters[0]}) Accuracy, {rows[row]}", ylabel="test accuracy (%)")
            right.set(title=f"({letters[1]}) Logit scores, {rows[row]}", ylabel="true-class logit")
        for row, (_, right) in zip(rows, axes, strict=True):
            ends = ends_of(part(unimodal, row=row), "score", ["head", "class"])
            colours = {key: COLOURS[key[0]] for key in ends.index}
            end_labels(right, ends, {key: key[1] for key in ends.index}, colours)
        handles = [plt.Line2D([], [], color=COLOURS[head], label=names[head]) for head in names]
        handles.append(plt.Line2D([], [], color="0.4", lw=0.7, label="one class"))
        fig.legend(handles=handles, loc="outside lower center", ncols=4)
        fig.suptitle(title)
    return closed(fig)
