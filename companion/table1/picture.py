"""Table 1 as pictures: differences to Concat, the coefficients, and what the choices change."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator

from companion.figures.style import COLOURS, PAPER, closed, heads_of, part, require, seeds, style
from companion.table1 import fairness, numbers

INK, SEED, BAND = "0.1", "0.4", "#E3ECF4"
LETTERS = 24  # of a panel's title on one line
# Below this the axis of coefficients is linear, as an unbounded rule can end at 0 or below.
LINEAR = 0.1
TICKS = (-10, -1, -0.1, 0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100)
# Short names of `fairness.CHOICES`, above the columns of the figure.
COLUMNS = ("best dev\nepoch", "best test\nepoch", "last\nepoch", "sum of\nheads", "weighted\nsum")


def gaps(table: pd.DataFrame, measured: pd.DataFrame, reference: str = "concat") -> Figure:
    """Draw every row's difference to a reference, ours and the paper's, a panel per data set.

    Never heights: ours and the paper's are of other data, a difference can be set beside another. A
    dot is a seed minus the mean of the reference. The band ends where a true difference would be
    shown with 80 % power, were it the only one that is asked for.

    Args:
        table: as of `numbers.table1`, in percent.
        measured: as of `numbers.collect`: the runs behind it.
        reference: name of the row to compare with.
    """
    datasets = list(dict.fromkeys(table["dataset"]))
    table = table.assign(label=table["label"] + table["letter"].map(lambda a: a and f" ({a})"))
    places = places_of(table)
    size = (2.3 + 2.45 * len(datasets), 1.5 + 0.215 * max(places.values()))
    with style():
        fig, axes = plt.subplots(
            1, len(datasets), figsize=size, sharey=True, squeeze=False, layout="constrained"
        )
        for ax, dataset in zip(axes.flat, datasets, strict=True):
            _panel(
                ax, part(table, dataset=dataset), part(measured, dataset=dataset), reference, places
            )
        first = axes[0, 0]
        first.set_yticks(list(places.values()), [key[-1] for key in places])
        for key, text in zip(places, first.get_yticklabels(), strict=True):
            text.set_fontweight("bold" if len(key) == 1 else "normal")
        first.set_ylim(max(places.values()) + 0.7, -0.7)
        shown = {
            n: h for ax in axes.flat for h, n in zip(*ax.get_legend_handles_labels(), strict=True)
        }
        fig.legend(shown.values(), shown, loc="outside lower center", ncols=min(2, len(datasets)))
    return closed(fig)


def choices(ranked: pd.DataFrame, agreed: pd.DataFrame) -> Figure:
    """Draw the rank of every method by each choice, who moves most, and how alike rankings are.

    Args:
        ranked: as of `fairness.rank`.
        agreed: as of `fairness.agreement`.
    """
    datasets = list(dict.fromkeys(ranked["dataset"]))
    names = list(dict.fromkeys(ranked["label"]))
    limit = max(3, ranked["moved"].abs().max())
    size = (3.2 + 3.5 * len(datasets), 2.1 + 0.3 * len(names))
    with style(), plt.rc_context({"axes.grid": False}):
        fig, axes = plt.subplots(
            1, len(datasets), figsize=size, sharey=True, squeeze=False, layout="constrained"
        )
        for ax, dataset in zip(axes.flat, datasets, strict=True):
            ranks = ranked[ranked["dataset"] == dataset]
            wide = ranks.pivot(index="label", columns="choice").reindex(names)
            keys = list(fairness.CHOICES)
            image = ax.imshow(
                wide["moved"][keys].to_numpy(dtype=float),
                cmap="PuOr",
                vmin=-limit,
                vmax=limit,
                aspect="auto",
            )
            _ranks(ax, wide, keys, limit)
            most = fairness.most_moved(ranks)
            for label, choice in zip(most["label"], most["choice"], strict=True):
                corner = keys.index(choice) - 0.5, names.index(label) - 0.5
                ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=INK, lw=1.8, zorder=3))
            tau = agreed[agreed["dataset"] == dataset].set_index("choice")["tau"]
            ax.set_xticks(range(len(keys)), ["", *(f"{tau[key]:.2f}" for key in keys[1:])])
            top = ax.secondary_xaxis("top")
            top.set_xticks(range(len(keys)), COLUMNS, fontsize="small")
            top.tick_params(length=0)
            top.spines["top"].set_visible(False)
            ax.set_title(ranks["title"].iloc[0], pad=34)
            ax.tick_params(length=0)
            ax.spines[:].set_visible(False)
            ax.axvline(0.5, color="white", lw=5)
        axes[0, 0].set_yticks(range(len(names)), names)
        fig.supxlabel("Kendall's τ with the first column, within a seed", fontsize="medium")
        bar = fig.colorbar(image, ax=axes, aspect=40, pad=0.01)
        bar.set_label("places gained (above 0) or lost against the first column")
        bar.outline.set_visible(False)
    return closed(fig)


def coefficients(
    curves: pd.DataFrame, labels: Mapping[str, str], titles: Mapping[str, str]
) -> Figure:
    """Draw the coefficients w of every head over training: a line per data set, a column per row.

    All panels have one vertical axis, logarithmic above 0.1: a factor is as far above 1 as its
    inverse is below. Mean over seeds, every seed as a thin line. Rows that most data sets have
    come first, so that the gaps of those that few have are together on the right.

    Args:
        curves: columns `dataset`, `row`, `seed`, `epoch`, `head`, `w`, as of `curves.coefficients`.
        labels: row -> its label.
        titles: data set -> its readable name.
    """
    require(curves, labels)
    had = curves.groupby("row")["dataset"].nunique()
    columns = sorted(labels, key=lambda row: -had[row])
    size = (1 + 2.5 * len(columns), 0.9 + 2.6 * len(titles))
    with style():
        fig, axes = plt.subplots(
            len(titles),
            len(columns),
            figsize=size,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for across, (dataset, title) in zip(axes, titles.items(), strict=True):
            for ax, row in zip(across, columns, strict=True):
                panel = part(curves, dataset=dataset, row=row)
                if panel.empty:
                    ax.set_visible(False)
                    continue
                seeds(ax, panel, "w", "head", COLOURS)
                ax.axhline(1, color="0.5", lw=0.8, zorder=1)
                ax.set_title(fill(labels[row], LETTERS))
            first = next(ax for ax in across if ax.get_visible())
            first.set_ylabel(f"{title}\ncoefficient w")
        _logarithmic(axes[0, 0], curves["w"])
        handles = [
            plt.Line2D([], [], color=COLOURS[head], lw=2, label=head) for head in heads_of(curves)
        ]
        handles.append(plt.Line2D([], [], color="0.4", lw=0.7, label="one seed"))
        fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return closed(fig)


def _logarithmic(ax: Axes, w: pd.Series) -> None:
    """Scale a vertical axis for coefficients, which can reach 0 and below."""
    ax.set_yscale("symlog", linthresh=LINEAR, linscale=0.5)
    low, high = min(w.min(), 0.5), max(w.max(), 2.0)
    ax.set_ylim(low / 1.1 if low > LINEAR else low - 0.02, 1.1 * high)
    ax.set_yticks([tick for tick in TICKS if low <= tick <= high])
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_locator(NullLocator())


def places_of(table: pd.DataFrame) -> dict[tuple, float]:
    """Return where rows stand, from above: `(block,)` of headings and `(block, label)` of rows."""
    places: dict[tuple, float] = {}
    at = 0.0
    for block, shown in table.groupby("block", sort=False):
        places[(block,)] = at
        for name in dict.fromkeys(shown["label"]):
            at += 1
            places[block, name] = at
        at += 1.4
    return places


def _panel(
    ax: Axes,
    shown: pd.DataFrame,
    runs: pd.DataFrame,
    reference: str,
    places: Mapping[tuple, float],
) -> None:
    at = {
        row: places[block, label]
        for row, block, label in zip(shown["row"], shown["block"], shown["label"], strict=True)
    }
    zero = shown.set_index("row").loc[reference]
    found = numbers.can_tell(shown)
    if found.alone > 0:
        name = "too small to be shown by so many seeds (80 % power)"
        ax.axvspan(-found.alone, found.alone, color=BAND, lw=0, zorder=0, label=name)
    ax.axvline(0, color="0.5", lw=0.8, zorder=1)
    seeds = 100 * runs["accuracy"] - zero["accuracy"]
    own: dict[str, Any] = {
        "ls": "",
        "marker": "o",
        "ms": 3.8,
        "mfc": "none",
        "mec": SEED,
        "mew": 1.0,
    }
    ax.plot(seeds, runs["row"].map(at), **own, label="ours: a seed", zorder=2)
    means = shown["accuracy"] - zero["accuracy"]
    bar: dict[str, Any] = {"ls": "", "marker": "|", "ms": 9, "mec": INK, "mew": 2.4}
    ax.plot(means, shown["row"].map(at), **bar, label="ours: mean", zorder=4)
    printed = (shown["paper_accuracy"] - zero["paper_accuracy"]).where(shown["row"] != reference)
    if printed.notna().any():
        name = "the paper, on real recordings"
        ax.plot(printed, shown["row"].map(at), "D", color=PAPER, ms=4.6, label=name, zorder=3)
    ax.set(title=shown["title"].iloc[0], xlabel=f"accuracy − {zero['label']} (points)")
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)


def _ranks(ax: Axes, wide: pd.DataFrame, keys: list[str], limit: float) -> None:
    """Write ranks into the cells."""
    for (i, label), (j, key) in (
        (line, column) for line in enumerate(wide.index) for column in enumerate(keys)
    ):
        rank, moved = wide["rank"].loc[label, key], wide["moved"].loc[label, key]
        if np.isnan(rank):
            continue
        ink = "white" if abs(moved) > 0.65 * limit else "0.1"
        ax.text(j, i, f"{rank:.0f}", ha="center", va="center", color=ink)
