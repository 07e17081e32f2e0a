"""The paper's figures: one style, one way to save, Figures 5 and 6; see also `plots_*.py`."""

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
COLOURS = {
    "audio": "#0072B2",
    "visual": "#D55E00",
    "text": "#CC79A7",
    "hog": "#56B4E9",
    "fused": "#009E73",
}
HEADS = ("audio", "visual", "fused")
PAPER = "#E69F00"

# Paul Tol's muted scheme, for classes: also safe, and no colour in it belongs to a head.
CLASS_COLOURS = (
    *("#332288", "#AA4499", "#117733", "#88CCEE", "#882255"),
    *("#999933", "#CC6677", "#44AA99", "#DDCC77", "#555555"),
)
# An emotion has one colour in every data set; worry is not fear, nor is it drawn as fear.
EMOTIONS = {
    **{"NEU": "#332288", "HAP": "#AA4499", "SAD": "#117733"},
    **{"FEA": "#88CCEE", "DIS": "#882255", "ANG": "#999933"},
    **{"neutral": "#332288", "happy": "#AA4499", "sad": "#117733"},
    **{"angry": "#999933", "worried": "#CC6677", "surprise": "#44AA99"},
}
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
        # Matplotlib brings it; seaborn would rather have Arial, on machines that have it.
        "font.sans-serif": ["DejaVu Sans"],
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
    require(curves, rows)
    classes = list(dict.fromkeys(curves["class"]))
    palette = class_colours(classes)
    with style():
        fig, axes = plt.subplots(2, 2, figsize=(9, 6.6), sharey=True, layout="constrained")
        panels = [(row, head) for row in rows for head in ("visual", "audio")]
        for letter, ax, (row, head) in zip("ABCD", axes.flat, panels, strict=True):
            own = part(curves, row=row, head=head)
            lines(ax, own, "norm", "class", palette)
            ax.set_title(f"({letter}) {head.capitalize()}, {rows[row]}")
        axes[0, 0].set_ylim(bottom=0)
        for ax, (row, head) in zip(axes.flat, panels, strict=True):
            ends = ends_of(part(curves, row=row, head=head), "norm", ["class"])
            end_labels(ax, ends, {name: name for name in classes}, palette)
        for ax in axes[:, 0]:
            ax.set_ylabel("L2 norm of the logit vector")
        fig.suptitle(title)
    return closed(fig)


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
    require(accuracy, rows)
    require(curves, rows)
    names = {"audio": "audio", "visual": "visual", "fused": "audiovisual"}
    percent = accuracy.assign(accuracy=100 * accuracy["accuracy"])
    unimodal = curves[curves["head"] != "fused"]
    means = unimodal.groupby(["row", "seed", "epoch", "head"], as_index=False)["score"].mean()
    with style():
        fig, axes = plt.subplots(2, 2, figsize=(9, 7), sharey="col", layout="constrained")
        for letters, (left, right), row in zip(("AB", "CD"), axes, rows, strict=True):
            lines(left, part(percent, row=row), "accuracy", "head", COLOURS)
            lines(right, part(means, row=row), "score", "head", COLOURS)
            for (head, _), line in part(unimodal, row=row).groupby(["head", "class"], sort=False):
                mean = line.groupby("epoch")["score"].mean()
                right.plot(mean.index, mean, color=COLOURS[head], lw=0.7, alpha=0.7)
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


def class_colours(classes: Sequence[str]) -> dict:
    """Return class -> colour: an emotion's own, or those of `class_palette` in order."""
    if set(classes) <= EMOTIONS.keys():
        return {name: EMOTIONS[name] for name in classes}
    return dict(zip(classes, class_palette(len(classes)), strict=True))


def class_palette(count: int) -> list:
    """Return one colour per class: told apart by colour-blind readers up to 10, a ramp above."""
    if count <= len(CLASS_COLOURS):
        return list(CLASS_COLOURS[:count])
    return sns.color_palette("viridis", count)


def part(table: pd.DataFrame, **values: str) -> pd.DataFrame:
    """Return the lines whose columns have these values."""
    for column, value in values.items():
        table = table[table[column] == value]
    return table


def require(table: pd.DataFrame, rows: Mapping[str, str]) -> None:
    """Check that there is something to draw for each row.

    Raises:
        ValueError: a row has no line in the table.
    """
    missing = [row for row in rows if row not in set(table["row"])]
    if missing:
        raise ValueError(f"nothing to draw for {', '.join(missing)}")


def lines(ax: Axes, data: pd.DataFrame, value: str, hue: str, palette: Mapping) -> None:
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


def ends_of(data: pd.DataFrame, value: str, keys: Sequence[str]) -> pd.Series:
    """Return the mean over seeds of a value in the last epoch, indexed by `keys`."""
    return data[data["epoch"] == data["epoch"].max()].groupby(keys)[value].mean()


def end_labels(ax: Axes, ends: pd.Series, names: Mapping, colours: Mapping) -> None:
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


def closed(fig: Figure) -> Figure:
    """Return the figure, closed: a cell that ends in it shows it once, not once more by pyplot."""
    plt.close(fig)
    return fig
