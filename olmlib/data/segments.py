"""Prepared segments: clips of equal length, of which every second has features and a label.

A prepared folder holds `audio.npy` (N, T, D_a) and `visual.npy` (N, T, H, W, D_v) float16, and what
every folder has, see `olmlib.data.folder`. Its records say start and end, too: an event of class
`label` fills the segments from `start` to `end` - 1.
"""

from pathlib import Path

import numpy as np
import torch

from olmlib.data.arrive import Batch
from olmlib.data.folder import PreparedFolder

BACKGROUND = "background"


class Segments(PreparedFolder):
    """A prepared folder of segments; see its base for the other attributes.

    Attributes:
        classes: C names; their position is the label. The last one is "background".
        labels: `(N, T)` int64, in `[0, C)`; C - 1 is background.
        audio: `(N, T, D_a)` float16 memmap.
        visual: `(N, T, H, W, D_v)` float16 memmap.
    """

    def __init__(self, folder: str | Path):
        """Open `folder`.

        Raises:
            FileNotFoundError: the folder is missing or was not finished.
            ValueError: arrays and records disagree.
        """
        super().__init__(folder)
        self.audio, self.visual = self.array("audio"), self.array("visual")
        lengths = (len(self.records), self.meta["segments"])
        if not lengths == self.audio.shape[:2] == self.visual.shape[:2]:
            raise self.disagree(
                f"{lengths[0]} records of {lengths[1]} segments, sound of "
                f"{self.audio.shape[:2]} and pictures of {self.visual.shape[:2]}"
            )
        self.labels = segment_labels(
            self.labels,
            self.records["start"].to_numpy(np.int64),
            self.records["end"].to_numpy(np.int64),
            segments=lengths[1],
            background=len(self.classes) - 1,
        )

    def batch(self, rows: np.ndarray) -> Batch:
        """Return `rows` as they are stored; "label" is `(B, T)`.

        Also "audio" `(B, T, D_a)` and "visual" `(B, T, H, W, D_v)`.
        """
        return super().batch(rows) | {
            "audio": torch.from_numpy(self.audio[rows]),
            "visual": torch.from_numpy(self.visual[rows]),
        }


def segment_labels(
    label: np.ndarray, start: np.ndarray, end: np.ndarray, segments: int, background: int
) -> np.ndarray:
    """Return the label of every segment of some clips with one event each.

    Args:
        label: `(N,)`, class of the event, in `[0, background]`.
        start, end: `(N,)`, the event fills the segments from `start` to `end` - 1; none where both
            are the same.
        segments: T.
        background: what segments outside the event are labelled.

    Returns:
        `(N, T)` int64.
    """
    second = np.arange(segments)
    inside = (np.asarray(start)[:, None] <= second) & (second < np.asarray(end)[:, None])
    return np.where(inside, np.asarray(label)[:, None], background).astype(np.int64)
