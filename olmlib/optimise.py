"""What a `TrainConfig` says about an optimisation: the optimiser, its schedule and its device."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer, lr_scheduler

from olmlib.config import TrainConfig
from olmlib.processes import processes


def optimizer(model: nn.Module, config: TrainConfig) -> Optimizer:
    """Return the optimiser of all parameters of `model`."""
    common: dict[str, Any] = {"lr": config.lr, "weight_decay": config.weight_decay}
    # Many parameters in one call, faster than a small network's one by one.
    if config.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), fused=True, **common)
    # SGD's fused step fails where a parameter gets its first gradient later than the others.
    return torch.optim.SGD(model.parameters(), momentum=config.momentum, foreach=True, **common)


def schedule(optimizer: Optimizer, config: TrainConfig) -> lr_scheduler.LRScheduler:
    """Return the schedule of the learning rate, which takes one step per epoch."""
    if config.schedule == "step":
        return lr_scheduler.StepLR(optimizer, max(1, round(0.7 * config.epochs)), gamma=0.1)
    if config.schedule == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, config.epochs)
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)


def device(name: str) -> torch.device:
    """Return the device called `name`; of several processes, each takes a GPU of its own.

    Raises:
        RuntimeError: this machine has no such device.
    """
    device = torch.device(name)
    if device.type == "cpu":
        return device
    there = torch.get_device_module(device).device_count()
    if (device.index or 0) >= there:
        seen = f"{there} such device(s)" if there else "no GPU"
        raise RuntimeError(f"train.device is {name!r} but torch sees {seen}; set it to cpu")
    if device.type != "cuda":
        return device
    if processes() > 1:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device


def half(config: TrainConfig, device: torch.device) -> torch.dtype | None:
    """Return the type of mixed precision on this device, None where there is none."""
    if not config.mixed_precision or device.type != "cuda":
        return None
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float16


@contextmanager
def deterministic(config: TrainConfig, device: torch.device) -> Iterator[None]:
    """Let torch take only kernels of a fixed order of sums inside the `with`, if `config` says so.

    Raises:
        RuntimeError: from inside, by torch: something has no such kernel, or CUDA began without
            the environment's `CUBLAS_WORKSPACE_CONFIG=:4096:8`, which is set here if nothing is.
    """
    if not config.deterministic or device.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
