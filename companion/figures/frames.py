"""Pictures of colour and depth: one frame of every scene, and what a network is shown of it."""

from textwrap import wrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from companion.data import depth as depths
from companion.data.sunrgbd import Release
from companion.figures.style import closed, style
from olmlib.data.features import Features

WIDE, LETTERS = 6, 16


def frames(
    release: Release, data: Features, title: str, split: str = "train"
) -> tuple[Figure, pd.DataFrame]:
    """Draw the first used frame of every scene: colour, depth in metres, depth as it is shown.

    Args:
        release: that the frames belong to.
        data: its prepared features.
        title: readable name of the data set.
        split: whose frames are shown.

    Returns:
        The figure, and the frames' records with a column `unmeasured`, the share of pixels without
        a depth, in percent.
    """
    records = data.records[data.records["split"] == split]
    chosen = records.groupby("label").first().reset_index()
    by_name = {frame.id: frame for frame in release.clips}
    columns = min(len(chosen), WIDE)
    lines = -(-len(chosen) // columns)
    unmeasured = []
    with style():
        fig, axes = plt.subplots(
            3 * lines,
            columns,
            figsize=(2.1 * columns, 4.9 * lines + 0.5),
            layout="constrained",
            squeeze=False,
        )
        for ax in axes.flat:
            ax.set_visible(False)
        for number, record in enumerate(chosen.to_dict("records")):
            line, column = divmod(number, columns)
            frame = by_name[record["id"]]
            pictures = release.pictures(frame)
            metres = depths.read(release.path(frame, "depth"))
            unmeasured.append(100 * float((metres == 0).mean()))
            top, middle, bottom = axes[3 * line : 3 * line + 3, column]
            name = data.classes[record["label"]].replace("_", " ")
            top.set_title("\n".join(wrap(name, LETTERS)))
            top.imshow(pictures["rgb"])
            known = np.ma.masked_equal(metres, 0)
            shown = middle.imshow(known, cmap="viridis", vmin=0, vmax=depths.FARTHEST)
            middle.set_facecolor("white")
            bottom.imshow(pictures["depth"])
            for ax in (top, middle, bottom):
                ax.set(xticks=[], yticks=[])
                ax.grid(False)
                ax.set_visible(True)
        for line in range(lines):
            for ax, name in zip(
                axes[3 * line : 3 * line + 3, 0],
                ("colour", "depth", f"depth as shown\n({release.encoding})"),
                strict=True,
            ):
                ax.set_ylabel(name)
        fig.colorbar(shown, ax=axes, label="metres", shrink=0.5, aspect=40)
        fig.suptitle(title)
    return closed(fig), chosen.assign(unmeasured=unmeasured)
