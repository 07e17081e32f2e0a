"""PMR (Fan et al., CVPR 2023): class prototypes pull the encoder of the modality that lags.

The mean feature of a class in one modality is the class's prototype, and the nearer a sample lies
to the prototype of its class, the better that modality alone recognises it: a judge that needs no
classifier and that no other modality disturbs. The modality whose prototypes do worse gets a
cross-entropy of its own over the distances, which speeds its encoder up; in the first epochs the
other one is also slowed, by a reward for staying undecided between its prototypes. It costs a
forward pass of a tenth of the training clips per epoch, about 3 % of the epoch, and `B * C`
distances per step, which cannot be seen beside the encoders.
"""

from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from olmlib.check import NotNegative, Probability, Range, Share, checked
from olmlib.evaluate import evaluate
from olmlib.methods.base import Method, clip_classes


class Scheme(Method):
    """Minimise `CE + alpha sum_m beta_m PCE_m - mu sum_m gamma_m H_m`.

    The paper writes its two modalities out; there `beta_audio` is its beta and `beta_visual` its
    gamma. It needs no more than features, so it goes with every fusion.

    Args:
        seed: of the clips that prototypes are made from, the same ones in every epoch.
        alpha: weight of the prototype cross-entropy; 1 or 2 in the paper.
        mu: weight of the entropy; 1e-2 or 1e-3 in the paper.
        regularise: the entropy acts while the share of epochs that lie behind is below this: in
            the first 5 of 100.
        until: the method acts while that share is at most this: by default in epochs 0 to 70 of
            100, counted from 0 as the code does, the last one included.
        eps: how much the prototypes of the epoch before count, in [0, 1).
        subset: share of the training clips that prototypes are made from, at least one per class.
        coefficient: `soft`, how far a modality lags, as in the paper; `hard`, whether it lags, as
            in the released code.
        per: whether there is an entropy term; the released code has none.

    Attributes:
        prototypes: modality -> `(C, d)`.
        seen: `(C,)`, whether a class has a prototype yet.
        beta, gamma: `(M,)` of the last step, modalities in the model's order.

    Raises:
        ValueError: a value that an option cannot have.
    """

    @checked
    def __init__(
        self,
        seed: int = 0,
        alpha: NotNegative = 1.0,
        mu: NotNegative = 1e-2,
        regularise: Probability = 0.05,
        until: Probability = 0.7,
        eps: Share = 0.2,
        subset: Annotated[float, Range(0, 1, without=("low",))] = 0.1,
        coefficient: Literal["soft", "hard"] = "soft",
        per: bool = True,
    ):
        super().__init__(seed)
        self.alpha, self.mu, self.regularise, self.until = alpha, mu, regularise, until
        self.eps, self.subset, self.hard, self.per = eps, subset, coefficient == "hard", per
        self.active = self.slowing = False
        self.prototypes: dict[str, Tensor] = {}
        self.seen: Tensor | None = None

    def build(self, num_classes, config):
        """Return the plain network of two or more modalities.

        Raises:
            ValueError: a lone modality, which lags behind nobody.
        """
        model = super().build(num_classes, config)
        if len(model.modalities) < 2:
            raise ValueError("PMR compares modalities: give it two or more")
        self.beta = self.gamma = torch.zeros(len(model.heads) - 1)
        return model

    def on_epoch_start(self, training, epoch, steps):
        """Find out what acts in this epoch, and move the prototypes to where classes are now."""
        behind = (epoch - 1) / training.config.epochs
        self.active = behind <= self.until
        self.slowing = self.per and behind < self.regularise
        if self.active:
            data = training.data
            rows = stratified(data.rows("train"), clip_classes(data.labels), self.subset, self.seed)
            part = evaluate(training.model, training.part(rows), training.device)
            self.update(part[0].features, part[1], len(data.classes), training.device)

    def update(self, features, labels: Tensor, num_classes: int, device="cpu") -> None:
        """Let `1 - eps` of the way to the class means of `features` be the new prototypes (Eq. 12).

        A class without sample keeps its prototype; a class's first one has nothing to be mixed
        with.

        Args:
            features: modality -> `(n, d)` or `(n, T, d)`.
            labels: `(n,)` or `(n, T)`.
            num_classes: C.
            device: where the prototypes will be needed.
        """
        labels = labels.flatten()
        here = torch.bincount(labels, minlength=num_classes).to(device) > 0
        old_seen = torch.zeros_like(here) if self.seen is None else self.seen
        for m, z in features.items():
            new = class_means(z.flatten(0, -2), labels, num_classes).to(device)
            old = torch.where(old_seen[:, None], self.prototypes.get(m, new), new)
            mixed = self.eps * old + (1 - self.eps) * new
            self.prototypes[m] = torch.where(here[:, None], mixed, old)
        self.seen = old_seen | here

    def loss(self, outputs, labels):
        """Return the fused head's cross-entropy with the terms that act in this epoch."""
        total = super().loss(outputs, labels)
        self.beta = self.gamma = torch.zeros(len(outputs.features), device=labels.device)
        if not self.active or self.seen is None:
            return total
        log_p = torch.stack(
            [log_probabilities(z.flatten(0, -2), self.prototypes[m], self.seen)
             for m, z in outputs.features.items()]
        )  # fmt: skip
        right = log_p.gather(-1, labels.flatten().expand(len(log_p), -1)[..., None]).squeeze(-1)
        self.beta, self.gamma = coefficients(right.detach().exp().sum(1), self.hard)
        total = total + self.alpha * (self.beta * -right.mean(1)).sum()
        if self.slowing:
            entropy = -(log_p.exp() * log_p).sum(-1).mean(1)
            total = total - self.mu * (self.gamma * entropy).sum()
        return total

    def record(self):
        """Return how far each modality lags (beta) and leads (gamma); the fused head's are 0."""
        zero = self.beta.new_zeros(1)
        return {name: torch.cat([getattr(self, name), zero]) for name in ("beta", "gamma")}

    def state_dict(self):
        """Return the prototypes."""
        return {"prototypes": dict(self.prototypes), "seen": self.seen}

    def load_state_dict(self, state):
        """Restore the prototypes."""
        self.prototypes, self.seen = dict(state["prototypes"]), state["seen"]


