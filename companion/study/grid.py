"""The study's runs: which there are, on which fold, and with what they are tuned.

Tuning has two parts. First every learning rate, with the first value of the row's own option; then,
at the rate that was best, the option's other values. What is chosen is chosen within each fold, by
the fold's own dev clips.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from companion import params, registry, settings
from companion.params import Params
from companion.rows import Row
from companion.runs import grid
from companion.runs.identity import Run
from companion.settings import Recording
from companion.study import leaves
from companion.study.recordings import RECORDINGS
from companion.study.settings import Miniatures

# The profile whose miniatures the study takes.
MINIATURES = "mini"
COLUMNS = ["dataset", "row", "fold", "lr", "option", "value", "seed", "dev_accuracy"]


class Choice(NamedTuple):
    """A learning rate, and the value of the row's own option, None where it has none."""

    lr: float
    value: float | None


class Study:
    """What `params.yaml` below `root` says of the study.

    Args:
        root: the repository's root.

    Attributes:
        params: the whole of the file.
        values: its section `study`.
        sets: names of the data sets, recordings first.
    """

    def __init__(self, root: str | Path = "."):
        self.root = Path(root)
        self.params: Params = params.load(self.root / "params.yaml")
        grid.check_rows(self.params)
        self.values = self.params.study
        self.sets = (*dict(self.values.recordings), *self.values.miniatures.sets)

    def section(self, dataset: str) -> Any:
        """Return what is set for a data set.

        Raises:
            ValueError: the study does not have it.
        """
        if dataset not in self.sets:
            raise ValueError(f"the study has no {dataset!r}; it has {', '.join(self.sets)}")
        if dataset in RECORDINGS:
            return getattr(self.values.recordings, dataset)
        return self.params.profiles[MINIATURES].dataset(dataset)

    def title(self, dataset: str) -> str:
        """Return a data set's readable name."""
        known = RECORDINGS.get(dataset)
        return known.title if known else registry.title(dataset, miniature=True)

    def modalities(self, dataset: str) -> tuple[str, ...]:
        """Return the names of a data set's modalities."""
        section = self.section(dataset)
        known = RECORDINGS.get(dataset)
        return known.modalities(section.prepare) if known else tuple(settings.ARRAYS)

    def rows(self, dataset: str) -> dict[str, Row]:
        """Return name -> row of all that a data set has, in the order of the tables."""
        alone = {
            f"{m}_only": Row(method="unimodal", options={"modality": m})
            for m in self.modalities(dataset)
        }
        if dataset in RECORDINGS:
            only = self.values.only
            names = [name for name in self.values.rows if dataset in only.get(name, [dataset])]
        else:
            names = self.values.miniatures.rows
        return alone | {name: self.params.rows[name] for name in names}

    def folds(self, dataset: str) -> range:
        """Return a data set's folds; a miniature has one."""
        section = self.section(dataset)
        known = RECORDINGS.get(dataset)
        return range(known.folds(section.prepare) if known else 1)

    def seeds(self, dataset: str) -> range:
        """Return the seeds that tables report."""
        return range(self._budget(dataset).seeds)

    def tuning_seeds(self, dataset: str) -> list[int]:
        """Return the seeds that a data set is tuned on."""
        return [*self.values.tuning.seeds][: self._budget(dataset).tuned_on]

    def prepared(self, dataset: str, fold: int) -> Path:
        """Return the prepared folder of a fold."""
        if dataset not in RECORDINGS:
            return self.root / "prepared" / MINIATURES / dataset
        return self.root / "prepared" / "study" / dataset / f"fold{fold}"

    def place(self, dataset: str, tuning: bool = False) -> Path:
        """Return the folder of a data set's reported runs, or of those that only help to choose."""
        return self.root / "runs" / "study" / ("tuning" if tuning else "") / dataset

    def work(self, dataset: str) -> Path:
        """Return the folder for what is no result."""
        return self.root / "build" / "work" / "study" / dataset

    def own(self, row: str) -> tuple[str, list[float]]:
        """Return the option that a row is tuned by and its values; without one, "" and none."""
        for option, values in self.values.tuning.own.get(row, {}).items():
            return option, [float(value) for value in values]
        return "", []

    def rates(self, dataset: str) -> list[float]:
        """Return the learning rates that every row of a data set tries."""
        base = self.section(dataset).train.lr
        return [float(f"{base * factor:.6g}") for factor in self.values.tuning.rates]

    def run(
        self, dataset: str, row: str, seed: int, fold: int, choice: Choice, tuning: bool
    ) -> Run:
        """Return one run of the study.

        Args:
            dataset, row, seed, fold: whose.
            choice: the rate, and the value of the row's own option.
            tuning: whether it only helps to choose.
        """
        section, known = self.section(dataset), self.rows(dataset)[row]
        option, _ = self.own(row)
        options = known.options | ({} if choice.value is None else {option: choice.value})
        train = replace(section.train, lr=choice.lr, selection="best_dev", test_epochs=False)
        config = section.model_copy(update={"train": train, "model": known.network(section.model)})
        name = row
        if tuning:
            name += f"@{choice.lr:g}" + ("" if choice.value is None else f"-{choice.value:g}")
        return Run(
            dataset,
            name,
            known.model_copy(update={"options": options}),
            seed,
            config,
            self.prepared(dataset, fold),
            self.place(dataset, tuning),
            self.work(dataset),
            fold if dataset in RECORDINGS else None,
            leaves.tried if tuning else leaves.reported,
            # Runs take seconds, those on features one, of which checkpoints would be a third.
            checkpoints=False,
        )

    def tuning(
        self, dataset: str, chosen: Mapping[tuple[str, int], float] | None = None
    ) -> list[tuple[str, Choice, Run]]:
        """Return the runs of a part of the tuning, each with its row and what it tries.

        Args:
            dataset: the data set.
            chosen: of the second part: (row, fold) -> the rate that the first part chose; without
                it, the first part.
        """
        tried = []
        for row in self.rows(dataset):
            option, values = self.own(row)
            for fold in self.folds(dataset):
                first = values[0] if values else None
                choices = [Choice(lr, first) for lr in self.rates(dataset)]
                if chosen is not None:
                    choices = [Choice(chosen[row, fold], value) for value in values[1:]]
                tried += [
                    (row, choice, self.run(dataset, row, seed, fold, choice, tuning=True))
                    for choice in choices
                    for seed in self.tuning_seeds(dataset)
                ]
        return tried

    def _budget(self, dataset: str) -> Recording | Miniatures:
        section = self.section(dataset)
        return section if dataset in RECORDINGS else self.values.miniatures

    def reported(self, dataset: str, choices: Mapping[tuple[str, int], Choice]) -> list[Run]:
        """Return the runs that tables report, each with what was chosen for its row and fold.

        All rows of a seed come before the next seed, so that a study that is stopped has whole
        replicates.
        """
        return [
            self.run(dataset, row, seed, fold, choices[row, fold], tuning=False)
            for seed in self.seeds(dataset)
            for row in self.rows(dataset)
            for fold in self.folds(dataset)
        ]


