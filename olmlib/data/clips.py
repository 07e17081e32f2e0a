"""What a training needs of its data, whatever the data was prepared from."""

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from olmlib.config import TrainConfig

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

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of clips, n."""

    @abstractmethod
    def __getitems__(self, indices: list[int]) -> dict[str, Tensor]:
        """Return the batch of the clips at `indices`, numbers in `[0, n)`."""

    @abstractmethod
    def set_epoch(self, epoch: int) -> None:
        """Choose the random numbers of `epoch`."""


class Data(Protocol):
    """A prepared folder: `olmlib.data.arrays.Prepared` or `olmlib.data.sequences.Sequences`.

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
