"""Finished runs, read from their folders; a result of other code or data is refused."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from companion.runs.identity import Run, share


def is_finished(run: Run, identity: str) -> bool:
    """Tell whether the run's folder holds a result with this identity."""
    try:
        known = json.loads((run.folder / "identity.json").read_text())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return False
    return known["identity"] == identity


def check(runs: Sequence[Run]) -> None:
    """Refuse runs that are missing or not of today: nothing is skipped, no result is stale.

    Raises:
        FileNotFoundError: a run is missing.
        ValueError: a run's identity is another one than it would have today.
    """
    missing = [run for run in runs if not (run.folder / "metrics.json").is_file()]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(runs)} runs are missing, the first is {missing[0].folder}: "
            "run `dvc repro`"
        )
    share(runs)
    stale = [run for run in runs if not is_finished(run, run.identity()["identity"])]
    if stale:
        raise ValueError(
            f"{len(stale)} of {len(runs)} runs were made by other code, data or options than "
            f"today's, the first is {stale[0].folder} ({difference(stale[0])}): run `dvc repro`"
        )


def difference(run: Run) -> str:
    """Return which parts of a finished run's identity are not today's, in words."""
    then, now = json.loads((run.folder / "identity.json").read_text()), run.identity()
    parts = [
        name for name in now if then.get(name) != now[name] and name not in ("identity", "row")
    ]
    if "sources" in parts:
        old, new = then.get("sources", {}), now["sources"]
        edited = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        parts[parts.index("sources")] = f"source of {', '.join(edited)}"
    return ", ".join(parts)


def load(runs: Sequence[Run]) -> pd.DataFrame:
    """Return every finished run's metrics, tidy.

    Returns:
        Columns `row`, `seed`, `weights` (`test`: the selected epoch, `last`), `metric`, `value`.

    Raises:
        FileNotFoundError, ValueError: as `check`.
    """
    check(runs)
    rows = []
    for run in runs:
        metrics = json.loads((run.folder / "metrics.json").read_text())
        for weights in ("test", "last"):
            for metric, value in metrics[weights].items():
                rows.append((run.name, run.seed, weights, metric, value))
    return pd.DataFrame(rows, columns=["row", "seed", "weights", "metric", "value"])


def epochs(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the epochs of all runs with their `row` and `seed`.

    Raises:
        FileNotFoundError, ValueError: as `check`.
    """
    check(runs)
    tables = [
        pd.read_csv(run.folder / "epochs.csv").assign(row=run.name, seed=run.seed) for run in runs
    ]
    return pd.concat(tables, ignore_index=True)


def iterations(run: Run) -> dict[str, np.ndarray]:
    """Return the arrays over iterations of a run, see `History`.

    Raises:
        FileNotFoundError, ValueError: as `check`.
    """
    check([run])
    with np.load(run.folder / "iterations.npz") as arrays:
        return dict(arrays)
