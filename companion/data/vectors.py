"""Data sets of feature vectors that other people have computed, dealt into folds."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion.data import files, preparation
from companion.data.folds import refuse_shared, roles
from companion.data.release import ReleaseError
from companion.data.sections import PrepareVectors
from olmlib.data import features
from olmlib.data.features import Features
from olmlib.data.folder import REJECTED


@dataclass(frozen=True)
class Vectors:
    """One vector per clip and modality.

    Attributes:
        name: of the data set.
        classes: C names; a label is a position here.
        ids: of the n clips.
        labels: `(n,)` int64, in `[0, C)`.
        groups: who is in each clip, or the clip's own id where nobody is known.
        parts: `(n,)` int64, from 0: the fold in which a clip is tested.
        arrays: modality -> `(n, d)` float64.
    """

    name: str
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    labels: np.ndarray
    groups: tuple[str, ...]
    parts: np.ndarray
    arrays: dict[str, np.ndarray]

    def __post_init__(self):
        """Refuse clips without their vectors, numbers that are none, and people in two parts."""
        if len(set(self.ids)) != len(self.ids):
            raise ReleaseError(f"{self.name}: a clip is there twice")
        for modality, array in self.arrays.items():
            if array.ndim != 2 or len(array) != len(self.ids):
                raise ReleaseError(
                    f"{self.name}: {modality} has shape {array.shape} for {len(self.ids)} clips"
                )
            if not np.isfinite(array).all():
                raise ReleaseError(f"{self.name}: {modality} has values that are not finite")
        refuse_shared(self.name, self.groups, self.parts)

    @property
    def folds(self) -> int:
        """How many parts there are."""
        return int(self.parts.max()) + 1


def verified(path: Path, sha256: str) -> bytes:
    """Return the content of a published file.

    Raises:
        ReleaseError: it is missing, or is another file.
    """
    fault = files.problem(path)
    if fault:
        raise ReleaseError(f"{path} is {fault}; `make study-data` fetches it")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise ReleaseError(
            f"{path} is another file than the published one (SHA-256 {digest}); delete it, then "
            "`make study-data` fetches it"
        )
    return content


def prepare_vectors(
    release: Vectors, folder: str | Path, config: PrepareVectors, fold: int
) -> Features:
    """Write the features of a fold, each standardised by what the training clips have of it.

    A finished folder made from the same numbers with the same code is reused.

    Args:
        release: what to prepare.
        folder: for the features; see `olmlib.data.features`.
        config: what the release was read with.
        fold: whose splits.

    Raises:
        PreparationError: another preparation of the same folder is running, or a class is missing
            in a split.
        ValueError: no such fold.
    """
    folder = Path(folder)
    splits = roles(release.parts, fold)
    stored = (array.tobytes() for array in release.arrays.values())
    known = release.name, release.classes, release.ids, release.labels.tolist(), splits.tolist()
    mark = preparation.fingerprint(config, (__name__,), known, stored)
    with preparation.alone(folder) as work:
        sizes = release.name, len(release.ids), 0.0
        if done := preparation.finished(Features, folder, mark, sizes):
            return done
        work.mkdir(exist_ok=True)
        columns = {"id": release.ids, "label": release.labels, "group": release.groups}
        records = pd.DataFrame(columns | {"split": splits})
        preparation.refuse_empty(records, release.name, release.classes, work)
        train = splits == "train"
        arrays = {m: standardised(array, train) for m, array in release.arrays.items()}
        meta: dict[str, Any] = {"name": release.name, "classes": release.classes}
        meta |= (
            {"fingerprint": mark}
            | preparation.counts(records)
            | {"folds": release.folds, "fold": fold}
        )
        features.seal(work, arrays, records, pd.DataFrame(columns=REJECTED), meta)
        preparation.put(work, folder)
    return Features(folder)


def standardised(array: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return features `(n, d)` with mean 0 and deviation 1 on the clips of `train`, `(n,)` bool.

    A feature that never changes there becomes 0.
    """
    mean, deviation = array[train].mean(0), array[train].std(0)
    steady = deviation <= 1e-12 * np.abs(mean)
    return np.where(steady, 0.0, (array - mean) / np.where(steady, 1.0, deviation))
