"""Finished runs of the study as tables: what its results are computed from.

All of these refuse runs that are missing, or that other code, data or options have made.
"""

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from companion.notebooks import root
from companion.runs import folder
from companion.runs.identity import Run
from companion.study import progress, work
from companion.study.grid import Study

KEYS = ["dataset", "row", "seed", "fold"]


@cache
def _study() -> Study:
    return Study(root())


def sets() -> tuple[str, ...]:
    """Return the names of the data sets, recordings first."""
    return _study().sets


def recordings() -> tuple[str, ...]:
    """Return the names of the sets of real recordings."""
    return tuple(dict(_study().values.recordings))


def title(dataset: str) -> str:
    """Return a data set's readable name."""
    return _study().title(dataset)


def modalities(dataset: str) -> tuple[str, ...]:
    """Return a data set's modalities, in the order of the heads."""
    return _study().modalities(dataset)


def rows(dataset: str) -> list[str]:
    """Return the names of a data set's rows, in the order of the tables."""
    return list(_study().rows(dataset))


@cache
def reported(dataset: str) -> list[Run]:
    """Return the runs that tables report, checked.

    Raises:
        FileNotFoundError, ValueError: as `folder.check`, or the data set was not tuned.
    """
    runs = _study().reported(dataset, work.choices(_study(), dataset))
    folder.check(runs)
    return runs


@cache
def frame(dataset: str) -> pd.DataFrame:
    """Return a line per reported run.

    Returns:
        Columns `dataset`, `row`, `seed`, `fold` (0 where there are none), `accuracy` of the last
        epoch's weights, which is what is reported, `best_dev`, of those of the epoch that was best
        on dev, `dev_accuracy`, mean of the last epochs as in tuning, all in [0, 1]; `test_clips`,
        `seconds` of CPU time, NaN where a run was not trained here, and the run's `identity`.
    """
    seconds = progress.measured(_study(), dataset).set_index("run")["seconds"]
    last, lines = _study().values.tuning.last, []
    for run in reported(dataset):
        scores = json.loads((run.folder / "metrics.json").read_text())
        epochs = pd.read_csv(run.folder / "epochs.csv", usecols=["dev_accuracy"])
        with np.load(run.folder / "predictions.npz") as arrays:
            clips = len(arrays["row"])
        line = _key(run) | {"accuracy": scores["last"]["accuracy"]}
        line |= {"best_dev": scores["best_dev"]["accuracy"]}
        line |= {"dev_accuracy": epochs["dev_accuracy"].tail(last).mean(), "test_clips": clips}
        line |= {"seconds": seconds.get(run.folder.name, np.nan)}
        known = json.loads((run.folder / "identity.json").read_text())
        lines.append(line | {"identity": known["identity"]})
    return pd.DataFrame(lines)


@cache
def clips(dataset: str) -> pd.DataFrame:
    """Return every test clip of every reported run, by the last epoch's weights.

    Returns:
        Columns `dataset`, `row`, `seed`, `fold`, `id`, `group` (the actor, the speaker, or the clip
        where nobody is known) and `correct`, bool.
    """
    parts, records = [], {}
    for run in reported(dataset):
        if run.prepared not in records:
            records[run.prepared] = run.data().records[["id", "group"]]
        with np.load(run.folder / "predictions.npz") as arrays:
            part = records[run.prepared].iloc[arrays["row"]].reset_index(drop=True)
            part["correct"] = arrays["label"] == arrays["predicted"]
        parts.append(part.assign(**_key(run)))
    return pd.concat(parts, ignore_index=True)[[*KEYS, "id", "group", "correct"]]


@cache
def epochs(dataset: str) -> pd.DataFrame:
    """Return every epoch of every reported run.

    Returns:
        Columns `dataset`, `row`, `seed`, `fold`, `epoch`, `train_loss`, `dev_accuracy`, and by head
        `dev_accuracy_<head>`, `dev_loss_<head>`, `norm_<head>` (mean logit norm of the epoch) and,
        of methods that have them, `w_<head>` (at its end), by modality `update_<modality>`.
    """
    parts = [
        pd.read_csv(run.folder / "epochs.csv").assign(**_key(run)) for run in reported(dataset)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[[*KEYS, *table.columns.difference(KEYS, sort=False)]]


def _key(run: Run) -> dict[str, Any]:
    return dict(zip(KEYS, (run.dataset, run.name, run.seed, run.fold or 0), strict=True))
