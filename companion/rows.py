"""What `params.yaml` says of the rows of the tables: what is trained, and where."""

from collections import Counter
from collections.abc import Collection
from itertools import product
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from companion.data.sections import Count, Name, Number, Section
from companion.registry import DATASETS
from companion.settings import DataSet
from olmlib.config import NetworkConfig, changed

IRFB = "olm_t_irfb"
ALGORITHM1 = "olm_paper"
# What the columns of Table 2 are compared with.
REFERENCES = ("baseline", "three_heads")
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


class Algorithm1(Section):
    """The sweep over what the paper leaves open in Algorithm 1, on one data set of Table 1.

    `eta`, `steps`: rates and numbers of steps, each with each.
    """

    dataset: Annotated[str, AfterValidator(_of_arrays)]
    eta: Annotated[list[Annotated[Number, Field(gt=0)]], Field(min_length=1), Distinct]
    steps: Annotated[list[Count], Field(min_length=1), Distinct]

    def rows(self, own: Row) -> dict[str, Row]:
        """Return name -> row of every pair; the pair that the row `own` has is that row.

        Args:
            own: the row `olm_paper`.
        """
        made = {}
        for eta, steps in product(self.eta, self.steps):
            options = own.options | {"eta": eta, "steps": steps}
            if options == own.options:
                made[ALGORITHM1] = own
            else:
                changed_row = {"options": options, "datasets": [self.dataset]}
                made[f"{ALGORITHM1}_eta{eta:g}_steps{steps}"] = own.model_copy(update=changed_row)
        return made


class Table2(Section):
    """Table 2: every network for event localization with every way to train it.

    `rows`: the table's columns, a method each; `baseline` and `three_heads` are compared with.
    """

    rows: Annotated[dict[Name, Row], Field(min_length=1)]

    @model_validator(mode="after")
    def _nothing_in_a_row_is_ignored(self):
        missing = [name for name in REFERENCES if name not in self.rows]
        if missing:
            raise ValueError(f"rows has no {', '.join(missing)}, with which others are compared")
        for name, row in self.rows.items():
            if row.model or row.datasets is not None:
                raise ValueError(f"rows.{name} cannot have model or datasets: all networks have it")
        return self


class Fig4(Section):
    """Figure 4: a confusion matrix per row; the last two are compared with others."""

    rgb: Row
    depth: Row
    concat: Row
    three_heads: Row
    olm: Row

    @model_validator(mode="after")
    def _nothing_in_a_row_is_ignored(self):
        for name, row in self:
            if row.datasets is not None or "inputs" in row.model:
                raise ValueError(f"{name} cannot have datasets or model.inputs: the data say that")
        return self


class Centre(Section):
    """Where the controlled study stands while it turns one of its knobs."""

    strength: Number
    width: Count
    shared: Number


class Controlled(Section):
    """The controlled study of notebook 40: where in its plane rows are trained, and how often.

    `strengths`, `widths`, `shared`: what is tried of each knob; `centre`: their values while
    another one is turned. `seeds`: as many, from 0 on; `workers`: processes at a time.
    """

    strengths: Annotated[list[Annotated[Number, Field(gt=0)]], Field(min_length=1), Distinct]
    widths: Annotated[list[Count], Field(min_length=1), Distinct]
    shared: Annotated[list[Annotated[Number, Field(gt=0, le=1)]], Field(min_length=1), Distinct]
    centre: Centre
    seeds: Annotated[Count, Field(ge=2)]
    workers: Count = 1

    @model_validator(mode="after")
    def _the_centre_is_in_the_plane(self):
        tried: dict[str, list] = {
            "strength": self.strengths,
            "width": self.widths,
            "shared": self.shared,
        }
        for knob, values in tried.items():
            if getattr(self.centre, knob) not in values:
                raise ValueError(f"centre.{knob} is not one of {', '.join(map(str, values))}")
        return self


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
