"""What a finished training leaves in its run's folder."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from olmlib.evaluate import evaluate
from olmlib.methods.base import Method
from olmlib.metrics import accuracy, emotion, mean_average_precision
from olmlib.models.outputs import Outputs
from olmlib.train import Training


def write(part: Path, identity: dict, method: Method, device: str, result: Training) -> None:
    """Write weights, predictions, history and metrics of the selected epoch.

    Args:
        part: an empty folder.
        identity: of the run.
        method: whose prediction counts.
        device: of the model.
        result: the finished training; its model is left with the weights of the last epoch.
    """
    test = result.clips["test"]
    outputs, labels = evaluate(result.model, test, device)
    torch.save(result.model.state_dict(), part / "model.pt")
    result.model.load_state_dict(result.last)
    last, _ = evaluate(result.model, test, device)
    history = result.history.arrays()
    valence = test.prepared.valence[test.rows] if outputs.values else None

    def metrics(predicted: Outputs, epoch: int) -> dict[str, float]:
        w = _coefficients(history, epoch)
        return _metrics(method, predicted, labels, valence, w)

    np.savez(
        part / "predictions.npz",
        row=test.rows,
        label=labels.numpy(),
        prob=method.predict(outputs.logits).softmax(-1).numpy(),
        **{f"logits_{head}": scores.numpy() for head, scores in outputs.logits.items()},
        **{f"valence_{head}": values.numpy() for head, values in outputs.values.items()},
    )
    np.savez(part / "iterations.npz", **history)
    result.epochs.to_csv(part / "epochs.csv", index=False)
    summary = {
        "selected_epoch": result.selected_epoch,
        "test": metrics(outputs, result.selected_epoch),
        "last": metrics(last, len(result.rows)),
    }
    (part / "metrics.json").write_text(json.dumps(summary, indent=1))
    (part / "identity.json").write_text(json.dumps(identity, indent=1))


def _coefficients(history: dict[str, np.ndarray], epoch: int) -> np.ndarray | None:
    """Return w at the end of an epoch, with which the network of that epoch was trained."""
    return history["w"][history["epoch"] == epoch][-1] if "w" in history else None


def _metrics(
    method: Method, outputs: Outputs, labels: Tensor, valence: np.ndarray | None, w
) -> dict[str, float]:
    """Accuracy and mAP of the prediction, accuracies of heads and of their sums, F1 and MSE."""
    logits = outputs.logits
    scores = method.predict(logits)
    measured = {
        "accuracy": accuracy(scores, labels),
        "map": mean_average_precision(scores.softmax(-1), labels)[0],
    }
    measured |= {f"accuracy_{head}": accuracy(s, labels) for head, s in logits.items()}
    measured["accuracy_sum"] = accuracy(sum(logits.values()), labels)
    if w is not None:
        weighted = zip(w.tolist(), logits.values(), strict=True)
        measured["accuracy_weighted_sum"] = accuracy(sum(c * s for c, s in weighted), labels)
    if valence is not None:
        measured |= emotion(scores, method.predict(outputs.values), labels, valence)._asdict()
    return measured
