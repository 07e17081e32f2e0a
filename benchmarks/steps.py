"""Steps of several rows, taken in turn on one batch, so that whatever else runs falls on all."""

import statistics
import time
from collections.abc import Mapping

import torch

from companion import params
from olmlib import train
from olmlib.config import NetworkConfig, TrainConfig
from olmlib.data.arrays import loader
from olmlib.data.clips import Data
from olmlib.methods.table import create


class Trainee:
    """A training that is taken step by step on one batch."""

    def __init__(self, row: params.Row, data: Data, model: NetworkConfig, config: TrainConfig):
        self.method = create(row.method, 0, **row.options)
        self.training = train.Training(self.method, data, model, config, 0)
        self.method.pre_run(self.training)
        self.batch = next(iter(loader(self.training.clips["train"], config.batch_size)))
        self.method.on_epoch_start(self.training, 1, 1)

    def step(self) -> float:
        """Take one step as `train.Training.train_epoch` does and return its seconds."""
        start = time.perf_counter()
        self.training.take_step(1, self.batch)
        return time.perf_counter() - start


class Official(Trainee):
    """A step with the habits of the official code, which cannot be run here (no licence, no data).

    A dev batch as large as the training batch is forwarded with its graph, which
    is kept until the step is over, and tensors lie channel by channel.
    """

    def __init__(self, *args):
        super().__init__(*args)
        for module in self.training.model.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.register_forward_pre_hook(_channel_by_channel)
        self.training.model.to(memory_format=torch.contiguous_format)

    def step(self) -> float:
        """Take one step and return its seconds."""
        start = time.perf_counter()
        dev = self.training.network(self.batch)
        self.training.take_step(1, self.batch)
        seconds = time.perf_counter() - start
        del dev
        return seconds


def _channel_by_channel(module, inputs):
    return tuple(x.contiguous(memory_format=torch.contiguous_format) for x in inputs)


def step_seconds(trainees: Mapping[str, Trainee], rounds: int) -> dict[str, float]:
    """Return each one's median seconds per step over whole probe periods, steps taken in turn."""
    period = max(getattr(t.method, "probe_every", 1) for t in trainees.values())
    for trainee in trainees.values():
        trainee.step()
    spans: dict[str, list[float]] = {name: [] for name in trainees}
    for _ in range(rounds):
        totals = dict.fromkeys(trainees, 0.0)
        for _ in range(period):
            for name, trainee in trainees.items():
                totals[name] += trainee.step()
        for name, total in totals.items():
            spans[name].append(total / period)
    return {name: statistics.median(values) for name, values in spans.items()}
