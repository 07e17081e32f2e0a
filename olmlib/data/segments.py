"""Prepared segments: clips of equal length, of which every second has features and a label.

A prepared folder holds `audio.npy` (N, T, D_a) and `visual.npy` (N, T, H, W, D_v) float16;
`records.csv` (row, id, label, split, group, start, end), where an event of class `label` fills the
segments from `start` to `end` - 1; `rejected.csv` (id, split, reason) and, written last,
`meta.json`.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from olmlib.config import TrainConfig
from olmlib.data import arrive
from olmlib.data.arrive import Batch
from olmlib.data.clips import SPLITS, ClipSet

BACKGROUND = "background"


class Segments:
    """A prepared folder, opened without reading the arrays into memory.

    Attributes:
        folder: where it lies.
        meta: contents of `meta.json`.
        classes: C names; their position is the label. The last one is "background".
        digest: SHA-256 of arrays and records.
        records: DataFrame with columns row, id, label, split, group, start, end.
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
        self.folder = Path(folder)
        meta = self.folder / "meta.json"
        if not meta.is_file():
            raise FileNotFoundError(
                f"{meta} not found: {self.folder} is not prepared, or its preparation was stopped; "
                "run the stage that prepares it (companion.data.prepare_segments) again"
            )
        self.meta = json.loads(meta.read_text(encoding="utf-8"))
        self.classes, self.digest = tuple(self.meta["classes"]), self.meta["digest"]
        self.records = pd.read_csv(self.folder / "records.csv", dtype={"id": str, "group": str})
        # Copy-on-write: torch wants writable memory. Plain views: indexing a `memmap` is slow.
        self.audio = np.load(self.folder / "audio.npy", mmap_mode="c").view(np.ndarray)
        self.visual = np.load(self.folder / "visual.npy", mmap_mode="c").view(np.ndarray)
        lengths = (len(self.records), self.meta["segments"])
        if not lengths == self.audio.shape[:2] == self.visual.shape[:2]:
            raise ValueError(
                f"{self.folder}: {lengths[0]} records of {lengths[1]} segments, sound of "
                f"{self.audio.shape[:2]} and pictures of {self.visual.shape[:2]}; delete the "
                "folder and prepare it again"
            )
        self.labels = segment_labels(
            self.records["label"].to_numpy(np.int64),
            self.records["start"].to_numpy(np.int64),
            self.records["end"].to_numpy(np.int64),
            segments=lengths[1],
            background=len(self.classes) - 1,
        )

    def __reduce__(self):
        """Pickle the folder alone: a pickled memmap would carry the whole array to a worker."""
        return Segments, (self.folder,)

    def __len__(self) -> int:
        """Return N."""
        return len(self.records)

    def rows(self, split: str) -> np.ndarray:
        """Return the rows of `split` ("train", "dev" or "test"), ascending, `(n,)` int64."""
        if split not in SPLITS:
            raise ValueError(f"split {split!r} is not one of {', '.join(SPLITS)}")
        return np.flatnonzero(self.records["split"] == split)

    def clips(
        self, rows: np.ndarray, augment: bool, config: TrainConfig, seed: int
    ) -> "SegmentClips":
        """Return some rows as the clips of a training; features are never augmented."""
        return SegmentClips(self, rows)


class SegmentClips(ClipSet):
    """Rows of prepared segments as batches."""

    def __init__(self, prepared: Segments, rows: np.ndarray):
        """Choose the rows `(n,)` of `prepared`."""
        self.prepared, self.rows = prepared, np.asarray(rows, np.int64)

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.rows)

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: every epoch sees the same features."""

    def __getitem__(self, index: int) -> Batch:
        """Return one sample: a batch without its first dimension."""
        return {key: value[0] for key, value in self.__getitems__([index]).items()}

    def __getitems__(self, indices: list[int]) -> Batch:
        """Return one batch.

        Returns:
            "audio": `(B, T, D_a)` float32; "visual": `(B, T, H, W, D_v)` float32; "label":
            `(B, T)` int64; "row": `(B,)` int64. With `late`, both features in half precision, of
            which `arrive.ready` makes these.
        """
        data, rows = self.prepared, self.rows[np.asarray(indices, np.int64)]
        batch = {
            "audio": torch.from_numpy(data.audio[rows]),
            "visual": torch.from_numpy(data.visual[rows]),
            "label": torch.from_numpy(data.labels[rows]),
            "row": torch.from_numpy(rows),
        }
        return batch if self.late else arrive.ready(batch)


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
