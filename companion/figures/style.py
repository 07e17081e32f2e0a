"""How every figure looks and is saved: style, colours, and what several figures draw alike."""

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

from olmlib.files import whole

# Okabe and Ito's colours and two of Tol's, told apart by colour-blind readers; a head has the same
# one everywhere.
COLOURS = {
    "audio": "#0072B2",
    "visual": "#D55E00",
    "text": "#CC79A7",
    "hog": "#56B4E9",
    "rgb": "#994F00",
    "depth": "#5D3A9B",
    "fused": "#009E73",
}
# The fused heads as readers know them, by their modalities.
FUSED = {("audio", "visual"): "audiovisual", ("rgb", "depth"): "RGB-D"}
NAMES = {"rgb": "RGB", "hog": "HOG"}
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
PLAIN = "default"  # matplotlib's own look, without anyone's `matplotlibrc`
MAX_LABELS = 12  # more class labels than this cannot be read at the end of lines


@contextmanager
def style() -> Iterator[None]:
    """Draw what is inside the `with` in this project's look, whatever a `matplotlibrc` says."""
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
    with plt.style.context([PLAIN, look]):
        yield


def save(fig: Figure, path: str | Path, data: pd.DataFrame | None) -> None:
    """Write a figure as PNG and its numbers as CSV beside it, the same bytes every time.

    Args:
        fig: what to save.
        path: of the PNG; the folder is created.
        data: the numbers that the figure shows; None for a diagram, which shows none.

    Raises:
        ValueError: the path is no PNG, or there are no numbers.
    """
    path = Path(path)
    if path.suffix != ".png":
        raise ValueError(f"figures are saved as .png, not {path.name}")
    if data is not None and data.empty:
        raise ValueError(f"{path.name} has no numbers to save beside it")
    # Some settings count only now, such as the ground's colour.
    with whole(path) as part, plt.style.context(PLAIN):
        # Matplotlib writes its own version into the file unless told otherwise.
        fig.savefig(part, dpi=DPI, metadata={"Software": None})
    if data is not None:
        save_numbers(data, path.with_suffix(".csv"))


def save_numbers(data: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV, with digits that do not depend on the last bits of a number."""
    with whole(path) as part:
        data.to_csv(part, index=False, float_format="%.8g", lineterminator="\n")


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
    _epochs(ax, data)


def seeds(
    ax: Axes, data: pd.DataFrame, value: str, hue: str, palette: Mapping, dash: str = "-"
) -> None:
    """Draw the mean over seeds, and every seed as a thin line behind it."""
    for name, own in data.groupby(hue, sort=False):
        for _, seed in own.groupby("seed"):
            ax.plot(seed["epoch"], seed[value], dash, color=palette[name], lw=0.7, alpha=0.5)
        mean = own.groupby("epoch")[value].mean()
        ax.plot(mean.index, mean, dash, color=palette[name], lw=2)
    _epochs(ax, data)


def _epochs(ax: Axes, data: pd.DataFrame) -> None:
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


def heads_of(table: pd.DataFrame) -> dict[str, str]:
    """Return head -> its readable name, of the heads in a table, in the order of the network's.

    Args:
        table: with a column `head`.
    """
    heads = tuple(dict.fromkeys(table["head"]))
    fused = FUSED.get(tuple(head for head in heads if head != "fused"), "all modalities")
    return {head: fused if head == "fused" else NAMES.get(head, head) for head in heads}


def unimodal(table: pd.DataFrame) -> tuple[str, str]:
    """Return the heads of two modalities as the paper sets their panels: the second one first.

    Raises:
        ValueError: another number of them.
    """
    heads = [head for head in heads_of(table) if head != "fused"]
    if len(heads) != 2:
        raise ValueError(f"panels are for two modalities, not for {', '.join(heads)}")
    return heads[1], heads[0]


def closed(fig: Figure) -> Figure:
    """Return the figure, closed: a cell that ends in it shows it once, not once more by pyplot."""
    plt.close(fig)
    return fig
