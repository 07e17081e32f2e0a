"""What a training leaves behind per iteration: Figures 1, 5 and 6 are drawn from this alone."""

import math
from collections.abc import Mapping
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from olmlib.processes import gathered

KEPT = 50  # steps whose logits wait to be looked at together


class Losses:
    """The losses of an epoch's steps, which stay on their device until they are looked at.

    Args:
        every: look after so many steps; 1 where looking waits for nobody.
    """

    def __init__(self, every: int):
        self.every = every
        self.samples: list[int] = []
        self._seen: list[float] = []
        self._recent: list[Tensor] = []

    def add(self, epoch: int, loss: Tensor, samples: int) -> None:
        """Append a step's loss `()`, in nats, of so many samples.

        Raises:
            FloatingPointError: as `look`.
        """
        self._recent.append(loss)
        self.samples.append(samples)
        if len(self._recent) >= self.every:
            self.look(epoch)

    def look(self, epoch: int) -> None:
        """Fetch the losses since the last look.

        Raises:
            FloatingPointError: one is NaN or infinite.
        """
        recent, self._recent = self._recent, []
        for loss in torch.stack(recent).tolist() if recent else []:
            self._seen.append(loss)
            if not math.isfinite(loss):
                found = f"the loss is {loss} in epoch {epoch}, step {len(self._seen)}"
                raise FloatingPointError(f"{found}; a smaller train.lr may help")

    def mean(self, epoch: int) -> float:
        """Return the mean loss of the samples.

        Raises:
            FloatingPointError: as `look`.
        """
        self.look(epoch)
        total = 0.0
        # Not `sum`, which rounds otherwise since Python 3.12.
        for loss, samples in zip(self._seen, self.samples, strict=True):
            total += loss * samples
        return total / sum(self.samples)


class Step(NamedTuple):
    """What one iteration leaves: raw logits `(M, B, C)`, labels `(B,)` and values by name."""

    logits: Tensor
    labels: Tensor
    values: dict[str, Tensor]


class History:
    """Values of every iteration, kept in memory and saved with the checkpoint.

    Per head: raw cross-entropy `train_loss`, mean logit `norm`; per head and class: `norm_class`
    and `score_class`, the mean norm and the mean true-class logit over the batch's samples of a
    class (NaN where it has none); and whatever the method records (w, lam, G, C, dev_loss).

    They are computed `KEPT` steps at a time, on the device of the logits, and no step waits for it.

    Args:
        heads: the model's heads, in order.
    """

    def __init__(self, heads: tuple[str, ...]):
        self.heads = heads
        self._values: dict[str, list[Tensor]] = {}
        self._recent: list[Step] = []

    @property
    def values(self) -> dict[str, list[Tensor]]:
        """Name -> a value per iteration, on the CPU."""
        recent, self._recent = self._recent, []
        # The last batch of an epoch may be smaller.
        for _, steps in groupby(recent, lambda step: step.labels.shape):
            for name, rows in _measured([*steps]).items():
                self._values.setdefault(name, []).extend(rows.cpu().unbind())
        return self._values

    @torch.no_grad()
    def add(
        self, epoch: int, loss: Tensor, logits: dict[str, Tensor], labels: Tensor, record: dict
    ):
        """Append one iteration; of several processes, each one its part of it.

        Args:
            epoch: counted from 1.
            loss: `()`, what was minimised over the whole batch, in nats.
            logits: head -> `(B, C)` or `(B, T, C)`, raw; each of T segments counts as a sample.
            labels: `(B,)` or `(B, T)`.
            record: name -> `(M,)`, the method's own values.
        """
        stacked = torch.stack([logits[head].flatten(0, -2) for head in self.heads]).float()
        own = {name: value.detach() for name, value in record.items()}
        values = {"epoch": torch.tensor(epoch), "loss": loss.detach().float(), **own}
        step = Step(gathered(stacked, dim=1), gathered(labels.flatten()), values)
        self._recent.append(step)
        if len(self._recent) >= KEPT:
            _ = self.values

    def arrays(self) -> dict[str, np.ndarray]:
        """Return name -> array over iterations, with `heads` and `step` beside them."""
        stacked = {name: torch.stack(rows).numpy() for name, rows in self.values.items()}
        steps = len(self.values.get("epoch", []))
        return {"heads": np.array(self.heads), "step": np.arange(steps)} | stacked

    def state_dict(self) -> dict:
        """Return the values so far."""
        return {name: torch.stack(rows) for name, rows in self.values.items()}

    def load_state_dict(self, state: dict) -> None:
        """Restore the values so far."""
        self._values = {name: list(rows.cpu().unbind()) for name, rows in state.items()}
        self._recent = []


@torch.no_grad()
def _measured(steps: list[Step]) -> dict[str, Tensor]:
    """Return name -> values `(S, ...)` of S steps with batches of the same size."""
    logits, labels = torch.stack([s.logits for s in steps]), torch.stack([s.labels for s in steps])
    S, M, B, C = logits.shape
    norms = logits.norm(dim=-1)
    truth = labels[:, None].expand(S, M, B)
    scores = logits.gather(-1, truth[..., None]).squeeze(-1)
    # Cross-entropy from what is there already.
    losses = logits.logsumexp(-1) - scores
    share = one_hot(labels, C).float()
    share = share / share.sum(1, keepdim=True)
    own = {name: torch.stack([s.values[name] for s in steps]) for name in steps[0].values}
    return own | {
        "train_loss": losses.mean(-1),
        "norm": norms.mean(-1),
        "norm_class": norms @ share,
        "score_class": scores @ share,
    }


def weights(encoders: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Return modality -> all weights of its encoder, where it has any, copied into one vector."""
    parts = {m: [p.detach().flatten() for p in e.parameters()] for m, e in encoders.items()}
    return {m: torch.cat(vectors) for m, vectors in parts.items() if vectors}


def updates(before: dict[str, Tensor], after: dict[str, Tensor]) -> dict[str, float]:
    """Return `update_<modality>` -> how far an encoder moved, `||after - before|| / ||before||`.

    OLM "ensures similar rates of parameter updates across modalities" (section 3.2); this is what
    tells.

    Args:
        before, after: as of `weights`.
    """
    return {
        f"update_{m}": ((after[m] - start).norm() / start.norm()).item()
        for m, start in before.items()
    }
