"""A split read again and again, a few samples at a time: where OLM's dev losses come from."""

import numpy as np
from torch import Tensor

from olmlib.data.clips import ClipSet


class DevCycle:
    """The dev split in seeded random order, again and again, a few samples at a time.

    A batch never crosses the end of a pass, so the last one of a pass may be smaller.
    """

    def __init__(self, clips: ClipSet, seed: int):
        """Begin the first pass over `clips`."""
        self.clips, self.seed, self.taken, self.passes = clips, seed, 0, 0

    def next(self, size: int) -> dict[str, Tensor]:
        """Return the next `size` samples, or those that are left of this pass."""
        order = np.random.default_rng([self.seed, self.passes]).permutation(len(self.clips))
        chosen = order[self.taken : self.taken + size]
        self.taken += size
        if self.taken >= len(order):
            self.taken, self.passes = 0, self.passes + 1
        return self.clips.__getitems__(chosen.tolist())
