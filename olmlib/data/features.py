"""Prepared features: one vector per clip and modality, and the batches a network is trained on.

A prepared folder holds `<m>.npy` (N, d_m) float16 of every modality m, `records.csv` (row, id,
label, split, group), `rejected.csv` (id, split, reason) and, written last, `meta.json`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from olmlib.config import TrainConfig
from olmlib.data import arrive
from olmlib.data.arrays import RECORDS, REJECTED
from olmlib.data.clips import SPLITS, ClipSet


class Features:
    """A prepared folder, opened without reading the vectors into memory.

    Attributes:
        folder: where it lies.
        modalities: those that batches have.
        meta: contents of `meta.json`.
        classes: C names; their position is the label.
        digest: SHA-256 of vectors and records.
        records: DataFrame with columns row, id, label, split, group.
        labels: `(N,)` int64, in `[0, C)`.
        features: modality -> `(N, d_m)` float16.
        widths: modality -> d_m.
    """

    def __init__(self, folder: str | Path, modalities: Sequence[str] | None = None):
        """Open `folder`.

        Raises:
            FileNotFoundError: the folder is missing or was not finished.
            ValueError: it has no such modality, or vectors and records disagree.
        """
        self.folder = Path(folder)
        meta = self.folder / "meta.json"
        if not meta.is_file():
            raise FileNotFoundError(
                f"{meta} not found: {self.folder} is not prepared, or its preparation was stopped; "
                "run the notebook that prepares it again"
            )
        self.meta = json.loads(meta.read_text(encoding="utf-8"))
        self.classes, self.digest = tuple(self.meta["classes"]), self.meta["digest"]
        known = self.meta["widths"]
        self.modalities = tuple(known if modalities is None else modalities)
        unknown = [m for m in self.modalities if m not in known]
        if unknown:
            raise ValueError(
                f"{self.folder} has no {', '.join(unknown)}; it has {', '.join(known)}"
            )
        self.widths = {m: known[m] for m in self.modalities}
        self.records = pd.read_csv(self.folder / "records.csv", dtype={"id": str, "group": str})
        self.labels = self.records["label"].to_numpy(np.int64)
        # Copy-on-write: torch wants writable memory. Plain views: indexing a `memmap` is slow.
        self.features = {
            m: np.load(self.folder / f"{m}.npy", mmap_mode="c").view(np.ndarray)
            for m in self.modalities
        }
        for m, array in self.features.items():
            if array.shape != (len(self.records), self.widths[m]):
                raise ValueError(
                    f"{self.folder}: {m}.npy is {array.shape}, records and meta.json say "
                    f"{(len(self.records), self.widths[m])}; delete the folder and prepare it again"
                )

    def __reduce__(self):
        """Pickle the folder alone: a pickled memmap would carry the whole array to a worker."""
        return Features, (self.folder, self.modalities)

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
    ) -> "FeatureClips":
        """Return some rows as the clips of a training; features are never augmented."""
        return FeatureClips(self, rows)


class FeatureClips(ClipSet):
    """Rows of prepared features as batches."""

    def __init__(self, prepared: Features, rows: np.ndarray):
        """Choose the rows `(n,)` of `prepared`."""
        self.prepared, self.rows = prepared, np.asarray(rows, np.int64)

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
            For each modality m: `(B, d_m)` float32; "label", "row": `(B,)` int64.
        """
        data, rows = self.prepared, self.rows[np.asarray(indices, np.int64)]
        batch = {m: torch.from_numpy(array[rows]) for m, array in data.features.items()}
        batch["label"] = torch.from_numpy(data.labels[rows])
        batch["row"] = torch.from_numpy(rows)
        return batch if self.late else arrive.ready(batch)


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
    records = records.reset_index(drop=True)
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
    records.insert(0, "row", records.index)
    records[RECORDS].to_csv(folder / "records.csv", index=False, lineterminator="\n")
    rejected[REJECTED].to_csv(folder / "rejected.csv", index=False, lineterminator="\n")
    digest = hashlib.sha256()
    for name in (*(f"{m}.npy" for m in features), "records.csv"):
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    known = meta | {"widths": {m: array.shape[1] for m, array in features.items()}}
    text = json.dumps(known | {"digest": digest.hexdigest()}, indent=1)
    (folder / "meta.json").write_text(text + "\n", encoding="utf-8")
    return Features(folder)
