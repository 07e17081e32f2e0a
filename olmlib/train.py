"""The one training loop; it knows methods by their hooks only."""

import copy
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from olmlib import optimise, ranks
from olmlib.config import NetworkConfig, TrainConfig
from olmlib.data.clips import Data
from olmlib.evaluate import epoch_row
from olmlib.history import updates, weights
from olmlib.methods.base import Method
from olmlib.training import Training


def fit(
    method: Method,
    data: Data,
    model_config: NetworkConfig,
    config: TrainConfig,
    seed: int,
    checkpoint: Path | None = None,
    identity: str = "",
    progress: bool = False,
    on_epoch: Callable[[int], None] = lambda epoch: None,
) -> Training:
    """Train one model with one method.

    Stopped at any point and called again with the same arguments, it goes on after the last
    finished epoch and ends with the same numbers, on the CPU to the bit. Called by all processes
    of a `torch.distributed` group, it trains one model on the same global batches.

    Args:
        method: the training scheme, fresh.
        data: prepared arrays or sequences with splits train, dev and test.
        model_config: the network's size.
        config: epochs, optimiser, schedule, selection, device.
        seed: of the weights, the order of the clips and their augmentation.
        checkpoint: file for resuming, written after each epoch.
        identity: of the run; a checkpoint with another one is not used.
        progress: show a bar over epochs where the output is a terminal.
        on_epoch: called with the number of each finished epoch.

    Returns:
        The finished training; its model has the weights of the selected epoch.

    Raises:
        FloatingPointError: the loss became NaN or infinite.
        RuntimeError: the device is not there.
    """
    training = Training(method, data, model_config, config, seed, checkpoint, identity)
    with optimise.deterministic(config, training.device):
        return _fitted(training, progress, on_epoch)


def _fitted(training: Training, progress: bool, on_epoch: Callable[[int], None]) -> Training:
    method, config = training.method, training.config
    resumed = training.resume()
    # Nobody writes a checkpoint before everybody has looked for one.
    ranks.wait()
    if not resumed:
        method.pre_run(training)
        training.save()
    epochs = range(len(training.rows) + 1, config.epochs + 1)
    bar = tqdm(epochs, disable=None if progress else True, unit="epoch")
    for epoch in bar:
        row: dict[str, float] = {"epoch": epoch, "lr": float(training.schedule.get_last_lr()[0])}
        before = weights(training.model.encoders)
        row["train_loss"] = training.train_epoch(epoch, training.clips["train"])
        row |= updates(before, weights(training.model.encoders))
        row |= epoch_row(
            training.model, method, training.clips, training.device, config.test_epochs
        )
        training.rows.append(row)
        training.keep_best(row)
        training.save()
        bar.set_postfix(dev_accuracy=row["dev_accuracy"])
        ranks.report(row, config.epochs)
        on_epoch(epoch)
    training.last = copy.deepcopy(training.model.state_dict())
    training.model.load_state_dict(training.best["weights"])
    return training
