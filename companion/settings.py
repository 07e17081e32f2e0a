"""Everything that is set for a data set, by the kind of its prepared data.

Apart from `companion.data.sections`, on which miniatures and preparations depend: what is set for a
network or a training makes none of them anew.
"""

from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, StrictBool, model_validator

from companion.data.sections import (
    Count,
    Miniature,
    Number,
    Prepare,
    PrepareFeatures,
    PrepareSegments,
    PrepareSequences,
    PrepareSpeakers,
    PrepareVectors,
    PrepareViews,
    Section,
    Seeds,
    SegmentMiniature,
)
from olmlib.config import (
    LateFusionConfig,
    MLPFusionConfig,
    TrainConfig,
    TransformerConfig,
    configuration,
)
from olmlib.models.ave.config import AVGAConfig, CMBSConfig, MAFnetConfig, PSPConfig

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


class Own(Section):
    """What of its training one of several networks has for itself; the rest is `train`."""

    lr: Annotated[Number, Field(gt=0)] | None = None
    epochs: Count | None = None

    def of(self, train: TrainConfig) -> TrainConfig:
        """Return `train` with what is set here in its place."""
        return replace(train, **self.model_dump(exclude_none=True))


class Segments(Section):
    """Everything that is set for a data set of clips with a label for every second.

    `own`: network -> its learning rate and epochs, in place of those of `train`.
    """

    miniature: SegmentMiniature | None = None
    prepare: PrepareSegments
    model: Localizers = Localizers()
    train: Train
    own: dict[str, Own] = {}

    @model_validator(mode="after")
    def _can_be_trained(self):
        made = self.miniature
        if made and (made.audio, made.visual) != (self.prepare.audio, self.prepare.visual):
            raise ValueError("prepare.audio and prepare.visual are not those of miniature")
        known = list(Localizers.model_fields)
        wrong = [name for name in self.own if name not in known]
        if wrong:
            raise ValueError(f"own values of {', '.join(wrong)}; there are {', '.join(known)}")
        if self.train.selection == "best_combined" or self.train.valence_weight:
            raise ValueError(
                "train.selection best_combined and train.valence_weight need valences, which only "
                "MER2023 has"
            )
        return self


class Recording(Section):
    """What is set for real recordings of the study, whose folds take turns as test split.

    `seeds`: how many, from 0. `tuned_on`: the first so many of the seeds of the study's tuning.
    """

    # Of recordings there is none.
    miniature: ClassVar[None] = None
    train: Train
    seeds: Count
    tuned_on: Count = 2

    @model_validator(mode="after")
    def _can_be_trained(self):
        check_train(self.train)
        return self


class Vectors(Recording):
    """Recordings of which there are feature vectors."""

    prepare: PrepareVectors
    model: MLPs

    @model_validator(mode="after")
    def _the_data_say_the_widths(self):
        if self.model.inputs:
            raise ValueError("model.inputs follow from the data")
        return self


class Views(Vectors):
    """Several sets of features of the same things."""

    prepare: PrepareViews


class Speakers(Recording):
    """AV-MNIST: sounds and pictures by speaker."""

    prepare: PrepareSpeakers
    model: Network

    @model_validator(mode="after")
    def _there_are_its_encoders(self):
        check_encoders(self.model)
        return self


AnyRecording = Vectors | Views | Speakers
