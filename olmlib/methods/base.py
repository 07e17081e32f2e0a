"""What a training scheme is: a small object whose hooks the training loop calls.

Adding a method is one file here with a class `Scheme`, and its line in `olmlib.methods.table`.
Override the hooks that differ; the rest does plain training of the fused head.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from olmlib.check import checked
from olmlib.config import NetworkConfig
from olmlib.losses import cross_entropy
from olmlib.models.build import build
from olmlib.models.network import Network
from olmlib.models.outputs import Outputs

Batch = dict[str, Tensor]
# An `olmlib.training.Training`, which methods may look at and must not import: the loop knows them.
Training = Any


class Method:
    """One training scheme; the hooks in the order in which `train.fit` calls them.

    Args:
        seed: the run's seed, for methods that draw random numbers. A method with options adds them
            here; `olmlib.check.checked` holds them to their annotations.

    Attributes:
        distributed: whether several processes may train it (`olmlib.ranks`), each with its
            part of the batch: true where the loss is a mean over samples and no hook looks at the
            batch, or gathers it first.
        criterion: the loss of one head, which the training loop takes from the network.
    """

    distributed = False
    criterion: Callable[..., Tensor] = staticmethod(cross_entropy)

    @checked
    def __init__(self, seed: int = 0):
        self.seed = seed

    def build(self, num_classes: int, config: NetworkConfig) -> Network:
        """Return the model that this method trains."""
        return build(num_classes, config)

    def pre_run(self, training: Training) -> None:
        """Do what must happen before the first step, for example `training.extra_run`.

        Args:
            training: the `olmlib.training.Training` that is about to begin.
        """

    def epoch_length(self, train_batches: int, dev_batches: int) -> int:
        """Return the number of steps of an epoch."""
        return train_batches

    def on_epoch_start(self, training: Training, epoch: int, steps: int) -> None:
        """Begin epoch `epoch`, counted from 1, of `steps` steps.

        Args:
            training: the model, the clips and whatever else an `olmlib.training.Training` has.
            epoch: counted from 1.
            steps: batches of this epoch.
        """

    def forward_extra(self, model: Network, next_dev: Callable[[int], Batch], size: int) -> None:
        """Run extra forward passes; `next_dev(n)` gives the next `n` samples of the dev split."""

    def loss(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """Return the scalar to minimise: the loss of `predict`, in nats."""
        return self.criterion(self.predict(outputs.logits), labels)

    def after_backward(self, model: Network) -> None:
        """Edit or read gradients, unscaled, before the optimiser's step."""

    def after_step(self, outputs: Outputs, labels: Tensor) -> None:
        """Update the method's own state; `outputs` are those of this step, detached."""

    def predict(self, heads: dict[str, Tensor]) -> Tensor:
        """Return what the table reports, of logits or of valences: that of the fused head.

        A modality that is trained alone has one head only.
        """
        return heads["fused"] if len(heads) > 1 else next(iter(heads.values()))

    def record(self) -> dict[str, Tensor]:
        """Return this step's values for the history: name -> `(M,)`, heads in the model's order."""
        return {}

    def state_dict(self) -> dict:
        """Return what an interrupted run needs to go on exactly."""
        return {}

    def load_state_dict(self, state: dict) -> None:
        """Restore a `state_dict`."""


def clip_classes(labels: np.ndarray) -> np.ndarray:
    """Return one class per clip `(n,)`: its label, or of segments `(n, T)` the commonest one."""
    if labels.ndim == 1:
        return labels
    return np.array([np.bincount(segments).argmax() for segments in labels])
