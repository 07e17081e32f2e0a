"""Pictures of MER2023: what a network sees of one clip of every emotion."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from companion.figures.style import closed, style
from olmlib.data.sequences import Sequences

UNTIMED = {"text": "character"}


def clips(
    data: Sequences, seconds: Callable[[str], float | None], title: str = "", split: str = "train"
) -> tuple[Figure, pd.DataFrame]:
    """Draw the first clip of every emotion: for each modality its rows over time.

    Colour is a feature's distance from its mean over the drawn clips, in standard deviations. Rows
    are spread evenly over the clip, which is their time where an extractor has a fixed rate (faces
    that are not always seen have none). Characters have no time at all and are counted.

    Args:
        data: the prepared clips.
        seconds: id of a clip -> how long it lasts; None if that is not known, and its rows are
            then counted instead.
        title: readable name of the data set, as of `registry.title`.
        split: "train" or "test".

    Returns:
        The figure, and per clip and modality `id`, `emotion`, `valence`, `modality`, `rows`,
        `width`, `seconds`.
    """
    records = data.records[data.records["split"] == split]
    chosen = records.groupby("label").first().reset_index().to_dict("records")
    lasts = [seconds(clip["id"]) for clip in chosen]
    lines = []
    with style():
        fig, axes = plt.subplots(
            len(data.modalities),
            len(chosen),
            figsize=(1.8 * len(chosen) + 0.6, 1.7 * len(data.modalities) + 0.6),
            layout="constrained",
            squeeze=False,
        )
        for across, m in zip(axes, data.modalities, strict=True):
            shown = _standard([_rows(data, m, clip["row"]) for clip in chosen])
            for ax, clip, features, last in zip(across, chosen, shown, lasts, strict=True):
                timed = last is not None and m not in UNTIMED
                end = last if timed else len(features)
                image = ax.imshow(
                    features.T,
                    origin="lower",
                    aspect="auto",
                    interpolation="nearest",
                    cmap="RdBu_r",
                    vmin=-2,
                    vmax=2,
                    extent=(0, end, 0, data.widths[m]),
                )
                ax.grid(False)
                ax.set(yticks=[], xlabel="time (s)" if timed else UNTIMED.get(m, "row"))
                ax.xaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
                emotion = data.classes[clip["label"]]
                line = (clip["id"], emotion, clip["valence"], m)
                lines.append((*line, len(features), data.widths[m], last))
            across[0].set_ylabel(f"{m}\n{data.widths[m]} features")
        for ax, clip in zip(axes[0], chosen, strict=True):
            valence = f"{clip['valence']:+.2f}".replace("-", "−")
            ax.set_title(f"{data.classes[clip['label']]}\nvalence {valence}")
        fig.suptitle(title)
        label = "distance from the mean (standard deviations)"
        fig.colorbar(image, ax=axes, label=label, shrink=0.6, aspect=40)
    names = ["id", "emotion", "valence", "modality", "rows", "width", "seconds"]
    return closed(fig), pd.DataFrame(lines, columns=names)


def _rows(data: Sequences, modality: str, row: int) -> np.ndarray:
    begin, end = data.start[modality][row : row + 2]
    return data.features[modality][begin:end].astype(np.float32)


def _standard(parts: list[np.ndarray]) -> list[np.ndarray]:
    """Return the parts, each feature with mean 0 and deviation 1 over all of them."""
    together = np.concatenate(parts)
    mean, deviation = together.mean(0), together.std(0) + 1e-6
    return [(part - mean) / deviation for part in parts]
