"""A run's identity, its folder, and the grid of runs of one data set."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from filelock import FileLock, Timeout
from joblib import Parallel, delayed

from olmlib import params, run_files, sources, train
from olmlib.data.arrays import Prepared
from olmlib.data.sequences import Sequences
from olmlib.methods.base import check_rows, create
from olmlib.models import build

# Seconds to wait for another process at the same run: the workers of a killed pipeline end the run
# that they are at, so one that is started again at once meets them.
PATIENCE = 600


@dataclass(frozen=True)
class Run:
    """One training: a row of the table on one data set with one seed.

    Attributes:
        dataset: name of the data set.
        name: the row's name in `params.yaml`.
        row: its method and options.
        seed: of everything random in the training.
        config: the data set's section of the profile, with what the row changes in its model.
        prepared: folder of the prepared arrays.
        runs: folder in which the finished run's folder is put.
        work: folder for checkpoints of unfinished runs.
        fold: the part of the training data that is its dev split, of data sets with folds.
    """

    dataset: str
    name: str
    row: params.Row
    seed: int
    config: params.DataSet | params.Sequences
    prepared: Path
    runs: Path
    work: Path
    fold: int | None = None

    @property
    def folder(self) -> Path:
        """Where the finished run lies."""
        fold = "" if self.fold is None else f"-{self.fold}"
        return self.runs / f"{self.name}-{self.seed}{fold}"

    def data(self) -> Prepared | Sequences:
        """Open the prepared data, of a run of cross-validation with its fold as the dev split."""
        if self.fold is None:
            return Prepared(self.prepared)
        return Sequences(self.prepared, self.fold, self.config.model.modalities)

    def model(self, data: Prepared | Sequences) -> params.Model | params.Transformer:
        """Return the model's configuration, with the widths of the data's features."""
        if self.fold is None:
            return self.config.model
        inputs = {m: data.widths[m] for m in self.config.model.modalities}
        return self.config.model.model_copy(update={"inputs": inputs})

    def identity(self) -> dict:
        """Return what the run's result depends on, with its hash under `identity`.

        That is its whole configuration, the prepared data and the source of every module used; the
        row's own name is not part of it.
        """
        known = {
            "method": self.row.method,
            "options": self.row.options,
            "seed": self.seed,
            "dataset": self.dataset,
            "model": self.config.model.model_dump(mode="json"),
            "train": self.config.train.model_dump(mode="json"),
            "data": self.data().digest,
            "sources": sources.closure(
                "olmlib.train",
                f"olmlib.methods.{self.row.method}",
                build.module(self.config.model),
            ),
            "torch": torch.__version__,
        }
        if self.fold is not None:
            known["fold"] = self.fold
        text = json.dumps(known, sort_keys=True)
        return {"identity": hashlib.sha256(text.encode()).hexdigest(), "row": self.name, **known}


def grid(
    profile: str, dataset: str, rows: Iterable[str] | None = None, root: str | Path = "."
) -> list[Run]:
    """Return the runs of a data set: its rows in `params.yaml` with every seed of the profile.

    Args:
        profile: name of the profile.
        dataset: name of the data set.
        rows: names of rows; by default all that the data set has (`datasets` of a row).
        root: the repository's root.

    Raises:
        ValueError: an unknown profile, data set or row, or a row that the data set does not have.
    """
    settings, chosen = profile_values(profile, root)
    here = [n for n, row in settings.rows.items() if not row.datasets or dataset in row.datasets]
    names = here if rows is None else list(rows)
    unknown = [name for name in names if name not in here]
    if unknown:
        raise ValueError(
            f"no row {', '.join(unknown)} for {dataset} in params.yaml; it has {', '.join(here)}"
        )
    section, found = chosen.dataset(dataset), []
    for name in names:
        row = settings.rows[name]
        model = params.changed(section.model, row.model, f"rows.{name}.model")
        config = section.model_copy(update={"model": model})
        found += [
            Run(dataset, name, row, seed, config, *places(profile, dataset, root))
            for seed in chosen.seeds
        ]
    return found


def profile_values(profile: str, root: str | Path = ".") -> tuple[params.Params, params.Profile]:
    """Return the whole of `params.yaml` and one of its profiles.

    Raises:
        ValueError: no such profile, or a row that cannot be trained.
    """
    settings = params.load(Path(root) / "params.yaml")
    check_rows(settings)
    if profile not in settings.profiles:
        raise ValueError(
            f"no profile {profile!r} in params.yaml; it has {', '.join(settings.profiles)}"
        )
    return settings, settings.profiles[profile]


def places(profile: str, dataset: str, root: str | Path = ".") -> list[Path]:
    """Return where a data set's arrays, its finished runs and its unfinished ones lie."""
    return [Path(root) / part / profile / dataset for part in ("prepared", "runs", "build/work")]


