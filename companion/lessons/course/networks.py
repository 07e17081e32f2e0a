"""Small networks on made recordings, trained by the one training loop in about a second."""

from collections.abc import Mapping

from torch import Tensor

from olmlib import train
from olmlib.config import MLPFusionConfig, TrainConfig
from olmlib.data.features import Features
from olmlib.evaluate import evaluate
from olmlib.methods.base import Method
from olmlib.training import Training

HIDDEN = (32,)


def trained(method: Method, data: Features, seed: int, epochs: int = 15, lr: float = 0.02):
    """Return a finished training of a small late fusion, with the weights of its last epoch.

    Args:
        method: the training scheme, fresh.
        data: made recordings.
        seed: of the weights and of the order of the clips.
        epochs: how many.
        lr: learning rate.
    """
    config = TrainConfig(
        epochs=epochs,
        batch_size=24,
        lr=lr,
        schedule="constant",
        weight_decay=0.0,
        selection="last",
        test_epochs=False,
    )
    network = MLPFusionConfig(inputs=data.widths, hidden=HIDDEN)
    return train.fit(method, data, network, config, seed)


Tensors = Mapping[str, Tensor]


def seen(training: Training, split: str) -> tuple[Tensors, Tensors, Tensor]:
    """Return what the trained network makes of a split.

    Args:
        training: finished.
        split: "train", "dev" or "test".

    Returns:
        Logits, head -> `(n, C)`; features, modality -> `(n, d)`; labels `(n,)`.
    """
    clips = training.part(training.data.rows(split))
    outputs, labels = evaluate(training.model, clips)
    return outputs.logits, outputs.features, labels


def accuracy(training: Training, split: str, head: str = "fused") -> float:
    """Return the accuracy of a head on a split, in `[0, 1]`."""
    logits, _, labels = seen(training, split)
    return (logits[head].argmax(1) == labels).double().mean().item()


def head(training: Training) -> tuple[Tensor, Tensor]:
    """Return the weights `(C, d_a + d_v)` and the bias `(C,)` of Concat's linear head."""
    weight, bias = (training.model.get_parameter(f"fusion.{name}") for name in ("weight", "bias"))
    return weight.detach().clone(), bias.detach().clone()
