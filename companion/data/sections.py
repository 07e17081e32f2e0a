"""What is set for the miniature and the preparation of a data set, and the types of values.

Apart from `companion.params`, which knows every data set: loaders and miniatures depend on what is
here, so that a change of one data set makes no other one anew.
"""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds {list(seeds)} repeat: a seed is one run")
    return seeds


# What numpy, scikit-learn and torch can hold.
Count = Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
Seed = Annotated[StrictInt, Field(ge=0, le=2**32 - 1)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, le=3.4e38)]
Fraction = Annotated[Number, Field(gt=0, lt=1)]
Share = Annotated[Number, Field(ge=0, le=1)]
# Of recordings; what is outside these bounds is no rate of sound.
Rate = Annotated[StrictInt, Field(ge=4_000, le=384_000)]
Seconds = Annotated[Number, Field(gt=0, le=3_600)]
# The networks' first kernel has 7 x 7 pixels.
Side = Annotated[StrictInt, Field(ge=7, le=8_192)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_distinct)]
# What becomes part of a file's or a folder's name.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$")]


def _modality(name: str) -> str:
    """Refuse names that a batch or a network needs for something else."""
    if not name.isidentifier() or name in ("fused", "label", "row", "valence"):
        raise ValueError(f"{name!r} cannot be the name of a modality")
    return name


Modality = Annotated[str, AfterValidator(_modality)]

# Of a spectrogram, see `companion.data.spectrum`: bins, samples of a window, front end -> hop.
BINS, WINDOW, HOPS = 257, 512, {"librosa": 159, "mmcosine": 159, "olm_code": 353}


class Section(BaseModel):
    """A part of `params.yaml`: an unknown key or a value of another type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Miniature(Section):
    """Size of a miniature release; `actors` of one whose number of actors can be chosen."""

    actors: Count | None = None
    clips: Count
    seed: Seed = 0


class SegmentMiniature(Miniature):
    """Size of a miniature of segments, and of its features.

    `audio`: values of a segment's sound. `visual`: rows, columns and channels of its picture.
    `videos`: clips that are written as MP4 too; all have features.
    """

    audio: Count
    visual: tuple[Count, Count, Count]
    videos: Annotated[StrictInt, Field(ge=0, le=2**31 - 1)] = 0


class Decoding(Section):
    """From sounds and pictures to arrays: front end and sizes.

    `audio_pool`: spectrograms are stored as means over squares of this side; 1 keeps them whole.
    """

    seed: Seed = 0
    frontend: Literal["librosa", "mmcosine", "olm_code"] = "librosa"
    sample_rate: Rate = 16_000
    seconds: Seconds
    audio_pool: Count = 1
    n_frames: Count = 1
    frame_size: Side
    max_rejected: Share = 0.01

    @model_validator(mode="after")
    def _there_is_a_spectrogram(self):
        if self.frontend == "olm_code" and self.sample_rate != 22_050:
            raise ValueError(f"frontend olm_code needs sample_rate 22050, not {self.sample_rate}")
        samples = round(self.seconds * self.sample_rate)
        if samples < WINDOW:
            raise ValueError(
                f"seconds {self.seconds} at sample_rate {self.sample_rate} are {samples} samples, "
                f"less than one window of {WINDOW}"
            )
        # A lower bound: a centred front end has a column or two more.
        least = min(BINS, (samples - WINDOW) // HOPS[self.frontend] + 1)
        if self.audio_pool > least:
            raise ValueError(
                f"audio_pool {self.audio_pool} is larger than the spectrogram, which has {BINS} x "
                f"{(samples - WINDOW) // HOPS[self.frontend] + 1} values"
            )
        return self


class Prepare(Decoding):
    """From a release to arrays: how they are made, and which clips are whose."""

    split: Literal["published", "actor"] = "published"
    dev_fraction: Fraction
    drop_broken: StrictBool = False


class PrepareSpeakers(Decoding):
    """AV-MNIST, weakened; its splits are its speakers.

    `pca_energy`: share of the images' variance that is kept.
    `audio_noise`: white noise, as a share of a recording's RMS.
    """

    pca_energy: Annotated[Number, Field(gt=0, le=1)] = 1.0
    audio_noise: Annotated[Number, Field(ge=0)] = 0.0


class PrepareVectors(Section):
    """Feature vectors dealt into folds."""

    folds: Annotated[StrictInt, Field(ge=3, le=1_000)]
    seed: Seed = 0


class PrepareViews(PrepareVectors):
    """Views of the same things, dealt into folds."""

    views: Annotated[
        tuple[Literal["fou", "fac", "kar", "pix", "zer", "mor"], ...], Field(min_length=2)
    ]


class PrepareSequences(Section):
    """From feature files to arrays: folds, the files' folders and their widths."""

    folds: Annotated[StrictInt, Field(ge=2, le=1_000)] = 5
    seed: Seed = 0
    max_rejected: Share = 0.01
    features: Annotated[dict[Modality, Name], Field(min_length=1)]
    widths: dict[str, Count]

    @model_validator(mode="after")
    def _every_feature_has_a_width(self):
        if self.features.keys() != self.widths.keys():
            features, widths = ", ".join(self.features), ", ".join(self.widths)
            raise ValueError(f"features are of {features} and widths of {widths}: name the same")
        return self


class PrepareFeatures(Section):
    """From pictures to features of a frozen network: dev split, network, and how depth goes in.

    `checkpoint`: file of the network's weights, a path from the release's folder on.
    `depth`: with its holes filled by the release's authors, or as the sensor gave it.
    `encoding`: of depth, as grey levels or as directions of surfaces (`companion.data.depth`).
    """

    dev_fraction: Annotated[Fraction, Field(le=0.5)]
    seed: Seed = 0
    checkpoint: Annotated[str, Field(min_length=1)]
    depth: Literal["refined", "raw"] = "refined"
    encoding: Literal["grey", "normals"] = "grey"
    max_rejected: Share = 0.01


class PrepareSegments(Section):
    """From features of segments to arrays: the shape that a segment has in each modality."""

    audio: Count
    visual: tuple[Count, Count, Count]
    max_rejected: Share = 0.01


# What features are made of, in the order of the heads.
PICTURES = ("rgb", "depth")
