"""Online Logit Modulation, section 3.2 of the paper: one coefficient per head, steered by Eq. 6-9.

Needs nothing but torch and works with the logits of any model::

    olm = OLM(["audio", "visual", "fused"])
    loss = olm.loss(logits, labels)
    loss.backward(); optimizer.step()
    olm.update(logits, labels, dev_logits, dev_labels)
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from olmlib import olm_checks, olm_state
from olmlib.check import Range, Seed, checked
from olmlib.olm_equations import (
    algorithm1,
    bounded_norms,
    closed_form,
    dealt,
    factors,
    head_losses,
    logit_loss,
    logit_norms,
    rates,
    scaled,
    uniform_loss,
    weighted_median,
)
from olmlib.olm_later import Later
from olmlib.olm_presets import configured
from olmlib.processes import gathered, processes, summed

Logits = Mapping[str, Tensor]


class OLM:
    """The coefficients of M heads and the rule that moves them.

    Args:
        heads: the heads' names, the keys of `logits`.
        preset: a name of `PRESETS`: `stable` (the default), `paper`, `code`, `variant`, and the
            controls `norm_free` and `constant`. `code` and `variant` sum the loss over the batch
            (`network_loss="sum"`), so it is as many times larger as the batch has samples; under
            SGD set `network_loss="mean"`.
        warmup: updates before the rule acts, 0 or more; take those of one epoch. The coefficients
            stay 1 meanwhile and `stable` learns each head's own norm.
        seed: of the control `rule="random"`.
        **changes: fields of `OLMConfig` that differ from the preset.

    Attributes:
        w: `(M,)`, the coefficients, in the order of `heads`; with logits on a GPU, there too.
        lam: `(M,)`, the rebalancing factors, sum 1.
        record: the last update's `w`, `lam`, `G`, `C`, `train_loss`, `dev_loss`, each `(M,)`; NaN
            where no dev loss was ever measured.

    Raises:
        ValueError: no distinct names, an unknown preset or field, or a value that it cannot have.
    """

    @checked
    def __init__(
        self,
        heads: Iterable[str],
        preset="stable",
        warmup: Annotated[int, Range(0)] = 50,
        seed: Seed = 0,
        **changes,
    ):
        """Start with w = 1 and lambda = 1 / M."""
        self.heads = olm_checks.names(heads)
        self.preset = preset
        self.config = configured(preset, changes)
        self.warmup = warmup
        self.seed = seed
        start = self.config.constant if self.config.solver == "none" else 1.0
        self.w = torch.full((len(self.heads),), start, dtype=torch.float64)
        self.w.requires_grad_(self.config.coefficients_feel_loss)
        self.lam = torch.full_like(self.w, 1 / len(self.heads), requires_grad=False)
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
        self._awaits_backward = False
        self._later = Later(self.heads)

    def __repr__(self) -> str:
        """Return heads, preset, progress and coefficients in a line."""
        values = ", ".join(f"{head} {w:.4g}" for head, w in self.coefficients.items())
        return f"OLM({list(self.heads)}, {self.preset!r}): {self.step} updates, w = {values}"

    @property
    def coefficients(self) -> dict[str, float]:
        """Head -> w_m, as plain numbers."""
        return dict(zip(self.heads, self.w.tolist(), strict=True))

    def loss(self, logits: Logits, labels: Tensor, criterion: Callable = cross_entropy) -> Tensor:
        """Return the sum over heads of CE(w_m s_m, y).

        With the presets `code` and `variant` its gradient moves the coefficients too. Under a
        `GradScaler` call `scaler.unscale_(olm.optimizer)` before `update` then.

        Args:
            logits: name -> `(B, C)` or `(B, T, C)`, raw logits of each head. Classes that a sample
                cannot have are masked by -inf, and by no large number: it would count as a logit.
            labels: `(B,)` or `(B, T)`, class indices in `[0, C)`, of any integer type.
            criterion: another loss of one head, called as torch's `cross_entropy`, by which the
                rates of Eq. 6-7 are measured all the same.

        Returns:
            `()`, in nats, in single precision or better; a mean over samples, or a sum over them
            with `network_loss="sum"`, as in the presets `code` and `variant`.

        Raises:
            ValueError: `logits` is no dictionary of tensors with exactly these heads; their shapes,
                numbers of classes or devices do not fit each other or the labels; they are empty,
                NaN or +inf; a label is no index of a class, or its class is masked. What the
                values are is asked of a GPU every 50 batches; the error says of which step.
        """
        heads, labels, masked = self._checked(logits, labels)
        felt = self.config.coefficients_feel_loss
        if torch.is_grad_enabled():
            self.w.grad = None
            self._awaits_backward = felt
        # Plain numbers, the fastest, where they feel no gradient and no GPU need be waited for.
        plain = not (felt or self.w.is_cuda)
        coefficients = self.w.tolist() if plain else self.w.to(heads[0]).unbind()
        first, *others = (
            criterion(scaled(c, s, masked), labels, reduction=self.config.reduction)
            for c, s in zip(coefficients, heads, strict=True)
        )
        return sum(others, start=first) / self.config.gain(len(labels))

    @torch.no_grad()
    def update(self, logits: Logits, labels: Tensor, dev_logits: Logits | None = None,
               dev_labels: Tensor | None = None) -> None:  # fmt: skip
        """Move the coefficients by Eq. 6-9, after the optimiser's step.

        A masked class, -inf, counts as if the head had it not: the norms, and the ln C that the
        losses start from, are those of the other classes.

        Args:
            logits, labels: the training batch, as in `loss`; under `torch.distributed`, this
                process's part of it.
            dev_logits, dev_labels: a batch of the dev split, the same in every process; without it
                the rates keep the last measured dev losses. Rules that do not look at the dev set,
                such as the preset `variant`, need none.

        Raises:
            ValueError: as `loss`; only one of dev logits and dev labels; no dev batch was ever
                given; or `loss` was called and its backward pass not run. Nothing has changed then.
        """
        heads, labels, _ = self._checked(logits, labels)
        dev = None
        if olm_checks.both(dev_logits, dev_labels, self.config.needs_dev and self.dev_loss is None):
            dev = self._checked(dev_logits, dev_labels, "dev_", heads[0].shape[-1])
        if self._awaits_backward and self.w.grad is None:
            raise ValueError("the coefficients feel the loss: run its backward() before update()")
        self._awaits_backward = False
        stacked = gathered(torch.stack(heads), dim=1).to(self.w)
        train = self._measured(stacked, gathered(labels))
        self.train_loss = self._smooth(self.train_loss, train, steps=1)
        if dev is not None:
            now = self._measured(torch.stack(dev.heads), dev.labels)
            # As long a memory in steps as the training losses have, however rarely dev is measured.
            self.dev_loss = self._smooth(self.dev_loss, now, self.step - self.measured)
            self.measured = self.step
        dev_loss = torch.full_like(train, torch.nan) if self.dev_loss is None else self.dev_loss
        warming = self.step < self.warmup
        moving = warming and self.config.baseline == "last_of_warmup"
        if self.train0 is None or self.dev0 is None or moving:
            self.train0, self.dev0 = self.train_loss, dev_loss
            if self.config.baseline == "log_classes":
                self.train0 = self.dev0 = uniform_loss(stacked)

        G, C = rates(self.train0, self.dev0, self.train_loss, dev_loss, self.config.signed_rates)
        norms = logit_norms(stacked)
        if self.config.reference == "warmup" and warming:
            self.norms += (norms.mean(0) - self.norms) / (self.step + 1)
            self._bounded = None
        else:
            self.lam = self._factors(G, C, self.train0, self.train_loss)
            current = self.config.reference == "current"
            self.solve(norms if current else self._reference(), self.lam, stacked.shape[1])
        self.step += 1
        self.record = {"w": self.w.detach().clone(), "lam": self.lam, "G": G, "C": C}
        self.record |= {"train_loss": train, "dev_loss": dev_loss}

    @torch.no_grad()
    def solve(self, norms: Tensor, lam: Tensor, samples: int = 1) -> None:
        """Move w towards the minimiser of Eq. 9 for these norms and factors, its targets held.

        Args:
            norms: `(M,)` batch means or `(B, M)`, norms of raw logits.
            lam: `(M,)`, rebalancing factors.
            samples: of the batch whose loss the coefficients feel, if they do.
        """
        config, M = self.config, len(self.heads)
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
                solution = torch.stack([*map(weighted_median, norms.T, targets.T)])
        w = config.smoothing * self.w + (1 - config.smoothing) * solution
        self.w.copy_(w.clamp(*config.clamp) if config.clamp else w)

    def state_dict(self) -> dict:
        """Return all that `load_state_dict` needs, as a copy; a GPU is asked as in `loss` first."""
        self._later.look()
        state = {name: getattr(self, name) for name in olm_state.NAMES}
        state["optimizer"] = self.optimizer.state_dict()
        return olm_state.copied(state | self._made_with())

    @torch.no_grad()
    def load_state_dict(self, state: dict) -> None:
        """Restore a copy of a `state_dict`; its `warmup` comes with it.

        Raises:
            ValueError: it belongs to other heads, another preset, option or seed, or is no state of
                an OLM. Nothing has changed then.
        """
        saved, self._bounded = olm_state.fitting(state, self._made_with()), None
        self.optimizer.load_state_dict(saved.pop("optimizer"))
        self.w.copy_(saved.pop("w"))
        for name, value in saved.items():
            setattr(self, name, value)
        olm_state.move(self, self.w.device)

    def _checked(self, logits, labels, part="", classes: int | None = None) -> olm_checks.Batch:
        """Return a checked batch, and go where it is: what is computed there makes nobody wait."""
        found = olm_checks.batch(self.heads, logits, labels, part, classes)
        if not found.heads[0].is_cuda:
            return found._replace(masked=olm_checks.check_values(self.heads, found, part))
        olm_state.move(self, found.heads[0].device)
        self._later.ask(f"{part}logits", self.step, found.heads, found.labels)
        return found

    def _made_with(self) -> dict:
        return {"heads": self.heads, "seed": self.seed} | asdict(self.config)

    def _measured(self, stacked: Tensor, labels: Tensor) -> Tensor:
        if self.config.weighted_losses:
            stacked = scaled(self.w.to(stacked)[:, None, None], stacked)
        return head_losses(stacked.to(self.w), labels.to(self.w.device), self.config.reduction)

    def _reference(self) -> Tensor:
        """Return the warm-up's norms, bounded; they change no more, so this is done once."""
        self._bounded = bounded_norms(self.norms) if self._bounded is None else self._bounded
        return self._bounded

    def _smooth(self, mean: Tensor | None, value: Tensor, steps: int) -> Tensor:
        return value if mean is None else mean.lerp(value, 1 - self.config.smoothing**steps)

    def _factors(self, G: Tensor, C: Tensor, train0: Tensor, train: Tensor) -> Tensor:
        match self.config.rule:
            case "uniform":
                return torch.full_like(G, 1 / len(G))
            case "reversed":
                G, C = C, G
        lam = factors(self.config.factors, G, C, train0, train)
        if self.config.rule == "random":
            lam = dealt(lam, self.seed * 100_003 + self.step // max(self.warmup, 1))
        return lam

    def _adam_step(self, norms: Tensor, lam: Tensor, scale: float, samples: int) -> None:
        with torch.enable_grad():
            w = self.w.detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(logit_loss(w, norms, lam, scale), w)
        if self.w.grad is not None:
            # The mean over processes, as DistributedDataParallel takes it for the parameters.
            slope += self.config.gain(samples) * summed(self.w.grad) / processes()
        # Half precision may overflow, and one infinite slope would spoil Adam's moments for good.
        if torch.isfinite(slope).all():
            self.w.grad = slope
            self.optimizer.step()
        self.w.grad = None
