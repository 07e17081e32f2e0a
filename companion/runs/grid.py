"""The grid of runs of one data set: rows x seeds, over worker processes."""

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from filelock import FileLock, Timeout

from companion import params, registry
from companion.runs import folder
from companion.runs.identity import Run, share
from companion.workers import AGAIN, Lost, spread
from olmlib import files, train
from olmlib.config import NetworkConfig
from olmlib.methods.table import create

# Seconds to wait for another process that trains the same run: workers of a killed pipeline finish
# their run, and a pipeline that is started again at once meets them.
PATIENCE = 600


def runs_of(
    profile: str, dataset: str, rows: Iterable[str] | None = None, root: str | Path = "."
) -> list[Run]:
    """Return the runs of a data set: its rows in `params.yaml` with every seed of the profile.

    Args:
        profile: name of the profile.
        dataset: name of the data set.
        rows: names of rows, also of those of `algorithm1`; by default all of Table 1 that the data
            set has (`datasets` of a row).
        root: the repository's root.

    Raises:
        ValueError: an unknown profile, data set or row, or a row that the data set does not have.
    """
    settings, chosen = profile_values(profile, root)
    every = settings.sweep() | settings.rows
    here = [n for n, row in every.items() if not row.datasets or dataset in row.datasets]
    names = [n for n in settings.rows if n in here] if rows is None else list(rows)
    unknown = [name for name in names if name not in here]
    if unknown:
        raise ValueError(
            f"no row {', '.join(unknown)} for {dataset} in params.yaml; it has {', '.join(here)}"
        )
    section, runs = chosen.dataset(dataset), []
    assert isinstance(section.model, NetworkConfig)  # Table 2 has a grid of its own
    for name in names:
        row = every[name]
        config = section.model_copy(update={"model": row.network(section.model)})
        runs += [
            Run(dataset, name, row, seed, config, *places(profile, dataset, root))
            for seed in chosen.seeds
        ]
    return runs


def sweep_of(profile: str, dataset: str, root: str | Path = ".") -> list[Run]:
    """Return the runs of the sweep over Algorithm 1; of another data set than its own, none.

    One pair of the sweep is the row of Table 1: its runs are the same.

    Raises:
        ValueError: as `runs_of`.
    """
    settings, _ = profile_values(profile, root)
    if dataset != settings.algorithm1.dataset:
        return []
    return runs_of(profile, dataset, settings.sweep(), root)


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


def places(profile: str, dataset: str, root: str | Path = ".") -> tuple[Path, Path, Path]:
    """Return where a data set's arrays, its finished runs and its unfinished ones lie."""
    root = Path(root)
    arrays, work = (root / part / profile / dataset for part in ("prepared", "build/work"))
    return arrays, root / registry.runs(dataset, profile), work


def execute(run: Run, progress: bool = False) -> str:
    """Make sure that a run's folder holds its result.

    Returns:
        `reused` (a finished run with the same identity was there), `resumed` or `trained`.

    Raises:
        RuntimeError: another process keeps working on this run, or the folder cannot be written.
    """
    identity = run.identity()
    if folder.is_finished(run, identity["identity"]):
        return "reused"
    work = run.work / run.folder.name
    try:
        work.mkdir(parents=True, exist_ok=True)
        run.runs.mkdir(parents=True, exist_ok=True)
        with FileLock(work / "lock", timeout=PATIENCE):
            # Whoever held the lock may have finished the run meanwhile.
            if folder.is_finished(run, identity["identity"]):
                return "reused"
            return _train(run, identity, work, progress)
    except Timeout:
        raise RuntimeError(
            f"another process still trains {run.folder} after {PATIENCE} s of waiting; "
            "wait for it, or stop it first"
        ) from None
    except OSError as error:
        if error.errno is None:  # not the system's: it says itself what is missing
            raise
        raise RuntimeError(
            f"cannot write {error.filename or run.folder}: {files.reason(error.errno, run.runs)}. "
            "Finished runs and the last epoch of this one are kept; make room or allow writing, "
            "then run again"
        ) from error


