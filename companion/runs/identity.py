"""A run's identity: what its result depends on."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch

from companion import params
from companion.runs import sources
from olmlib.data.arrays import Prepared
from olmlib.data.sequences import Sequences
from olmlib.models import build


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
        fold: for data sets with folds, the part of the training data that is its dev split.
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
        """Open the prepared data; in cross-validation, the run's fold is the dev split."""
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
