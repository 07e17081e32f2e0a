"""A checkpoint's file: written whole or not at all, and fast however many tensors it holds."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from olmlib.files import whole

_TENSOR = "tensor"


def save(state: dict, path: Path) -> None:
    """Write `state` so that a crash leaves either the old file or the new one.

    A small network with its optimiser is a thousand tensors, which `torch.save` would write one by
    one, longer than an epoch takes; so those of one type and device are written end to end.

    Args:
        state: dictionaries, lists and tuples of tensors and plain values.
        path: the file; its folder is made.

    Raises:
        OSError: it cannot be written, for example because the disk is full.
    """
    parts: dict[str, list[Tensor]] = {}
    skeleton = _taken_apart(state, parts)
    write((skeleton, {kind: torch.cat(found).cpu() for kind, found in parts.items()}), path)


def write(content: Any, path: Path) -> None:
    """Write what `torch.save` can write, whole or not at all.

    Raises:
        OSError: as `save`.
    """
    # Through Python's file: of its own one torch does not tell why it cannot be written.
    with whole(path) as part, part.open("wb") as file:
        torch.save(content, file)


def load(path: Path, device: torch.device | str = "cpu") -> dict:
    """Return what `save` wrote, its tensors on `device`; no foreign object is unpickled."""
    skeleton, joined = torch.load(path, map_location=device, weights_only=True)
    return _put_together(skeleton, joined, dict.fromkeys(joined, 0))


def _taken_apart(value: Any, parts: dict[str, list[Tensor]]) -> Any:
    """Move the tensors of `value` to `parts`, by type and device; a shape stays in their place."""
    match value:
        case Tensor():
            kind = f"{value.dtype}, {value.device}"
            parts.setdefault(kind, []).append(value.detach().reshape(-1))
            return _TENSOR, kind, tuple(value.shape)
        case dict():
            # Made plain: an OrderedDict of torch carries attributes that nobody reads here.
            return {key: _taken_apart(item, parts) for key, item in value.items()}
        case list() | tuple():
            return type(value)(_taken_apart(item, parts) for item in value)
    return value


def _put_together(value: Any, joined: dict[str, Tensor], taken: dict[str, int]) -> Any:
    match value:
        case (str(word), str(kind), tuple(shape)) if word == _TENSOR:
            start = taken[kind]
            taken[kind] += torch.Size(shape).numel()
            return joined[kind][start : taken[kind]].view(shape).clone()
        case dict():
            return {key: _put_together(item, joined, taken) for key, item in value.items()}
        case list() | tuple():
            return type(value)(_put_together(item, joined, taken) for item in value)
    return value
