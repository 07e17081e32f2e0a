"""Prepared sequences: rows of features end to end, and batches padded to their longest clip.

A prepared folder holds for each modality `<m>.npy` (rows of all clips, width) float16 and
`<m>_start.npy` (N + 1,) int64, so that clip i has the rows from start[i] to start[i + 1], and what
every folder has, see `olmlib.data.folder`. Its records say fold and valence, too.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from olmlib.config import TrainConfig
from olmlib.data.arrive import Batch
from olmlib.data.clips import StoredClips
from olmlib.data.folder import PreparedFolder


class Sequences(PreparedFolder):
    """A prepared folder of sequences; see its base for the other attributes.

    Attributes:
        fold: the part of train&val that is the dev split.
        modalities: those that batches have.
        valence: `(N,)` float32 in [-5, 5], NaN where nobody rated it.
        widths: modality -> width of its rows.
    """

    def __init__(self, folder: str | Path, fold=0, modalities: Sequence[str] | None = None):
        """Open `folder`.

        Raises:
            FileNotFoundError: the folder is missing or was not finished.
            ValueError: it has no such fold or modality.
        """
        super().__init__(folder)
        self.fold = fold
        if not 0 <= fold < self.meta["folds"]:
            raise ValueError(f"{self.folder} has folds 0 to {self.meta['folds'] - 1}, not {fold}")
        self.widths = self.known(modalities)
        self.modalities = tuple(self.widths)
        self.valence = self.records["valence"].to_numpy(np.float32)
        self.start = {m: self.array(f"{m}_start") for m in self.modalities}
        self.features = {m: self.array(m) for m in self.modalities}

    def __reduce__(self):
        """Pickle the folder alone: a pickled memmap would carry the whole array to a worker."""
        return Sequences, (self.folder, self.fold, self.modalities)

    def rows(self, split: str) -> np.ndarray:
        """Return the rows of `split`, ascending: "dev" is the fold, "train" the other folds."""
        if split == "test":
            return super().rows(split)
        # Also says what a split may be.
        known = super().rows("train" if split == "dev" else split)
        held_out = (self.records["fold"] == self.fold).to_numpy()[known]
        return known[held_out if split == "dev" else ~held_out]

    def clips(self, rows: np.ndarray, augment: bool, config: TrainConfig, seed: int) -> StoredClips:
        """Return some rows as the clips of a training; features are never augmented."""
        clips = StoredClips(self, rows)
        clips.valence = self.valence[clips.rows]
        return clips

    def batch(self, rows: np.ndarray) -> Batch:
        """Return `rows`, each sequence padded with zeros to the longest one.

        Also, for each modality m, m: `(B, T_m, d_m)` float16 and `m_length`: `(B,)` int64;
        "valence": `(B,)` float32, NaN where unknown.
        """
        batch = super().batch(rows) | {"valence": torch.from_numpy(self.valence[rows])}
        for m in self.modalities:
            begin, length = self.start[m][rows], np.diff(self.start[m])[rows]
            padded = np.zeros((len(rows), length.max(), self.widths[m]), np.float16)
            for i, (first, count) in enumerate(zip(begin, length, strict=True)):
                padded[i, :count] = self.features[m][first : first + count]
            batch[m] = torch.from_numpy(padded)
            batch[f"{m}_length"] = torch.from_numpy(length)
        return batch
