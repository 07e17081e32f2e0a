"""A training under way: the state of one run, one epoch of it, one step of it."""

import copy
import math
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from olmlib import checkpoint as checkpoints
from olmlib import optimise, ranks
from olmlib.config import NetworkConfig, TrainConfig
from olmlib.data.arrays import loader
from olmlib.data.arrive import ahead, moved, ready
from olmlib.data.clips import ClipSet, Data
from olmlib.data.cycle import DevCycle
from olmlib.history import History, Losses
from olmlib.losses import own_loss
from olmlib.methods.base import Batch, Method
from olmlib.models.outputs import Outputs
from olmlib.processes import processes, summed

LOOK_EVERY = 50  # steps: to look at a GPU is to wait for it


class Training:
    """A training under way: all that a checkpoint holds and all that a method may look at.

    Attributes:
        model: the network; after `fit`, with the weights of the selected epoch.
        network: the model as a step calls it, on this process's part of the batch.
        data: the prepared arrays or sequences.
        clips: split -> clips; those of "train" with augmentation.
        config: epochs, batch size, optimiser, device.
        seed: of the run.
        device: where the model is.
        history: a value per iteration.
        rows: a dictionary per finished epoch.
        selected_epoch: counted from 1; the first of equal ones.
        last: weights of the last epoch, for the second number that the table gives.
        losses: of the steps of the epoch under way.
    """

    def __init__(
        self,
        method: Method,
        data: Data,
        model_config: NetworkConfig,
        config: TrainConfig,
        seed: int,
        checkpoint: Path | None = None,
        identity: str = "",
    ):
        """Build the model and its optimiser; the arguments are those of `fit`."""
        self.method, self.data, self.config, self.seed = method, data, config, seed
        self.model_config, self.checkpoint, self.identity = model_config, checkpoint, identity
        self.device = optimise.device(config.device)
        torch.manual_seed(seed)
        self.model = method.build(len(data.classes), model_config).to(self.device)
        method.criterion = self.model.criterion
        self.network = ranks.spread(self.model, method, self.device)
        self.optimizer = optimise.optimizer(self.model, config)
        self.schedule = optimise.schedule(self.optimizer, config)
        self.half = optimise.half(config, self.device)
        # Only float16 has numbers too small for gradients.
        scaled = self.half == torch.float16
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        self.history = History(self.model.heads)
        self.clips = {split: self._clips(split) for split in ("train", "dev", "test")}
        self.dev = DevCycle(self.clips["dev"], seed)
        self.rows: list[dict] = []
        self.best: dict = {"score": -math.inf, "epoch": 0, "weights": {}}
        self.last: dict[str, Tensor] = {}
        self._every = 1 if self.device.type == "cpu" else LOOK_EVERY
        self.losses = Losses(self._every)

    @property
    def epochs(self) -> pd.DataFrame:
        """A row per finished epoch."""
        return pd.DataFrame(self.rows)

    @property
    def selected_epoch(self) -> int:
        """The epoch whose weights were kept, counted from 1."""
        return self.best["epoch"]

    def part(self, rows, augment=False) -> ClipSet:
        """Return some of the data's rows as clips, by default as they are tested."""
        clips = self.data.clips(rows, augment, self.config, self.seed)
        clips.late = self.device.type != "cpu"
        return clips

    def extra_run(
        self, method: Method, name: str, clips: ClipSet, epochs: int, weights: dict | None = None
    ) -> nn.Module:
        """Train one more model, for a method that learns from a training before its own.

        It is trained and resumed as this one, from the same seed; nothing of it is selected.

        Args:
            method: of the extra run.
            name: unlike those of the other extra runs.
            clips: the samples.
            epochs: how many; 0 returns the model as it is before its first step.
            weights: start from these; by default from fresh ones.

        Returns:
            The model after the last epoch.
        """
        file = self.checkpoint and self.checkpoint.with_name(f"{name}.pt")
        identity = f"{self.identity} {name}"
        other = Training(
            method, self.data, self.model_config, self.config, self.seed, file, identity
        )
        if weights is not None:
            other.model.load_state_dict(weights)
        other.resume()
        # The run's own random numbers must not depend on whether this one was already finished.
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            for epoch in range(len(other.rows) + 1, epochs + 1):
                other.rows.append({"train_loss": other.train_epoch(epoch, clips)})
                other.save()
        return other.model

    def train_epoch(self, epoch: int, clips: ClipSet) -> float:
        """Train one epoch on `clips` and return the mean loss of its samples, in nats.

        Raises:
            FloatingPointError: the loss became NaN or infinite.
        """
        size = self.config.batch_size
        torch.manual_seed(self.seed * 100_003 + epoch)
        batches = loader(
            ranks.share(clips, size),
            size,
            shuffle=True,
            epoch=epoch,
            seed=self.seed,
            workers=self.config.loader_workers,
            drop_last=len(clips) % size == 1,
            pin=self.device.type == "cuda",
        )
        steps = self.method.epoch_length(len(batches), -(-len(self.clips["dev"]) // size))
        self.method.on_epoch_start(self, epoch, steps)
        self.model.train()
        self.losses = Losses(self._every)
        for _, batch in zip(range(steps), ahead(batches, self.device), strict=False):
            self.take_step(epoch, batch)
        self.schedule.step()
        return self.losses.mean(epoch)

    def take_step(self, epoch: int, batch: Batch) -> None:
        """Take one training step: forward, loss, backward, the optimiser, the method.

        Args:
            epoch: counted from 1.
            batch: of several processes, the part of this one.

        Raises:
            FloatingPointError: the loss is not finite; a GPU is asked every `LOOK_EVERY` steps.
        """
        batch = self._move(batch)
        method, scaler = self.method, self.scaler
        with torch.autocast(self.device.type, self.half, enabled=self.half is not None):
            outputs, labels = self.model.supervised(self.network(batch), batch["label"])
            method.forward_extra(self.model, self._next_dev, self.config.batch_size)
            loss = method.loss(outputs, labels)
            loss = loss + own_loss(outputs, batch, self.config.valence_weight)
        outputs = Outputs(*({k: v.detach() for k, v in part.items()} for part in outputs))
        samples = int(summed(torch.tensor(len(batch["label"]))))
        share = len(batch["label"]) / samples
        whole = summed(share * loss.detach())
        self.losses.add(epoch, whole, samples)
        self.optimizer.zero_grad()
        # DDP takes the plain mean of the processes' gradients, whose parts may differ in size.
        scaler.scale(processes() * share * loss).backward()
        scaler.unscale_(self.optimizer)
        method.after_backward(self.model)
        scaler.step(self.optimizer)
        scaler.update()
        method.after_step(outputs, labels)
        self.history.add(epoch, whole, outputs.logits, labels, method.record())

    def keep_best(self, row: dict[str, float]) -> None:
        """Keep the weights if the epoch of `row` is better than all before, as `selection` says."""
        score = row[_SCORES[self.config.selection]]
        if score > self.best["score"]:
            weights = copy.deepcopy(self.model.state_dict())
            self.best = {"score": score, "epoch": row["epoch"], "weights": weights}

    def save(self) -> None:
        """Write the checkpoint, where one is wanted; of several processes, the first does."""
        if self.checkpoint is not None and ranks.first():
            state = {"identity": self.identity, "rows": self.rows, "best": self.best}
            state["dev"] = (self.dev.taken, self.dev.passes)
            for name in _PARTS:
                state[name] = getattr(self, name).state_dict()
            checkpoints.save(state, self.checkpoint)

    def resume(self) -> bool:
        """Go back to the checkpoint, if there is one of this identity, and say whether."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return False
        state = checkpoints.load(self.checkpoint, self.device)
        if state["identity"] != self.identity:
            return False
        self.rows, self.best = state["rows"], state["best"]
        self.dev.taken, self.dev.passes = state["dev"]
        for name in _PARTS:
            getattr(self, name).load_state_dict(state[name])
        return True

    def _clips(self, split: str) -> ClipSet:
        return self.part(self.data.rows(split), augment=split == "train")

    def _move(self, batch: Batch) -> Batch:
        return ready(moved(batch, self.device))

    def _next_dev(self, size: int) -> Batch:
        return self._move(self.dev.next(size))


_SCORES = {
    "best_dev": "dev_accuracy",
    "best_combined": "dev_combined",
    "best_test": "test_accuracy",
    "last": "epoch",
}
_PARTS = ("model", "optimizer", "schedule", "scaler", "method", "history")
