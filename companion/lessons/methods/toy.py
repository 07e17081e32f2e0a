"""One batch of six samples in the plane, and what every method of Table 1 does to it.

Audio is confident and right, vision is timid and partly wrong: the state in which joint training
leaves a network. Every function returns the numbers of one panel of notebooks 05 and 06, in a table
with columns `head`, `variant`, `x`, `y`; the rules themselves are those of `olmlib.methods`.
"""

from collections.abc import Iterable, Sequence
from math import log

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from olmlib import olm_equations as eq
from olmlib.methods import gblend, gradnorm, ogm_ge, pmr
from olmlib.models.cosine import cosine_logits
from olmlib.models.encoders import initialise
from olmlib.models.fusions import FUSIONS, Concat
from olmlib.models.late_fusion import split_logits
from olmlib.models.outputs import Outputs

MODALITIES = ("audio", "visual")
HEADS, PLANE = (*MODALITIES, "fused"), dict.fromkeys(MODALITIES, 2)
COLUMNS = ["head", "variant", "x", "y"]

CLASSES = 3
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])
# Length of the features, and by how many degrees they miss the direction of their class; beyond 60
# another class is nearer.
SIZES = {"audio": 3.0, "visual": 1.0}
ERRORS = {"audio": (-15, 10, 5, -10, 15, -5), "visual": (-75, 20, 30, -40, 10, 70)}

# Mean losses in nats of trained and of held-out clips, heads in the order audio, visual, fused:
# before training and after. Audio and fused have overfitted, vision has not (T-GB-1).
START = torch.tensor([[1.80, 1.85]] * 3, dtype=torch.float64)
END = torch.tensor([[0.40, 1.35], [1.20, 1.45], [0.30, 1.25]], dtype=torch.float64)

SPAN = np.linspace(0.1, 6, 60)  # of the length of audio's features
SCALE = 10.0  # of MMCosine


def directions(labels: Tensor, missed: Sequence[float]) -> Tensor:
    """Return `(n, 2)`, the unit vectors of classes, turned by `missed` degrees."""
    angles = 90 + 120 * labels + torch.tensor(missed, dtype=torch.float64)
    return torch.stack([angles.deg2rad().cos(), angles.deg2rad().sin()], dim=1)


CENTRES = directions(torch.arange(CLASSES), [0.0] * CLASSES)


def batch(sizes: dict[str, float] = SIZES) -> Outputs:
    """Return the batch seen by a concatenation whose two blocks are the class directions.

    Features `(6, 2)` of lengths `sizes`, with graph, and logits `(6, 3)`. A modality's block is its
    own head, too, so that methods with and without auxiliary heads see the same logits.
    """
    rays = {m: sizes[m] * directions(LABELS, ERRORS[m]) for m in MODALITIES}
    features = {m: ray.requires_grad_(True) for m, ray in rays.items()}
    head = Concat(PLANE, CLASSES).double()
    with torch.no_grad():
        head.weight.copy_(CENTRES.repeat(1, 2))
        head.bias.zero_()
    return Outputs(split_logits(head, features) | {"fused": head(features)}, features)


def losses(outputs: Outputs) -> Tensor:
    """Return `(3,)`, the cross-entropies of audio, visual and fused head, in nats."""
    return torch.stack([cross_entropy(s, LABELS) for s in outputs.logits.values()])


def reach(loss: Tensor, outputs: Outputs) -> dict[str, float]:
    """Return modality -> length of the gradient at its features, mean over samples."""
    features = list(outputs.features.values())
    grads = torch.autograd.grad(len(LABELS) * loss, features, materialize_grads=True)
    return {m: g.norm(dim=1).mean().item() for m, g in zip(MODALITIES, grads, strict=True)}


def joint(name: str) -> pd.DataFrame:
    """Return the gradients at the features as audio grows sure, and that of vision alone."""
    rows, outputs = [], batch()
    alone = reach(losses(outputs)[1], outputs)["visual"]
    for size in SPAN:
        outputs = batch(SIZES | {"audio": size})
        rows += [(m, "", size, got) for m, got in reach(RULES[name](outputs), outputs).items()]
        rows.append(("visual", "alone", size, alone))
    return as_table(rows)


