"""What a training leaves behind per iteration: Figures 1, 5 and 6 are drawn from this alone."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from olmlib.processes import gathered


class History:
    """Values of every iteration, kept in memory and saved with the checkpoint.

    Per head: raw cross-entropy `train_loss`, mean logit `norm`; per head and class: `norm_class`
    and `score_class`, the mean norm and the mean true-class logit over the batch's samples of a
    class (NaN where it has none); and whatever the method records (w, lam, G, C, dev_loss).

    Args:
        heads: the model's heads, in order.
    """

    def __init__(self, heads: tuple[str, ...]):
        self.heads = heads
        self.values: dict[str, list[Tensor]] = {}

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
        stacked, labels = gathered(stacked, dim=1), gathered(labels.flatten())
        M, B, C = stacked.shape
        norms = stacked.norm(dim=-1)
        scores = stacked.gather(-1, labels.expand(M, B)[..., None]).squeeze(-1)
        # Cross-entropy from what is there already: one call for all heads.
        losses = stacked.logsumexp(-1) - scores
        share = one_hot(labels, C).float()
        share = share / share.sum(0)
        row = {
            "epoch": torch.tensor(epoch),
            "loss": loss.detach().float(),
            "train_loss": losses.mean(-1),
            "norm": norms.mean(-1),
            "norm_class": norms @ share,
            "score_class": scores @ share,
            **record,
        }
        for name, value in row.items():
            self.values.setdefault(name, []).append(value.detach().cpu())

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
        self.values = {name: list(rows.unbind()) for name, rows in state.items()}