def execute(run: Run, progress: bool = False) -> str:
    """Make sure that a run's folder holds its result.

    Returns:
        `reused` (a finished run with the same identity was there), `resumed` or `trained`.

    Raises:
        RuntimeError: another process keeps at this very run, or the folder cannot be written.
    """
    identity = run.identity()
    if is_finished(run, identity["identity"]):
        return "reused"
    work = run.work / run.folder.name
    try:
        work.mkdir(parents=True, exist_ok=True)
        run.runs.mkdir(parents=True, exist_ok=True)
        with FileLock(work / "lock", timeout=PATIENCE):
            # Whoever held the lock may have finished the run meanwhile.
            if is_finished(run, identity["identity"]):
                return "reused"
            return _train(run, identity, work, progress)
    except Timeout:
        raise RuntimeError(
            f"another process still trains {run.folder} after {PATIENCE} s of waiting; "
            "wait for it, or stop it first"
        ) from None
    except OSError as error:
        raise RuntimeError(
            f"cannot write {error.filename or run.folder}: {error.strerror}. Finished runs and the "
            "last epoch of this one are kept; make room or allow writing, then run again"
        ) from error


def is_finished(run: Run, identity: str) -> bool:
    """Tell whether the run's folder holds a result with this identity."""
    try:
        known = json.loads((run.folder / "identity.json").read_text())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return False
    return known["identity"] == identity


def train_grid(runs: list[Run], workers: int) -> pd.Series:
    """Execute all runs over worker processes of one torch thread each, one line per run.

    Runs do not share random numbers, so the number of workers changes no result. A failing run
    does not stop the others.

    Args:
        runs: what to train; finished ones are reused.
        workers: processes at a time.

    Returns:
        How many runs were reused, resumed and trained.

    Raises:
        RuntimeError: runs failed; the message has each one's error.
    """
    outcomes, failed = [], []
    jobs = Parallel(n_jobs=workers, return_as="generator_unordered")
    done = jobs(delayed(_execute_alone)(run) for run in runs)
    for number, (name, outcome, error) in enumerate(done, start=1):
        print(f"{number:4d}/{len(runs)}  {name}  {outcome}", flush=True)
        outcomes.append(outcome)
        if error:
            failed.append(f"{name}: {error}")
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(runs)} runs failed:\n" + "\n".join(failed))
    return pd.Series(outcomes).value_counts()


def load(runs: list[Run]) -> pd.DataFrame:
    """Return every finished run's metrics, tidy.

    Returns:
        Columns `row`, `seed`, `weights` (`test`: the selected epoch, `last`), `metric`, `value`.

    Raises:
        FileNotFoundError: a run is missing; nothing is skipped.
    """
    missing = [str(run.folder) for run in runs if not (run.folder / "metrics.json").exists()]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(runs)} runs are missing, the first is {missing[0]}: "
            "run `dvc repro`, or notebook 10_train"
        )
    rows = []
    for run in runs:
        metrics = json.loads((run.folder / "metrics.json").read_text())
        for weights in ("test", "last"):
            for metric, value in metrics[weights].items():
                rows.append((run.name, run.seed, weights, metric, value))
    return pd.DataFrame(rows, columns=["row", "seed", "weights", "metric", "value"])


def epochs(runs: list[Run]) -> pd.DataFrame:
    """Return the epochs of all runs with their `row` and `seed`."""
    tables = [
        pd.read_csv(run.folder / "epochs.csv").assign(row=run.name, seed=run.seed) for run in runs
    ]
    return pd.concat(tables, ignore_index=True)


def iterations(run: Run) -> dict[str, np.ndarray]:
    """Return the arrays over iterations of a run, see `History`."""
    with np.load(run.folder / "iterations.npz") as arrays:
        return dict(arrays)


def _execute_alone(run: Run) -> tuple[str, str, str]:
    torch.set_num_threads(1)
    try:
        return run.folder.name, execute(run), ""
    except Exception as error:
        return run.folder.name, "failed", f"{type(error).__name__}: {error}"


def _train(run: Run, identity: dict, work: Path, progress: bool) -> str:
    checkpoint = work / "checkpoint.pt"
    outcome = "resumed" if checkpoint.exists() else "trained"
    data = run.data()
    method = create(run.row.method, run.seed, **run.row.options)
    result = train.fit(
        method,
        data,
        run.model(data),
        run.config.train,
        run.seed,
        checkpoint,
        identity["identity"],
        progress,
    )
    part = work / "result"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    run_files.write(part, identity, method, run.config.train.device, result)
    if run.folder.exists():
        shutil.rmtree(run.folder)
    os.replace(part, run.folder)
    for file in work.glob("*.pt"):
        file.unlink()
    return outcome
