"""What a training needs of its data, whatever the data was prepared from."""

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np
from torch.utils.data import Dataset

from olmlib.config import TrainConfig
from olmlib.data.arrive import Batch, ready

SPLITS = ("train", "dev", "test")


class ClipSet(Dataset, ABC):
    """Some clips of prepared data, read a batch at a time.

    Attributes:
        rows: `(n,)` int64, where in the prepared data they stand.
        valence: `(n,)` in [-5, 5], NaN where nobody rated it; None of data without valence.
        late: batches are as they are stored, and `olmlib.data.arrive.ready` is still to be called.
    """

    rows: np.ndarray
    valence: np.ndarray | None = None
    late = False

    def __len__(self) -> int:
        """Return the number of clips, n."""
        return len(self.rows)

    def __getitem__(self, index: int) -> Batch:
        """Return one sample: a batch without its first dimension."""
        return {key: value[0] for key, value in self.__getitems__([index]).items()}

    @abstractmethod
    def __getitems__(self, indices: list[int]) -> Batch:
        """Return the batch of the clips at `indices`, numbers in `[0, n)`."""

    @abstractmethod
    def set_epoch(self, epoch: int) -> None:
        """Choose the random numbers of `epoch`."""


class StoredClips(ClipSet):
    """Rows of prepared features, the same in every epoch."""

    def __init__(self, prepared: "Stored", rows: np.ndarray):
        """Choose the rows `(n,)` of `prepared`."""
        self.prepared, self.rows = prepared, np.asarray(rows, np.int64)

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: every epoch sees the same features."""

    def __getitems__(self, indices: list[int]) -> Batch:
        """Return one batch: what `batch` of the prepared folder says, in single precision."""
        stored = self.prepared.batch(self.rows[np.asarray(indices, np.int64)])
        # By torch: numpy takes ten times as long from half to single precision.
        return stored if self.late else ready(stored)


class Stored(Protocol):
    """Data of which a batch is what is stored."""

    def batch(self, rows: np.ndarray) -> Batch:
        """Return some rows `(B,)`; features in half precision, of which `ready` makes single."""


class Data(Protocol):
    """A prepared folder, as of `olmlib.data.folder`, or anything else that has this.

    Attributes:
        classes: C names; their position is the label.
        labels: `(N,)` or `(N, T)` int64, in `[0, C)`.
        digest: SHA-256 of what the folder holds.
    """

    classes: tuple[str, ...]
    labels: np.ndarray
    digest: str

    def rows(self, split: str) -> np.ndarray:
        """Return the rows of `split` ("train", "dev" or "test"), ascending, `(n,)` int64."""

    def clips(self, rows: np.ndarray, augment: bool, config: TrainConfig, seed: int) -> ClipSet:
        """Return some rows as the clips of a training."""
