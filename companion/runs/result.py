"""What a finished training leaves in its run's folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from olmlib import checkpoint
from olmlib.evaluate import evaluate
from olmlib.methods.base import Method
from olmlib.metrics import accuracy, emotion, mean_average_precision
from olmlib.models.outputs import Outputs
from olmlib.training import Training


def write(
    part: Path, identity: Mapping[str, Any], method: Method, device: str, training: Training
) -> None:
    """Write weights, predictions, history and metrics of the selected epoch.

    Args:
        part: an empty folder.
        identity: of the run.
        method: whose prediction counts.
        device: of the model.
        training: finished; its model is left with the weights of the last epoch.
    """
    test = training.clips["test"]
    outputs, labels = evaluate(training.model, test, device)
    checkpoint.write(training.model.state_dict(), part / "model.pt")
    training.model.load_state_dict(training.last)
    last, _ = evaluate(training.model, test, device)
    history = training.history.arrays()
    arrays = {
        "row": test.rows,
        "label": labels.numpy(),
        "prob": method.predict(outputs.logits).softmax(-1).numpy(),
    }
    arrays |= {f"logits_{head}": scores.numpy() for head, scores in outputs.logits.items()}
    arrays |= {f"valence_{head}": values.numpy() for head, values in outputs.values.items()}
    _save(part / "predictions.npz", arrays)
    _save(part / "iterations.npz", history)
    training.epochs.to_csv(part / "epochs.csv", index=False)

    def metrics(predicted: Outputs, epoch: int) -> dict[str, float]:
        w = _coefficients(history, epoch)
        return _metrics(method, predicted, labels.numpy(), test.valence, w)

    summary = {
        "selected_epoch": training.selected_epoch,
        "test": metrics(outputs, training.selected_epoch),
        "last": metrics(last, len(training.rows)),
    }
    (part / "metrics.json").write_text(json.dumps(summary, indent=1))
    (part / "identity.json").write_text(json.dumps(identity, indent=1))


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays by their names; numpy's own types allow no dictionary for that."""
    save: Any = np.savez
    save(path, **arrays)


def _coefficients(history: dict[str, np.ndarray], epoch: int) -> np.ndarray | None:
    """Return w at the end of an epoch, with which the network of that epoch was trained."""
    return history["w"][history["epoch"] == epoch][-1] if "w" in history else None


def _metrics(
    method: Method,
    outputs: Outputs,
    labels: np.ndarray,
    valence: np.ndarray | None,
    w: np.ndarray | None,
) -> dict[str, float]:
    """Accuracy and mAP of the prediction, accuracies of heads and of their sums, F1 and MSE."""
    logits = outputs.logits
    scores = method.predict(logits)
    first, *others = logits.values()
    measured = {
        "accuracy": accuracy(scores.numpy(), labels),
        "map": mean_average_precision(scores.softmax(-1).numpy(), labels).value,
    }
    measured |= {f"accuracy_{head}": accuracy(s.numpy(), labels) for head, s in logits.items()}
    measured["accuracy_sum"] = accuracy(sum(others, start=first).numpy(), labels)
    if w is not None:
        c, *cs = w.tolist()
        weighted = sum((c * s for c, s in zip(cs, others, strict=True)), start=c * first)
        measured["accuracy_weighted_sum"] = accuracy(weighted.numpy(), labels)
    if outputs.values and valence is not None:
        predicted = method.predict(outputs.values).numpy()
        measured |= emotion(scores.numpy(), predicted, labels, valence)._asdict()
    return measured
