"""Typed reading of `params.yaml`, the only place where a value is set."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
    create_model,
    model_validator,
)

from companion import registry
from companion.data.sections import DataSet, Name, Section, Seed, Sequences, check_encoders
from companion.reading import read_yaml
from companion.registry import DATASETS
from olmlib.config import LateFusionConfig, NetworkConfig, TransformerConfig, changed

IRFB = "olm_t_irfb"
# A combination of Table 3 as the paper writes it, such as A+V.
Letters = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+(\+[A-Za-z0-9_]+)*$")]


def _of_arrays(name: str) -> str:
    """Refuse a data set that Table 1 cannot have; a misspelt one would be left out of it."""
    known = [key for key, entry in DATASETS.items() if entry.section is DataSet]
    if name not in known:
        raise ValueError(f"no data set {name!r} of arrays; there are {', '.join(known)}")
    return name


def _distinct(values: Collection) -> Collection:
    """Refuse a list that has something twice."""
    twice = [value for value, n in Counter(values).items() if n > 1]
    if twice:
        raise ValueError(f"{', '.join(map(str, twice))} is given twice")
    return values


Distinct = AfterValidator(_distinct)
DataSets = Annotated[
    list[Annotated[str, AfterValidator(_of_arrays)]], Field(min_length=1), Distinct
]


class Row(Section):
    """One row of Table 1: a file of `olmlib.methods`, its options, and where it is trained.

    `model`: fields of the data set's model that differ in this row.
    `datasets`: the only data sets that have the row; by default every one has it.
    """

    method: str
    options: dict = {}
    model: dict = {}
    datasets: DataSets | None = None

    def network(self, base: NetworkConfig) -> NetworkConfig:
        """Return a data set's network with what this row changes in it.

        Raises:
            ValueError: as `changed`.
        """
        return changed(base, self.model)


class Profile(Section):
    """One profile: seeds, worker processes, and a section for each of its data sets."""

    model_config = ConfigDict(extra="allow")

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    workers: Annotated[StrictInt, Field(ge=1, le=1_024)] = 1

    @model_validator(mode="before")
    @classmethod
    def _each_data_set_by_its_entry(cls, values):
        if not isinstance(values, dict):
            return values
        settings = cls.model_fields
        sections = {name: value for name, value in values.items() if name not in settings}
        unknown = [str(name) for name in sections if name not in DATASETS]
        if unknown:
            raise ValueError(
                f"{', '.join(unknown)} is neither a setting of a profile ({', '.join(settings)}) "
                f"nor a data set ({', '.join(DATASETS)})"
            )
        # A model made of the entries' types says in its errors where in which section they are.
        kinds: dict[str, Any] = {name: (DATASETS[name].section, ...) for name in sections}
        read = dict(create_model("Sections", **kinds).model_validate(sections))
        for name, section in read.items():
            registry.check(name, section)
        return values | read

    @model_validator(mode="after")
    def _seeds_are_distinct(self):
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {list(self.seeds)} repeat: a seed is one run")
        return self

    @property
    def datasets(self) -> dict[str, DataSet | Sequences]:
        """Name -> section of every data set that the profile has."""
        return self.model_extra or {}

    def dataset(self, name: str) -> DataSet | Sequences:
        """Return the section of data set `name`.

        Raises:
            ValueError: the profile has no such data set.
        """
        if name not in self.datasets:
            known = ", ".join(self.datasets)
            raise ValueError(f"this profile has no data set {name!r}; it has {known}")
        return self.datasets[name]


class Table3(Section):
    """Table 3: every combination of modalities with every fusion; a single one has none.

    `combinations`: the paper's letters -> modalities.
    `without_olm`: the control and Figure 1, trained on the combination `shown` only.
    `controls`: name -> fields of the model that differ from `olm_t_irfb`, one option at a time; on
    `shown`, every seed, fold 0 only.
    """

    combinations: dict[Letters, Annotated[tuple[str, ...], Field(min_length=1)]]
    unimodal: Row
    fusions: Annotated[dict[Name, Row], Field(min_length=1)]
    without_olm: Row
    controls: dict[Name, dict] = {}
    shown: str

    @model_validator(mode="after")
    def _shown_exists(self):
        if self.shown not in self.combinations:
            known = ", ".join(self.combinations)
            raise ValueError(f"shown {self.shown!r} is not one of the combinations {known}")
        if len(self.combinations[self.shown]) < 2:
            raise ValueError(f"shown {self.shown} has one modality: it shows two that are balanced")
        for letters, modalities in self.combinations.items():
            if len(set(modalities)) != len(modalities):
                raise ValueError(f"combinations.{letters}: {', '.join(modalities)} repeat")
        short = Counter(letters.replace("+", "") for letters in self.combinations)
        if max(short.values()) > 1:
            raise ValueError("combinations: two differ in nothing but their +, their runs are one")
        if self.controls and IRFB not in self.fusions:
            raise ValueError(f"controls change {IRFB}, which is not among the fusions")
        return self

    @model_validator(mode="after")
    def _nothing_in_a_row_is_ignored(self):
        for place, row in self.rows().items():
            wrong = sorted(row.model.keys() & {"modalities", "inputs"})
            wrong = [f"model.{name}" for name in wrong] + ["datasets"] * (row.datasets is not None)
            if wrong:
                raise ValueError(
                    f"{place} cannot have {', '.join(wrong)}: combinations and MER2023 say that"
                )
        return self

    def rows(self) -> dict[str, Row]:
        """Return every row, by its place in `params.yaml`."""
        named = {f"table3.fusions.{name}": row for name, row in self.fusions.items()}
        return {
            "table3.unimodal": self.unimodal,
            **named,
            "table3.without_olm": self.without_olm,
            **{f"table3.controls.{name}": row for name, row in self.control_rows().items()},
        }

    def control_rows(self) -> dict[str, Row]:
        """Return `controls` as whole rows: IRFB with OLM, with what each one changes."""
        return {
            name: self.fusions[IRFB].model_copy(update={"model": self.fusions[IRFB].model | fields})
            for name, fields in self.controls.items()
        }


class Params(Section):
    """The whole of `params.yaml`.

    `table1_sets`: the data sets that Table 1 shows, in its order.
    """

    profile: str
    table1_sets: DataSets
    rows: Annotated[dict[Name, Row], Field(min_length=1)]
    table3: Table3
    profiles: dict[Name, Profile]

    @model_validator(mode="after")
    def _profile_exists(self):
        if self.profile not in self.profiles:
            raise ValueError(f"profile {self.profile!r} is not one of {', '.join(self.profiles)}")
        there = self.profiles[self.profile].datasets
        # Table 3 is made of what is no array.
        needed = [*self.table1_sets, *(n for n, e in DATASETS.items() if e.section is Sequences)]
        missing = [name for name in needed if name not in there]
        if missing:
            raise ValueError(
                f"profiles.{self.profile} has no section {', '.join(missing)}, which a table shows"
            )
        return self

    @model_validator(mode="after")
    def _rows_fit_every_profile(self):
        wrong = []
        for place, row, model in self._rows():
            try:
                network = row.network(model)
                if isinstance(network, LateFusionConfig):
                    check_encoders(network)
            except ValueError as error:
                wrong += [f"{place}.model.{line}" for line in str(error).splitlines()]
        for name, profile in self.profiles.items():
            for section in profile.datasets.values():
                if isinstance(section, DataSet):
                    continue
                known = section.prepare.features
                for letters, modalities in self.table3.combinations.items():
                    missing = [m for m in modalities if m not in known]
                    if missing:
                        wrong.append(
                            f"table3.combinations.{letters}: profile {name} has no features of "
                            f"{', '.join(missing)}; it has {', '.join(known)}"
                        )
        if wrong:
            # The same mistake is met in every profile and data set.
            raise ValueError("\n".join(dict.fromkeys(wrong)))
        return self

    def networks(self) -> Iterator[tuple[str, Row, NetworkConfig]]:
        """Yield every row's place, the row, and each network that it trains.

        Of Table 3 on the most modalities that it is trained on.
        """
        several = max(self.table3.combinations.values(), key=len)
        for place, row, base in self._rows():
            network = row.network(base)
            if isinstance(network, TransformerConfig):
                one = place == "table3.unimodal" or len(several) == 1
                modalities = several[:1] if one else several
                network = replace(
                    network, modalities=modalities, inputs=dict.fromkeys(modalities, 1)
                )
            yield place, row, network

    def _rows(self) -> Iterator[tuple[str, Row, NetworkConfig]]:
        """Yield every row's place, the row, and each network that it changes."""
        rows = {f"rows.{name}": row for name, row in self.rows.items()}
        for profile in self.profiles.values():
            for dataset, section in profile.datasets.items():
                arrays = isinstance(section, DataSet)
                for place, row in (rows if arrays else self.table3.rows()).items():
                    if row.datasets is None or dataset in row.datasets:
                        yield place, row, section.model


def load(path: str | Path = "params.yaml") -> Params:
    """Read and check `params.yaml`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a misspelt or missing key, one that is given twice, or a value that it cannot
            have; the message names each place.
    """
    try:
        return Params.model_validate(read_yaml(path))
    except ValidationError as error:
        places = [f"  {line}" for line in described(error)]
        raise ValueError(f"{path} has {len(places)} error(s):\n" + "\n".join(places)) from None


def described(error: ValidationError) -> list[str]:
    """Return a line per mistake: where it stands and what it is.

    What a check of the whole file says names its places itself.
    """
    lines = []
    for one in error.errors():
        where = ".".join(map(str, one["loc"]))
        for says in one["msg"].removeprefix("Value error, ").splitlines():
            between = ": " if where and not says.startswith(".") else ""
            lines.append(f"{where}{between}{says}")
    return lines
