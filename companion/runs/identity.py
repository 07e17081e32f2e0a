"""A run's identity: what its result depends on."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from companion import params, settings
from companion.runs import result, sources
from olmlib.config import (
    LateFusionConfig,
    MLPFusionConfig,
    NetworkConfig,
    TransformerConfig,
)
from olmlib.data.arrays import Prepared
from olmlib.data.features import Features
from olmlib.data.segments import Segments
from olmlib.data.sequences import Sequences
from olmlib.methods.table import METHODS
from olmlib.models.ave.config import LocalizationConfig
from olmlib.models.table import NETWORKS

# What every run passes through, whatever its method, network and data are.
ALWAYS = ("olmlib.train", "companion.runs.processor")
# What opens the prepared data that a network reads; those that classify segments read segments.
FOLDERS: dict[type, type] = {
    LateFusionConfig: Prepared,
    MLPFusionConfig: Features,
    TransformerConfig: Sequences,
}


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
        fold: for data sets with folds, which one this is: of sequences, the part of the training
            data that is the dev split; others have a prepared folder for every fold.
        leaves: writes what the finished run's folder has.
        checkpoints: write one after each epoch; a run of seconds is sooner done anew.
    """

    dataset: str
    name: str
    row: params.Row
    seed: int
    config: params.AnySection | settings.AnyRecording
    prepared: Path
    runs: Path
    work: Path
    fold: int | None = None
    leaves: Callable[..., None] = result.write
    checkpoints: bool = True

    @property
    def folder(self) -> Path:
        """Where the finished run lies."""
        fold = "" if self.fold is None else f"-{self.fold}"
        return self.runs / f"{self.name}-{self.seed}{fold}"

    @property
    def opens(self) -> type:
        """The class of the prepared data."""
        if isinstance(self.config.model, LocalizationConfig):
            return Segments
        return FOLDERS[type(self.config.model)]

    def data(self) -> Prepared | Sequences | Segments | Features:
        """Open the prepared data of the run's fold."""
        if isinstance(self.config.model, TransformerConfig):
            return Sequences(self.prepared, self.fold or 0, self.config.model.modalities)
        return self.opens(self.prepared)

    def model(self, data: Prepared | Sequences | Segments | Features) -> NetworkConfig:
        """Return the model's configuration, with the widths of the data's features."""
        if isinstance(self.config.model, LocalizationConfig) and isinstance(data, Segments):
            (*_, audio), (*_, height, width, visual) = data.audio.shape, data.visual.shape
            sizes = {"audio": audio, "visual": visual, "locations": height * width}
            return replace(self.config.model, **sizes)
        own = self.config.model
        if isinstance(own, TransformerConfig) and isinstance(data, Sequences):
            return replace(own, inputs={m: data.widths[m] for m in own.modalities})
        if isinstance(own, MLPFusionConfig) and isinstance(data, Features):
            return replace(own, inputs=data.widths)
        assert isinstance(own, NetworkConfig)  # of Table 2 the run has one of the networks
        return own

    @cached_property
    def modules(self) -> dict[str, str]:
        """The modules behind the run's result, and their digests.

        They are found from the classes that the run has chosen, not from the tables that list all
        of them: an edit of one method trains no other.
        """
        chosen = (
            METHODS[self.row.method],
            NETWORKS[type(self.config.model)],
            self.opens,
            self.leaves,
        )
        names = [kind.__module__ for kind in chosen]
        return sources.closure(*ALWAYS, *names, without=sources.TABLES)

    @property
    def versions(self) -> dict[str, str]:
        """The packages of others that these modules import, and their versions."""
        return vars(self).get("_versions") or sources.versions(self.modules)

    def identity(self) -> dict:
        """Return what the run's result depends on, with its hash under `identity`.

        That is its whole configuration, the prepared data, the source of every module used and the
        versions of the packages that these import; the row's own name is not part of it.
        """
        parts = {
            "method": self.row.method,
            "options": self.row.options,
            "seed": self.seed,
            "dataset": self.dataset,
            "model": asdict(self.config.model),
            "train": asdict(self.config.train),
            "data": self.data().digest,
            "sources": self.modules,
            "versions": self.versions,
        }
        if self.fold is not None:
            parts["fold"] = self.fold
        # As a file of it has it: no tuples.
        parts = json.loads(json.dumps(parts))
        return {"identity": fingerprint(parts), "row": self.name, **parts}


def share(runs: Iterable[Run]) -> None:
    """Look up once what the runs of one method on one kind of data have in common: their sources.

    A run's identity takes longer to find than a small network's epoch.
    """
    known: dict[tuple, Run] = {}
    for run in runs:
        first = known.setdefault((run.row.method, type(run.config.model), run.leaves), run)
        vars(run).update(modules=first.modules, _versions=first.versions)


def fingerprint(parts: Mapping) -> str:
    """Return the SHA-256 of what an identity consists of."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
