"""What every model returns."""

from typing import NamedTuple

from torch import Tensor


class Outputs(NamedTuple):
    """Named logits, and what else a method may look at.

    Attributes:
        logits: head -> `(B, C)`, or `(B, T, C)` of T segments; the fused head is `"fused"`.
        features: modality or stream -> `(B, d)` or `(B, T, d)`, pooled features.
        values: head -> `(B,)`, predicted valence, of models that have such heads.
        losses: name -> `()`, losses of the model's own, weighted, in training only; the
            loop adds them to the loss of every method.
    """

    logits: dict[str, Tensor]
    features: dict[str, Tensor]
    values: dict[str, Tensor] = {}
    losses: dict[str, Tensor] = {}
