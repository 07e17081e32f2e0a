"""The pictures of notebooks 00 and 11: one clip, a short training, and the imbalance."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from companion.evidence.imbalance import ALONE, JOINT, probe_pairs
from companion.figures.style import COLOURS
from companion.lessons.olm.picture import drawn
from companion.tables import split_by
from olmlib.training import Training

COLUMNS = ["panel", "series", "head", "x", "mean", "low", "high"]


@drawn
def clip(
    frames: Sequence[np.ndarray],
    sound: np.ndarray,
    sample_rate: int,
    spectrograms: Sequence[np.ndarray],
) -> Figure:
    """Draw one clip as it was recorded, and what a network gets of it.

    Args:
        frames: a frame as recorded and as stored, each `(S, S, 3)` uint8, RGB.
        sound: `(samples,)`, in [-1, 1].
        sample_rate: samples per second.
        spectrograms: whole and as stored, each `(K, F)`, standardised log magnitude.
    """
    fig, axes = plt.subplot_mosaic(
        [["A", "C", "D"], ["B", "C", "E"]], figsize=(10, 4.6), width_ratios=(1, 1.7, 1.9)
    )
    fig.set_layout_engine("constrained")
    for letter, name, frame in zip("AB", ("Frame", "Seen"), frames, strict=True):
        height, width, _ = frame.shape
        axes[letter].imshow(frame, interpolation="nearest")
        axes[letter].set(title=f"({letter}) {name}, {height} × {width}", xticks=[], yticks=[])
    axes["C"].plot(np.arange(len(sound)) / sample_rate, sound, color=COLOURS["audio"], lw=0.4)
    axes["C"].set(title="(C) Waveform", xlabel="time (s)", ylabel="amplitude")
    names = ("Spectrogram", "Heard")
    colours = {"vmin": np.percentile(spectrograms[0], 1), "vmax": spectrograms[0].max()}
    for letter, name, spectrogram in zip("DE", names, spectrograms, strict=True):
        bins, moments = spectrogram.shape
        image = axes[letter].imshow(
            spectrogram, **colours, origin="lower", aspect="auto", cmap="magma"
        )
        axes[letter].set(title=f"({letter}) {name}, {bins} × {moments}", ylabel="frequency bin")
    axes["E"].set_xlabel("frame")
    for letter in "ABDE":
        axes[letter].grid(False)
    fig.colorbar(image, ax=[axes["D"], axes["E"]], label="standardised log magnitude")
    return fig


def training_table(result: Training) -> pd.DataFrame:
    """Return what each head knew and how it was scaled, epoch by epoch.

    Args:
        result: of `train.fit` with OLM.

    Returns:
        Columns `epoch`, `head`, `train_loss` (of raw logits, in nats) and `w`, means over the
        epoch, and `dev_accuracy` after it, in `[0, 1]`.
    """
    arrays = result.history.arrays()
    loss, w = (
        pd.DataFrame(arrays[name], dtype=float).groupby(arrays["epoch"]).mean().to_numpy()
        for name in ("train_loss", "w")
    )
    tables = [
        pd.DataFrame(
            {
                "epoch": result.epochs["epoch"],
                "head": str(head),
                "train_loss": loss[:, m],
                "w": w[:, m],
                "dev_accuracy": result.epochs[f"dev_accuracy_{head}"],
            }
        )
        for m, head in enumerate(arrays["heads"])
    ]
    return pd.concat(tables, ignore_index=True)


@drawn
def short_training(table: pd.DataFrame, title: str) -> Figure:
    """Draw a short training with OLM: losses of the heads and their coefficients.

    Args:
        table: as of `training_table`.
        title: readable name of the data set, as of `registry.title`.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    fig.set_layout_engine("constrained", wspace=0.1)
    for head, part in split_by(table, "head"):
        left.plot(part["epoch"], part["train_loss"], "o-", color=COLOURS[head], label=head)
        right.plot(part["epoch"], part["w"], "o-", color=COLOURS[head], label=head)
    left.set(xlabel="epoch", ylabel="training loss (nats)", title="(A) What each head has learnt")
    right.axhline(1, color="0.6", lw=0.8)
    right.set(xlabel="epoch", ylabel="mean coefficient w", title="(B) What OLM does")
    fig.legend(*left.get_legend_handles_labels(), loc="outside right center")
    left.set_ylim(bottom=0)
    for ax in (left, right):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    fig.suptitle(title)
    return fig