class Done(NamedTuple):
    """What became of a run: how it was come by, or an error; and the CPU time that it took."""

    run: Run
    outcome: str
    error: str
    seconds: float


def carried_out(runs: list[Run], workers: int) -> Iterator[Done]:
    """Execute all runs over worker processes of one torch thread each, in the order they end.

    Runs do not share random numbers, so the number of workers changes no result. A failing run
    does not stop the others, nor does one whose process the system ends.

    Args:
        runs: what to train; finished ones are reused.
        workers: processes at a time.
    """
    share(runs)
    for run, done in spread(_execute_alone, runs, workers):
        if isinstance(done, Lost):
            yield Done(run, "lost", f"{done}; {AGAIN}", 0.0)
        else:
            yield Done(run, *done)


def refuse_failed(failed: list[Done], total: int) -> None:
    """Raise where runs failed.

    Raises:
        RuntimeError: as said; the message has each one's error.
    """
    if failed:
        lines = "\n".join(f"{done.run.folder.name}: {done.error}" for done in failed)
        raise RuntimeError(f"{len(failed)} of {total} runs failed:\n{lines}")


def train_all(runs: list[Run], workers: int) -> pd.Series:
    """Execute all runs as `carried_out` does, one line per run.

    Returns:
        How many runs were reused, resumed and trained.

    Raises:
        RuntimeError: runs failed; the message has each one's error.
    """
    outcomes, failed = [], []
    for number, done in enumerate(carried_out(runs, workers), start=1):
        print(f"{number:4d}/{len(runs)}  {done.run.folder.name}  {done.outcome}", flush=True)
        outcomes.append(done.outcome)
        failed += [done] if done.error else []
    refuse_failed(failed, len(runs))
    return pd.Series(outcomes).value_counts()


def _execute_alone(run: Run) -> tuple[str, str, float]:
    torch.set_num_threads(1)
    began = time.process_time()
    try:
        return execute(run), "", time.process_time() - began
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}", time.process_time() - began


def _train(run: Run, identity: dict, work: Path, progress: bool) -> str:
    checkpoint = work / "checkpoint.pt"
    outcome = "resumed" if checkpoint.exists() else "trained"
    data = run.data()
    method = create(run.row.method, run.seed, **run.row.options)
    training = train.fit(
        method,
        data,
        run.model(data),
        run.config.train,
        run.seed,
        checkpoint if run.checkpoints else None,
        identity["identity"],
        progress,
    )
    part = work / "result"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    run.leaves(part, identity, method, run.config.train.device, training)
    if run.folder.exists():
        shutil.rmtree(run.folder)
    os.replace(part, run.folder)
    for file in work.glob("*.pt"):
        file.unlink()
    return outcome


def check_rows(settings: params.Params, file="params.yaml") -> None:
    """Make the method of every row once, so that a mistake is found here and not later in a run.

    Args:
        settings: what `params.load` returned.
        file: its name, for the message.

    Raises:
        ValueError: rows whose method does not exist or does not take their options, one per line.
    """
    rows = {f"rows.{name}": row for name, row in settings.rows.items()}
    if params.ALGORITHM1 in settings.rows:
        rows |= {
            f"algorithm1, as {name}": row
            for name, row in settings.sweep().items()
            if name not in settings.rows
        }
    wrong = []
    rows |= {f"table2.rows.{name}": row for name, row in settings.table2.rows.items()}
    for place, row in (rows | settings.table3.rows()).items():
        try:
            if "seed" in row.options:
                raise ValueError("seed is no option: seeds are set in the profile")
            create(row.method, 0, **row.options)
        except (TypeError, ValueError) as error:
            wrong.append(f"{file}, {place}: {error}")
    if wrong:
        raise ValueError("\n".join(wrong))
