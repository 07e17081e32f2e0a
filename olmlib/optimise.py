"""What a `TrainConfig` says about an optimisation: the optimiser, its schedule and its device."""

import os
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
