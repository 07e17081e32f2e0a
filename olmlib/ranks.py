"""One training by several processes ("ranks"), each with its share of every global batch.

`olmlib.training` calls these functions; with one process they change nothing. Gradients are
averaged by torch's DistributedDataParallel; here is what it leaves out: who reads which clips, and
batch norms that see the global batch.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from olmlib.data.clips import ClipSet
from olmlib.methods.base import Method
from olmlib.processes import processes, summed


def first() -> bool:
    """Return whether this process is the one that writes and prints."""
    return processes() == 1 or dist.get_rank() == 0


def wait() -> None:
    """Return when every process is here."""
    if processes() > 1:
        dist.barrier()


def report(row: dict[str, float], epochs: int) -> None:
    """Print a line about a finished epoch, where several processes train and nothing else does."""
    if processes() > 1 and first():
        print(
            f"epoch {row['epoch']}/{epochs}  train_loss {row['train_loss']:.4f}  "
            f"dev_accuracy {row['dev_accuracy']:.4f}",
            flush=True,
        )


class Share(ClipSet):
    """This rank's part of every batch of `clips`: in rank order, the parts make up the batch.

    Args:
        clips: what the global batches are made of; all of it is counted.
    """

    def __init__(self, clips: ClipSet):
        self.clips = clips
        # Loader workers know nothing of the process group.
        self.rank, self.ranks = dist.get_rank(), processes()

    def __len__(self) -> int:
        """Return the number of clips of all ranks together."""
        return len(self.clips)

    def set_epoch(self, epoch: int) -> None:
        """Choose the random numbers of `epoch`, see `ClipSet.set_epoch`."""
        self.clips.set_epoch(epoch)

    def __getitems__(self, indices: list[int]) -> dict[str, Tensor]:
        """Return this rank's part of the batch of clips `indices`; sizes differ by at most 1."""
        start, end = (len(indices) * r // self.ranks for r in (self.rank, self.rank + 1))
        return self.clips.__getitems__(indices[start:end])


def share(clips: ClipSet, batch_size: int) -> ClipSet:
    """Return `clips` such that a loader of global batches gives this rank its part of each.

    Args:
        clips: of the training.
        batch_size: of a global batch; a last batch of one clip is taken to be left out.

    Raises:
        ValueError: a batch has fewer clips than there are ranks.
    """
    if processes() == 1:
        return clips
    last = len(clips) % batch_size
    least = last if last > 1 else batch_size
    if least < processes():
        raise ValueError(
            f"{len(clips)} clips in batches of {batch_size} give a batch of {least}, too small for "
            f"{processes()} processes; start fewer of them or change train.batch_size"
        )
    return Share(clips)


def spread(model: nn.Module, method: Method, device: torch.device) -> nn.Module:
    """Return what to call in place of `model` so that gradients are averaged over the ranks.

    The batch norms of `model` itself become global ones, with the same parameters and buffers.

    Raises:
        ValueError: the method cannot be trained by several processes.
    """
    if processes() == 1:
        return model
    if not method.distributed:
        name = type(method).__module__.rpartition(".")[2]
        raise ValueError(
            f"method {name}, as it is set here, cannot be trained by several processes: its hooks "
            "would take this rank's part for the batch (Method.distributed is False); train it "
            "without torchrun"
        )
    if device.type == "cuda":
        # Replaces modules inside the model, with the same parameters; no layer is the model itself.
        nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return DistributedDataParallel(model, [device.index])
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.__class__ = GlobalBatchNorm2d
    return DistributedDataParallel(model)


class _Sum(torch.autograd.Function):
    """The sum over ranks; each rank's loss depends on it, so its gradient is a sum as well."""

    @staticmethod
    def forward(ctx, value: Tensor) -> Tensor:
        return summed(value)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return summed(gradient)


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the samples of all ranks; torch's own `SyncBatchNorm` needs a GPU."""

    # For torch they may be None; in our networks no batch norm goes without statistics.
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, x: Tensor) -> Tensor:
        """Normalise this rank's part `(B, C, H, W)` of a batch."""
        # A pass without gradient in training mode, as of OLM's official presets, is over dev
        # samples that every rank has whole.
        if not (self.training and torch.is_grad_enabled()):
            return super().forward(x)
        n = summed(torch.tensor(x.numel() // x.shape[1]))
        mean = _Sum.apply(x.sum((0, 2, 3))) / n
        centred = x - mean[:, None, None]
        variance = _Sum.apply(centred.square().sum((0, 2, 3))) / n
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * n / (n - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return centred * scale[:, None, None] + self.bias[:, None, None]
