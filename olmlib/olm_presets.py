"""What the paper leaves open about OLM, and the named answers to it."""

from dataclasses import dataclass, replace
from math import isfinite
from numbers import Integral, Real
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class OLMConfig:
    """What the paper leaves open, and where its code and its mathematics differ.

    `methods-table1.md` 14.4 gives the meaning and the source of each field; `PRESETS` names the
    combinations that make sense. `reduction` is that of the losses that the coefficients follow,
    `network_loss` that of the loss the network is trained on: the official sum goes with its Adam,
    which ignores a loss's scale, and makes SGD diverge.

    Raises:
        ValueError: a value that its field cannot have; a misspelt one would else be another rule
            under the same name.
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

    def __post_init__(self):
        """Check every field against its type, and the numbers against their ranges."""
        if isinstance(self.clamp, list):
            # YAML has no tuples.
            object.__setattr__(self, "clamp", tuple(self.clamp))
        for name, kind in get_type_hints(OLMConfig).items():
            value = getattr(self, name)
            wanted = _wanted(value, kind) or _wanted_range(name, value)
            if wanted:
                raise ValueError(f"OLM option {name}: {value!r} is not {wanted}")


def _wanted(value: Any, kind: Any) -> str:
    """Return what a value of type `kind` is, or nothing if this one is that."""
    if get_origin(kind) is Literal:
        known = get_args(kind)
        return "" if value in known else f"one of {', '.join(known)}"
    if kind is bool:
        return "" if isinstance(value, bool) else "true or false"
    if kind is int:
        return "" if _is_number(value) and isinstance(value, Integral) else "a whole number"
    if kind is float:
        return "" if _is_number(value) and isfinite(value) else "a finite number, like 1.0e-3"
    pair = isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))
    return "" if value is None or pair else "two numbers, or null for no bounds"


def _is_number(value: Any) -> bool:
    # Python counts true and false among the numbers.
    return isinstance(value, Real) and not isinstance(value, bool)


def _wanted_range(name: str, value: Any) -> str:
    """Return what a field of this name is, or nothing if this value of its type is that."""
    match name:
        case "smoothing":
            return "" if 0 <= value < 1 else "at least 0 and below 1"
        case "steps":
            return "" if value >= 1 else "at least 1"
        case "eta":
            return "" if value > 0 else "above 0"
        case "clamp":
            return "" if value is None or value[0] < value[1] else "a lower bound and a higher one"
    return ""


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


def configured(preset: str, changes: dict[str, Any]) -> OLMConfig:
    """Return a preset with the fields that `changes` names.

    Raises:
        ValueError: an unknown preset, an unknown field, or a value that the field cannot have.
    """
    if preset not in tuple(PRESETS):
        raise ValueError(f"unknown OLM preset {preset!r}; there are {', '.join(PRESETS)}")
    unknown = changes.keys() - OLMConfig.__dataclass_fields__.keys()
    if unknown:
        known = ", ".join(OLMConfig.__dataclass_fields__)
        raise ValueError(f"OLMConfig has no field {', '.join(sorted(unknown))}; it has {known}")
    return replace(PRESETS[preset], **changes)
