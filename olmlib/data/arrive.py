"""How a batch gets from where it is stored to a network, on the network's device.

On the CPU the reader does everything. For a GPU (`ClipSet.late`), batches travel as they are
stored, bytes and half precision, from memory that the GPU can read by itself, and what is left is
done there: a third of the traffic, and no processor core has to keep pace with the GPU.
"""

from collections.abc import Iterable, Iterator
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

# ImageNet statistics, the last step of every image transform.
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
# The random crop of each frame, beside the frames of a stored batch.
BOXES = ("scale", "centre")

Batch = dict[str, Tensor]


def ready(batch: Batch) -> Batch:
    """Return what a network takes of a stored batch, computed where the batch is.

    Args:
        batch: name -> values. Bytes are frames `(B, n_frames, S, S, 3)`, with
            `<name>_scale` and `<name>_centre` `(B, n_frames, 2)` if they are cropped, see
            `olmlib.data.arrays.Clips`.

    Returns:
        Frames as `(B, 3, n_frames, S, S)` float32, cropped and normalised with ImageNet statistics,
        half precision as float32, and the rest; a batch that is ready already, as it is.
    """
    made = {}
    for name, value in batch.items():
        if value.dtype == torch.uint8:
            made[name] = _frames(value, *(batch.get(f"{name}_{box}") for box in BOXES))
        else:
            made[name] = value.float() if value.dtype == torch.float16 else value
    for name, value in batch.items():
        if value.dtype == torch.uint8:
            for box in BOXES:
                made.pop(f"{name}_{box}", None)
    return made


def moved(batch: Batch, device: torch.device) -> Batch:
    """Return the batch on the device; lengths stay, since masks are made of them by the host."""
    return {
        name: value if name.endswith("_length") else value.to(device, non_blocking=True)
        for name, value in batch.items()
    }


def ahead(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """Yield the batches on the device; a GPU copies one while it works on the one before."""
    if device.type != "cuda":
        yield from (moved(batch, device) for batch in batches)
        return
    copying, coming = torch.cuda.Stream(device), None
    for batch in batches:
        with torch.cuda.stream(copying):
            following = moved(batch, device)
        if coming is not None:
            yield _arrived(coming, copying)
        coming = following
    if coming is not None:
        yield _arrived(coming, copying)


def _arrived(batch: Batch, copying: torch.cuda.Stream) -> Batch:
    working = torch.cuda.current_stream(copying.device)
    working.wait_stream(copying)
    for value in batch.values():
        if value.is_cuda:
            # Its memory must not be given to another copy before this stream is done with it.
            value.record_stream(working)
    return batch


def _frames(stored: Tensor, scale: Tensor | None, centre: Tensor | None) -> Tensor:
    clips, count, size = stored.shape[:3]
    pixels = stored.view(-1, size, size, 3)
    # Planes, not interleaved colours: all that follows is several times faster on them.
    frames = torch.empty(len(pixels), 3, size, size, device=stored.device)
    frames.copy_(pixels.permute(0, 3, 1, 2))
    if scale is not None and centre is not None:
        scale, centre = scale.view(-1, 2), centre.view(-1, 2)
        # Output pixel centres in [-1, 1]; affine_grid gives the same grid 20 times slower.
        axis = (2 * torch.arange(size, device=stored.device) + 1) / size - 1
        grid = torch.empty(len(frames), size, size, 2, device=stored.device)
        grid[..., 0] = (scale[:, :1] * axis + centre[:, :1])[:, None, :]
        grid[..., 1] = (scale[:, 1:] * axis + centre[:, 1:])[:, :, None]
        frames = grid_sample(frames, grid, padding_mode="border", align_corners=False)
    slope, offset = _normalisation(stored.device)
    frames = frames.mul_(slope).sub_(offset)
    return frames.view(clips, count, 3, size, size).transpose(1, 2).contiguous()


@cache
def _normalisation(device: torch.device) -> tuple[Tensor, Tensor]:
    return (1 / (255 * STD)).to(device), (MEAN / STD).to(device)
