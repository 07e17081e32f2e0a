"""What `OLM` takes from a training loop, checked in one place and before anything is changed."""

from collections.abc import Iterable, Mapping, Sequence
from math import inf, isfinite
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """A checked batch, time folded into the samples.

    Attributes:
        heads: the logits of each head, `(B, C)`, in single precision or better.
        labels: `(B,)`, class indices in `[0, C)`.
        masked: whether some logits may be -inf.
    """

    heads: list[Tensor]
    labels: Tensor
    masked: bool


def names(heads: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the heads.

    Raises:
        ValueError: `heads` is one name or no names at all, or names repeat.
    """
    if isinstance(heads, str) or not isinstance(heads, Iterable):
        raise ValueError(f"heads is {heads!r}, not a list of names such as ['audio', 'visual']")
    found = tuple(heads)
    if not found or not all(isinstance(head, str) for head in found) or _repeat(found):
        raise ValueError(f"heads must be distinct names, not {list(found)}")
    return found


def batch(
    heads: Sequence[str], logits: Any, labels: Any, part: str = "", classes: int | None = None
) -> Batch:
    """Return a batch if its types, shapes and devices are those that OLM can learn from.

    No device is waited for: what the tensors hold is for `check_values`.

    Args:
        heads: the names that `logits` must have.
        logits: name -> `(B, C)` or `(B, T, C)`, floating point.
        labels: `(B,)` or `(B, T)`, whole numbers; a last dimension of one entry does no harm.
        part: `"dev_"` of the dev batch, so that errors name the argument.
        classes: of the training logits, which those of the dev batch must have.

    Raises:
        ValueError: it is something else; the message says what, of which head, and what to do.
    """
    _check_heads(heads, logits, f"{part}logits")
    found = {head: logits[head] for head in heads}
    _check_kinds(found, labels, part)
    flat = [_single(scores.flatten(0, -2)) for scores in found.values()]
    if classes not in (None, flat[0].shape[-1]):
        raise ValueError(
            f"{part}logits have {flat[0].shape[-1]} classes, the training logits {classes}"
        )
    return Batch(flat, labels.flatten().long(), masked=True)


def both(logits: Any, labels: Any, needed: bool) -> bool:
    """Return whether there is a dev batch.

    Raises:
        ValueError: it is `needed` and missing, or logits or labels are there alone.
    """
    if logits is None and labels is None:
        if needed:
            raise ValueError("the first update needs dev_logits and dev_labels")
        return False
    if logits is None or labels is None:
        raise ValueError("dev_logits need their dev_labels, and dev_labels their dev_logits")
    return True


def _repeat(found: Sequence[str]) -> bool:
    return len(set(found)) != len(found)


def _check_heads(heads: Sequence[str], logits: Any, called: str) -> None:
    wanted = ", ".join(heads)
    if not isinstance(logits, Mapping):
        raise ValueError(
            f"{called} is a {type(logits).__name__}, not a dictionary with the logits of {wanted}"
        )
    for head in heads:
        if head not in logits:
            there = ", ".join(map(str, logits)) or "none"
            raise ValueError(f"no {called} of head {head!r}; there are {there}")
    others = [str(head) for head in logits if head not in heads]
    if others:
        raise ValueError(
            f"{called} also have {', '.join(others)}, but this OLM has the heads {wanted}; "
            "leave them out or make an OLM that has them"
        )


def _check_kinds(logits: Mapping[str, Any], labels: Any, part: str) -> None:
    """Check types, shapes and devices, for which no device need be waited for."""
    if not isinstance(labels, Tensor):
        raise ValueError(f"{part}labels is a {type(labels).__name__}, not a torch.Tensor")
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(
            f"{part}labels are {labels.dtype} of shape {tuple(labels.shape)}, not class indices, "
            "which are whole numbers; of one-hot or soft labels take labels.argmax(-1)"
        )
    first: Tensor | None = None
    for head, scores in logits.items():
        called = f"{part}logits of head {head!r}"
        if not isinstance(scores, Tensor):
            raise ValueError(f"{called} are a {type(scores).__name__}, not a torch.Tensor")
        shape, samples = tuple(scores.shape), tuple(scores.shape[:-1])
        if scores.ndim < 2 or not scores.is_floating_point():
            raise ValueError(
                f"{called} are {scores.dtype} of shape {shape}, not floating point of shape "
                "(B, C) or (B, T, C)"
            )
        if not scores.numel():
            raise ValueError(f"{called} are empty, of shape {shape}; leave such a batch out")
        if tuple(labels.shape) not in (samples, (*samples, 1)):
            raise ValueError(
                f"{part}labels have shape {tuple(labels.shape)}, {called} {shape}: there must be "
                f"one class index per sample, shape {samples}"
            )
        first = scores if first is None else first
        if shape[-1] != first.shape[-1]:
            raise ValueError(
                f"{called} have {shape[-1]} classes, those of head {next(iter(logits))!r} "
                f"{first.shape[-1]}: all heads must score the same classes"
            )
        for other, device in ((f"{part}labels", labels.device), (f"{part}logits", first.device)):
            if device != scores.device:
                raise ValueError(
                    f"{called} are on {scores.device}, {other} on {device}; move them to one device"
                )


def check_values(heads: Sequence[str], found: Batch, part: str = "") -> bool:
    """Check what a batch holds, for which its device is waited for.

    Args:
        heads: their names.
        found: as of `batch`.
        part: as in `batch`.

    Returns:
        Whether some logits are -inf: masks.

    Raises:
        ValueError: logits are NaN or +inf; a label is no index of a class, or its class is masked.
    """
    logits, labels = found.heads, found.labels
    # Once for all of it. A sum is finite only if all its terms are, and cheaper to see.
    sums = [scores.detach().sum().float() for scores in logits]
    *totals, low, high = torch.stack([*sums, *(x.float() for x in labels.aminmax())]).tolist()
    classes = logits[0].shape[-1]
    if low < 0 or high >= classes:
        raise ValueError(
            f"{part}labels lie in [{low:.0f}, {high:.0f}], but the logits have {classes} classes, "
            f"0 to {classes - 1}; leave samples without a label out of logits and labels"
        )
    masked = [
        _has_masks(scores, labels, f"{part}logits of head {head!r}")
        for head, scores, total in zip(heads, logits, totals, strict=True)
        if not isfinite(total)
    ]
    return any(masked)


def _single(scores: Tensor) -> Tensor:
    # A sum over a batch overflows in half precision, and a coefficient would lose its digits.
    return scores.float() if torch.finfo(scores.dtype).bits < 32 else scores


def _has_masks(scores: Tensor, labels: Tensor, called: str) -> bool:
    """Return whether classes are masked, which is all that a finite sum does not rule out."""
    if not (scores < inf).all():
        raise ValueError(f"{called} are not finite (NaN or +inf); -inf alone may mask a class")
    hidden = scores == -inf
    wrong = hidden.gather(1, labels[:, None]).squeeze(1).nonzero()
    if len(wrong):
        sample = int(wrong[0])
        raise ValueError(
            f"{called} are -inf for class {int(labels[sample])}, which is the label of sample "
            f"{sample}: a masked class cannot be the right one"
        )
    return bool(hidden.any())
