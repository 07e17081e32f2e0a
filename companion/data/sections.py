"""A data set's part of `params.yaml`: miniature, preparation, network and training.

Apart from `companion.params`, which knows every data set: loaders and miniatures depend on what is
here, so that a change of one data set makes no other one anew.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    model_validator,
)

from olmlib.config import LateFusionConfig, TrainConfig, TransformerConfig, configuration

Count = Annotated[StrictInt, Field(ge=1)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A part of `params.yaml`: an unknown key or a value of another type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Miniature(Section):
    """Size of a miniature release; `actors` of one whose number of actors can be chosen."""

    actors: Count | None = None
    clips: Count
    seed: StrictInt = 0


class Prepare(Section):
    """From a release to arrays: split, front end and sizes.

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


class PrepareSequences(Section):
    """From feature files to arrays: folds, the files' folders and their widths."""

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


def read_as(kind: type) -> PlainValidator:
    """Return a validator that reads a mapping as a configuration of `olmlib`, which checks it."""

    def read(values: Any) -> Any:
        if isinstance(values, kind):
            return values
        if not isinstance(values, dict):
            raise ValueError(f"{values!r} is not a list of names and their values")
        try:
            return configuration(kind, values)
        except ValueError as error:
            # Each line begins with the field's name, which its place is put before.
            raise ValueError("\n".join(f".{line}" for line in str(error).splitlines())) from None

    return PlainValidator(read)


Network = Annotated[LateFusionConfig, read_as(LateFusionConfig)]
Transformer = Annotated[TransformerConfig, read_as(TransformerConfig)]
Train = Annotated[TrainConfig, read_as(TrainConfig)]


class DataSet(Section):
    """Everything that is set for a data set of sounds and pictures."""

    miniature: Miniature | None = None
    prepare: Prepare
    model: Network
    train: Train


class Sequences(Section):
    """Everything that is set for a data set of feature sequences."""

    miniature: Miniature | None = None
    prepare: PrepareSequences
    model: Transformer
    train: Train
