"""What every prepared folder has, whatever its arrays are: records, splits, a digest.

A prepared folder holds arrays, `records.csv` (row, id, label, split, group and others),
`rejected.csv` (id, split, reason) and, written last, `meta.json`. A folder without `meta.json` is
not finished.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from olmlib.config import TrainConfig
from olmlib.data.arrive import Batch
from olmlib.data.clips import SPLITS, ClipSet, StoredClips

RECORDS = ["row", "id", "label", "split", "group"]
REJECTED = ["id", "split", "reason"]


class PreparedFolder:
    """A prepared folder, opened without reading the arrays into memory.

    Attributes:
        folder: where it lies.
        meta: contents of `meta.json`.
        classes: C names; their position is the label.
        digest: SHA-256 of arrays and records.
        records: DataFrame with columns row, id, label, split, group and others.
        labels: `(N,)` int64, in `[0, C)`.
    """

    def __init__(self, folder: str | Path):
        """Open `folder`.

        Raises:
            FileNotFoundError: the folder is missing or was not finished.
        """
        self.folder = Path(folder)
        meta = self.folder / "meta.json"
        if not meta.is_file():
            raise FileNotFoundError(
                f"{meta} not found: {self.folder} is not prepared, or its preparation was stopped; "
                "run the stage that prepares it again"
            )
        self.meta = json.loads(meta.read_text(encoding="utf-8"))
        self.classes, self.digest = tuple(self.meta["classes"]), self.meta["digest"]
        self.records = pd.read_csv(self.folder / "records.csv", dtype={"id": str, "group": str})
        self.labels: np.ndarray = self.records["label"].to_numpy(np.int64)

    def __reduce__(self):
        """Pickle the folder alone: a pickled memmap would carry the whole array to a worker."""
        return type(self), (self.folder,)

    def __len__(self) -> int:
        """Return N."""
        return len(self.records)

    def rows(self, split: str) -> np.ndarray:
        """Return the rows of `split` ("train", "dev" or "test"), ascending, `(n,)` int64."""
        if split not in SPLITS:
            raise ValueError(f"split {split!r} is not one of {', '.join(SPLITS)}")
        return np.flatnonzero(self.records["split"] == split)

    def clips(self, rows: np.ndarray, augment: bool, config: TrainConfig, seed: int) -> ClipSet:
        """Return some rows as the clips of a training, by default never augmented."""
        return StoredClips(self, rows)

    def batch(self, rows: np.ndarray) -> Batch:
        """Return `rows` as they are stored: of every folder "label", "row": `(B,)` int64."""
        return {"label": torch.from_numpy(self.labels[rows]), "row": torch.from_numpy(rows)}

    def array(self, name: str) -> np.ndarray:
        """Return the array in `<name>.npy`, not read yet."""
        # Copy-on-write: torch wants writable memory. A plain view: indexing a `memmap` is slow.
        return np.load(self.folder / f"{name}.npy", mmap_mode="c").view(np.ndarray)

    def known(self, modalities: Iterable[str] | None) -> dict[str, int]:
        """Return modality -> width as `meta.json` has it, of all or of some modalities.

        Raises:
            ValueError: it has no such modality.
        """
        known = self.meta["widths"]
        wanted = tuple(known if modalities is None else modalities)
        unknown = [m for m in wanted if m not in known]
        if unknown:
            raise ValueError(
                f"{self.folder} has no {', '.join(unknown)}; it has {', '.join(known)}"
            )
        return {m: known[m] for m in wanted}

    def disagree(self, found: str) -> ValueError:
        """Return the error that arrays and records do not fit together."""
        return ValueError(f"{self.folder}: {found}; delete the folder and prepare it again")


def seal(
    folder: Path,
    arrays: Iterable[str],
    records: pd.DataFrame,
    rejected: pd.DataFrame,
    meta: dict,
) -> None:
    """Write records, rejected clips and, last, `meta.json` with the digest beside the arrays.

    Args:
        folder: holds the arrays already.
        arrays: names of their files, without ending.
        records: columns id, label, split, group and others; one per row of the arrays, in their
            order.
        rejected: columns id, split, reason.
        meta: what to remember, with "classes"; gains "digest".
    """
    records = records.reset_index(drop=True)
    records.insert(0, "row", records.index)
    columns = [*RECORDS, *records.columns.difference(RECORDS, sort=False)]
    records[columns].to_csv(folder / "records.csv", index=False, lineterminator="\n")
    rejected[REJECTED].to_csv(folder / "rejected.csv", index=False, lineterminator="\n")
    digest = hashlib.sha256()
    for name in (*(f"{array}.npy" for array in arrays), "records.csv"):
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    text = json.dumps(meta | {"digest": digest.hexdigest()}, indent=1)
    (folder / "meta.json").write_text(text + "\n", encoding="utf-8")
