"""AVGA (Tian et al., ECCV 2018): audio-guided visual attention, and two LSTMs.

The sound of a segment says where in its picture to look. Both sequences then run through LSTMs of
their own and meet in the classifier, or in the residuals of DMRN.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import multilabel_soft_margin_loss, one_hot

from olmlib.models.ave.blocks import (
    HEADS,
    BiLSTM,
    Guide,
    LocationAttention,
    alone,
    attended,
    by_modality,
    flat_maps,
    readout,
    xavier,
)
from olmlib.models.ave.config import AVGAConfig
from olmlib.models.network import Network, module_dict
from olmlib.models.outputs import Outputs


class AVGA(Network):
    """The network "A+V-att", or with `config.fusion` DMRN.

    Without auxiliary heads the unimodal logits are those of the fused classifier with zeros in
    place of the other modality; no gradient flows from them.

    Args:
        num_classes: C, background included.
        config: sizes, fusion and loss.
        aux_heads: a classifier for each modality, on its LSTM's outputs.
    """

    heads = HEADS
    encoders: Mapping[str, Any]

    def __init__(self, num_classes: int, config: AVGAConfig, aux_heads: bool = False):
        super().__init__()
        self.config = config
        hidden = config.hidden
        self.encoders = module_dict(
            {"audio": BiLSTM(config.audio, hidden), "visual": VisualEncoder(config)}
        )
        self.guide = Guide(config.audio, config.attention, config.locations)
        self.fuse = (
            Residuals(2 * hidden, num_classes)
            if config.fusion == "dmrn"
            else Concat(2 * hidden, config.readout, num_classes)
        )
        self.aux = (
            module_dict(
                {
                    m: nn.Sequential(nn.ReLU(), readout(2 * hidden, config.readout, num_classes))
                    for m in self.encoders
                }
            )
            if aux_heads
            else None
        )
        if config.loss == "soft_margin":
            self.criterion = soft_margin
        xavier(self)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify every segment: logits of every head `(B, T, C)`.

        Args:
            batch: `audio` `(B, T, D_a)` and `visual` `(B, T, H, W, D_v)`.
        """
        maps = flat_maps(batch["visual"], self.config.locations)
        audio = self.encoders["audio"](batch["audio"])
        visual = self.encoders["visual"](maps, self.guide(batch["audio"]))
        features = by_modality(audio, visual)
        if self.aux:
            unimodal = {m: self.aux[m](h) for m, h in features.items()}
        else:
            unimodal = alone(self.fuse, audio, visual)
        return Outputs(unimodal | {"fused": self.fuse(audio, visual)}, features)

    def attention(self, batch: dict[str, Tensor]) -> Tensor:
        """Return where the network looks, `(B, T, L)`, of sum 1."""
        maps = flat_maps(batch["visual"], self.config.locations)
        return self.encoders["visual"].attention(maps, self.guide(batch["audio"]))


class VisualEncoder(nn.Module):
    """The picture where the sound says to look, through an LSTM."""

    def __init__(self, config: AVGAConfig):
        super().__init__()
        self.attention = LocationAttention(config.visual, config.attention, config.locations)
        self.lstm = BiLSTM(config.visual, config.hidden)

    def forward(self, maps: Tensor, guide: Tensor) -> Tensor:
        """Map `(B, T, L, D_v)`, with the guide `(B, T, L)`, to `(B, T, 2 * hidden)`."""
        return self.lstm(attended(self.attention(maps, guide), maps))


class Concat(nn.Module):
    """Both sequences side by side, and a classifier of every segment."""

    def __init__(self, d: int, hidden: int, classes: int):
        super().__init__()
        self.classifier = readout(2 * d, hidden, classes)

    def forward(self, audio: Tensor, visual: Tensor) -> Tensor:
        """Map two `(B, T, d)` to logits `(B, T, C)`."""
        return self.classifier(torch.cat([audio, visual], -1).relu())


class Residuals(nn.Module):
    """DMRN: both sequences plus the mean of what two small networks make of them.

    As in the released code the tanh of one modality gets the other's place, which changes nothing
    in their mean.
    """

    def __init__(self, d: int, classes: int):
        super().__init__()
        self.parts = nn.ModuleList(
            nn.Sequential(nn.Linear(d, d), nn.Tanh(), nn.Linear(d, d)) for _ in range(2)
        )
        self.classifier = nn.Linear(d, classes)

    def forward(self, audio: Tensor, visual: Tensor) -> Tensor:
        """Map two `(B, T, d)` to logits `(B, T, C)`."""
        residual = (self.parts[0](audio) + self.parts[1](visual)) / 2
        return self.classifier(((audio + residual).tanh() + (visual + residual).tanh()) / 2)


def soft_margin(scores: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """Return AVGA's loss: the multi-label soft margin of the softmax probabilities.

    Probabilities are its scores, so it moves little: of 29 classes between 0.680, where all are
    certain and right, and 0.715, where they are certain and wrong.

    Args:
        scores: `(..., C)`, logits.
        labels: `(...)`, class indices.
        reduction: `mean` or `sum` over segments.
    """
    prob, truth = scores.flatten(0, -2).softmax(-1), labels.flatten()
    target = one_hot(truth, scores.shape[-1]).to(prob)
    return multilabel_soft_margin_loss(prob, target, reduction=reduction)
