"""What every row makes of every learning rate, from the study's tuning: a table and a picture."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from companion.figures.style import class_palette, closed, style
from companion.findings import numbers
from companion.findings.picture import BESIDE, panels

ROWS = ("concat", "three_heads", "olm_constant", "olm_paper", "olm")


def table(tuning: pd.DataFrame) -> pd.DataFrame:
    """Return the dev accuracy of every row at every rate, with its own number still at its start.

    Args:
        tuning: of one or several data sets, as `results/study/tuning.csv` has it.

    Returns:
        Columns `dataset`, `row`, `lr`, `dev` (percent, mean over folds and seeds), `chosen` (share
        of folds in which the rate was chosen, in [0, 1]).
    """
    keys = ["dataset", "row"]
    values = tuning.assign(value=tuning["value"].fillna(0.0))
    tried = values.groupby([*keys, "fold", "value"])["lr"].transform("nunique")
    most = tried.groupby([values[key] for key in [*keys, "fold"]]).transform("max")
    first = values[tried == most]
    means = first.groupby([*keys, "lr"], sort=False, as_index=False)["dev_accuracy"].mean()
    picked = values[values["chosen"]].drop_duplicates([*keys, "fold"])
    shares = picked.groupby([*keys, "lr"]).size() / picked.groupby(keys).size()
    means = means.join(shares.rename("chosen"), on=[*keys, "lr"]).fillna({"chosen": 0.0})
    means["dev"] = 100 * means.pop("dev_accuracy")
    return means[[*keys, "lr", "dev", "chosen"]]


def picture(tuning: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Draw dev accuracy against the learning rate, of a few rows, a panel per data set.

    Args:
        tuning: as of `table`.
        titles: data set -> its readable name.
    """
    colours = dict(zip(ROWS, class_palette(len(ROWS)), strict=True))
    with style():
        fig, axes = panels(len(titles), 1.2, 3.0, 0.4, 3.0)
        for ax, (dataset, title) in zip(axes, titles.items(), strict=True):
            own = tuning[tuning["dataset"] == dataset]
            for row in (row for row in ROWS if row in set(own["row"])):
                part = own[own["row"] == row].sort_values("lr")
                ax.plot(part["lr"], part["dev"], "o-", ms=4, color=colours[row])
            ax.set_xscale("log", base=2)
            at = sorted(own["lr"].unique())
            ax.set_xticks(at, [f"{rate:g}" for rate in at])
            ax.minorticks_off()
            ax.set(title=title, xlabel="learning rate")
        for ax in axes[::BESIDE]:
            ax.set_ylabel("dev accuracy (%)")
        handles = [
            plt.Line2D([], [], color=colours[row], marker="o", ms=4, label=numbers.name(row))
            for row in ROWS
            if row in set(tuning["row"])
        ]
        fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return closed(fig)
