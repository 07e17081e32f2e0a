"""CUR (Wu et al., ICML 2022): cut off the branch that leans on the other modality for a while.

Two branches exchange gates (`olmlib.models.mmtm`). What a branch gains from the other modality is
its conditional utilisation rate; it is expensive, so training watches a proxy, the conditional
learning speed: how fast the weights that bring the other modality in have moved, relative to the
branch's own weights. Where the speeds differ, the faster branch gets constant gates for the next
steps, and must learn from its own modality. Costs the gates and, per step, the norms of all weights
and gradients: about a tenth more than Concat per step of 8 clips at width 8, on one CPU core.
"""

import copy
import random
from math import log10
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from olmlib.check import Count, NotNegative, Positive, checked
from olmlib.config import LateFusionConfig
from olmlib.losses import cross_entropy
from olmlib.methods.base import Method
from olmlib.models.mmtm import TwoBranch


class Scheme(Method):
    """Train `TwoBranch` with the sum of its branches' losses and balance it by learning speed.

    Args:
        seed: of the random rule.
        threshold: intervene where the speeds differ by more; none (`null`) never does, which leaves
            MMTM.
        window: Q, steps for which a branch stays cut off; the speeds stand still meanwhile.
        start_epoch: the first epoch with interventions, counted from 1.
        rule: "speed", or its control "random", where before each step chance decides between no
            intervention and either branch, 1/3 each.
        gate_scale: 1, or 2 as in MMTM.

    Raises:
        ValueError: a value that an option cannot have.
    """

    @checked
    def __init__(
        self,
        seed: int = 0,
        threshold: NotNegative | None = 0.01,
        window: Count = 5,
        start_epoch: Count = 2,
        rule: Literal["speed", "random"] = "speed",
        gate_scale: Positive = 1.0,
    ):
        super().__init__(seed)
        self.threshold, self.window, self.start_epoch = threshold, window, start_epoch
        self.rule, self.gate_scale = rule, gate_scale
        self.epoch = self.steps = 0
        # The branch that the next step cuts off, and for how many more steps.
        self.blocked: str | None = None
        self.left = 0
        self.was_blocked: str | None = None

    def build(self, num_classes, config):
        """Return the two branches joined by MMTM.

        Raises:
            ValueError: encoders that are no ResNets.
        """
        if not isinstance(config, LateFusionConfig):
            raise ValueError(
                "CUR's gates stand between the stages of ResNets: it needs convolutional encoders"
            )
        model = TwoBranch(num_classes, config, self.gate_scale)
        self.start(model.modalities)
        return model

    def start(self, modalities: tuple[str, ...]) -> None:
        """Begin with branches of these modalities that have not moved."""
        self.modalities = modalities
        # Sums of mu over the regular steps so far.
        groups = ("fusion", "branch")
        self.moved = {group: dict.fromkeys(modalities, 0.0) for group in groups}

    def on_epoch_start(self, training, epoch, steps):
        """Note the epoch, and bring a resumed model back into the mode it was stopped in."""
        self.epoch = epoch
        training.model.blocked = self.blocked

    def loss(self, outputs, labels):
        """Return the sum of the branches' losses, in nats; the fused head is their mean."""
        return sum(cross_entropy(outputs.logits[m], labels) for m in self.modalities)

    def after_backward(self, model):
        """Read the gradients, and decide which branch the next step cuts off."""
        self.steps += 1
        self.was_blocked = self.blocked
        if self.blocked is None:
            self._accumulate(model)
        if self.epoch >= self.start_epoch:
            self._decide()
        model.blocked = self.blocked

    def speeds(self) -> dict[str, float]:
        """Return each branch's conditional learning speed, `log10(sum mu' / sum mu)`.

        Zero before the first step. The code takes log10; the paper's natural logarithm would only
        scale the threshold by 2.3.
        """
        if not all(self.moved["branch"].values()):
            return dict.fromkeys(self.modalities, 0.0)
        return {m: speed(self.moved["fusion"][m], self.moved["branch"][m]) for m in self.modalities}

    def record(self):
        """Return `speed` and whether this step was `blocked`, per head; 0 for the fused head."""
        speeds = self.speeds()
        blocked = {m: float(m == self.was_blocked) for m in self.modalities}
        return {
            name: torch.tensor([*(values[m] for m in self.modalities), 0.0])
            for name, values in (("speed", speeds), ("blocked", blocked))
        }

    def state_dict(self):
        """Return the sums, the counters and the mode of the next step."""
        names = ("moved", "steps", "blocked", "left")
        return copy.deepcopy({name: getattr(self, name) for name in names})

    def load_state_dict(self, state):
        """Restore a `state_dict`; the model takes up the mode when its epoch starts."""
        for name, value in copy.deepcopy(state).items():
            setattr(self, name, value)

    def _accumulate(self, model: TwoBranch) -> None:
        # The squeezes belong to both fusion groups, so each is counted twice, as in the code.
        moves = torch.stack(
            [movement(getattr(model, group)(m)) for group in self.moved for m in self.modalities]
        )
        values = iter(moves.tolist())
        # In mixed precision a step may overflow; the optimiser skips it, and so do the sums.
        if torch.isfinite(moves).all():
            for sums in self.moved.values():
                for m in self.modalities:
                    sums[m] += next(values)

    def _decide(self) -> None:
        if self.rule == "random":
            draw = random.Random(f"cur {self.seed} {self.steps}")
            self.blocked = draw.choice((None, *self.modalities))
        elif self.blocked is not None:
            self.left -= 1
            self.blocked = self.blocked if self.left else None
        else:
            self.blocked = choose(self.speeds(), self.threshold)
            self.left = self.window if self.blocked else 0


@torch.no_grad()
def movement(parameters: list[nn.Parameter]) -> Tensor:
    """Return `mu = ||grad||^2 / ||theta||^2`, the group taken as one vector; `()`."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    return (get_total_norm(gradients) / get_total_norm(parameters)).square().float()


def speed(fusion: float, branch: float) -> float:
    """Return a conditional learning speed from the sums of mu over theta' and over theta."""
    return log10(fusion / branch)


def choose(speeds: dict[str, float], threshold: float | None) -> str | None:
    """Return the branch to cut off: the faster one if the speeds differ by more than `threshold`.

    A high speed says that the branch learns to use the other modality more than its own.
    """
    (first, speed_1), (second, speed_2) = speeds.items()
    if threshold is None or abs(speed_1 - speed_2) <= threshold:
        return None
    return first if speed_1 > speed_2 else second
