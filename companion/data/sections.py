"""A data set's part of `params.yaml`: miniature, preparation, network and training.

Apart from `companion.params`, which knows every data set: loaders and miniatures depend on what is
here, so that a change of one data set makes no other one anew.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    model_validator,
)

from olmlib.config import (
    LateFusionConfig,
    MLPFusionConfig,
    TrainConfig,
    TransformerConfig,
    configuration,
)
from olmlib.models.ave.config import AVGAConfig, CMBSConfig, MAFnetConfig, PSPConfig


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


class Prepare(Section):
    """From a release to arrays: split, front end and sizes.

    `audio_pool`: spectrograms are stored as means over squares of this side; 1 keeps them whole.
    """

    split: Literal["published", "actor"] = "published"
    dev_fraction: Fraction
    seed: Seed = 0
    frontend: Literal["librosa", "mmcosine", "olm_code"] = "librosa"
    sample_rate: Rate = 16_000
    seconds: Seconds
    audio_pool: Count = 1
    n_frames: Count = 1
    frame_size: Side
    drop_broken: StrictBool = False
    max_rejected: Share = 0.01
    pca_energy: Annotated[Number, Field(gt=0, le=1)] = 1.0
    audio_noise: Annotated[Number, Field(ge=0)] = 0.0

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
# What a batch of arrays has: modality -> kind of its encoder.
ARRAYS = {"audio": "spectrogram", "visual": "frames"}


def check_encoders(model: LateFusionConfig) -> None:
    """Refuse a network that reads what prepared arrays do not have.

    Raises:
        ValueError: as said.
    """
    for modality, kind in model.encoders.items():
        if ARRAYS.get(modality) != kind:
            known = ", ".join(f"{name}: {kind}" for name, kind in ARRAYS.items())
            raise ValueError(f"encoders: there is no {modality}: {kind}; there are {known}")


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
MLPs = Annotated[MLPFusionConfig, read_as(MLPFusionConfig)]
Transformer = Annotated[TransformerConfig, read_as(TransformerConfig)]
Train = Annotated[TrainConfig, read_as(TrainConfig)]


def check_train(train: TrainConfig) -> None:
    """Refuse a training that networks with batch norm, or data without valences, cannot have.

    Raises:
        ValueError: as said.
    """
    if train.batch_size < 2:
        raise ValueError("train.batch_size is 1, but batch norm needs two clips in a batch")
    if train.selection == "best_combined" or train.valence_weight:
        raise ValueError(
            "train.selection best_combined and train.valence_weight need valences, which only "
            "MER2023 has"
        )


class Localizers(Section):
    """The networks of Table 2, whose features have the sizes of the data."""

    avga: Annotated[AVGAConfig, read_as(AVGAConfig)] = AVGAConfig()
    mafnet: Annotated[MAFnetConfig, read_as(MAFnetConfig)] = MAFnetConfig()
    psp: Annotated[PSPConfig, read_as(PSPConfig)] = PSPConfig()
    cmbs: Annotated[CMBSConfig, read_as(CMBSConfig)] = CMBSConfig()

    @model_validator(mode="after")
    def _they_classify_segments(self):
        if self.mafnet.mode != "segment":
            raise ValueError("mafnet.mode video says one class per clip, Table 2 one per segment")
        return self


class DataSet(Section):
    """Everything that is set for a data set of sounds and pictures."""

    miniature: Miniature | None = None
    prepare: Prepare
    model: Network
    train: Train

    @model_validator(mode="after")
    def _can_be_trained(self):
        check_encoders(self.model)
        check_train(self.train)
        return self


class Sequences(Section):
    """Everything that is set for a data set of feature sequences.

    Attributes:
        every_fold: train every seed on every fold; else each seed has one fold, in turn.
    """

    miniature: Miniature | None = None
    every_fold: StrictBool = True
    prepare: PrepareSequences
    model: Transformer
    train: Train

    @model_validator(mode="after")
    def _the_network_knows_the_features(self):
        if self.model.modalities or self.model.inputs:
            raise ValueError("model.modalities and model.inputs follow from table3 and the data")
        named = {"max_len": self.model.max_len, "input_norm": self.model.input_norm}
        for field, modalities in named.items():
            # The default is for the features of the release, which need not all be used.
            usual = getattr(TransformerConfig(), field)
            wrong = [m for m in modalities if m not in {*self.prepare.features, *usual}]
            if wrong:
                raise ValueError(
                    f"model.{field} names {', '.join(wrong)}; there are "
                    f"{', '.join(self.prepare.features)}"
                )
        return self


class Features(Section):
    """Everything that is set for a data set of feature vectors.

    `seeds`: in place of the profile's: runs on features are cheap, and there can be more.
    """

    miniature: Miniature | None = None
    prepare: PrepareFeatures
    model: MLPs
    train: Train
    seeds: Seeds

    @model_validator(mode="after")
    def _can_be_trained(self):
        if self.model.inputs:
            raise ValueError("model.inputs follow from the data")
        check_train(self.train)
        return self


class Segments(Section):
    """Everything that is set for a data set of clips with a label for every second.

    `rates`: network -> its learning rate, in place of `train.lr`.
    """

    miniature: SegmentMiniature | None = None
    prepare: PrepareSegments
    model: Localizers = Localizers()
    train: Train
    rates: dict[str, Annotated[Number, Field(gt=0)]] = {}

    @model_validator(mode="after")
    def _can_be_trained(self):
        made = self.miniature
        if made and (made.audio, made.visual) != (self.prepare.audio, self.prepare.visual):
            raise ValueError("prepare.audio and prepare.visual are not those of miniature")
        known = list(Localizers.model_fields)
        wrong = [name for name in self.rates if name not in known]
        if wrong:
            raise ValueError(f"rates of {', '.join(wrong)}; there are {', '.join(known)}")
        if self.train.selection == "best_combined" or self.train.valence_weight:
            raise ValueError(
                "train.selection best_combined and train.valence_weight need valences, which only "
                "MER2023 has"
            )
        return self
