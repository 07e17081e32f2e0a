"""The paper's figures: one style, one way to save, Figures 5 and 6, and Table 1 as a picture."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.isotonic import IsotonicRegression

# Okabe and Ito's colours, told apart by colour-blind readers; a head has the same one everywhere.
COLOURS = {"audio": "#0072B2", "visual": "#D55E00", "fused": "#009E73"}
PAPER = "#E69F00"

# Paul Tol's muted scheme, for classes: also safe, and no colour in it belongs to a head.
CLASS_COLOURS = (
    *("#332288", "#AA4499", "#117733", "#88CCEE", "#882255"),
    *("#999933", "#CC6677", "#44AA99", "#DDCC77", "#555555"),
)
DPI = 150
MAX_LABELS = 12  # more class labels than this cannot be read at the end of lines


@contextmanager
def style() -> Iterator[None]:
    """Draw what is inside the `with` in this project's look."""
    look = sns.plotting_context("notebook", font_scale=0.85) | sns.axes_style("ticks")
    look |= {
        "axes.grid": True,
        "grid.color": "0.92",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": "medium",
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "figure.dpi": 100,
    }
    with plt.rc_context(look):
        yield


def save(fig: Figure, path: str | Path, data: pd.DataFrame) -> None:
    """Write a figure as PNG and its numbers as CSV beside it, the same bytes every time.

    Args:
        fig: what to save.
        path: of the PNG; the folder is created.
        data: the numbers that the figure shows.

    Raises:
        ValueError: the path is no PNG, or there are no numbers.
    """
    path = Path(path)
    if path.suffix != ".png":
        raise ValueError(f"figures are saved as .png, not {path.name}")
    if data.empty:
        raise ValueError(f"{path.name} has no numbers to save beside it")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Matplotlib writes its own version into the file unless told otherwise.
    fig.savefig(path, dpi=DPI, metadata={"Software": None})
    save_numbers(data, path.with_suffix(".csv"))


