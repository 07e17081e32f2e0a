"""The data's part of `params.yaml`: sizes of miniatures, and what makes arrays of a release.

Apart from `companion.params`, which knows every data set: loaders and miniatures depend on what is
here, so that a change of one data set makes no other one anew.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

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
