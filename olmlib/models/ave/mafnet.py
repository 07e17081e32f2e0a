"""MAFnet (Brousmiche et al., 2021), "lite": attention over segments and modalities at once.

The picture shifts and scales what the network makes of the sound (FiLM), and one softmax over all
segments of both modalities weighs them against each other. The released network takes DenseNet-201
vectors and VGGish maps and says one class per clip. This one takes the features of the other
networks of Table 2, a mean over locations and a vector per segment, so its convolutions are
matrices; and by default it keeps the segments apart, each with a class of its own.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from olmlib.models.ave.blocks import HEADS, by_modality
from olmlib.models.ave.config import MAFnetConfig
from olmlib.models.network import Network, module_dict
from olmlib.models.outputs import Outputs


class MAFnet(Network):
    """Modality attention fusion.

    Without auxiliary heads the unimodal logits are the parts of the fused ones before their batch
    norm: each modality's columns of the weight, and half of the bias.

    Args:
        num_classes: C; of segments, background included; of clips (`mode: video`), without.
        config: width and mode.
        aux_heads: a linear head for each modality, on its weighted features.
    """

    heads = HEADS
    encoders: Mapping[str, Any]

    def __init__(self, num_classes: int, config: MAFnetConfig, aux_heads: bool = False):
        super().__init__()
        self.config, d = config, config.width
        self.encoders = module_dict(
            {"audio": AudioEncoder(config), "visual": dense(config.visual, config)}
        )
        self.film = nn.Linear(config.visual, 2 * d)
        self.score = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Linear(d, 1))
        self.fusion = nn.Linear(2 * d, num_classes)
        self.norm = SegmentNorm(num_classes, config)
        self.aux = (
            module_dict({m: nn.Linear(d, num_classes) for m in self.encoders})
            if aux_heads
            else None
        )

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify every segment, logits `(B, T, C)`, or every clip, `(B, C)`.

        Args:
            batch: `audio` `(B, T, D_a)` and `visual` `(B, T, H, W, D_v)`.
        """
        vectors = batch["visual"].mean((2, 3))
        sound, picture = self.embedded(batch["audio"], vectors)
        weights = self.attention(sound, picture)
        features = by_modality(*(w * x for w, x in zip(weights, (sound, picture), strict=True)))
        if self.config.mode == "video":
            features = {m: h.sum(1) for m, h in features.items()}
        else:
            # Of all segments they sum to 1; of one, to 1 on average.
            features = {m: h.shape[1] * h for m, h in features.items()}
        parts = self.parts(features)
        fused = self.norm(sum(parts.values()))
        unimodal = {m: self.aux[m](h) for m, h in features.items()} if self.aux else parts
        return Outputs(unimodal | {"fused": fused}, features)

    def embedded(self, audio: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return both modalities' `(B, T, width)`; the sound's depends on the picture."""
        scale, shift = self.film(picture).chunk(2, -1)
        return self.encoders["audio"](audio, scale + 1, shift), self.encoders["visual"](picture)

    def attention(self, sound: Tensor, picture: Tensor) -> Tensor:
        """Return the weights of all segments of both modalities, `(2, B, T, 1)`.

        The 2 T weights of a clip have the sum 1.
        """
        scores = torch.stack([self.score(sound), self.score(picture)])
        both = scores.transpose(0, 1).flatten(1).softmax(-1)
        return both.view(len(both), 2, -1, 1).transpose(0, 1)

    def parts(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return what each modality adds to the logits before their batch norm."""
        columns = self.fusion.weight.chunk(2, 1)
        half = self.fusion.bias / 2
        return {m: h @ w.T + half for (m, h), w in zip(features.items(), columns, strict=True)}


class AudioEncoder(nn.Module):
    """A residual block that the picture modulates, and a dense layer."""

    def __init__(self, config: MAFnetConfig):
        super().__init__()
        d = config.width
        self.first, self.second = nn.Linear(config.audio, d), nn.Linear(d, d)
        self.norm = SegmentNorm(d, config)
        self.dense = dense(d, config)

    def forward(self, audio: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Map `(B, T, D_a)`, with FiLM's `(B, T, width)`, to `(B, T, width)`."""
        skip = self.first(audio).relu()
        return self.dense((scale * self.norm(self.second(skip)) + shift).relu() + skip)


class SegmentNorm(nn.Module):
    """Batch norm of `(..., d)`, where every segment counts as a sample."""

    def __init__(self, d: int, config: MAFnetConfig):
        super().__init__()
        # Inside, not a base: for several processes torch exchanges batch norms for its own.
        self.norm = nn.BatchNorm1d(d, eps=1e-3, momentum=config.bn_momentum)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each of the d values over all segments of the batch."""
        return self.norm(x.flatten(0, -2)).view_as(x)


def dense(d: int, config: MAFnetConfig) -> nn.Sequential:
    """Return a dense layer with batch norm, `(..., d)` to `(..., width)`."""
    return nn.Sequential(nn.Linear(d, config.width), SegmentNorm(config.width, config), nn.ReLU())
