"""Prepared features: one vector per clip and modality, and the batches a network is trained on.

A prepared folder holds `<m>.npy` (N, d_m) float16 of every modality m, and what every folder has,
see `olmlib.data.folder`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from olmlib.data import folder as folders
from olmlib.data.arrive import Batch


class Features(folders.PreparedFolder):
    """A prepared folder of vectors; see its base for the other attributes.

    Attributes:
        modalities: those that batches have.
        features: modality -> `(N, d_m)` float16.
        widths: modality -> d_m.
    """

    def __init__(self, folder: str | Path, modalities: Sequence[str] | None = None):
        """Open `folder`.

        Raises:
            FileNotFoundError: the folder is missing or was not finished.
            ValueError: it has no such modality, or vectors and records disagree.
        """
        super().__init__(folder)
        self.widths = self.known(modalities)
        self.modalities = tuple(self.widths)
        self.features = {m: self.array(m) for m in self.modalities}
        for m, array in self.features.items():
            shape = len(self.records), self.widths[m]
            if array.shape != shape:
                raise self.disagree(f"{m}.npy is {array.shape}, records and meta.json say {shape}")

    def __reduce__(self):
        """Pickle the folder alone: a pickled memmap would carry the whole array to a worker."""
        return Features, (self.folder, self.modalities)

    def batch(self, rows: np.ndarray) -> Batch:
        """Return `rows` as they are stored, also `(B, d_m)` float16 of each modality m."""
        vectors = {m: torch.from_numpy(array[rows]) for m, array in self.features.items()}
        return super().batch(rows) | vectors


def seal(
    folder: Path,
    features: Mapping[str, np.ndarray],
    records: pd.DataFrame,
    rejected: pd.DataFrame,
    meta: dict,
) -> Features:
    """Write a prepared folder, `meta.json` last, and open it.

    Args:
        folder: is there, and holds no prepared folder yet.
        features: modality -> `(N, d_m)` finite numbers that half precision can hold.
        records: columns id, label, split, group; one per row of the features, in their order.
        rejected: columns id, split, reason.
        meta: what to remember, with "classes"; gains "widths" and "digest".

    Raises:
        ValueError: no modality, not one vector per record, or a number that is not finite in half
            precision.
    """
    if not features:
        raise ValueError("no modality has features")
    for m, array in features.items():
        if array.ndim != 2 or len(array) != len(records) or not array.size:
            raise ValueError(
                f"{m} features have shape {array.shape}, expected {len(records)} rows x width"
            )
        with np.errstate(over="ignore"):
            half = np.asarray(array, np.float16)
        if not np.isfinite(half).all():
            raise ValueError(
                f"{m} features hold numbers that half precision cannot: NaN, infinite or too large"
            )
        np.save(folder / f"{m}.npy", half)
    known = meta | {"widths": {m: array.shape[1] for m, array in features.items()}}
    folders.seal(folder, features, records, rejected, known)
    return Features(folder)
