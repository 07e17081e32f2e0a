"""How long the study will still take: what is to be done, and what a run costs.

`study/costs.csv` has the CPU seconds of one run of every row, measured once, so that the sum is
known before anything is trained. While the study runs, what it measures itself takes their place.
"""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from companion.study.grid import Study

COSTS = Path("study/costs.csv")
SECONDS = "seconds.csv"
EVERY = 10.0


def counted(study: Study, dataset: str) -> pd.DataFrame:
    """Return how many runs of every row the study needs of a data set.

    Returns:
        Columns `dataset`, `row`, `tuning`, `reported`.
    """
    folds, seeds = len(study.folds(dataset)), len(study.seeds(dataset))
    lines = []
    for row in study.rows(dataset):
        _, values = study.own(row)
        tried = len(study.values.tuning.rates) + max(0, len(values) - 1)
        tuning = tried * len(study.values.tuning.seeds) * folds
        lines.append((dataset, row, tuning, seeds * folds))
    return pd.DataFrame(lines, columns=["dataset", "row", "tuning", "reported"])


def costs(study: Study) -> pd.DataFrame:
    """Return what every part of the study costs before it is begun.

    Returns:
        Columns of `counted` and `seconds`, CPU seconds of one run, from `study/costs.csv`.

    Raises:
        FileNotFoundError: nobody has measured them.
    """
    counts = pd.concat([counted(study, name) for name in study.sets], ignore_index=True)
    return counts.merge(pd.read_csv(study.root / COSTS), on=["dataset", "row"], how="left")


def measured(study: Study, dataset: str) -> pd.DataFrame:
    """Return the CPU seconds of runs that were trained here: `run`, `row`, `seconds`.

    Of a run that was trained twice, the last time counts.
    """
    path = study.work(dataset) / SECONDS
    if not path.is_file():
        return pd.DataFrame(columns=["run", "row", "seconds"])
    return pd.read_csv(path).drop_duplicates("run", keep="last")


class Clock:
    """Tells, now and then, how much of a data set's runs is done and what is left.

    Args:
        study: all of it.
        dataset: whose runs are under way.
        what: `tuning` or `training`.
        rows: the row of every run that is to be done.
    """

    def __init__(self, study: Study, dataset: str, what: str, rows: Iterable[str]):
        self.study, self.dataset, self.what = study, dataset, what
        self.left = list(rows)
        self.total, self.done, self.reused = len(self.left), 0, 0
        self.began = self.said = time.monotonic()
        self.spent: dict[str, list[float]] = {}

    def add(self, row: str, seconds: float, reused: bool) -> None:
        """Count a run that is done, and say how far it is, but not too often."""
        self.done += 1
        self.reused += reused
        self.left.remove(row)
        if not reused:
            self.spent.setdefault(row, []).append(seconds)
        now = time.monotonic()
        if now - self.said >= EVERY or not self.left:
            self.said = now
            print(self.line(now), flush=True)

    def line(self, now: float) -> str:
        """Return how far it is, and when it will be done at today's pace."""
        said = f"{self.dataset}, {self.what}: {self.done} of {self.total} runs"
        if self.reused:
            said += f", {self.reused} of them were there"
        if not self.spent or not self.left:
            return said
        trained = sum(map(len, self.spent.values()))
        mean = sum(map(sum, self.spent.values())) / trained
        pace = (now - self.began) / trained
        own = {row: sum(values) / len(values) for row, values in self.spent.items()}
        # CPU seconds are turned into time by how many of them a second had so far.
        left = sum(own.get(row, mean) for row in self.left) * pace / mean
        end = datetime.now() + timedelta(seconds=left)
        return f"{said}; about {left / 60:.1f} min are left of them, until {end:%H:%M}"
