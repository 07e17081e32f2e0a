"""Typed reading of `params.yaml`, the only place where a value is set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)

from olmlib.config import (
    LateFusionConfig,
    NetworkConfig,
    TrainConfig,
    TransformerConfig,
    changed,
    configuration,
)

Count = Annotated[StrictInt, Field(ge=1)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
IRFB = "olm_t_irfb"
Table1 = Literal["cremad", "ks", "vggsound", "avmnist"]


def read_as(kind: type) -> PlainValidator:
    """Return a validator that reads a mapping as a configuration of `olmlib`, which checks it."""

    def read(values: Any) -> Any:
        return values if isinstance(values, kind) else configuration(kind, values)

    return PlainValidator(read)


class Section(BaseModel):
    """A part of `params.yaml`: an unknown key or a value of another type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Network = Annotated[LateFusionConfig, read_as(LateFusionConfig)]
Transformer = Annotated[TransformerConfig, read_as(TransformerConfig)]
Train = Annotated[TrainConfig, read_as(TrainConfig)]


class Row(Section):
    """One row of Table 1: a file of `olmlib.methods`, its options, and where it is trained.

    `model`: fields of the data set's model that differ in this row.
    `datasets`: the only data sets that have the row; by default every one has it.
    """

    method: str
    options: dict = {}
    model: dict = {}
    # Spelt out, because a misspelt name would silently leave the row out of every table.
    datasets: Annotated[list[Table1], Field(min_length=1)] | None = None


class Miniature(Section):
    """Size of a miniature release; only CREMA-D has actors, and needs their number."""

    actors: Count | None = None
    clips: Count
    seed: StrictInt = 0


class Prepare(Section):
    """From a release to arrays: split, front end and sizes .

    `audio_pool`: spectrograms are stored as means over squares of this side; 1 keeps them whole.
    """

    split: Literal["published", "actor"] = "published"
    dev_fraction: Fraction
    seed: StrictInt = 0
    frontend: Literal["librosa", "mmcosine", "olm_code"] = "librosa"
    sample_rate: Count = 16_000
    seconds: Positive
    audio_pool: Count = 1
    n_frames: Count = 1
    frame_size: Count
    drop_broken: StrictBool = False
    max_rejected: Annotated[float, Field(ge=0, le=1)] = 0.01
    pca_energy: Annotated[float, Field(gt=0, le=1)] = 1.0
    audio_noise: Annotated[float, Field(ge=0)] = 0.0


class DataSet(Section):
    """Everything that is set for one data set."""

    miniature: Miniature | None = None
    prepare: Prepare
    model: Network
    train: Train


class PrepareSequences(Section):
    """From feature files to arrays: folds, the files' folders and their widths ."""

    folds: Annotated[StrictInt, Field(ge=2)] = 5
    seed: StrictInt = 0
    max_rejected: Annotated[float, Field(ge=0, le=1)] = 0.01
    features: dict[str, str]
    widths: dict[str, Count]

    @model_validator(mode="after")
    def _every_feature_has_a_width(self):
        if self.features.keys() != self.widths.keys():
            features, widths = ", ".join(self.features), ", ".join(self.widths)
            raise ValueError(f"features are of {features} and widths of {widths}: name the same")
        return self


class Sequences(Section):
    """Everything that is set for MER2023."""

    miniature: Miniature | None = None
    prepare: PrepareSequences
    model: Transformer
    train: Train


class Profile(Section):
    """One profile: seeds, worker processes and the data sets."""

    seeds: Annotated[tuple[StrictInt, ...], Field(min_length=1)]
    workers: Count = 1
    cremad: DataSet
    ks: DataSet | None = None
    vggsound: DataSet | None = None
    avmnist: DataSet | None = None
    mer2023: Sequences | None = None

    @model_validator(mode="after")
    def _seeds_are_distinct(self):
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {list(self.seeds)} repeat: a seed is one run")
        return self

    def dataset(self, name: str) -> DataSet | Sequences:
        """Return the section of data set `name`.

        Raises:
            ValueError: the profile has no such data set.
        """
        section = getattr(self, name, None)
        kinds = DataSet | Sequences
        if not isinstance(section, kinds):
            known = [
                key for key in type(self).model_fields if isinstance(getattr(self, key), kinds)
            ]
            raise ValueError(f"this profile has no data set {name!r}; it has {', '.join(known)}")
        return section


class Table3(Section):
    """Table 3: every combination of modalities with every fusion; a single one has none.

    `combinations`: the paper's letters -> modalities.
    `without_olm`: the control and Figure 1, trained on the combination `shown` only.
    `controls`: name -> fields of the model that differ from `olm_t_irfb`, one option at a time; on
    `shown`, every seed, fold 0 only.
    """

    combinations: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
    unimodal: Row
    fusions: dict[str, Row]
    without_olm: Row
    controls: dict[str, dict] = {}
    shown: str

    @model_validator(mode="after")
    def _shown_exists(self):
        if self.shown not in self.combinations:
            known = ", ".join(self.combinations)
            raise ValueError(f"shown {self.shown!r} is not one of the combinations {known}")
        for letters, modalities in self.combinations.items():
            if len(set(modalities)) != len(modalities):
                raise ValueError(f"combinations.{letters}: {', '.join(modalities)} repeat")
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
    """The whole of `params.yaml`."""

    profile: str
    rows: dict[str, Row]
    table3: Table3
    profiles: dict[str, Profile]

    @model_validator(mode="after")
    def _profile_exists(self):
        if self.profile not in self.profiles:
            raise ValueError(f"profile {self.profile!r} is not one of {', '.join(self.profiles)}")
        return self

    @model_validator(mode="after")
    def _rows_fit_every_profile(self):
        wrong = []
        for place, row, model in self._networks():
            try:
                changed(model, row.model)
            except ValueError as error:
                wrong += [f"{place}.model.{line}" for line in str(error).splitlines()]
        for name, profile in self.profiles.items():
            known = profile.mer2023.prepare.features if profile.mer2023 else None
            for letters, modalities in self.table3.combinations.items():
                missing = [m for m in modalities if known is not None and m not in known]
                if missing:
                    wrong.append(
                        f"table3.combinations.{letters}: profile {name} has no features of "
                        f"{', '.join(missing)}; it has {', '.join(known)}"
                    )
        if wrong:
            # The same mistake is met in every profile and data set.
            raise ValueError("\n".join(dict.fromkeys(wrong)))
        return self

    def _networks(self) -> Iterator[tuple[str, Row, NetworkConfig]]:
        """Yield every row's place, the row, and each network that it changes."""
        for profile in self.profiles.values():
            for name, row in self.rows.items():
                for dataset in row.datasets or get_args(Table1):
                    section = getattr(profile, dataset)
                    if section is not None:
                        yield f"rows.{name}", row, section.model
            if profile.mer2023 is not None:
                for place, row in self.table3.rows().items():
                    yield place, row, profile.mer2023.model


def load(path: str | Path = "params.yaml") -> Params:
    """Read and check `params.yaml`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a misspelt key, a missing key or a wrong type; the message names each place.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: run from the root of the repository")
    try:
        return Params.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}; "
            "save it as UTF-8 in your editor"
        ) from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not valid YAML: {error}") from None
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
            lines.append(f"{where}: {says}" if where else says)
    return lines
