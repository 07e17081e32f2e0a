"""How good are a network's features? A linear classifier on frozen encoders answers.

The head that a network was trained with says what it *uses* of a modality; a linear probe says what
the encoder has *learnt*. An encoder that joint training left behind shows in the probe.
"""

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from companion.runs import folder
from companion.runs.identity import Run
from olmlib.data.arrays import loader
from olmlib.data.clips import StoredClips
from olmlib.data.folder import PreparedFolder
from olmlib.methods.table import create

BATCH = 64


def probes(runs: list[Run], only: str | None = None) -> pd.DataFrame:
    """Probe every encoder of finished runs.

    Args:
        runs: of one data set.
        only: the one modality whose encoders are probed, by default all.

    Returns:
        A row per run and modality: `row`, `seed`, `fold` (0 where there are none), `modality`,
        `accuracy` on the test split, in `[0, 1]`.

    Raises:
        FileNotFoundError: a run has no `model.pt`.
    """
    rows = []
    for run in runs:
        data, model = run.data(), load(run)
        train, test = (features(model, data, split) for split in ("train", "test"))
        labels = {split: data.labels[data.rows(split)] for split in ("train", "test")}
        for modality in train if only is None else (only,):
            score = linear_probe(train[modality], labels["train"], test[modality], labels["test"])
            rows.append((run.name, run.seed, run.fold or 0, modality, score))
    return pd.DataFrame(rows, columns=["row", "seed", "fold", "modality", "accuracy"])


def load(run: Run) -> nn.Module:
    """Return a finished run's network, with the weights of the selected epoch.

    Raises:
        FileNotFoundError, ValueError: as `folder.check`.
    """
    folder.check([run])
    path = run.folder / "model.pt"
    method = create(run.row.method, run.seed, **run.row.options)
    data = run.data()
    model = method.build(len(data.classes), run.model(data))
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model


@torch.no_grad()
def features(model: nn.Module, data: PreparedFolder, split: str) -> dict[str, np.ndarray]:
    """Return the pooled features of a split, without augmentation, in eval mode.

    Args:
        model: from a batch to logits and features.
        data: the prepared data.
        split: "train", "dev" or "test".

    Returns:
        Modality -> `(n, d)` float32, in the order of `data.rows(split)`.
    """
    model.eval()
    batches = loader(StoredClips(data, data.rows(split)), BATCH)
    parts = [model(batch).features for batch in batches]
    return {m: torch.cat([part[m] for part in parts]).numpy() for m in parts[0]}


def linear_probe(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> float:
    """Fit a logistic regression on features and return its accuracy on others.

    Features are standardised by the training split, so an encoder's scale does not matter; the
    penalty is scikit-learn's default and the same for every encoder.

    Args:
        train, test: `(n, d)`, features.
        train_labels, test_labels: `(n,)`, class indices.

    Returns:
        Accuracy on the test features, in `[0, 1]`.

    Raises:
        ValueError: features are not finite; the network that made them has diverged.
    """
    for name, part in (("train", train), ("test", test)):
        if not np.isfinite(part).all():
            raise ValueError(f"{name} features are not finite: the network has diverged")
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    return float(probe.fit(train, train_labels).score(test, test_labels))
