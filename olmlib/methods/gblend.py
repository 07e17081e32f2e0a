"""G-Blend (Wang et al., CVPR 2020): fixed loss weights that reward learning and punish overfitting.

Each head has a loss of its own, and the network minimises their weighted sum. Before that, audio,
vision and both together are each trained alone on nine tenths of the training clips; where the
modalities meet inside the network, it is trained by one of its heads at a time. How far the
loss of the held-out tenth falls is what a head has learnt for good, G; how far the gap between
held-out and training loss opens is how much it has overfitted, O. The weights are in proportion to
`G / O^2`, which makes the ratio of overfitting to learning of the blended step smallest. It costs
one training of either modality, one of both and the run itself, together about three times Concat.
Online the weights are measured again every few epochs from where the network is; a probe then looks
only as far ahead as its weights will be used, so the total is about the same.
"""

from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from olmlib.check import Count, Positive, Range, checked
from olmlib.evaluate import evaluate
from olmlib.losses import cross_entropy
from olmlib.methods import joint, unimodal
from olmlib.methods.base import Method, clip_classes
from olmlib.models.build import build
from olmlib.models.late_fusion import LateFusion
from olmlib.models.network import Network


class Scheme(Method):
    """Minimise `sum_m w_m L_m` over the heads, w by the ratio of G to O^2.

    The network itself learns from all training clips. So the clips that `online` holds out of its
    probes are known to the network from the second super-epoch on: their losses then say how fast
    a head forgets them.

    Args:
        seed: of the held-out clips.
        mode: `offline`, one measurement before the run, or `online`, one at the start of every
            super-epoch.
        epochs_share: length of the offline probes as a share of the run's epochs, at least one.
        super_epoch: epochs from one online measurement to the next; an online probe is as long.
        hold_out: share of the training clips that is held out.
        folds: measure with this many disjoint held-out parts and take the mean of the weights; the
            OLM paper's five-fold cross-validation is `folds` 5 and `hold_out` 0.2.
        scale: what the weights sum to: `one`, or `heads`, their number, for which the step is as
            long as that of `three_heads`.
        estimate: of G and O, see `raw_weights`.
        start: the losses before the first step, where a probe starts from a fresh network:
            `measured`, or `log_classes`, those of a uniform guess. Measured ones are large and
            random: batch norm that has seen no clip normalises nothing.

    Attributes:
        w: `(M,)`, of sum 1, in the order of the model's heads.

    Raises:
        ValueError: an option outside its range.
    """

    @checked
    def __init__(
        self,
        seed: int = 0,
        mode: Literal["offline", "online"] = "offline",
        epochs_share: Positive = 1.0,
        super_epoch: Count = 10,
        hold_out: Annotated[float, Range(0, 0.5, without=("low",))] = 0.1,
        folds: Count = 1,
        scale: Literal["one", "heads"] = "one",
        estimate: Literal["drop", "multibench", "absolute"] = "drop",
        start: Literal["measured", "log_classes"] = "measured",
    ):
        super().__init__(seed)
        if folds > round(1 / hold_out):
            raise ValueError(f"there are not {folds} disjoint parts of share {hold_out}")
        self.online, self.scale, self.estimate = mode == "online", scale, estimate
        self.epochs_share, self.super_epoch = epochs_share, super_epoch
        self.hold_out, self.folds, self.start = hold_out, folds, start

    def build(self, num_classes, config):
        """Return the network with auxiliary heads."""
        model = build(num_classes, config, aux_heads=True)
        self.w = torch.full((len(model.heads),), 1 / len(model.heads), dtype=torch.float64)
        return model

    def pre_run(self, training):
        """Measure the weights of the whole run, unless they are measured online."""
        if not self.online:
            epochs = max(1, round(self.epochs_share * training.config.epochs))
            self.w = self.measure(training, "gblend", epochs)

    def on_epoch_start(self, training, epoch, steps):
        """Online, at the start of a super-epoch, measure its weights."""
        if self.online and (epoch - 1) % self.super_epoch == 0:
            epochs = min(self.super_epoch, training.config.epochs - epoch + 1)
            self.w = self.measure(training, f"gblend_epoch{epoch}", epochs)

    def measure(self, training, name: str, epochs: int) -> Tensor:
        """Train each head's probe for some epochs and return the weights, averaged over folds.

        Args:
            training: the run.
            name: of this measurement, unlike all others of the run, so that a stopped one goes on.
            epochs: of each probe.

        Returns:
            `(M,)`, of sum 1.
        """
        rows, measured = training.data.rows("train"), []
        parts = deal(clip_classes(training.data.labels[rows]), round(1 / self.hold_out), self.seed)
        for fold in range(self.folds):
            clips = [rows[parts != fold], rows[parts == fold]]
            losses = [
                self._probe(training, head, f"{name}_{head}_fold{fold}", epochs, clips)
                for head in training.model.heads
            ]
            start, end = torch.stack(losses).unbind(1)
            measured.append(weights(start, end, self.estimate))
        return torch.stack(measured).mean(0)

    def loss(self, outputs, labels):
        """Return `sum_m w_m L_m`, times the number of heads if `scale` is `heads`."""
        losses = torch.stack([self.criterion(s, labels) for s in outputs.logits.values()])
        total = self.w.to(losses) @ losses
        return total * len(losses) if self.scale == "heads" else total

    def record(self):
        """Return the weights of the losses."""
        return {"weight": self.w.clone()}

    def state_dict(self):
        """Return the weights, so that a run that goes on measures nothing again."""
        return {"w": self.w.clone()}

    def load_state_dict(self, state):
        """Restore the weights."""
        self.w = state["w"].cpu()

    def _alone(self, model: Network, head: str) -> Method:
        """Return the scheme that trains by itself what a head of `model` predicts from."""
        if not isinstance(model, LateFusion):
            return OneHead(head, self.seed)
        return joint.Scheme(self.seed) if head == "fused" else unimodal.Scheme(self.seed, head)

    def _probe(self, training, head, name, epochs, clips) -> Tensor:
        """Return mean losses `(2, 2)`: before and after x of trained and held-out clips."""
        values = []
        initial = probe_weights(training.model, head) if self.online else None
        for stage, count in (("start", 0), ("end", epochs)):
            method = Probe(self._alone(training.model, head), training.schedule.state_dict())
            # A finished probe would be found by its name where a fresh one is asked for.
            model = training.extra_run(
                method, f"{name}_{stage}", training.part(clips[0], augment=True), count, initial
            )
            values.append([self._mean_loss(training, method, model, rows) for rows in clips])
        losses = torch.tensor(values, dtype=torch.float64)
        if self.start == "log_classes" and not training.rows:
            losses[0] = np.log(len(training.data.classes))
        return losses

    def _mean_loss(self, training, method, model, rows) -> float:
        outputs, labels = evaluate(model, training.part(rows), training.device)
        return cross_entropy(method.predict(outputs.logits), labels).item()


