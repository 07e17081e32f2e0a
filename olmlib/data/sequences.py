"""Prepared sequences: rows of features end to end, and batches padded to their longest clip.

A prepared folder holds for each modality `<m>.npy` (rows of all clips, width) float16 and
`<m>_start.npy` (N + 1,) int64, so that clip i has the rows from start[i] to start[i + 1];
`records.csv` (row, id, label, split, group, fold, valence), `rejected.csv` (id, split, reason) and,
written last, `meta.json`.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from olmlib.config import TrainConfig
from olmlib.data import arrive
from olmlib.data.clips import SPLITS, ClipSet


class Sequences:
    """A prepared folder, opened without reading the arrays into memory.

    Attributes:
        folder: where it lies.
        fold: the part of train&val that is the dev split.
        modalities: those that batches have.
        meta: contents of `meta.json`.
        classes: C names; their position is the label.
        digest: SHA-256 of arrays and records.
        records: DataFrame with columns row, id, label, split, group, fold, valence.
        labels: `(N,)` int64.
        valence: `(N,)` float32 in [-5, 5], NaN where nobody rated it.
        widths: modality -> width of its rows.
    """

    def __init__(self, folder: str | Path, fold=0, modalities: Sequence[str] | None = None):
        """Open `folder`.

        Raises:
            FileNotFoundError: the folder is missing or was not finished.
            ValueError: it has no such fold or modality.
        """
        self.folder, self.fold = Path(folder), fold
        meta = self.folder / "meta.json"
        if not meta.is_file():
            raise FileNotFoundError(
                f"{meta} not found: {self.folder} is not prepared, or its preparation was stopped; "
                "run notebook 12_train_mer again"
            )
        self.meta = json.loads(meta.read_text(encoding="utf-8"))
        self.classes, self.digest = tuple(self.meta["classes"]), self.meta["digest"]
        if not 0 <= fold < self.meta["folds"]:
            raise ValueError(f"{self.folder} has folds 0 to {self.meta['folds'] - 1}, not {fold}")
        self.modalities = tuple(self.meta["widths"] if modalities is None else modalities)
        unknown = set(self.modalities) - self.meta["widths"].keys()
        if unknown:
            known = ", ".join(self.meta["widths"])
            raise ValueError(f"{self.folder} has no {', '.join(sorted(unknown))}; it has {known}")
        self.widths = {m: self.meta["widths"][m] for m in self.modalities}
        self.records = pd.read_csv(self.folder / "records.csv", dtype={"id": str, "group": str})
        self.labels = self.records["label"].to_numpy(np.int64)
        self.valence = self.records["valence"].to_numpy(np.float32)
        self.start = {m: np.load(self.folder / f"{m}_start.npy") for m in self.modalities}
        self.features = {
            m: np.load(self.folder / f"{m}.npy", mmap_mode="r") for m in self.modalities
        }

    def __reduce__(self):
        """Pickle the folder alone: a pickled memmap would carry the whole array to a worker."""
        return Sequences, (self.folder, self.fold, self.modalities)

    def __len__(self) -> int:
        """Return N."""
        return len(self.records)

    def rows(self, split: str) -> np.ndarray:
        """Return the rows of `split`, ascending: "dev" is the fold, "train" the other folds."""
        if split not in SPLITS:
            raise ValueError(f"split {split!r} is not one of {', '.join(SPLITS)}")
        if split == "test":
            return np.flatnonzero(self.records["split"] == "test")
        held_out = self.records["fold"] == self.fold
        wanted = held_out if split == "dev" else ~held_out
        return np.flatnonzero(wanted & (self.records["split"] == "train"))

    def clips(
        self, rows: np.ndarray, augment: bool, config: TrainConfig, seed: int
    ) -> "SequenceClips":
        """Return some rows as the clips of a training; features are never augmented."""
        return SequenceClips(self, rows)


class SequenceClips(ClipSet):
    """Rows of prepared sequences as batches, each padded with zeros to its longest clip."""

    def __init__(self, prepared: Sequences, rows: np.ndarray):
        """Choose the rows `(n,)` of `prepared`."""
        self.prepared, self.rows = prepared, np.asarray(rows, np.int64)
        self.valence = prepared.valence[self.rows]

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.rows)

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: every epoch sees the same features."""

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """Return one sample: a batch without its first dimension."""
        return {key: value[0] for key, value in self.__getitems__([index]).items()}

    def __getitems__(self, indices: list[int]) -> dict[str, torch.Tensor]:
        """Return one batch.

        Returns:
            For each modality m, m: `(B, T_m, d_m)` float32 and `m_length`: `(B,)` int64;
            "label", "row": `(B,)` int64; "valence": `(B,)` float32, NaN where unknown.
        """
        data, rows = self.prepared, self.rows[np.asarray(indices, np.int64)]
        batch = {
            "label": torch.from_numpy(data.labels[rows]),
            "valence": torch.from_numpy(data.valence[rows]),
            "row": torch.from_numpy(rows),
        }
        for m in data.modalities:
            begin, length = data.start[m][rows], np.diff(data.start[m])[rows]
            padded = np.zeros((len(rows), length.max(), data.widths[m]), np.float16)
            for i, (first, count) in enumerate(zip(begin, length, strict=True)):
                padded[i, :count] = data.features[m][first : first + count]
            batch[m] = torch.from_numpy(padded)
            batch[f"{m}_length"] = torch.from_numpy(length)
        # By torch: numpy takes ten times as long from half to single precision.
        return batch if self.late else arrive.ready(batch)
