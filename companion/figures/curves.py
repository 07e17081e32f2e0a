"""Curves over epochs from the histories of runs: the numbers behind Figures 5 and 6."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from companion.runs import folder
from companion.runs.identity import Run


def classes(grid: Sequence[Run], names: Sequence[str], scaled: bool = False) -> pd.DataFrame:
    """Return logit norms and scores of every class over epochs (Figures 5 and 6 (B), (D)).

    A value is the mean over an epoch's batches that hold the class; each batch's value is the mean
    over its samples of that class, as the paper's "batch-averaged" says.

    Args:
        grid: runs, all of them finished.
        names: of the C classes.
        scaled: multiply by the coefficient w that the loss uses; 1 for rows without OLM. By
            default logits are raw, as the network gives them and as the prediction uses them.

    Returns:
        Columns `row`, `seed`, `epoch`, `head`, `class`, `norm` (L2 norm of the logit vector),
        `score` (logit of the true class).

    Raises:
        ValueError: a run has another number of classes, or an epoch never shows a class.
    """
    parts = []
    for run in grid:
        history = folder.iterations(run)
        if history["norm_class"].shape[2] != len(names):
            count = history["norm_class"].shape[2]
            raise ValueError(f"{run.folder.name} has {count} classes, but {len(names)} names")
        w = history["w"][..., None] if scaled and "w" in history else 1.0
        norm = _per_epoch(history["norm_class"] * w, history["epoch"])
        score = _per_epoch(history["score_class"] * w, history["epoch"])
        if np.isnan(norm).any():
            epoch, _, c = np.argwhere(np.isnan(norm))[0]
            raise ValueError(f"{run.folder.name} saw no {names[c]} in epoch {epoch + 1}")
        parts.append(_tidy(run, history, {"norm": norm, "score": score}, {"class": names}))
    return pd.concat(parts, ignore_index=True)


def coefficients(grid: Sequence[Run]) -> pd.DataFrame:
    """Return the coefficients w of every head over epochs, means over the iterations of each.

    Args:
        grid: finished runs of OLM.

    Returns:
        Columns `row`, `seed`, `epoch`, `head`, `w`, `lowest`, `highest` (over the iterations).

    Raises:
        ValueError: a run has no coefficients.
    """
    parts = []
    for run in grid:
        history = folder.iterations(run)
        if "w" not in history:
            raise ValueError(f"{run.folder.name} has no coefficients: it was not trained with OLM")
        values = {
            name: _per_epoch(history["w"], history["epoch"], reduce)
            for name, reduce in (("w", np.nanmean), ("lowest", np.min), ("highest", np.max))
        }
        parts.append(_tidy(run, history, values, {}))
    return pd.concat(parts, ignore_index=True)


def accuracies(grid: Sequence[Run], split: str = "test") -> pd.DataFrame:
    """Return accuracies over epochs (Figures 1 (A) and 6 (A), (C)).

    Args:
        grid: finished runs of models with the same heads, a fused one among them.
        split: "test", by which nothing was selected, or "dev".

    Returns:
        Columns `row`, `seed`, `epoch`, `head`, `accuracy` in percent; head `fused` is the
        prediction of the row.
    """
    head = f"{split}_accuracy_"
    table = folder.epochs(grid).drop(columns=f"{head}fused")
    columns = {c: c.removeprefix(head) for c in map(str, table) if c.startswith(head)}
    columns[f"{split}_accuracy"] = "fused"
    table = table.rename(columns=columns)
    table[list(columns.values())] *= 100
    return table.melt(
        ["row", "seed", "epoch"], list(columns.values()), var_name="head", value_name="accuracy"
    )


def growth(curves: pd.DataFrame, value: str = "norm") -> pd.DataFrame:
    """Return how much a value of `classes` grew from the first to the last epoch.

    Args:
        curves: as of `classes`.
        value: `norm` or `score`.

    Returns:
        Columns `row`, `seed`, `head`, `growth`: the mean over classes, in logits.
    """
    means = curves.groupby(["row", "seed", "head", "epoch"], sort=False)[value].mean().unstack()
    return (means.iloc[:, -1] - means.iloc[:, 0]).rename("growth").reset_index()


def _per_epoch(values: np.ndarray, epoch: np.ndarray, reduce=np.nanmean) -> np.ndarray:
    """Reduce `(I, ...)` over the iterations of each epoch to `(epochs, ...)`."""
    present = [~np.isnan(values[epoch == e]).all(axis=0) for e in np.unique(epoch)]
    return np.stack(
        [
            # A class that an epoch never shows stays NaN, without numpy's warning about it.
            np.where(seen, reduce(np.where(seen, values[epoch == e], 0.0), axis=0), np.nan)
            for seen, e in zip(present, np.unique(epoch), strict=True)
        ]
    )


def _tidy(run: Run, history: dict, values: dict[str, np.ndarray], more: dict) -> pd.DataFrame:
    index = pd.MultiIndex.from_product(
        [np.unique(history["epoch"]).tolist(), history["heads"].tolist(), *more.values()],
        names=["epoch", "head", *more],
    )
    table = pd.DataFrame({name: array.ravel() for name, array in values.items()}, index=index)
    table = table.reset_index()
    table.insert(0, "row", run.name)
    table.insert(1, "seed", run.seed)
    return table
