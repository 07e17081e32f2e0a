"""Pictures of data: what the front ends make of a sound, and one clip of every class."""

from collections.abc import Collection
from textwrap import wrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from companion.data import media
from companion.data.release import Clip, Release
from companion.figures.style import closed, style
from olmlib.data.arrays import Prepared

OLM_CODE_RATE = 22_050


def front_ends(release: Release, clip: Clip, sample_rate: int, seconds: float) -> Figure:
    """Draw one clip's spectrogram by each front end of `companion.data.media`.

    Args:
        release: that the clip belongs to.
        clip: what to draw.
        sample_rate: in Hz, of `librosa` and `mmcosine`; `olm_code` has a rate of its own.
        seconds: length to which the clip is tiled or cut.
    """
    rates = {"librosa": sample_rate, "mmcosine": sample_rate, "olm_code": OLM_CODE_RATE}
    with style():
        figure, axes = plt.subplots(1, len(rates), figsize=(10, 3), layout="constrained")
        for ax, (name, rate) in zip(axes, rates.items(), strict=True):
            sound = release.waveform(clip, rate)
            picture = media.spectrogram(sound, name, rate, seconds)
            shown = ax.imshow(picture, origin="lower", aspect="auto", cmap="magma")
            ax.set(title=f"{name}: {picture.shape[0]} x {picture.shape[1]}", xlabel="frame")
            ax.grid(False)
            figure.colorbar(shown, ax=ax, label="log magnitude" if ax is axes[-1] else None)
        axes[0].set_ylabel("frequency bin")
        figure.suptitle(clip.id)
    return closed(figure)


# Classes side by side, and letters of a class's name on one line.
WIDE, LETTERS = 8, 18
MARK: dict[str, Any] = {"marker": "X", "ls": "", "ms": 11, "mfc": "white", "mec": "black"}


def clips(
    prepared: Prepared, title: str, unseen: Collection[str] | None = None, split: str = "train"
) -> tuple[Figure, pd.DataFrame]:
    """Draw the first clip of every class: its first prepared frame above its spectrogram.

    Args:
        prepared: the data.
        title: readable name of the data set, as of `registry.title`.
        unseen: ids of clips that never show what they are labelled; they are marked. None if that
            is not known, as of a real release.
        split: whose clips are shown.

    Returns:
        The figure, and the clips' records, with a column `unseen` if that is known.
    """
    records = prepared.records[prepared.records["split"] == split]
    chosen = records.groupby("label").first().reset_index()
    if unseen is not None:
        chosen["unseen"] = chosen["id"].isin(unseen)
    columns = min(len(chosen), WIDE)
    lines = -(-len(chosen) // columns)
    seconds, highest = prepared.meta["seconds"], prepared.meta["sample_rate"] / 2000
    with style():
        figure, axes = plt.subplots(
            2 * lines,
            columns,
            figsize=(1.8 * columns, 4.2 * lines + 0.4),
            layout="constrained",
            squeeze=False,
        )
        for ax in axes.flat:
            ax.grid(False)
            ax.set_visible(False)
        for number, clip in enumerate(chosen.to_dict("records")):
            line, column = divmod(number, columns)
            top, bottom = axes[2 * line : 2 * line + 2, column]
            top.imshow(prepared.visual[clip["row"]][0], interpolation="nearest")
            top.set(xticks=[], yticks=[])
            top.set_title("\n".join(wrap(prepared.classes[clip["label"]], LETTERS)))
            if clip.get("unseen"):
                top.plot(0.1, 0.9, transform=top.transAxes, **MARK)
            bottom.imshow(
                prepared.audio[clip["row"]].astype(np.float32),
                origin="lower",
                aspect="auto",
                cmap="magma",
                interpolation="nearest",
                extent=(0, seconds, 0, highest),
            )
            bottom.set(xticks=[0, seconds], yticks=[])
            for ax in (top, bottom):
                ax.set_visible(True)
        for line in range(lines):
            axes[2 * line, 0].set_ylabel("frame")
            axes[2 * line + 1, 0].set_ylabel(f"log spectrogram\n(0–{highest:g} kHz)")
        if unseen is not None and chosen["unseen"].any():
            mark = plt.Line2D([], [], **MARK, label="never seen in this clip, only heard")
            figure.legend(handles=[mark], loc="outside lower right")
        figure.supxlabel("time (s)", fontsize="medium")
        figure.suptitle(title)
    return closed(figure), chosen
