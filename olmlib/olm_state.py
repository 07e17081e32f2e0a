"""What `OLM.state_dict` saves, and whether a state belongs to the OLM that shall go on from it."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

# Attributes of an OLM; the state of its optimiser is beside them.
NAMES = (
    *("w", "lam", "step", "measured", "warmup", "norms", "record"),
    *("train_loss", "dev_loss", "train0", "dev0"),
)


def move(olm: Any, device: torch.device) -> None:
    """Bring the tensors of an OLM to a device; those that it recorded stay."""
    if olm.lam.device == olm.w.device == device == olm.norms.device:
        return
    moments = olm.optimizer.state_dict()
    olm.w.data = olm.w.data.to(device)
    olm.optimizer.load_state_dict(moments)
    for name in ("lam", "norms", "train_loss", "dev_loss", "train0", "dev0"):
        value = getattr(olm, name)
        setattr(olm, name, value if value is None else value.to(device))
    olm._bounded = None


def copied(value: Any) -> Any:
    """Return a copy whose tensors share no memory with those of `value` and lie on the CPU."""
    match value:
        case Tensor():
            return value.detach().to("cpu", copy=True)
        case dict():
            return {key: copied(item) for key, item in value.items()}
    return copy.deepcopy(value)


def fitting(state: Any, made_with: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of what `NAMES` and `"optimizer"` are in a state.

    Args:
        state: what `state_dict` returned, perhaps of another OLM.
        made_with: name -> value in which two OLM must not differ if one is to go on from the
            other's state.

    Raises:
        ValueError: it is something else.
    """
    own_names = {*NAMES, "optimizer"}
    wanted = own_names | made_with.keys()
    if not isinstance(state, Mapping) or state.keys() != wanted:
        odd = sorted(map(str, state.keys() ^ wanted)) if isinstance(state, Mapping) else []
        found = f"with or without {', '.join(odd)}" if odd else f"a {type(state).__name__}"
        raise ValueError(f"this is no state_dict of this version's OLM: {found}")
    for name, own in made_with.items():
        if state[name] != own:
            raise ValueError(
                f"the saved coefficients are not those of {name} {own}, but of {state[name]}: "
                "make the OLM as the saved one was made"
            )
    return {name: copied(state[name]) for name in own_names}
