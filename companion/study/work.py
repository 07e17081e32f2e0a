"""The study's stages on one data set: prepare, tune, train. Each can be stopped and begun again."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from companion.report import save
from companion.runs import grid
from companion.runs.identity import Run
from companion.study.grid import Choice, Study, best, scored
from companion.study.progress import SECONDS, Clock
from companion.study.recordings import RECORDINGS
from olmlib.files import whole

TUNING = "tuning.csv"
DIVERGED = FloatingPointError.__name__


def prepare(study: Study, dataset: str, workers: int) -> None:
    """Make the prepared folder of every fold of a set of recordings.

    Raises:
        ValueError: the set is none of recordings.
        ReleaseError: its files are missing or are others.
        PreparationError: as `companion.data.preparation`.
    """
    if dataset not in RECORDINGS:
        raise ValueError(
            f"{dataset} is a miniature, which the pipeline of `make reproduce` prepares"
        )
    section = study.section(dataset)
    for fold in study.folds(dataset):
        folder = study.prepared(dataset, fold)
        made = RECORDINGS[dataset].prepare(
            study.root / "raw" / dataset, folder, section.prepare, fold, workers
        )
        counts = made.records["split"].value_counts()
        print(f"{folder}: " + ", ".join(f"{n} {split}" for split, n in counts.items()))


def tune(study: Study, dataset: str, workers: int) -> pd.DataFrame:
    """Find every row's learning rate, then its own option, within each fold.

    A run whose loss becomes NaN or infinite counts as an accuracy of 0: that value is not chosen.

    Returns:
        The whole grid, as of `companion.study.grid.scored`, with `chosen`. It is also written to
        `runs/study/tuning/<dataset>/tuning.csv`.

    Raises:
        RuntimeError: runs failed.
    """
    first = study.tuning(dataset)
    diverged = _carry_out(study, dataset, "learning rates", first, workers, DIVERGED)
    rates = {key: choice.lr for key, choice in best(scored(first, study, diverged)).items()}
    second = study.tuning(dataset, rates)
    diverged |= _carry_out(study, dataset, "options of their own", second, workers, DIVERGED)
    table = scored([*first, *second], study, diverged)
    chosen = best(table)
    keys = zip(table["row"], table["fold"], table["lr"], table["value"], strict=True)
    table["chosen"] = [
        chosen[row, fold] == Choice(lr, None if pd.isna(value) else value)
        for row, fold, lr, value in keys
    ]
    with whole(study.place(dataset, tuning=True) / TUNING) as part:
        table.to_csv(part, index=False, lineterminator="\n")
    return table


def choices(study: Study, dataset: str) -> dict[tuple[str, int], Choice]:
    """Return (row, fold) -> what was chosen for it.

    Raises:
        FileNotFoundError: the data set was not tuned.
        ValueError: it was tuned with other rows, folds or values than those of today.
    """
    path = study.place(dataset, tuning=True) / TUNING
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: run `make study`, which tunes {dataset} first")
    table = pd.read_csv(path, keep_default_na=False, na_values={"value": [""]})
    chosen = best(table)
    rates = study.rates(dataset)
    wanted = {(row, fold) for row in study.rows(dataset) for fold in study.folds(dataset)}
    stale = [key for key in {*wanted, *chosen} if key not in wanted or key not in chosen]
    for (row, fold), (lr, value) in chosen.items():
        values = study.own(row)[1]
        if lr not in rates or (value not in values if values else value is not None):
            stale.append((row, fold))
    if stale:
        row, fold = sorted(stale)[0]
        raise ValueError(
            f"{path} is of another params.yaml ({row}, fold {fold}): run `make study`, which tunes "
            f"{dataset} anew"
        )
    return chosen


def train(study: Study, dataset: str, workers: int) -> None:
    """Train every run that tables report, with what was chosen for its row and fold.

    Raises:
        RuntimeError: runs failed.
        FileNotFoundError, ValueError: as `choices`.
    """
    runs = study.reported(dataset, choices(study, dataset))
    _carry_out(study, dataset, "training", [(run.name, None, run) for run in runs], workers)


def merge(study: Study, path: Path) -> None:
    """Write the grids of all data sets that are tuned to one file, in the order of the sets."""
    places = [study.place(name, tuning=True) / TUNING for name in study.sets]
    tables = [pd.read_csv(place) for place in places if place.is_file()]
    save(pd.concat(tables).to_csv(index=False, lineterminator="\n"), path)


def _carry_out(
    study: Study,
    dataset: str,
    what: str,
    wanted: Sequence[tuple[str, Choice | None, Run]],
    workers: int,
    borne: str | None = None,
) -> set[Path]:
    """Train runs, and return the folders of those that failed by the error that is borne."""
    rows = {run.folder: row for row, _, run in wanted}
    clock, failed = Clock(study, dataset, what, list(rows.values())), []
    log = study.work(dataset) / SECONDS
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        if not file.tell():
            file.write("run,row,seconds\n")
        for done in grid.carried_out([run for *_, run in wanted], workers):
            row = rows[done.run.folder]
            if done.error:
                failed.append(done)
            elif done.outcome != "reused":
                file.write(f"{done.run.folder.name},{row},{done.seconds:.3f}\n")
                file.flush()
            clock.add(row, done.outcome == "reused")
    bad = {done.run.folder for done in failed if borne and done.error.startswith(f"{borne}: ")}
    grid.refuse_failed([done for done in failed if done.run.folder not in bad], len(wanted))
    return bad
