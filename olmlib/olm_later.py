"""What a GPU is asked about logits: now and then only, for it must be waited for."""

from collections.abc import Sequence
from math import inf

import torch
from torch import Tensor

LOOK_EVERY = 50  # batches


class Later:
    """Answers that stay on the GPU until somebody looks.

    Args:
        heads: their names, for the error.
    """

    def __init__(self, heads: Sequence[str]):
        self.heads = heads
        self._pending: list[tuple[str, int, Tensor]] = []

    def ask(self, called: str, step: int, logits: Sequence[Tensor], labels: Tensor) -> None:
        """Ask whether a batch can be learnt from, and look at the answers every so often.

        Args:
            called: what the error calls the logits.
            step: of the training, counted from 0.
            logits: `(B, C)` of each head.
            labels: `(B,)`, class indices. One that is no index ends in torch's own device-side
                assertion, which comes earlier than any look.

        Raises:
            ValueError: as `look`.
        """
        index = labels[:, None].clamp(0, logits[0].shape[-1] - 1)
        fine = [
            (s.detach() < inf).all() & (s.detach().gather(1, index) > -inf).all() for s in logits
        ]
        self._pending.append((called, step, torch.stack(fine)))
        if len(self._pending) >= LOOK_EVERY:
            self.look()

    def look(self) -> None:
        """Fetch the answers since the last look.

        Raises:
            ValueError: a head had NaN or +inf, or masked the class that was the label.
        """
        pending, self._pending = self._pending, []
        answers = torch.stack([fine for *_, fine in pending]).tolist() if pending else []
        for (called, step, _), fine in zip(pending, answers, strict=True):
            for head, good in zip(self.heads, fine, strict=True):
                if not good:
                    raise ValueError(
                        f"{called} of head {head!r} are not finite (NaN or +inf), or -inf for the "
                        f"label's class, in step {step} counted from 0"
                    )