def imbalance_table(
    epochs: pd.DataFrame, probes: pd.DataFrame, branches: pd.DataFrame
) -> pd.DataFrame:
    """Gather the numbers of the figure: one per panel, series and place on the x axis.

    Args:
        epochs: as of `folder.epochs`, of audio-only, visual-only and Concat.
        probes: as of `probe.probes`.
        branches: as of `imbalance.branches`.

    Returns:
        Columns `panel`, `series`, `head`, `x`, `mean`, `low`, `high` over seeds (smallest, largest
        value), accuracies in percent.
    """
    tables = []
    curves = {f"{head} alone": (head, row, f"test_accuracy_{head}") for head, row in ALONE.items()}
    curves |= {f"{head} in concat": (head, JOINT, f"test_accuracy_{head}") for head in ALONE}
    curves["concat"] = ("fused", JOINT, "test_accuracy")
    for series, (head, row, column) in curves.items():
        values = 100 * epochs[epochs["row"] == row].set_index("epoch")[column]
        tables.append(_over_seeds(values, "accuracy", series, head))
    for head, branch in split_by(branches, "head"):
        for quantity in ("norm", "score"):
            tables.append(_over_seeds(branch.set_index("epoch")[quantity], quantity, head, head))
    rows = []
    for modality in ALONE:
        pairs = zip(("alone", "in concat"), probe_pairs(probes, modality), strict=True)
        for series, probed in pairs:
            span = np.mean(probed), np.min(probed), np.max(probed)
            rows.append(("probe", series, modality, modality, *span))
    return pd.concat([*tables, pd.DataFrame(rows, columns=COLUMNS)], ignore_index=True)[COLUMNS]


@drawn
def imbalance(table: pd.DataFrame, chance: float, title: str) -> Figure:
    """Draw accuracies, linear probes, logit norms and logit scores of joint and single training.

    Args:
        table: as of `imbalance_table`.
        chance: accuracy of always answering the most frequent class, in percent.
        title: readable name of the data set, as of `rows.dataset_title`.
    """
    fig, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    (accuracy, probe), (norm, score) = axes
    for series, part in split_by(table[table["panel"] == "accuracy"], "series"):
        _line(accuracy, part, series, "--" if series.endswith("alone") else "-")
    accuracy.axhline(chance, color="0.6", lw=0.8, ls=":", label="most frequent class")
    accuracy.set(xlabel="epoch", ylabel="test accuracy (%)", title="(A) Branches while training")
    span = {"color": "0.5", "alpha": 0.3, "lw": 0, "label": "lowest to highest seed"}
    accuracy.fill_between([], [], **span)
    fig.legend(loc="outside lower center", ncols=4)
    _probe_bars(probe, table[table["panel"] == "probe"])
    probe.axhline(chance, color="0.6", lw=0.8, ls=":")
    probe.set(ylabel="probe accuracy (%)", title="(B) Linear probe of the frozen encoders")
    for ax, name, words in (
        (norm, "norm", "(C) Logit norms in concat"),
        (score, "score", "(D) True-class logits in concat"),
    ):
        for _, part in table[table["panel"] == name].groupby("series", sort=False):
            _line(ax, part, None, "-")
        ax.set(xlabel="epoch", ylabel=f"mean {name} (logits)", title=words)
    for ax in (accuracy, norm, score):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    fig.suptitle(title)
    return fig


def _over_seeds(values: pd.Series, panel: str, series: str, head: str) -> pd.DataFrame:
    grouped = values.groupby(level=0).agg(["mean", "min", "max"]).reset_index()
    grouped.columns = ["x", "mean", "low", "high"]
    return grouped.assign(panel=panel, series=series, head=head)


def _line(ax: Axes, part: pd.DataFrame, label: str | None, style: str) -> None:
    colour = COLOURS[part["head"].iloc[0]]
    x, mean, low, high = (part[c].astype(float) for c in ("x", "mean", "low", "high"))
    ax.plot(x, mean, style, color=colour, label=label)
    ax.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)


def _probe_bars(ax: Axes, table: pd.DataFrame) -> None:
    """Bars of encoders trained alone (hatched) beside the same encoders inside Concat."""
    ticks = {}
    for place, modality in enumerate(ALONE):
        for shift, series in ((-0.2, "alone"), (0.2, "in concat")):
            row = table[(table["head"] == modality) & (table["series"] == series)].iloc[0]
            look: dict[str, Any] = {"color": "white", "edgecolor": COLOURS[modality], "hatch": "//"}
            look = look if series == "alone" else {"color": COLOURS[modality]}
            ax.bar(place + shift, row["mean"], 0.36, **look)
            ticks[place + shift] = f"{modality}\n{series}"
            reach = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]
            ax.errorbar(place + shift, row["mean"], reach, color="black", capsize=3, lw=1)
    ax.set_xticks(list(ticks), list(ticks.values()))
    ax.set_ylim(0, 100)
    ax.grid(False, axis="x")
