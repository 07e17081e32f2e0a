"""What the paper leaves open about OLM, and the named answers to it."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from olmlib.check import (
    Ascending,
    Count,
    NotNegative,
    Positive,
    Share,
    check,
    checked_fields,
)


@dataclass(frozen=True)
class OLMConfig:
    """What the paper leaves open, and where its code and its mathematics differ.

    `PRESETS` names the combinations that make sense. Equations are those of the paper; G and C are
    its rates (Eq. 6-7), lambda its factors (Eq. 8), u = w_m ||s_m|| the scaled norms of Eq. 9.

    Attributes:
        rule: whose lambda: OLM's; 1 / M; OLM's dealt to random heads; OLM's with G and C exchanged.
        factors: softmax of G / C (Eq. 8); of a bounded log ratio; or the official variant engine's
            L_m / L_m(0), from training losses alone.
        signed_rates: G and C signed and cut at 1e-6, as in the official code, not absolute.
        solver: of Eq. 9: the exact minimiser while the targets are held, for mean norms or for
            norms per sample; Algorithm 1 (`steps` of SGD); one step of Adam; w = M lambda without a
            norm; `none` leaves w alone.
        per_sample: Eq. 9 over the norms of the samples of the current batch, not over their mean.
        rescale_target: the target is M lambda_m times the mean u, so that uniform lambda asks for
            equal norms; without M, as printed, only w = 0 meets the targets that it sets itself.
        reference: the norms of Eq. 9: of the current batch, or means over the warm-up epoch.
        baseline: the losses at n = 0 of Eq. 6-7: ln C (of the classes that are not masked), the
            first ones, or the last of the warm-up.
        weighted_losses: measure the losses of Eq. 6-7 on w_m s_m, not on s_m.
        coefficients_feel_loss: add the gradient of the network's loss to that of Eq. 9.
        reduction: over a batch, of the losses of Eq. 6-7 and of that gradient.
        network_loss: over a batch, of the loss that the network is trained on. The official sum is
            as many times larger as the batch has samples and goes with its Adam, which ignores a
            loss's scale; SGD diverges on it.
        steps: of `sgd`, >= 1.
        eta: learning rate of `sgd` and `adam`, > 0.
        smoothing: share of the old value in the moving averages of losses and w, in [0, 1).
        clamp: bounds of w, or None.
        constant: w of `none`.
        dev_pass: the dev batch goes through the network in eval mode without a graph, or in train
            mode with one.
        dev_iter: an epoch is the training set, dev batches in turn; or ends with the shorter of the
            two (`zip`), as in the official code.

    Both say how a training loop brings the dev batch; `olmlib.olm.OLM` takes what it is given.

    Raises:
        ValueError: a value that its field cannot have, or one that would have no effect beside the
            others; it would else be another rule under the same name.
    """

    rule: Literal["olm", "uniform", "random", "reversed"] = "olm"
    factors: Literal["softmax", "bounded", "loss_ratio"] = "bounded"
    signed_rates: bool = False
    solver: Literal["closed_form", "weighted_median", "sgd", "adam", "norm_free", "none"] = (
        "closed_form"
    )
    per_sample: bool = False
    rescale_target: bool = True
    reference: Literal["current", "warmup"] = "warmup"
    baseline: Literal["log_classes", "first", "last_of_warmup"] = "log_classes"
    weighted_losses: bool = False
    coefficients_feel_loss: bool = False
    reduction: Literal["mean", "sum"] = "mean"
    network_loss: Literal["mean", "sum"] = "mean"
    steps: Count = 20
    eta: Positive = 1e-2
    smoothing: Share = 0.9
    clamp: Annotated[tuple[NotNegative, NotNegative], Ascending(strictly=True)] | None = (0.1, 10.0)
    constant: Positive = 1.0
    dev_pass: Literal["eval", "train"] = "eval"
    dev_iter: Literal["cycle", "zip"] = "cycle"

    @property
    def needs_dev(self) -> bool:
        """Whether lambda depends on dev losses; if not, they are only recorded."""
        return self.rule != "uniform" and self.factors != "loss_ratio"

    def gain(self, samples: int) -> float:
        """Return how many times larger the loss of the coefficients is than the network's."""
        match self.reduction, self.network_loss:
            case "sum", "mean":
                return samples
            case "mean", "sum":
                return 1 / samples
        return 1

    def __post_init__(self):
        """Refuse values that a field cannot have, and options without effect beside the others."""
        checked_fields(self)
        if self.per_sample and self.reference != "current":
            raise ValueError("per_sample: the norms of samples need reference: current")
        if self.per_sample and self.solver == "closed_form":
            raise ValueError("per_sample: closed_form is for means; set solver too")
        if self.solver == "weighted_median" and not self.per_sample:
            raise ValueError("solver: weighted_median needs per_sample: true")
        if self.coefficients_feel_loss and self.solver != "adam":
            raise ValueError("coefficients_feel_loss: only solver: adam adds gradients")


_OFFICIAL = OLMConfig(
    factors="softmax",
    signed_rates=True,
    solver="adam",
    eta=1e-3,
    per_sample=True,
    rescale_target=False,
    reference="current",
    baseline="last_of_warmup",
    weighted_losses=True,
    coefficients_feel_loss=True,
    reduction="sum",
    network_loss="sum",
    smoothing=0.0,
    clamp=None,
    dev_pass="train",
    dev_iter="zip",
)
PRESETS = {
    "stable": OLMConfig(),
    "paper": OLMConfig(
        factors="softmax",
        solver="sgd",
        rescale_target=False,
        reference="current",
        baseline="first",
        smoothing=0.0,
        clamp=None,
    ),
    "code": _OFFICIAL,
    # The official engine of this one never looks at the dev set.
    "variant": replace(
        _OFFICIAL, factors="loss_ratio", rescale_target=True, dev_pass="eval", dev_iter="cycle"
    ),
    "norm_free": OLMConfig(solver="norm_free"),
    "constant": OLMConfig(solver="none", rule="uniform"),
}


def configured(preset: str, changes: dict[str, Any]) -> OLMConfig:
    """Return a preset with the fields that `changes` names.

    Raises:
        ValueError: an unknown preset, an unknown field, or a value that the field cannot have.
    """
    if preset not in tuple(PRESETS):
        raise ValueError(f"preset is {preset!r}, not one of {', '.join(PRESETS)}")
    check(OLMConfig, changes)
    return replace(PRESETS[preset], **changes)
