"""How long the study will still take: what is to be done, and what a run costs.

`study/costs.csv` has the CPU seconds of one run of every row, means of what all runs took, many of
them beside other work. They say how the rows compare; how fast this machine is, the study finds out
while it runs. What each run really took is in `build/work/study/<dataset>/seconds.csv`.
"""

import time
from collections.abc import Sequence
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
        tuning = tried * len(study.tuning_seeds(dataset)) * folds
        lines.append((dataset, row, tuning, seeds * folds))
    return pd.DataFrame(lines, columns=["dataset", "row", "tuning", "reported"])


def costs(study: Study) -> pd.DataFrame:
    """Return what every part of the study is estimated to cost.

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


def left(study: Study) -> float:
    """Return the CPU seconds that are left of the whole study, by `study/costs.csv`."""
    total = 0.0
    for dataset, own in costs(study).groupby("dataset", sort=False):
        for part in ("tuning", "reported"):
            there = study.place(str(dataset), part == "tuning").glob("*/metrics.json")
            open_share = 1 - min(1.0, sum(1 for _ in there) / own[part].sum())
            total += open_share * (own[part] * own["seconds"]).sum()
    return total


class Clock:
    """Tells, now and then, how much of some runs is done, and how long they and the study take.

    Args:
        study: all of it.
        dataset: whose runs are under way.
        what: they are, in words.
        rows: the row of every run that is to be done.
    """

    def __init__(self, study: Study, dataset: str, what: str, rows: Sequence[str]):
        table = costs(study)
        own = table[table["dataset"] == dataset].set_index("row")["seconds"]
        self.prices = own.fillna(own.mean()).to_dict()
        self.name = f"{dataset}, {what}"
        self.total, self.done, self.reused, self.worked = len(rows), 0, 0, 0.0
        self.here, self.study = sum(self.prices[row] for row in rows), left(study)
        self.began = self.said = time.monotonic()

    def add(self, row: str, reused: bool) -> None:
        """Count a run that is done, and say how far it is, but not too often."""
        self.done += 1
        self.reused += reused
        self.here -= self.prices[row]
        if not reused:
            self.worked += self.prices[row]
            self.study -= self.prices[row]
        now = time.monotonic()
        if now - self.said >= EVERY or self.done == self.total:
            self.said = now
            print(self.line(now), flush=True)

    def line(self, now: float) -> str:
        """Return how far it is, and how long it takes at the pace that it had so far."""
        said = f"{self.name}: {self.done} of {self.total} runs"
        if self.reused:
            said += f", {self.reused} of them were there"
        if not self.worked:
            return said
        pace = (now - self.began) / self.worked / 60
        here, whole = (pace * max(0.0, seconds) for seconds in (self.here, self.study))
        end = datetime.now() + timedelta(minutes=whole)
        return (
            f"{said}; left are about {here:.1f} min of these and {whole:.0f} of the study, "
            f"until {end:%H:%M}"
        )
