"""Pictures of AVE: what is seen and heard in each second of a clip, and when its event is."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.data import files, media
from companion.data.ave import Release
from companion.figures.style import closed, style
from olmlib.data.segments import Segments

# Of real releases, whose 28 classes would be a picture of a metre; and clips side by side.
MOST, WIDE = 12, 2
FRAME = 96


def clips(
    data: Segments, release: Release, title: str = "", split: str = "test"
) -> tuple[Figure, pd.DataFrame]:
    """Draw one clip of each of the first twelve classes: its frames, its sound and its event.

    Of each class the clip with the shortest event is drawn, so that a border can be seen; one whose
    video is there, if there is any. Colour of a sound feature is its distance from its mean over
    the clip, in standard deviations.

    Args:
        data: the prepared clips.
        release: that they were prepared from, which knows where a clip's video lies.
        title: readable name of the data set, as of `registry.title`.
        split: "train", "dev" or "test".

    Returns:
        The figure, and the clips' records, with a column `video`: whether its frames are shown.
    """
    chosen = _chosen(data, release, split)
    videos = {clip.id: release.video(clip) for clip in release.clips}
    lines = -(-len(chosen) // WIDE)
    with style():
        figure, axes = plt.subplots(
            3 * lines,
            WIDE,
            figsize=(6.4 * WIDE, 1.75 * lines + 0.5),
            layout="constrained",
            squeeze=False,
            gridspec_kw={"height_ratios": [3, 2, 0.5] * lines},
        )
        for ax in axes.flat:
            ax.set_visible(False)
        for number, clip in enumerate(chosen.to_dict("records")):
            line, column = divmod(number, WIDE)
            top, middle, bottom = axes[3 * line : 3 * line + 3, column]
            if clip["video"]:
                _film(top, media.frames(videos[clip["id"]], data.labels.shape[1], FRAME))
            named = top if clip["video"] else middle
            named.set_title(data.classes[clip["label"]], loc="left")
            sound = data.audio[clip["row"]].astype(np.float32)
            _strip(middle, (sound - sound.mean(0)) / (sound.std(0) + 1e-6))
            _timeline(bottom, data.labels[clip["row"]] < len(data.classes) - 1)
            middle.set_ylabel("sound", rotation=0, ha="right", va="center")
            bottom.set_ylabel("event", rotation=0, ha="right", va="center")
            if line == lines - 1:
                bottom.set(xticks=range(0, data.labels.shape[1] + 1, 2), xlabel="time (s)")
        figure.suptitle(title)
    return closed(figure), chosen


def _chosen(data: Segments, release: Release, split: str) -> pd.DataFrame:
    there = {clip.id: files.problem(release.video(clip)) is None for clip in release.clips}
    records = data.records[data.records["split"] == split]
    records = records.assign(
        video=records["id"].map(there), length=records["end"] - records["start"]
    )
    records = records[records["length"] > 0]
    order = records.sort_values(["video", "length", "row"], ascending=[False, True, True])
    return order.groupby("label").first().reset_index().drop(columns="length").head(MOST)


def _film(ax: Axes, frames: np.ndarray) -> None:
    """Draw `(T, S, S, 3)` frames side by side, each over its second."""
    shown: dict[str, Any] = {"aspect": "auto", "extent": (0, len(frames), 0, 1)}
    ax.imshow(np.concatenate(list(frames), 1), **shown)
    for second in range(1, len(frames)):
        ax.axvline(second, color="white", lw=1)
    ax.set(xticks=[], yticks=[], visible=True)
    ax.grid(False)


def _strip(ax: Axes, features: np.ndarray) -> None:
    """Draw features `(T, D)` over time."""
    ax.imshow(
        features.T,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="RdBu_r",
        vmin=-2,
        vmax=2,
        extent=(0, len(features), 0, features.shape[1]),
    )
    ax.set(xticks=[], yticks=[], visible=True)
    ax.grid(False)


def _timeline(ax: Axes, happens: np.ndarray) -> None:
    """Draw which seconds are part of the event."""
    seconds = np.flatnonzero(happens)
    ax.broken_barh([(int(s), 1) for s in seconds], (0, 1), color="black")
    ax.set(xlim=(0, len(happens)), ylim=(0, 1), xticks=[], yticks=[], visible=True)
    ax.grid(False)
