"""Online Logit Modulation, section 3.2 of the paper: one coefficient per head, steered by Eq. 6-9.

Needs nothing but torch and works with the logits of any model::

    olm = OLM(["audio", "visual", "fused"])
    loss = olm.loss(logits, labels)
    loss.backward(); optimizer.step()
    olm.update(logits, labels, dev_logits, dev_labels)
"""

from collections.abc import Mapping, Sequence
from math import log

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from olmlib.olm_equations import (
    algorithm1,
    bounded_factors,
    bounded_norms,
    closed_form,
    logit_loss,
    logit_norms,
    loss_ratio_factors,
    rates,
    rebalancing_factors,
    weighted_median,
)
from olmlib.olm_finite import Finite
from olmlib.olm_presets import configured
from olmlib.processes import gathered, processes, summed

Logits = Mapping[str, Tensor]


class OLM:
    """The coefficients of M heads and the rule that moves them.

    Args:
        heads: the heads' names, the keys of `logits`.
        preset: a name of `PRESETS`: `stable` (the default), `paper`, `code`, `variant`, and the
            controls `norm_free` and `constant`.
        warmup: updates before the rule acts; take those of one epoch. The coefficients stay 1
            meanwhile and `stable` learns each head's own norm.
        seed: of the control `rule="random"`.
        **changes: fields of `OLMConfig` that differ from the preset.

    Attributes:
        w: `(M,)`, the coefficients, in the order of `heads`; where the logits are.
        lam: `(M,)`, the rebalancing factors, sum 1.
        record: the last update's `w`, `lam`, `G`, `C`, `train_loss`, `dev_loss`, each `(M,)`.

    Raises:
        ValueError: no heads, an unknown preset, an unknown field, or a value that it cannot have.
    """

    def __init__(self, heads: Sequence[str], preset="stable", warmup=50, seed=0, **changes):
        """Start with w = 1 and lambda = 1 / M."""
        if not heads or len(set(heads)) != len(heads):
            raise ValueError(f"heads must be distinct names, not {list(heads)}")
        self.heads = tuple(heads)
        self.config = configured(preset, changes)
        self.warmup = warmup
        self.seed = seed
        start = self.config.constant if self.config.solver == "none" else 1.0
        self.w = torch.full((len(heads),), start, dtype=torch.float64)
        self.w.requires_grad_(self.config.coefficients_feel_loss)
        self.lam = torch.full_like(self.w, 1 / len(heads), requires_grad=False)
        self.step = 0
        self.measured = 0
        self.train_loss: Tensor | None = None
        self.dev_loss: Tensor | None = None
        self.train0: Tensor | None = None
        self.dev0: Tensor | None = None
        self.norms = torch.zeros_like(self.lam)
        self._bounded: Tensor | None = None
        self.record: dict[str, Tensor] = {}
        self.optimizer = torch.optim.Adam([self.w], lr=self.config.eta)
        self._finite = Finite(self.heads)

    def loss(self, logits: Logits, labels: Tensor) -> Tensor:
        """Return the sum over heads of CE(w_m s_m, y).

        Args:
            logits: name -> `(B, C)` or `(B, T, C)`, raw logits of each head.
            labels: `(B,)` or `(B, T)`, class indices in `[0, C)`.

        Returns:
            `()`, in nats; a mean over samples, or a sum with `network_loss="sum"`.

        Raises:
            ValueError: a head is missing, or has NaN or infinite logits.
        """
        heads, labels = self._checked(logits), labels.flatten()
        self.w.grad = None
        # Plain numbers where they feel no gradient and no GPU need be waited for: head by head is
        # then the fastest way.
        plain = not (self.config.coefficients_feel_loss or self.w.is_cuda)
        coefficients = self.w.tolist() if plain else self.w.unbind()
        first, *others = (
            cross_entropy(c * s, labels, reduction=self.config.reduction)
            for c, s in zip(coefficients, heads, strict=True)
        )
        return sum(others, start=first) / self._gain(len(labels))

    @torch.no_grad()
    def update(self, logits: Logits, labels: Tensor, dev_logits: Logits | None = None,
               dev_labels: Tensor | None = None) -> None:  # fmt: skip
        """Move the coefficients by Eq. 6-9, after the optimiser's step.

        Args:
            logits, labels: the training batch, as in `loss`; under `torch.distributed`, this
                process's part of it.
            dev_logits, dev_labels: a batch of the dev split, the same in every process; without it
                the rates keep the last measured dev losses.

        Raises:
            ValueError: as `loss`; a dev batch without labels; or no dev batch was ever given.
        """
        stacked, labels = self._flat(logits, labels)
        stacked, labels = gathered(stacked, dim=1).double(), gathered(labels)
        train = self._measured(stacked, labels)
        self.train_loss = self._smooth(self.train_loss, train, steps=1)
        if dev_logits is not None:
            if dev_labels is None:
                raise ValueError("dev_logits need their dev_labels")
            # As long a memory in steps as the training losses have, however rarely dev is measured.
            dev = self._measured(*self._flat(dev_logits, dev_labels))
            self.dev_loss = self._smooth(self.dev_loss, dev, self.step - self.measured)
            self.measured = self.step
        if self.dev_loss is None:
            raise ValueError("the first update needs dev_logits and dev_labels")
        warming = self.step < self.warmup
        moving = warming and self.config.baseline == "last_of_warmup"
        if self.train0 is None or self.dev0 is None or moving:
            log_classes = self.config.baseline == "log_classes"
            start = torch.full_like(train, log(stacked.shape[-1]))
            self.train0 = start if log_classes else self.train_loss
            self.dev0 = start if log_classes else self.dev_loss

        G, C = rates(
            self.train0, self.dev0, self.train_loss, self.dev_loss, self.config.signed_rates
        )
        norms = logit_norms(stacked)
        if self.config.reference == "warmup" and warming:
            self.norms += (norms.mean(0) - self.norms) / (self.step + 1)
            self._bounded = None
        else:
            self.lam = self._factors(G, C, self.train0, self.train_loss)
            current = self.config.reference == "current"
            self.solve(norms if current else self._reference(), self.lam)
        self.step += 1
        self.record = {"w": self.w.detach().clone(), "lam": self.lam, "G": G, "C": C}
        self.record |= {"train_loss": train, "dev_loss": self.dev_loss}

    @torch.no_grad()
    def solve(self, norms: Tensor, lam: Tensor) -> None:
        """Move w towards the solution of Eq. 9 for these norms and factors.

        Args:
            norms: `(M,)` batch means or `(B, M)`, norms of raw logits.
            lam: `(M,)`, rebalancing factors.
        """
        config, M, samples = self.config, len(self.heads), len(norms)
        scale = M if config.rescale_target else 1.0
        if not config.per_sample and norms.ndim == 2:
            norms = norms.mean(0)
        match config.solver:
            case "none":
                return
            case "norm_free":
                solution = M * lam
            case "sgd":
                with torch.enable_grad():
                    solution = algorithm1(norms, lam, config.steps, config.eta, scale)
            case "adam":
                return self._adam_step(norms, lam, scale, samples)
            case "closed_form":
                solution = closed_form(norms, scale * lam * (self.w * norms).mean(), self.w)
            case "weighted_median":
                targets = scale * lam * (self.w * norms).mean(-1, keepdim=True)
                solution = torch.stack(
                    [weighted_median(norms[:, m], targets[:, m]) for m in range(M)]
                )
        w = config.smoothing * self.w + (1 - config.smoothing) * solution
        self.w.copy_(w.clamp(*config.clamp) if config.clamp else w)

    def state_dict(self) -> dict:
        """Return everything that `load_state_dict` needs to go on exactly."""
        self._finite.look()
        names = ("w", "lam", "step", "measured", "warmup", "norms", "record")
        losses = ("train_loss", "dev_loss", "train0", "dev0")
        state = {name: getattr(self, name) for name in names + losses}
        state["w"] = self.w.detach().clone()
        return state | {"heads": self.heads, "optimizer": self.optimizer.state_dict()}

    @torch.no_grad()
    def load_state_dict(self, state: dict) -> None:
        """Restore a `state_dict`.

        Raises:
            ValueError: the state belongs to other heads.
        """
        state = dict(state)
        if tuple(state.pop("heads")) != self.heads:
            raise ValueError(f"the saved coefficients are not those of heads {self.heads}")
        self.optimizer.load_state_dict(state.pop("optimizer"))
        self.w.copy_(state.pop("w"))
        for name, value in state.items():
            setattr(self, name, value)
        self._bounded = None

    def _checked(self, logits: Logits) -> list[Tensor]:
        """Return the logits of the heads, each `(B, C)`, time folded into the batch."""
        for head in self.heads:
            if head not in logits:
                raise ValueError(f"no logits of head {head!r}; there are {', '.join(logits)}")
        heads = [logits[head].flatten(0, -2) for head in self.heads]
        self._follow(heads[0].device)
        self._finite.check(heads, self.step)
        return heads

    def _follow(self, device: torch.device) -> None:
        """Go where the logits are: what is computed there makes nobody wait."""
        if self.w.device == device:
            return
        moments = self.optimizer.state_dict()
        self.w.data = self.w.data.to(device)
        self.optimizer.load_state_dict(moments)
        for name in ("lam", "norms", "train_loss", "dev_loss", "train0", "dev0"):
            value = getattr(self, name)
            setattr(self, name, value if value is None else value.to(device))
        self._bounded = None

    def _flat(self, logits: Logits, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits `(M, B, C)` and labels `(B,)`."""
        return torch.stack(self._checked(logits)), labels.flatten()

    def _measured(self, stacked: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of every head, `(M,)`, in double precision."""
        M, B, _ = stacked.shape
        if self.config.weighted_losses:
            stacked = self.w.to(stacked)[:, None, None] * stacked
        labels = labels.expand(M, B).flatten()
        every = cross_entropy(stacked.double().flatten(0, 1), labels, reduction="none").view(M, B)
        return every.mean(-1) if self.config.reduction == "mean" else every.sum(-1)

    def _reference(self) -> Tensor:
        """Return the warm-up's norms, bounded; they change no more, so this is done once."""
        if self._bounded is None:
            self._bounded = bounded_norms(self.norms)
        return self._bounded

    def _smooth(self, mean: Tensor | None, value: Tensor, steps: int) -> Tensor:
        return value if mean is None else mean.lerp(value, 1 - self.config.smoothing**steps)

    def _gain(self, samples: int) -> int:
        """Return how many times larger the loss of the coefficients is than the network's."""
        summed = self.config.reduction == "sum"
        return samples if summed and self.config.network_loss == "mean" else 1

    def _factors(self, G: Tensor, C: Tensor, train0: Tensor, train: Tensor) -> Tensor:
        match self.config.rule:
            case "uniform":
                return torch.full_like(G, 1 / len(G))
            case "reversed":
                G, C = C, G
        match self.config.factors:
            case "loss_ratio":
                lam = loss_ratio_factors(train0, train)
            case "softmax":
                lam = rebalancing_factors(G, C)
            case "bounded":
                lam = bounded_factors(G, C)
        if self.config.rule == "random":
            period = self.step // max(self.warmup, 1)
            generator = torch.Generator().manual_seed(self.seed * 100_003 + period)
            lam = lam[torch.randperm(len(lam), generator=generator)]
        return lam

    def _adam_step(self, norms: Tensor, lam: Tensor, scale: float, samples: int) -> None:
        with torch.enable_grad():
            w = self.w.detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(logit_loss(w, norms, lam, scale), w)
        if self.w.grad is not None:
            # The mean over processes, as DistributedDataParallel takes it for the parameters.
            slope += self._gain(samples) * summed(self.w.grad) / processes()
        self.w.grad = slope
        self.optimizer.step()
        self.w.grad = None
