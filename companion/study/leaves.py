"""What the study's runs leave in their folders: little, because there are thousands.

The reported weights are those of the last epoch; those of the epoch that was best on dev stand
beside them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from olmlib import checkpoint
from olmlib.evaluate import evaluate
from olmlib.methods.base import Method
from olmlib.metrics import accuracy
from olmlib.training import Training


def tried(
    part: Path, identity: Mapping[str, Any], method: Method, device: str, training: Training
) -> None:
    """Write what tuning needs of a run: its epochs.

    Args:
        part: an empty folder.
        identity: of the run.
        method: whose prediction counts.
        device: of the model.
        training: finished.
    """
    epochs = training.epochs.merge(by_epoch(training), on="epoch")
    epochs.to_csv(part / "epochs.csv", index=False, float_format="%.7g")
    (part / "metrics.json").write_text(json.dumps({"selected_epoch": training.selected_epoch}))
    (part / "identity.json").write_text(json.dumps(identity, indent=1))


def reported(
    part: Path, identity: Mapping[str, Any], method: Method, device: str, training: Training
) -> None:
    """Write what tables and claims need of a run: also its predictions and its last weights.

    `predictions.npz` has `row`, `label`, `predicted` and `predicted_best`, `(n,)` each, of the test
    clips.

    Args:
        part, identity, method, device: as of `tried`.
        training: finished; its model is left with the weights of the last epoch.
    """
    test = training.clips["test"]
    best, labels = evaluate(training.model, test, device)
    training.model.load_state_dict(training.last)
    last, _ = evaluate(training.model, test, device)
    predicted = {"predicted": last, "predicted_best": best}
    classes = {k: method.predict(v.logits).argmax(-1).numpy() for k, v in predicted.items()}
    small: Any = {k: v.astype(np.int16) for k, v in {"label": labels.numpy(), **classes}.items()}
    rows = test.rows.astype(np.int32)
    np.savez_compressed(part / "predictions.npz", row=rows, **small)
    checkpoint.write(training.model.state_dict(), part / "model.pt")
    tried(part, identity, method, device, training)
    scores: dict[str, Any] = {"selected_epoch": training.selected_epoch}
    for name, outputs in {"last": last, "best_dev": best}.items():
        scores |= {name: _accuracies(method, outputs.logits, labels.numpy())}
    (part / "metrics.json").write_text(json.dumps(scores, indent=1))


def by_epoch(training: Training) -> pd.DataFrame:
    """Return what the history says of every epoch.

    Returns:
        Columns `epoch`, `norm_<head>`, the mean norm of its logits, and where the method has them
        `w_<head>`, its coefficient at the epoch's end.
    """
    history = training.history.arrays()
    heads = [str(head) for head in history["heads"]]
    steps = pd.DataFrame(history["norm"], columns=[f"norm_{head}" for head in heads])
    table = steps.groupby(history["epoch"]).mean()
    if "w" in history:
        w = pd.DataFrame(history["w"], columns=[f"w_{head}" for head in heads])
        table = table.join(w.groupby(history["epoch"]).last())
    return table.rename_axis("epoch").reset_index()


def _accuracies(method: Method, logits: dict, labels: np.ndarray) -> dict[str, float]:
    scores = {"accuracy": accuracy(method.predict(logits).numpy(), labels)}
    return scores | {f"accuracy_{head}": accuracy(s.numpy(), labels) for head, s in logits.items()}
