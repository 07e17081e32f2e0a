"""What the paper leaves open about OLM, and the named answers to it."""

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class OLMConfig:
    """What the paper leaves open, and where its code and its mathematics differ.

    `methods-table1.md` 14.4 gives the meaning and the source of each field; `PRESETS` names the
    combinations that make sense. `reduction` is that of the losses that the coefficients follow,
    `network_loss` that of the loss the network is trained on: the official sum goes with its Adam,
    which ignores a loss's scale, and makes SGD diverge.
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
    steps: int = 20
    eta: float = 1e-2
    smoothing: float = 0.9
    clamp: tuple[float, float] | None = (0.1, 10.0)
    constant: float = 1.0
    dev_pass: Literal["eval", "train"] = "eval"
    dev_iter: Literal["cycle", "zip"] = "cycle"


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
    "fixed": OLMConfig(),
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
    "variant": replace(_OFFICIAL, factors="loss_ratio", rescale_target=True),
    "norm_free": OLMConfig(solver="norm_free"),
    "constant": OLMConfig(solver="none", rule="uniform"),
}
