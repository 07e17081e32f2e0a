"""Are the logits of every head finite? A GPU is asked now and then only: it must be waited for."""

from collections.abc import Sequence
from math import isfinite

import torch
from torch import Tensor

LOOK_EVERY = 50  # batches


class Finite:
    """The check of logits, on the CPU at once, on a GPU of `LOOK_EVERY` batches at a time.

    Args:
        heads: their names, for the error.
    """

    def __init__(self, heads: Sequence[str]):
        self.heads = heads
        self._pending: list[tuple[int, Tensor]] = []

    def check(self, logits: Sequence[Tensor], step: int) -> None:
        """Check a batch's logits of every head, of any shape.

        Raises:
            ValueError: a head has NaN or infinite logits, on a GPU in this batch or one before.
        """
        if logits[0].is_cuda:
            self._pending.append((step, torch.stack([s.detach().isfinite().all() for s in logits])))
            if len(self._pending) >= LOOK_EVERY:
                self.look()
            return
        # A sum is finite only if all its terms are, and cheaper to look at.
        sums = torch.stack([scores.detach().sum() for scores in logits]).tolist()
        for head, scores, total in zip(self.heads, logits, sums, strict=True):
            if not (isfinite(total) or torch.isfinite(scores).all()):
                raise ValueError(f"logits of head {head!r} are not finite (NaN or infinite)")

    def look(self) -> None:
        """Ask the GPU about the batches since the last look.

        Raises:
            ValueError: a head had NaN or infinite logits.
        """
        pending, self._pending = self._pending, []
        answers = torch.stack([finite for _, finite in pending]).tolist() if pending else []
        for (step, _), finite in zip(pending, answers, strict=True):
            for head, fine in zip(self.heads, finite, strict=True):
                if not fine:
                    found = f"logits of head {head!r} are not finite (NaN or infinite)"
                    raise ValueError(f"{found}, in step {step} counted from 0")
