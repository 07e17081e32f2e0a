"""Batches of which several processes hold a part each; with one process, all of it does nothing.

The processes are those of `torch.distributed`. A sum or a gathered batch is the same to the bit on
every one of them, so whatever they compute from it alone stays the same too.
"""

import torch
import torch.distributed as dist
from torch import Tensor


def processes() -> int:
    """Return how many processes train together; 1 outside `torch.distributed`."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def summed(value: Tensor) -> Tensor:
    """Return the sum of the processes' values, without gradient."""
    if processes() == 1:
        return value
    total = value.detach().clone()
    dist.all_reduce(total)
    return total


def gathered(samples: Tensor, dim=0) -> Tensor:
    """Return the samples of all processes one after the other, without gradient.

    Args:
        samples: their number along `dim` may differ between processes, 0 excepted.
        dim: of the samples, not negative.
    """
    if processes() == 1:
        return samples
    own = samples.detach().movedim(dim, 0).contiguous()
    counts = [torch.tensor(0) for _ in range(processes())]
    dist.all_gather(counts, torch.tensor(len(own)))
    # all_gather wants equal shapes, so the shorter parts are filled up and cut again.
    filled = own.new_zeros(int(max(counts)), *own.shape[1:])
    filled[: len(own)] = own
    parts = [torch.empty_like(filled) for _ in counts]
    dist.all_gather(parts, filled)
    return torch.cat([part[:n] for part, n in zip(parts, counts, strict=True)]).movedim(0, dim)
