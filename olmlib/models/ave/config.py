"""What can be set for the networks of Table 2; the defaults are the released codes' sizes."""

from dataclasses import dataclass
from typing import Annotated, Literal

from olmlib.check import Count, NotNegative, Probability, Range, Share, checked_fields
from olmlib.config import NetworkConfig

Momentum = Annotated[float, Range(0, 1, without=("low",))]


@dataclass(frozen=True)
class LocalizationConfig(NetworkConfig):
    """What every network of Table 2 must know of its features, which a run takes from its data.

    Attributes:
        audio: width of a segment's sound, 128 of VGGish.
        visual: channels of a segment's picture, 512 of VGG-19's pool5.
        locations: of a picture, 7 x 7 in pool5.
    """

    audio: Count = 128
    visual: Count = 512
    locations: Count = 49

    def __post_init__(self):
        """Refuse values that no network can have."""
        checked_fields(self)


@dataclass(frozen=True)
class AVGAConfig(LocalizationConfig):
    """Audio-guided visual attention (Tian et al., ECCV 2018).

    Attributes:
        attention: width inside the attention over locations.
        hidden: of the LSTMs, in each direction.
        readout: width inside the classifiers.
        fusion: of the two sequences: side by side ("A+V-att"), or by residuals (DMRN).
        loss: of the released code, a soft margin on the probabilities, or cross-entropy.
    """

    attention: Count = 512
    hidden: Count = 128
    readout: Count = 64
    fusion: Literal["concat", "dmrn"] = "concat"
    loss: Literal["soft_margin", "cross_entropy"] = "soft_margin"


@dataclass(frozen=True)
class MAFnetConfig(LocalizationConfig):
    """Modality attention fusion (Brousmiche et al., 2021) on the features of the other networks.

    Attributes:
        width: of the features of both modalities.
        mode: a class per segment, comparable with the other networks; or per clip, the released
            code's, which is no localization and has no background class.
        bn_momentum: weight of a batch in the running statistics: 1 - 0.999 in the released code,
            far too slow for a training of a few hundred steps.
    """

    width: Count = 512
    mode: Literal["segment", "video"] = "segment"
    bn_momentum: Momentum = 0.001


@dataclass(frozen=True)
class PSPConfig(LocalizationConfig):
    """Positive sample propagation (Zhou et al., CVPR 2021).

    Attributes:
        embedding: width between the two matrices that bring both modalities to `audio` values.
        attention: width inside the attention over locations.
        hidden: of the LSTMs, in each direction.
        readout: width inside the classifiers.
        dropout: inside the propagation.
        tau: share of a row below which a pair of segments exchanges nothing.
        avps_weight: of the loss that makes the modalities of an event's segments similar.
    """

    embedding: Count = 256
    attention: Count = 512
    hidden: Count = 128
    readout: Count = 64
    dropout: Share = 0.1
    tau: Probability = 0.099
    avps_weight: NotNegative = 100.0


@dataclass(frozen=True)
class CMBSConfig(LocalizationConfig):
    """Cross-modal background suppression (Xia and Zhao, CVPR 2022).

    Attributes:
        key: width of the keys of the attention among locations.
        squeeze: width inside the other parts of the attention, and of the transformers.
        hidden: of the audio LSTM in each direction; the visual one is twice as wide.
        heads: of every multi-head attention; divides `squeeze`.
        ffn: width inside the feed-forward blocks.
        blocks: of either encoder.
        dropout: of the blocks.
        visual_dropout: of the picture's features.
        top: segments whose scores make a clip's.
        alpha: how much a modality's gate strengthens the other one.
        beta: how much the attention among locations strengthens a picture.
        gamma: weight of the modalities' scores beside the fused one.
    """

    key: Count = 128
    squeeze: Count = 256
    hidden: Count = 128
    heads: Count = 4
    ffn: Count = 1024
    blocks: Count = 2
    dropout: Share = 0.1
    visual_dropout: Share = 0.2
    top: Count = 4
    alpha: NotNegative = 0.1
    beta: NotNegative = 0.4
    gamma: NotNegative = 0.3

    def __post_init__(self):
        """Refuse values that no network can have."""
        super().__post_init__()
        if self.squeeze % self.heads:
            raise ValueError(f"squeeze {self.squeeze} is not divisible by heads {self.heads}")
