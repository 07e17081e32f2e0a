"""The conditional utilisation rate (Wu et al., ICML 2022): what a branch owes to the other one.

It is what the learning speed of `olmlib.methods.cur` stands for, measured on a trained model.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from olmlib.data.arrays import Clips, loader
from olmlib.evaluate import BATCH, evaluate
from olmlib.metrics import accuracy
from olmlib.models.late_fusion import MODALITIES
from olmlib.models.mmtm import TwoBranch


class Utilisation(NamedTuple):
    """Conditional utilisation rates: `audio` is u(visual|audio), what audio's branch gains."""

    audio: float
    visual: float

    @property
    def difference(self) -> float:
        """`d_util`; positive where audio's branch leans on the other modality more."""
        return self.audio - self.visual


def rate(full: float, without: float) -> float:
    """Return the share of a branch's accuracy that is lost without the other modality.

    Args:
        full: accuracy of the branch, above 0.
        without: its accuracy when the other modality is replaced by its mean.
    """
    return (full - without) / full


def utilisation(model: TwoBranch, train: Clips, clips: Clips, device="cpu") -> Utilisation:
    """Measure how much of its accuracy each branch owes to the other modality.

    In every MMTM block, the other modality's pooled maps are replaced by their mean over the train
    split. One pass serves both branches, as then neither sees anything of the other's clip.

    Args:
        model: is left in training mode.
        train: for the means; without augmentation.
        clips: for the accuracies, usually dev or test.
        device: of the model.

    Raises:
        ZeroDivisionError: a branch has no clip right.
    """
    alone = _Alone(model, mean_pooled(model, train, device))
    (full, *_), labels = evaluate(model, clips, device)
    (without, *_), _ = evaluate(alone, clips, device)
    return Utilisation(
        *(rate(accuracy(full[m], labels), accuracy(without[m], labels)) for m in MODALITIES)
    )


@torch.no_grad()
def mean_pooled(model: TwoBranch, clips: Clips, device="cpu") -> list[dict[str, Tensor]]:
    """Return, per MMTM block, modality -> `(C,)`, the mean over clips of the pooled maps."""
    sums = [dict.fromkeys(MODALITIES, 0.0) for _ in model.blocks]

    def add(number):
        def hook(block, arguments):
            for m, h in block.pooled(arguments[0]).items():
                sums[number][m] = sums[number][m] + h.sum(0)

        return hook

    hooks = [block.register_forward_pre_hook(add(i)) for i, block in enumerate(model.blocks)]
    model.eval()
    try:
        for batch in loader(clips, BATCH, shuffle=False):
            model({name: value.to(device) for name, value in batch.items()})
    finally:
        for hook in hooks:
            hook.remove()
        model.train()
    return [{m: total / len(clips) for m, total in block.items()} for block in sums]


class _Alone(nn.Module):
    """The model whose branches see means of each other."""

    def __init__(self, model: TwoBranch, means: list[dict[str, Tensor]]):
        super().__init__()
        self.model, self.means = model, means

    def forward(self, batch):
        return self.model(batch, self.means)