def stratified(rows: np.ndarray, labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return a random `share` of `rows` from each class, at least one row of each, ascending.

    Args:
        rows: `(n,)`, positions in `labels`.
        labels: `(N,)`, class indices.
        share: in (0, 1].
        seed: >= 0.
    """
    mixed = np.random.default_rng(seed).permutation(rows)
    classes = [mixed[labels[mixed] == c] for c in np.unique(labels[rows])]
    return np.sort(np.concatenate([c[: max(1, round(share * len(c)))] for c in classes]))


def class_means(features: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Return the mean feature of each class, 0 for a class without sample.

    Args:
        features: `(n, d)`.
        labels: `(n,)`.
        num_classes: C.

    Returns:
        `(C, d)`.
    """
    sums = features.new_zeros(num_classes, features.shape[1]).index_add_(0, labels, features)
    return sums / torch.bincount(labels, minlength=num_classes).clamp(min=1)[:, None]


def log_probabilities(features: Tensor, prototypes: Tensor, seen: Tensor) -> Tensor:
    """Return the log of the softmax over minus the Euclidean distances (Eq. 7).

    The distance is not squared: squared ones make nearly every sample certain.

    Args:
        features: `(B, d)`.
        prototypes: `(C, d)`, without graph.
        seen: `(C,)`; the other classes have no prototype and get no probability.

    Returns:
        `(B, C)`, at most 0, single precision or better.
    """
    # Its slope at 0, where a feature meets its prototype, is 0; that of a root would be infinite.
    distance = torch.linalg.vector_norm(features.float().unsqueeze(1) - prototypes, dim=-1)
    # A large finite number, not infinity, keeps the entropy's 0 * log 0 at 0.
    return (-distance.masked_fill(~seen, 1e9)).log_softmax(-1)


def coefficients(p: Tensor, hard: bool = False) -> tuple[Tensor, Tensor]:
    """Return how far each modality lags behind the best one and leads before the worst (Eq. 11).

    `beta_m = clip(p_max / p_m - 1, 0, 1)` and `gamma_m = clip(p_m / p_min - 1, 0, 1)`. Of two
    modalities one has a beta and the other the same as gamma, the paper's two cases of rho.

    Args:
        p: `(M,)`, sums over the batch of the probabilities of the right classes (Eq. 8).
        hard: 1 in place of every value above 0.

    Returns:
        beta and gamma, `(M,)` each, in [0, 1].
    """
    # Far from every prototype of its class, a sum may round to 0, and 0 / 0 would be NaN.
    p = p.clamp(min=torch.finfo(p.dtype).tiny)
    beta, gamma = ((ratio - 1).clamp(0, 1) for ratio in (p.max() / p, p / p.min()))
    return ((beta > 0).to(beta), (gamma > 0).to(gamma)) if hard else (beta, gamma)
