"""Heads without a network: the feedback between OLM and what it steers, in a few lines.

A head is a logit vector of size `a` that points at the true class for right samples and at a wrong
one for the others. Like a network under cross-entropy, it grows or shrinks `a` until the *scaled*
size `w * a` is what its loss wants. Notebooks 02 and 03 and the stability tests look at OLM through
it.
"""

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from olmlib.olm import OLM


@dataclass(frozen=True)
class Head:
    """How one simulated head learns.

    Attributes:
        speed: how fast the wanted size is approached, per step, in `(0, 1)`.
        confidence: the scaled size `w * a` that the loss wants in the end, in logits.
        train_error, dev_error: share of samples on the wrong class in the end, in `[0, 1)`.
    """

    speed: float
    confidence: float
    train_error: float
    dev_error: float


HEADS = {
    "audio": Head(speed=0.05, confidence=12.0, train_error=0.0, dev_error=0.35),
    "visual": Head(speed=0.01, confidence=4.0, train_error=0.35, dev_error=0.5),
    "fused": Head(speed=0.05, confidence=15.0, train_error=0.0, dev_error=0.3),
}


def simulate(olm: OLM, heads: dict[str, Head] = HEADS, steps=1000, classes=6, samples=60):
    """Let `olm` and the simulated heads act on each other.

    Args:
        olm: fresh coefficients of these heads; they are moved.
        heads: name -> `Head`.
        steps: training steps.
        classes: C.
        samples: samples of the training and of the dev batch.

    Returns:
        DataFrame, a row per step and head: `step`, `head`, `w`, `lam`, `size` (a, raw), `scaled`
        (w * a), `train_loss`, `dev_loss` (both on raw logits, in nats).
    """
    labels = torch.arange(samples) % classes
    size = {name: 0.5 for name in heads}
    rows = []
    for step in range(steps):
        learnt = {name: 1 - (1 - head.speed) ** step for name, head in heads.items()}
        train, dev = (
            {
                name: size[name] * _directions(labels, classes, learnt[name], getattr(head, error))
                for name, head in heads.items()
            }
            for error in ("train_error", "dev_error")
        )
        olm.update(train, labels, dev, labels)
        for m, (name, head) in enumerate(heads.items()):
            w = olm.w[m].item()
            wanted = 0.5 + (head.confidence - 0.5) * learnt[name]
            size[name] = max(size[name] + head.speed * (wanted - w * size[name]), 1e-3)
            rows.append(
                {
                    "step": step,
                    "head": name,
                    "w": w,
                    "lam": olm.lam[m].item(),
                    "size": size[name],
                    "scaled": w * size[name],
                    "train_loss": olm.record["train_loss"][m].item(),
                    "dev_loss": olm.record["dev_loss"][m].item(),
                }
            )
    return pd.DataFrame(rows)


def _directions(labels: Tensor, classes: int, learnt: float, final_error: float) -> Tensor:
    """Unit logit vectors; the share of wrong ones falls from chance to `final_error`."""
    chance = 1 - 1 / classes
    wrong = torch.arange(len(labels)) < round(
        len(labels) * (chance + (final_error - chance) * learnt)
    )
    shown = torch.where(wrong, (labels + 1) % classes, labels)
    return torch.nn.functional.one_hot(shown, classes).double()