class OneHead(Method):
    """The whole network, trained by one of its heads: for networks whose modalities meet early.

    What that head does not look at learns nothing but the network's own losses.

    Args:
        head: a modality, or "fused".
        seed: of the run.
    """

    def __init__(self, head: str, seed: int = 0):
        super().__init__(seed)
        self.head = head

    def build(self, num_classes, config):
        """Return the network with auxiliary heads."""
        return build(num_classes, config, aux_heads=True)

    def predict(self, heads):
        """Return what the one head predicts."""
        return heads[self.head]


class Probe(Method):
    """A unimodal scheme or Concat at the learning rate at which the run is.

    Args:
        scheme: what is trained.
        schedule: state of the run's learning-rate schedule.
    """

    def __init__(self, scheme: Method, schedule: dict):
        super().__init__(scheme.seed)
        self.scheme, self.schedule = scheme, schedule

    def build(self, num_classes, config):
        """Return the scheme's model."""
        return self.scheme.build(num_classes, config)

    def predict(self, heads):
        """Return what the scheme predicts."""
        return self.scheme.predict(heads)

    def on_epoch_start(self, training, epoch, steps):
        """Before the first epoch, go to where the run is; later the probe's own state knows."""
        if epoch == 1:
            training.schedule.load_state_dict(self.schedule)
            rates = training.schedule.get_last_lr()
            for group, rate in zip(training.optimizer.param_groups, rates, strict=True):
                group["lr"] = rate


def probe_weights(model: Network, head: str) -> dict[str, Tensor]:
    """Return what one head of a three-head model computes with, named as in its probe's model.

    Args:
        model: with auxiliary heads.
        head: a modality, or "fused".
    """
    state = model.state_dict()
    if not isinstance(model, LateFusion):
        return state
    if head == "fused":
        return {k: v for k, v in state.items() if not k.startswith("aux.")}
    encoder = {k: v for k, v in state.items() if k.startswith(f"encoders.{head}.")}
    aux = f"aux.{head}."
    return encoder | {f"fusion.{k[len(aux) :]}": v for k, v in state.items() if k.startswith(aux)}


def deal(labels: np.ndarray, parts: int, seed: int) -> np.ndarray:
    """Deal samples at random into parts of equal size, class by class.

    Args:
        labels: `(n,)`, class indices.
        parts: how many.
        seed: >= 0.

    Returns:
        `(n,)`, each sample's part, in [0, parts). A class of fewer samples is in the first parts.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    part = np.empty(len(labels), np.int64)
    for c in np.unique(labels):
        members = order[labels[order] == c]
        part[members] = np.arange(len(members)) % parts
    return part


def learning(start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Return G and O, how far the held-out losses fell and how far the gap opened.

    Args:
        start, end: `(M, 2)`, mean losses of trained and of held-out clips, in nats.

    Returns:
        `(M,)` each; either may be negative.
    """
    gap = [x[:, 1] - x[:, 0] for x in (start, end)]
    return start[:, 1] - end[:, 1], gap[1] - gap[0]


def raw_weights(start: Tensor, end: Tensor, estimate: str = "drop") -> Tensor:
    """Return the weights before they are brought to sum 1.

    Args:
        start, end: `(M, 2)`, mean losses of trained and of held-out clips, in nats.
        estimate: `drop`, `max(G, 0) / max(O^2, 1e-6)`: a head that has learnt nothing for good gets
            no weight. `multibench`, MultiBench's default, takes the held-out loss and the gap at
            the end for G and O, so a head that is worse at the end may get more weight. `absolute`,
            as in BalanceBenchmark, takes |G|: a head that has got worse gets weight for it.

    Returns:
        `(M,)`, at least 0.
    """
    if estimate == "multibench":
        return end[:, 1] / (end[:, 1] - end[:, 0]).clamp(min=1e-4) ** 2
    learnt, overfitted = learning(start, end)
    learnt = learnt.abs() if estimate == "absolute" else learnt.clamp(min=0)
    # Without the floor a head whose gap happens not to move would divide by zero.
    return learnt / (overfitted**2).clamp(min=1e-6)


def weights(start: Tensor, end: Tensor, estimate: str = "drop") -> Tensor:
    """Return `raw_weights` `(M,)` brought to sum 1, or equal ones where all are 0."""
    raw = raw_weights(start, end, estimate)
    return raw / raw.sum() if raw.sum() > 0 else torch.full_like(raw, 1 / len(raw))
