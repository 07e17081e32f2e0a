"""Two modalities made to order: a stronger and a weaker one, as Gaussian clouds of every class.

The classes' means are orthogonal directions, so that nothing but a modality's strength says how
well its classes can be told apart. What its width decides is how soon they are learnt, and how much
there is to overfit.
"""

from dataclasses import dataclass

import numpy as np
import torch

from olmlib.config import TrainConfig
from olmlib.data.arrive import Batch
from olmlib.data.clips import SPLITS, ClipSet, StoredClips

STRONGER, WEAKER = "audio", "visual"
CLASSES = 6
# The weaker one is wide and slow; 300 samples are few, so that there is something to balance, and
# 2,400 to test on cost nothing.
SIZES = {"train": 300, "dev": 120, "test": 2400}
STRENGTH, WIDTH = 2.5, 100


@dataclass(frozen=True)
class World:
    """Where in the plane one stands.

    Attributes:
        strength: of the weaker modality: how far the mean of a class is from 0, in standard
            deviations of the noise; the stronger one has `STRENGTH`.
        width: dimensions of the stronger modality; the weaker one has `WIDTH`.
        shared: share of samples that both modalities tell of, in [0, 1]. Each of the others shows
            its class in one of them, and noise in the other.
    """

    strength: float
    width: int
    shared: float = 1.0


class Drawn:
    """Samples of a world, in memory, as the training loop reads prepared data.

    Attributes:
        classes: names; their position is the label.
        labels: `(N,)` int64.
        digest: what the samples follow from.
        features: modality -> `(N, d)` float32.
        widths: modality -> d.
    """

    def __init__(self, world: World, seed: int):
        """Draw the samples; equal worlds and seeds have equal ones.

        Raises:
            ValueError: fewer dimensions than classes, or a share that is none.
        """
        if min(world.width, WIDTH) < CLASSES or not 0 <= world.shared <= 1:
            raise ValueError(f"{world}: {CLASSES} classes need as many dimensions, shares [0, 1]")
        rng = np.random.default_rng(seed)
        self.splits = np.repeat(SPLITS, [SIZES[split] for split in SPLITS])
        self.labels = rng.integers(CLASSES, size=len(self.splits))
        self.classes = tuple(f"class {c}" for c in range(CLASSES))
        self.digest = f"{world} {seed}"
        apart = rng.random(len(self.labels)) >= world.shared
        silent = rng.integers(2, size=len(self.labels))
        self.features = {}
        places = {STRONGER: (STRENGTH, world.width), WEAKER: (world.strength, WIDTH)}
        for number, (modality, (strength, width)) in enumerate(places.items()):
            directions, _ = np.linalg.qr(rng.normal(size=(width, CLASSES)))
            means = strength * directions.T[self.labels]
            means[apart & (silent == number)] = 0
            noise = rng.normal(size=(len(self.labels), width))
            self.features[modality] = (means + noise).astype(np.float32)
        self.widths = {m: array.shape[1] for m, array in self.features.items()}

    def rows(self, split: str) -> np.ndarray:
        """Return the rows of a split, ascending."""
        return np.flatnonzero(self.splits == split)

    def clips(self, rows: np.ndarray, augment: bool, config: TrainConfig, seed: int) -> ClipSet:
        """Return some rows as the clips of a training; nothing is augmented."""
        return StoredClips(self, rows)

    def batch(self, rows: np.ndarray) -> Batch:
        """Return some rows: modality -> `(B, d)`; "label" and "row": `(B,)`."""
        batch = {m: torch.from_numpy(array[rows]) for m, array in self.features.items()}
        return batch | {"label": torch.from_numpy(self.labels[rows]), "row": torch.from_numpy(rows)}
