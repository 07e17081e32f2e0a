"""Typed reading of `params.yaml`, the only place where a value is set."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictInt, ValidationError, create_model, model_validator

from companion import registry
from companion.data.sections import PICTURES, Name, Section, Seeds
from companion.reading import read_yaml
from companion.registry import DATASETS
from companion.rows import ALGORITHM1, Algorithm1, Controlled, DataSets, Fig4, Row, Table2, Table3
from companion.settings import DataSet, Features, Segments, Sequences, check_encoders
from companion.study.settings import Study
from olmlib.config import LateFusionConfig, MLPFusionConfig, NetworkConfig, TransformerConfig

AnySection = DataSet | Sequences | Segments | Features


class Profile(Section):
    """One profile: seeds, worker processes, and a section for each of its data sets."""

    model_config = ConfigDict(extra="allow")

    seeds: Seeds
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

    @property
    def datasets(self) -> dict[str, AnySection]:
        """Name -> section of every data set that the profile has."""
        return self.model_extra or {}

    def dataset(self, name: str) -> AnySection:
        """Return the section of data set `name`.

        Raises:
            ValueError: the profile has no such data set.
        """
        if name not in self.datasets:
            known = ", ".join(self.datasets)
            raise ValueError(f"this profile has no data set {name!r}; it has {known}")
        return self.datasets[name]


class Params(Section):
    """The whole of `params.yaml`.

    `table1_sets`: the data sets that Table 1 shows, in its order.
    """

    profile: str
    table1_sets: DataSets
    rows: Annotated[dict[Name, Row], Field(min_length=1)]
    algorithm1: Algorithm1
    table2: Table2
    table3: Table3
    fig4: Fig4
    controlled: dict[Name, Controlled]
    study: Study
    profiles: dict[Name, Profile]

    @model_validator(mode="after")
    def _profile_exists(self):
        if self.profile not in self.profiles:
            raise ValueError(f"profile {self.profile!r} is not one of {', '.join(self.profiles)}")
        there = self.profiles[self.profile].datasets
        # The other tables are made of what is no array.
        others = (n for n, e in DATASETS.items() if e.table and e.section is not DataSet)
        needed = [*self.table1_sets, *others]
        missing = [name for name in needed if name not in there]
        if missing:
            raise ValueError(
                f"profiles.{self.profile} has no section {', '.join(missing)}, which a table shows"
            )
        return self

    @model_validator(mode="after")
    def _algorithm1_stands_beside_table1(self):
        if ALGORITHM1 not in self.rows:
            raise ValueError(f"algorithm1 changes the row {ALGORITHM1}, which is not in rows")
        if self.algorithm1.dataset not in self.table1_sets:
            raise ValueError(
                f"algorithm1.dataset {self.algorithm1.dataset} is not one of table1_sets: "
                f"{', '.join(self.table1_sets)}"
            )
        return self

    @model_validator(mode="after")
    def _the_study_has_rows_and_miniatures(self):
        wrong = [f"study.rows: no row {name}" for name in self.study.rows if name not in self.rows]
        mini = self.profiles.get("mini")
        there = mini.datasets if mini else {}
        lacks = [name for name in self.study.miniatures.sets if name not in there]
        wrong += [f"study.miniatures.sets: profiles.mini has no {name}" for name in lacks]
        if wrong:
            raise ValueError("\n".join(wrong))
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
                if not isinstance(section, Sequences):
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

    def sweep(self) -> dict[str, Row]:
        """Return name -> row of the sweep over Algorithm 1."""
        return self.algorithm1.rows(self.rows[ALGORITHM1])

    def networks(self) -> Iterator[tuple[str, Row, NetworkConfig]]:
        """Yield every row's place, the row, and each network that it trains.

        Of Table 3 on the most modalities that it is trained on; of Figure 4 on its two.
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
            if isinstance(network, MLPFusionConfig):
                network = replace(network, inputs=dict.fromkeys(PICTURES, 1))
            yield place, row, network

    def _rows(self) -> Iterator[tuple[str, Row, NetworkConfig]]:
        """Yield every row's place, the row, and each network that it changes."""
        one = {f"rows.{name}": row for name, row in self.rows.items()}
        two = {f"table2.rows.{name}": row for name, row in self.table2.rows.items()}
        for profile in self.profiles.values():
            for dataset, section in profile.datasets.items():
                if isinstance(section, Segments):
                    for place, row in two.items():
                        yield from ((place, row, model) for _, model in section.model)
                    continue
                rows = one if isinstance(section, DataSet) else self.table3.rows()
                if isinstance(section, Features):
                    rows = {f"fig4.{name}": row for name, row in self.fig4}
                for place, row in rows.items():
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
