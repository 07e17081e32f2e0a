"""The one training loop; it knows methods by their hooks only."""

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from olmlib import params
from olmlib.data.arrays import Clips, Prepared, loader
from olmlib.data.cycle import DevCycle
from olmlib.history import History
from olmlib.methods.base import Batch, Method
from olmlib.metrics import accuracy
from olmlib.models.late_fusion import Outputs

EVAL_BATCH = 64


@dataclass
class Result:
    """A finished training.

    Attributes:
        model: the network with the weights of the selected epoch.
        epochs: a row per epoch, see `_epoch_row`.
        history: a value per iteration.
        selected_epoch: counted from 1.
        last: weights of the last epoch, for the second number that the table gives.
    """

    model: nn.Module
    epochs: pd.DataFrame
    history: History
    selected_epoch: int
    last: dict[str, Tensor]


@dataclass
class _Best:
    """The weights with the highest score so far; the first of equals is kept."""

    score: float = -1.0
    epoch: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)

    def offer(self, score: float, epoch: int, model: nn.Module) -> None:
        if score > self.score:
            self.score, self.epoch = score, epoch
            self.weights = copy.deepcopy(model.state_dict())


def fit(
    method: Method,
    data: Prepared,
    model_config: params.Model,
    config: params.Train,
    seed: int,
    checkpoint: Path | None = None,
    identity: str = "",
    progress: bool = False,
    on_epoch: Callable[[int], None] = lambda epoch: None,
) -> Result:
    """Train one model with one method.

    Stopped at any point and called again with the same arguments, it goes on after the last
    finished epoch and ends with the same numbers, on the CPU to the bit.

    Args:
        method: the training scheme, fresh.
        data: prepared arrays with splits train, dev and test.
        model_config: the network's size.
        config: epochs, optimiser, schedule, selection, device.
        seed: of the weights, the order of the clips and their augmentation.
        checkpoint: file for resuming, written after each epoch.
        identity: of the run; a checkpoint with another one is not used.
        progress: show a bar over epochs where the output is a terminal.
        on_epoch: called with the number of each finished epoch.

    Raises:
        FloatingPointError: the loss became NaN or infinite.
        RuntimeError: the device is not there.
    """
    device = _device(config.device)
    torch.manual_seed(seed)
    model = method.build(len(data.classes), model_config).to(device)
    optimizer = _optimizer(model, config)
    schedule = _schedule(optimizer, config)
    half = config.mixed_precision and device.type == "cuda"
    scaler = torch.amp.GradScaler(device.type, enabled=half)
    history, best, rows, done = History(model.heads), _Best(), [], 0

    clips = {split: _clips(data, split, config, seed) for split in ("train", "dev", "test")}
    dev = DevCycle(clips["dev"], seed)

    def next_dev(size: int) -> Batch:
        return _move(dev.next(size), device)

    state = _load(checkpoint, identity, device)
    if state is not None:
        done, rows, best = state["epoch"], state["rows"], _Best(**state["best"])
        dev.taken, dev.passes = state["dev"]
        for part in (model, optimizer, schedule, scaler, method, history):
            part.load_state_dict(state[type(part).__name__])
    else:
        method.pre_run(model, clips["train"], clips["dev"])

    bar = tqdm(range(done + 1, config.epochs + 1), disable=None if progress else True, unit="epoch")
    for epoch in bar:
        torch.manual_seed(seed * 100_003 + epoch)
        batches = loader(
            clips["train"],
            config.batch_size,
            shuffle=True,
            epoch=epoch,
            seed=seed,
            workers=config.loader_workers,
            drop_last=len(clips["train"]) % config.batch_size == 1,
        )
        steps = method.epoch_length(len(batches), -(-len(clips["dev"]) // config.batch_size))
        method.on_epoch_start(epoch, steps)
        model.train()
        total = count = 0
        for _, batch in zip(range(steps), batches, strict=False):
            batch = _move(batch, device)
            labels = batch["label"]
            outputs, loss = step(
                model, method, optimizer, scaler, batch, next_dev, config.batch_size
            )
            if not torch.isfinite(loss):
                raise FloatingPointError(
                    f"the loss is {loss.item()} in epoch {epoch}; a smaller train.lr may help"
                )
            history.add(epoch, loss, outputs.logits, labels, method.record())
            total += loss.item() * len(labels)
            count += len(labels)
        rows.append(_epoch_row(epoch, schedule, total / count, model, method, clips, device))
        schedule.step()
        method.on_epoch_end(epoch)
        best.offer(_selection_score(rows[-1], config.selection, epoch), epoch, model)
        bar.set_postfix(dev_accuracy=rows[-1]["dev_accuracy"])
        if checkpoint is not None:
            state = {"identity": identity, "epoch": epoch, "rows": rows, "best": vars(best)}
            state["dev"] = (dev.taken, dev.passes)
            for part in (model, optimizer, schedule, scaler, method, history):
                state[type(part).__name__] = part.state_dict()
            save(state, checkpoint)
        on_epoch(epoch)

    last = copy.deepcopy(model.state_dict())
    model.load_state_dict(best.weights)
    return Result(model, pd.DataFrame(rows), history, best.epoch, last)


def step(
    model: nn.Module,
    method: Method,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    batch: Batch,
    next_dev: Callable[[int], Batch],
    size: int,
) -> tuple[Outputs, Tensor]:
    """Take one training step: forward, loss, backward, the optimiser, the method.

    Args:
        model: in training mode.
        method: whose hooks are called.
        optimizer: of the model's parameters.
        scaler: enabled in mixed precision, which then also runs the forward pass in half.
        batch: on the model's device.
        next_dev: gives the next samples of the dev split.
        size: B, of a full batch.

    Returns:
        The outputs, detached, and the loss `()`. A loss that is not finite changes nothing.
    """
    labels = batch["label"]
    with torch.autocast(labels.device.type, enabled=scaler.is_enabled()):
        outputs = model(batch)
        method.forward_extra(model, next_dev, size)
        loss = method.loss(outputs, labels)
    outputs = Outputs(*({k: v.detach() for k, v in part.items()} for part in outputs))
    if torch.isfinite(loss):
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        method.after_backward(model)
        scaler.step(optimizer)
        scaler.update()
        method.after_step(outputs, labels)
    return outputs, loss.detach()


@torch.no_grad()
def evaluate(model: nn.Module, clips: Clips, device: torch.device | str = "cpu"):
    """Return the raw logits of every head on a split, in eval mode.

    Returns:
        Head -> `(n, C)` on the CPU, and the labels `(n,)`.
    """
    model.eval()
    logits, labels = [], []
    for batch in loader(clips, EVAL_BATCH, shuffle=False):
        outputs = model(_move(batch, device))
        logits.append({head: s.float().cpu() for head, s in outputs.logits.items()})
        labels.append(batch["label"])
    model.train()
    heads = {head: torch.cat([part[head] for part in logits]) for head in logits[0]}
    return heads, torch.cat(labels)


def save(state: dict, path: Path) -> None:
    """Write `state` so that a crash leaves either the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def _load(path: Path | None, identity: str, device: torch.device) -> dict | None:
    if path is None or not path.exists():
        return None
    state = torch.load(path, map_location=device, weights_only=True)
    return state if state["identity"] == identity else None


def _clips(data: Prepared, split: str, config: params.Train, seed: int) -> Clips:
    train = split == "train"
    return Clips(data, data.rows(split), train, config.crop_scale, config.flip, seed)


def _epoch_row(epoch, schedule, train_loss, model, method, clips, device) -> dict[str, float]:
    """One row of `epochs.csv`.

    The test columns are what Figure 6 draws; nothing is selected by them unless `selection` says
    `best_test`, which exists to compare with papers that do so.
    """
    row = {"epoch": epoch, "lr": schedule.get_last_lr()[0], "train_loss": train_loss}
    for split in ("dev", "test"):
        logits, labels = evaluate(model, clips[split], device)
        row[f"{split}_accuracy"] = accuracy(method.predict(logits), labels)
        for head, scores in logits.items():
            row[f"{split}_accuracy_{head}"] = accuracy(scores, labels)
            row[f"{split}_loss_{head}"] = cross_entropy(scores, labels).item()
    return row


def _selection_score(row: dict[str, float], selection: str, epoch: int) -> float:
    scores = {"best_dev": row["dev_accuracy"], "best_test": row["test_accuracy"], "last": epoch}
    return scores[selection]


def _optimizer(model: nn.Module, config: params.Train) -> torch.optim.Optimizer:
    if config.optimizer == "adam":
        kind, extra = torch.optim.Adam, {}
    else:
        kind, extra = torch.optim.SGD, {"momentum": config.momentum}
    return kind(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, **extra)


def _schedule(optimizer, config: params.Train) -> torch.optim.lr_scheduler.LRScheduler:
    kinds = torch.optim.lr_scheduler
    if config.schedule == "step":
        return kinds.StepLR(optimizer, max(1, round(0.7 * config.epochs)), gamma=0.1)
    if config.schedule == "cosine":
        return kinds.CosineAnnealingLR(optimizer, config.epochs)
    return kinds.ConstantLR(optimizer, factor=1.0)


def _device(name: str) -> torch.device:
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(f"train.device is {name!r} but torch sees no GPU; set it to cpu")
    return device


def _move(batch: Batch, device) -> Batch:
    return {name: value.to(device, non_blocking=True) for name, value in batch.items()}