def scored(
    tried: Sequence[tuple[str, Choice, Run]], study: Study, diverged: Set[Path] = frozenset()
) -> pd.DataFrame:
    """Return the dev accuracy of runs of the tuning: columns `COLUMNS`.

    Args:
        tried: the runs.
        study: theirs.
        diverged: folders of runs that have no result, which counts as an accuracy of 0.
    """
    last, lines = study.values.tuning.last, []
    for row, choice, run in tried:
        score = 0.0
        if run.folder not in diverged:
            epochs = pd.read_csv(run.folder / "epochs.csv", usecols=["dev_accuracy"])
            score = epochs["dev_accuracy"].tail(last).mean()
        option, _ = study.own(row)
        line = run.dataset, row, run.fold or 0, choice.lr, option, choice.value, run.seed
        lines.append((*line, round(float(score), 6)))
    return pd.DataFrame(lines, columns=COLUMNS)


def best(table: pd.DataFrame) -> dict[tuple[str, int], Choice]:
    """Return (row, fold) -> what has the best mean dev accuracy, the first of equal ones.

    Args:
        table: of one data set, as of `scored`.
    """
    chosen = {}
    keys = ["row", "fold", "lr", "value"]
    means = table.groupby(keys, sort=False, dropna=False, as_index=False)["dev_accuracy"].mean()
    means["dev_accuracy"] = means["dev_accuracy"].round(6)
    first = means.loc[means.groupby(["row", "fold"], sort=False)["dev_accuracy"].idxmax()]
    for row, fold, lr, value in zip(*(first[key] for key in keys), strict=True):
        chosen[row, fold] = Choice(lr, None if pd.isna(value) else value)
    return chosen
