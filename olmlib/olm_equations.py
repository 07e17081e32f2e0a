"""The equations of OLM, section 3.2 of the paper: Eq. 6-9 and their solvers."""

from collections.abc import Sequence
from math import inf, log

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

TINY = 1e-12


def rates(train0: Tensor, dev0: Tensor, train: Tensor, dev: Tensor, signed=False):
    """Return how much each head generalises (G, Eq. 6) and overfits (C, Eq. 7).

    Args:
        train0, dev0: `(M,)`, losses of the heads at the start, in nats.
        train, dev: `(M,)`, the same losses now.
        signed: as the official code does it: no absolute values, both rates at least 1e-6.

    Returns:
        G and C, each `(M,)`, at least 0, in nats.
    """
    if signed:
        return (dev0 - dev).clamp(min=1e-6), ((dev - train) - (dev0 - train0)).clamp(min=1e-6)
    return (dev0 - dev).abs(), ((dev - train).abs() - (dev0 - train0).abs()).abs()


def rebalancing_factors(generalised: Tensor, overfitted: Tensor) -> Tensor:
    """Return lambda, Eq. 8: the softmax of G / C over the heads; 1 / M where all rates are 0.

    Args:
        generalised, overfitted: `(M,)`, G and C, at least 0.

    Returns:
        `(M,)`, in `[0, 1]`, sum 1. One head takes everything as its C goes to 0.
    """
    ratio = (generalised / overfitted.clamp(min=TINY)).clamp(max=1e30)
    return ratio.softmax(-1)


def loss_ratio_factors(train0: Tensor, train: Tensor) -> Tensor:
    """Return each head's share of `L_m / L_m(0)`: the official code's variant, GradNorm's rule.

    Args:
        train0, train: `(M,)`, training losses at the start and now, in nats.

    Returns:
        `(M,)`, in `[0, 1]`, sum 1; larger for a head that has learnt less.
    """
    progress = (train + TINY) / (train0 + TINY)
    return progress / progress.sum()


def bounded_factors(generalised: Tensor, overfitted: Tensor, noise=0.1, bound=log(2)) -> Tensor:
    """Return lambda from the bounded logarithm of G / C, the rule of preset `stable`.

    Eq. 8 compares heads by a ratio, so its natural scale is the logarithm; and losses measured on a
    probe are uncertain by about `noise`, so a ratio of two smaller numbers says nothing.

    Args:
        generalised, overfitted: `(M,)`, G and C, at least 0, in nats.
        noise: added to both rates, in nats: the sampling error of a probe's mean loss.
        bound: the furthest a head's score may lie from the mean of the heads' scores.

    Returns:
        `(M,)`, sum 1; no two factors differ by more than `exp(2 * bound)`, so M * lambda stays in
        `(1/3, 2)` for three heads and the default bound. Uniform where all heads have one ratio.
    """
    score = (generalised + noise).log() - (overfitted + noise).log()
    return _bounded(score, bound).softmax(-1)


def factors(
    kind: str, generalised: Tensor, overfitted: Tensor, train0: Tensor, train: Tensor
) -> Tensor:
    """Return lambda, `(M,)`, by a rule that `OLMConfig.factors` names."""
    match kind:
        case "loss_ratio":
            return loss_ratio_factors(train0, train)
        case "softmax":
            return rebalancing_factors(generalised, overfitted)
    return bounded_factors(generalised, overfitted)


def dealt(lam: Tensor, seed: int) -> Tensor:
    """Return the factors `(M,)` given to random heads; the same for one seed."""
    order = torch.randperm(len(lam), generator=torch.Generator().manual_seed(seed))
    return lam[order.to(lam.device)]


def bounded_norms(norms: Tensor, bound=log(1.5)) -> Tensor:
    """Return norms that lie within a factor of `exp(bound)` of their geometric mean.

    A norm measured in one warm-up epoch owes much to the initialisation; half of what is left of
    the range of `w` belongs to it, so that `M * lambda * mean(norms) / norms` of three heads stays
    in `(0.2, 4)` whatever the norms and the losses are.

    Args:
        norms: `(M,)`, batch-mean norms, at least 0.

    Returns:
        `(M,)`, positive; `norms` itself where the heads differ little.
    """
    logs = norms.clamp(min=TINY).log()
    return (logs.mean() + _bounded(logs, bound)).exp()


def _bounded(scores: Tensor, bound: float) -> Tensor:
    return bound * ((scores - scores.mean()) / bound).tanh()