def save_numbers(data: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV, with digits that do not depend on the last bits of a number."""
    data.to_csv(path, index=False, float_format="%.8g", lineterminator="\n")


def figure5(curves: pd.DataFrame, rows: Mapping[str, str], title: str = "") -> Figure:
    """Draw Figure 5: L2 norms of the logits of each class over epochs.

    (A) visual and (B) audio without OLM, (C) visual and (D) audio with OLM; mean over seeds, the
    band from the lowest seed to the highest.

    Args:
        curves: columns `row`, `seed`, `epoch`, `head`, `class`, `norm`, as of `curves.classes`.
        rows: the row without and the row with OLM -> its label.
        title: of the whole figure, such as the data set.
    """
    _require(curves, rows)
    classes = list(dict.fromkeys(curves["class"]))
    palette = dict(zip(classes, class_palette(len(classes)), strict=True))
    with style():
        fig, axes = plt.subplots(2, 2, figsize=(9, 6.6), sharey=True, layout="constrained")
        panels = [(row, head) for row in rows for head in ("visual", "audio")]
        for letter, ax, (row, head) in zip("ABCD", axes.flat, panels, strict=True):
            own = _part(curves, row=row, head=head)
            _lines(ax, own, "norm", "class", palette)
            ax.set_title(f"({letter}) {head.capitalize()}, {rows[row]}")
        axes[0, 0].set_ylim(bottom=0)
        for ax, (row, head) in zip(axes.flat, panels, strict=True):
            ends = _ends(_part(curves, row=row, head=head), "norm", ["class"])
            _end_labels(ax, ends, {name: name for name in classes}, palette)
        for ax in axes[:, 0]:
            ax.set_ylabel("L2 norm of the logit vector")
        fig.suptitle(title)
    return _closed(fig)


def figure6(
    accuracy: pd.DataFrame, curves: pd.DataFrame, rows: Mapping[str, str], title: str = ""
) -> Figure:
    """Draw Figure 6: test accuracy, and batch-averaged logit scores of each class, over epochs.

    (A), (B) without OLM and (C), (D) with OLM; mean over seeds, the band from the lowest seed to
    the highest. In (B) and (D) thin lines are classes and the thick one is their mean.

    Args:
        accuracy: columns `row`, `seed`, `epoch`, `head`, `accuracy` in `[0, 1]`.
        curves: columns `row`, `seed`, `epoch`, `head`, `class`, `score`.
        rows: the row without and the row with OLM -> its label.
        title: of the whole figure, such as the data set.
    """
    _require(accuracy, rows)
    _require(curves, rows)
    names = {"audio": "audio", "visual": "visual", "fused": "audiovisual"}
    percent = accuracy.assign(accuracy=100 * accuracy["accuracy"])
    unimodal = curves[curves["head"] != "fused"]
    means = unimodal.groupby(["row", "seed", "epoch", "head"], as_index=False)["score"].mean()
    with style():
        fig, axes = plt.subplots(2, 2, figsize=(9, 7), sharey="col", layout="constrained")
        for letters, (left, right), row in zip(("AB", "CD"), axes, rows, strict=True):
            _lines(left, _part(percent, row=row), "accuracy", "head", COLOURS)
            _lines(right, _part(means, row=row), "score", "head", COLOURS)
            for (head, _), line in _part(unimodal, row=row).groupby(["head", "class"], sort=False):
                mean = line.groupby("epoch")["score"].mean()
                right.plot(mean.index, mean, color=COLOURS[head], lw=0.7, alpha=0.7)
            left.set(title=f"({letters[0]}) Accuracy, {rows[row]}", ylabel="test accuracy (%)")
            right.set(title=f"({letters[1]}) Logit scores, {rows[row]}", ylabel="true-class logit")
        for row, (_, right) in zip(rows, axes, strict=True):
            ends = _ends(_part(unimodal, row=row), "score", ["head", "class"])
            colours = {key: COLOURS[key[0]] for key in ends.index}
            _end_labels(right, ends, {key: key[1] for key in ends.index}, colours)
        handles = [plt.Line2D([], [], color=COLOURS[head], label=names[head]) for head in names]
        handles.append(plt.Line2D([], [], color="0.4", lw=0.7, label="one class"))
        fig.legend(handles=handles, loc="outside lower center", ncols=4)
        fig.suptitle(title)
    return _closed(fig)


def dots(table: pd.DataFrame, measure: str = "accuracy") -> Figure:
    """Draw Table 1 as dots with intervals, one panel per data set, the paper beside ours.

    Args:
        table: as of `tables.table1`, in percent.
        measure: `accuracy` or `map`.
    """
    datasets = list(dict.fromkeys(table["dataset"]))
    table = table.assign(label=table["label"] + table["letter"].map(lambda a: a and f" ({a})"))
    labels = list(dict.fromkeys(table["label"]))
    size = (1.8 + 4.6 * len(datasets), 0.9 + 0.32 * len(labels))
    with style():
        fig, axes = plt.subplots(
            1, len(datasets), figsize=size, sharey=True, squeeze=False, layout="constrained"
        )
        for ax, dataset in zip(axes.flat, datasets, strict=True):
            own = table[table["dataset"] == dataset].set_index("label").loc[labels]
            places = np.arange(len(labels))
            ax.errorbar(
                own[measure],
                places,
                xerr=own[f"{measure}_half"],
                fmt="o",
                color="0.15",
                ms=5,
                capsize=2.5,
                lw=1.2,
                label="ours, mean and 95 % interval over seeds",
            )
            printed = own[f"paper_{measure}"]
            if printed.notna().any():
                ax.plot(
                    printed,
                    places,
                    "D",
                    mfc="white",
                    mec=PAPER,
                    mew=1.6,
                    label="paper, real recordings",
                )
            ax.set(
                title=own["title"].iloc[0],
                yticks=places,
                yticklabels=labels,
                xlabel=f"{measure} (%)",
            )
            ax.tick_params(axis="y", length=0)
            # A t interval of two seeds can leave the range of shares; the axis does not follow it.
            low, high = ax.get_xlim()
            ax.set_xlim(max(low, -1), min(high, 101))
        axes[0, 0].invert_yaxis()
        handles, names = max((ax.get_legend_handles_labels() for ax in axes.flat), key=len)
        fig.legend(handles, names, loc="outside lower center", ncols=2)
    return _closed(fig)


def coefficients(curves: pd.DataFrame, labels: Mapping[str, str], title: str = "") -> Figure:
    """Draw the coefficients w of every head over training, one panel per row.

    Panels have scales of their own: one rule may move w by hundredths, the next below 0.

    Args:
        curves: columns `row`, `seed`, `epoch`, `head`, `w`, as of `curves.coefficients`.
        labels: row -> its label, in the order of the panels.
        title: of the whole figure, such as the data set.
    """
    _require(curves, labels)
    with style():
        size = (1 + 2.6 * len(labels), 3.2)
        fig, axes = plt.subplots(1, len(labels), figsize=size, squeeze=False, layout="constrained")
        for ax, row in zip(axes.flat, labels, strict=True):
            _lines(ax, _part(curves, row=row), "w", "head", COLOURS)
            ax.axhline(1, color="0.5", lw=0.8, zorder=1)
            ax.set_title(labels[row])
        axes[0, 0].set_ylabel("coefficient w")
        handles = [plt.Line2D([], [], color=c, label=head) for head, c in COLOURS.items()]
        fig.legend(handles=handles, loc="outside lower center", ncols=3)
        fig.suptitle(title)
    return _closed(fig)


def class_palette(count: int) -> list:
    """Return one colour per class: told apart by colour-blind readers up to 10, a ramp above."""
    if count <= len(CLASS_COLOURS):
        return list(CLASS_COLOURS[:count])
    return sns.color_palette("viridis", count)


def _part(table: pd.DataFrame, **values: str) -> pd.DataFrame:
    for column, value in values.items():
        table = table[table[column] == value]
    return table


def _require(table: pd.DataFrame, rows: Mapping[str, str]) -> None:
    missing = [row for row in rows if row not in set(table["row"])]
    if missing:
        raise ValueError(f"nothing to draw for {', '.join(missing)}")


def _lines(ax: Axes, data: pd.DataFrame, value: str, hue: str, palette: Mapping) -> None:
    """Draw the mean over seeds and the band between the lowest seed and the highest."""
    sns.lineplot(
        data,
        x="epoch",
        y=value,
        hue=hue,
        palette={name: palette[name] for name in dict.fromkeys(data[hue])},
        errorbar=("pi", 100),
        err_kws={"alpha": 0.12, "lw": 0},
        legend=False,
        ax=ax,
    )
    ax.set(xlabel="epoch", ylabel="")
    ax.set_xlim(data["epoch"].min(), max(data["epoch"].max(), data["epoch"].min() + 1))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))


def _ends(data: pd.DataFrame, value: str, keys: Sequence[str]) -> pd.Series:
    return data[data["epoch"] == data["epoch"].max()].groupby(keys)[value].mean()


def _end_labels(ax: Axes, ends: pd.Series, names: Mapping, colours: Mapping) -> None:
    """Write a name at the end of every line, moved apart where they would overlap."""
    if len(ends) > MAX_LABELS:
        return
    low, high = ax.get_ylim()
    gap = 0.055 * (high - low)
    order = ends.sort_values()
    steps = gap * np.arange(len(order))
    # The nearest places that keep their order and a gap: isotonic once the gaps are taken off.
    fit = IsotonicRegression(y_min=low, y_max=high - steps[-1])
    places = fit.fit_transform(steps, order - steps) + steps
    where = ax.get_yaxis_transform()
    for key, place, end in zip(order.index, places, order, strict=True):
        ax.plot([1, 1.04], [end, place], color=colours[key], lw=1.2, transform=where, clip_on=False)
        ax.text(1.05, place, names[key], transform=where, fontsize="x-small", va="center")
    ax.set_ylim(low, high)


def _closed(fig: Figure) -> Figure:
    """Return the figure, closed: a cell that ends in it shows it once, not once more by pyplot."""
    plt.close(fig)
    return fig
