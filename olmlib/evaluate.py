"""What a network gives on a split: raw logits in eval mode, and an epoch's row of accuracies."""

import torch
from torch import Tensor, nn

from olmlib.data.arrays import loader
from olmlib.data.arrive import moved, ready
from olmlib.data.clips import ClipSet
from olmlib.losses import cross_entropy
from olmlib.metrics import accuracy, emotion
from olmlib.models.outputs import Outputs

BATCH = 128


@torch.no_grad()
def evaluate(
    model: nn.Module, clips: ClipSet, device: torch.device | str = "cpu"
) -> tuple[Outputs, Tensor]:
    """Return raw logits and features of clips, in eval mode; the model is left in training mode.

    Args:
        model: from a batch to `Outputs`.
        clips: n of them, in their order.
        device: of the model.

    Returns:
        Outputs of `(n, C)`, `(n, d)` and `(n,)` float32 on the CPU, and the labels `(n,)`; of
        models that classify T segments `(n, T, C)`, `(n, T, d)` and `(n, T)`.
    """
    model.eval()
    parts, labels = [], []
    for batch in loader(clips, BATCH, shuffle=False):
        parts.append(model(ready(moved(batch, torch.device(device)))))
        labels.append(batch["label"])
    model.train()
    joined = [
        {name: torch.cat([part[i][name].float().cpu() for part in parts]) for name in parts[0][i]}
        for i in range(len(Outputs._fields))
    ]
    return Outputs(*joined), torch.cat(labels)


def epoch_row(
    model: nn.Module,
    method,
    clips: dict[str, ClipSet],
    device: torch.device | str,
    test: bool = True,
) -> dict[str, float]:
    """Return accuracies and losses on dev and, if wanted, on test, a part of a row of `epochs.csv`.

    The test columns are what Figure 6 draws; nothing is selected by them unless `selection` says
    `best_test`, which exists to compare with papers that do so.

    Args:
        model: the network.
        method: whose `predict` counts.
        clips: split -> clips.
        device: of the model.
        test: measure the test split too.
    """
    row = {}
    for split in ("dev", "test") if test else ("dev",):
        outputs, labels = evaluate(model, clips[split], device)
        predicted, truth = method.predict(outputs.logits).numpy(), labels.numpy()
        row[f"{split}_accuracy"] = accuracy(predicted, truth)
        for head, scores in outputs.logits.items():
            row[f"{split}_accuracy_{head}"] = accuracy(scores.numpy(), truth)
            row[f"{split}_loss_{head}"] = cross_entropy(scores, labels).item()
        valence = clips[split].valence
        if outputs.values and valence is not None:
            measures = emotion(predicted, method.predict(outputs.values).numpy(), truth, valence)
            row |= {f"{split}_{name}": value for name, value in measures._asdict().items()}
    return row
