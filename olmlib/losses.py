"""The losses that methods share: cross-entropy of clips or segments, and those of the network."""

import torch.nn.functional as F
from torch import Tensor

from olmlib.models.outputs import Outputs


def cross_entropy(scores: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean cross-entropy of clips or of segments, in nats.

    Args:
        scores: `(B, C)` or `(B, T, C)`, logits.
        labels: `(B,)` or `(B, T)`, class indices.
        reduction: `mean` or `sum` over clips or segments.
    """
    return F.cross_entropy(scores.flatten(0, -2), labels.flatten(), reduction=reduction)


def own_loss(outputs: Outputs, batch: dict[str, Tensor], valence_weight: float) -> Tensor | float:
    """Return what a network adds to the loss of every method: `outputs.losses`, and the valence's.

    Args:
        outputs: of a training step.
        batch: with `valence` if the network predicts it.
        valence_weight: of `valence_loss`.
    """
    own = sum(outputs.losses.values(), start=0.0)
    if outputs.values:
        own = own + valence_weight * valence_loss(outputs, batch["valence"])
    return own


def valence_loss(outputs: Outputs, valence: Tensor) -> Tensor:
    """Return the sum over heads of the mean squared error of the valence.

    No coefficient of OLM touches it.

    Args:
        outputs: with `values`, head -> `(B,)`.
        valence: `(B,)` in [-5, 5], NaN where nobody rated it: those clips are left out.
    """
    rated = ~valence.isnan()
    # A mean over no clip would be NaN.
    count = rated.sum().clamp(min=1)
    target = valence.nan_to_num()
    errors = [((v - target).square() * rated).sum() / count for v in outputs.values.values()]
    return sum(errors[1:], start=errors[0])