def fusions() -> pd.DataFrame:
    """Return how strongly fused logits answer to vision, by the length of audio's features.

    The norm of d logits / d visual relative to that for audio of length 1, median over 20 heads
    fresh from their initialisation.
    """
    lengths, rows = torch.arange(0.25, 6.1, 0.25, dtype=torch.float64), []
    x, y = (h[:1].detach() for h in batch({"audio": 1.0, "visual": 1.0}).features.values())
    visual = y.repeat(len(lengths), 1).requires_grad_(True)
    features = {"audio": lengths[:, None] * x, "visual": visual}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for name, kind in FUSIONS.items():
            heads = [initialise(kind(PLANE, CLASSES).double(), "ogm_ge") for _ in range(20)]
            answers = torch.stack([_answer(head(features), visual) for head in heads], 1)
            middle = (answers / answers[lengths == 1]).median(1).values
            rows += curve("", name, lengths.tolist(), middle.tolist())
    return as_table(rows)


def gradnorm_weights(steps=60) -> Tensor:
    """Return `(steps + 1, 3)`, the loss weights with `site: features`; the features stand still."""
    outputs = batch()
    start = losses(outputs)
    shared = list(outputs.features.values())
    norms = torch.stack([gradnorm.gradient_norm(value, shared) for value in start]).double()
    rates = gradnorm.relative_rates(start.detach(), torch.tensor(log(CLASSES)))
    w = torch.ones_like(rates)
    path, optimizer = [w.clone()], torch.optim.Adam([w], lr=0.025)
    for _ in range(steps):
        w.grad = gradnorm.slopes(w, norms, rates, alpha=1.5)
        optimizer.step()
        path.append(w.copy_(gradnorm.renormalised(w)).clone())
    return torch.stack(path)


def gradnorm_path() -> pd.DataFrame:
    """Return the three loss weights over steps."""
    return as_table([row for i, w in enumerate(gradnorm_weights()) for row in per_head("", i, w)])


def mmcosine() -> pd.DataFrame:
    """Return each modality's logit of the true class, by the length of audio's features."""
    rows = []
    for size in SPAN:
        outputs = batch(SIZES | {"audio": size})
        for m in MODALITIES:
            cosines = cosine_logits(outputs.features[m], CENTRES, SCALE)
            rows.append((m, "concat", size, _true(outputs.logits[m]).mean().item()))
            rows.append((m, "MMCosine", size, _true(cosines).mean().item()))
    return as_table(rows)


def ogm_ge_coefficients() -> pd.DataFrame:
    """Return audio's k over its ratio rho for three strengths, and the batch's own two points."""
    ratios = np.concatenate([np.linspace(0, 1, 21), np.linspace(1.0001, 3.5, 60)])
    rows = []
    for alpha in (0.1, 0.3, 0.8):
        k = ogm_ge.coefficients(torch.tensor(ratios), alpha).tolist()
        rows += curve("", f"α = {alpha}", ratios, k)
    return as_table(
        rows + [(m, "toy", *p) for m, *p in zip(MODALITIES, *modulation(), strict=True)]
    )


def modulation() -> tuple[list[float], list[float]]:
    """Return rho and k of audio and visual on the batch."""
    logits = batch().logits
    rho = ogm_ge.discrepancy_ratios(torch.stack([logits[m].detach() for m in MODALITIES]), LABELS)
    return rho.tolist(), ogm_ge.coefficients(rho, alpha=0.8).tolist()


def pmr_coefficients() -> pd.DataFrame:
    """Return the weights of both prototype losses over rho, and the batch's own two points."""
    rows = []
    for rho in np.linspace(0.05, 3, 119):
        for name, hard in (("paper", False), ("code", True)):
            beta, _ = pmr.coefficients(torch.tensor([rho, 1.0], dtype=torch.float64), hard)
            rows += per_head(name, rho, beta)
    right = _prototype_log_probabilities(batch()).detach().exp().sum(1)
    rho, (beta, _) = (right[0] / right[1]).item(), pmr.coefficients(right)
    return as_table(rows + per_head("toy", rho, beta))


def gblend_weights() -> pd.DataFrame:
    """Return the heads' weights over the visual head's overfitting O; the batch's own at 0.2."""
    rows = []
    for kind, places in (("", np.geomspace(0.05, 2, 80)), ("toy", [0.2])):
        for overfitted in places:
            end = END.clone()
            end[1, 0] = end[1, 1] - 0.05 - overfitted
            rows += per_head(kind, overfitted, gblend.weights(START, end))
    return as_table(rows)