def scaled(w: Tensor | float, logits: Tensor, masked=True) -> Tensor:
    """Return `w * logits`, in which a masked class, -inf, stays masked whatever w is.

    Its probability is 0 under any coefficient; the plain product would be NaN or +inf for a
    coefficient that is not positive, and the slope of w would be NaN for every one.

    Args:
        w: a coefficient, or coefficients that can be multiplied with `logits`.
        logits: of any shape.
        masked: False spares the search where nothing is masked.
    """
    if not masked:
        return w * logits
    hidden = logits == -inf
    return (w * logits.masked_fill(hidden, 0.0)).masked_fill(hidden, -inf)


def head_losses(logits: Tensor, labels: Tensor, reduction: str) -> Tensor:
    """Return the cross-entropy of every head, `(M,)`, in nats.

    Args:
        logits: `(M, B, C)`.
        labels: `(B,)`, class indices.
        reduction: `mean` or `sum` over the batch.
    """
    M, B, _ = logits.shape
    labels = labels.expand(M, B).flatten()
    every = cross_entropy(logits.flatten(0, 1), labels, reduction="none").view(M, B)
    return every.mean(-1) if reduction == "mean" else every.sum(-1)


def logit_norms(logits: Tensor | Sequence[Tensor]) -> Tensor:
    """Return the L2 norm of every sample's logit vector, `(B, M)`, from M logits `(B, C)`.

    It runs over the classes that are not masked: one with -inf counts as if the head had it not.
    """
    stacked = torch.stack(tuple(logits))
    return torch.linalg.vector_norm(stacked.masked_fill(stacked == -inf, 0.0), dim=-1).t()


def uniform_loss(logits: Tensor) -> Tensor:
    """Return the mean cross-entropy of a uniform guess, ln C of the classes that are not masked.

    Args:
        logits: `(M, B, C)`, of which only the -inf count.

    Returns:
        `(M,)`, in nats.
    """
    classes = (logits > -inf).sum(-1)
    if (classes == logits.shape[-1]).all():
        start = log(logits.shape[-1])
        return torch.full((len(logits),), start, dtype=torch.float64, device=logits.device)
    return classes.double().log().mean(-1)


def logit_loss(w: Tensor, norms: Tensor, factors: Tensor, scale=1.0, detach=True) -> Tensor:
    """Return Eq. 9: how far the heads' scaled norms are from their targets, in L1.

    The target of head m is `scale * factors[m] * sbar`, sbar the mean scaled norm over the heads.
    With `scale=1` and several heads, scaled norms of 0 are the only ones that meet the targets they
    set themselves; with `scale=M` all those in proportion to the factors do.

    Args:
        w: `(M,)`, coefficients.
        norms: `(M,)` batch means, or `(B, M)` for the sum over samples.
        factors: `(M,)`, lambda.
        scale: the target's factor, 1 in the paper.
        detach: whether sbar is a constant for the gradient.

    Returns:
        `()`, at least 0, in units of logits.
    """
    scaled = w * norms
    mean = scaled.mean(-1, keepdim=True)
    target = scale * factors * (mean.detach() if detach else mean)
    return (scaled - target).abs().sum()


def algorithm1(norms: Tensor, factors: Tensor, steps=20, eta=1e-2, scale=1.0, detach=True):
    """Return w after `steps` plain SGD steps on Eq. 9 from w = 1 (the paper's Algorithm 1)."""
    w = torch.ones_like(factors)
    for _ in range(steps):
        w.requires_grad_(True)
        (slope,) = torch.autograd.grad(logit_loss(w, norms, factors, scale, detach), w)
        w = (w - eta * slope).detach()
    return w


def closed_form(norms: Tensor, targets: Tensor, fallback: Tensor) -> Tensor:
    """Return the exact minimiser of Eq. 9 for batch-mean norms and constant targets.

    Args:
        norms: `(M,)`, batch-mean norms.
        targets: `(M,)`, the norms asked for.
        fallback: `(M,)`, the coefficient of a head whose norm is 0.

    Returns:
        `(M,)`, `targets / norms`.
    """
    return torch.where(norms > TINY, targets / norms.clamp(min=TINY), fallback)


def weighted_median(norms: Tensor, targets: Tensor) -> Tensor:
    """Return the exact minimiser of `sum_i |w norms_i - targets_i|`, for per-sample norms.

    It is the median of the ratios `targets_i / norms_i` with weights `norms_i`; where an interval
    is optimal, its lower end.

    Args:
        norms, targets: `(B,)`, at least 0.

    Returns:
        `()`, the coefficient; 1 where all norms are 0.
    """
    used = norms > TINY
    if not used.any():
        return torch.ones_like(norms[0])
    ratios, order = (targets[used] / norms[used]).sort()
    weight = norms[used][order].cumsum(0)
    return ratios[(weight < weight[-1] / 2).sum()]