def olm_coefficients() -> pd.DataFrame:
    """Return w over the visual head's factor (the others share the rest), and the w of Eq. 8."""
    shares = np.linspace(0.02, 0.9, 45)
    cases = [("", torch.tensor([(1 - x) / 2, x, (1 - x) / 2])) for x in shares]
    cases.append(("toy", factors()))
    return as_table(
        [row for k, lam in cases for row in per_head(k, lam[1].item(), _coefficients(lam))]
    )


def factors() -> Tensor:
    """Return lambda by Eq. 8, from the same losses as G-Blend's weights."""
    return eq.rebalancing_factors(*eq.rates(*START.T, *END.T))


def side_by_side() -> pd.DataFrame:
    """Return the gradients at the features for every method that does not change the network."""
    rows = []
    for place, (name, rule) in enumerate(RULES.items()):
        outputs = batch()
        scales = modulation()[1] if name == "ogm_ge" else [1, 1]
        got = reach(rule(outputs), outputs)
        rows += [(m, name, k * got[m], place) for m, k in zip(MODALITIES, scales, strict=True)]
    return as_table(rows)


def _pmr_loss(outputs: Outputs) -> Tensor:
    right = _prototype_log_probabilities(outputs)
    beta, _ = pmr.coefficients(right.detach().exp().sum(1))
    return losses(outputs)[-1] - (beta * right.mean(1)).sum()


def _cosine_loss(outputs: Outputs) -> Tensor:
    audio, visual = (cosine_logits(outputs.features[m], CENTRES, SCALE) for m in MODALITIES)
    return cross_entropy(audio + visual, LABELS)


def _olm_loss(outputs: Outputs) -> Tensor:
    w = zip(_coefficients(factors()), outputs.logits.values(), strict=True)
    first, *others = (cross_entropy(c * s, LABELS) for c, s in w)
    return sum(others, start=first)


# OGM-GE has the loss of Concat and scales the gradient.
RULES = {
    "joint": lambda outputs: losses(outputs)[-1],
    "three_heads": lambda outputs: losses(outputs).sum(),
    "gradnorm": lambda outputs: gradnorm_weights()[-1] @ losses(outputs),
    "mmcosine": _cosine_loss,
    "ogm_ge": lambda outputs: losses(outputs)[-1],
    "pmr": _pmr_loss,
    "gblend": lambda outputs: gblend.weights(START, END) @ losses(outputs),
    "olm": _olm_loss,
}


def _coefficients(lam: Tensor) -> Tensor:
    logits = [s.detach() for s in batch().logits.values()]
    norms = eq.logit_norms(logits).mean(0)
    return eq.closed_form(norms, len(lam) * lam * norms.mean(), torch.ones_like(norms))


def _prototype_log_probabilities(outputs: Outputs) -> Tensor:
    """Return `(2, 6)`, the log probability of the true class by the distances to class means."""
    seen = torch.ones(CLASSES, dtype=torch.bool)
    centres = {m: pmr.class_means(z.detach(), LABELS, 3) for m, z in outputs.features.items()}
    scores = [pmr.log_probabilities(outputs.features[m], c, seen) for m, c in centres.items()]
    return torch.stack([_true(log_p) for log_p in scores])


def _true(scores: Tensor) -> Tensor:
    return scores.gather(1, LABELS[:, None]).squeeze(1)


def _answer(logits: Tensor, visual: Tensor) -> Tensor:
    """Return `(B,)`, the norm of each sample's Jacobian."""
    gradients = [torch.autograd.grad(s.sum(), visual, retain_graph=True)[0] for s in logits.T]
    return torch.stack(gradients).square().sum((0, 2)).sqrt()


def per_head(variant: str, x: float, values: Tensor) -> list[tuple]:
    """Return a row per head, of all three or of the two modalities."""
    return [(m, variant, x, v) for m, v in zip(HEADS, values.tolist(), strict=False)]


def curve(head: str, variant: str, x: Iterable[float], y: Iterable[float]) -> list[tuple]:
    """Return a row per point of a curve."""
    return [(head, variant, *point) for point in zip(x, y, strict=True)]


def as_table(rows: list[tuple]) -> pd.DataFrame:
    """Return the rows of a panel as a table with `COLUMNS`."""
    return pd.DataFrame(rows, columns=COLUMNS).astype({"x": float, "y": float})
