"""Models of Table 1: one encoder per modality, late fusion, named logits."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from olmlib import params
from olmlib.models.encoders import AudioEncoder, VisualEncoder, initialise

MODALITIES = ("audio", "visual")


class Outputs(NamedTuple):
    """What every model returns.

    Attributes:
        logits: head -> `(B, C)`; the fused head is `"fused"`.
        features: modality -> `(B, d)`, pooled features.
    """

    logits: dict[str, Tensor]
    features: dict[str, Tensor]


def encoder(modality: str, config: params.Model) -> nn.Module:
    """Return a fresh encoder of `"audio"` or `"visual"`."""
    if modality == "audio":
        return AudioEncoder(config.width, config.audio_pool)
    return VisualEncoder(config.width)


class Unimodal(nn.Module):
    """One encoder and one linear head, which never sees the other modality."""

    def __init__(self, modality: str, num_classes: int, config: params.Model):
        super().__init__()
        self.heads = (modality,)
        self.encoders = nn.ModuleDict({modality: encoder(modality, config)})
        self.classifier = nn.Linear(self.encoders[modality].dim, num_classes)
        initialise(self, config.init)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify a batch; `logits` has the modality's own name."""
        (modality,) = self.heads
        features = self.encoders[modality](batch[modality])
        return Outputs({modality: self.classifier(features)}, {modality: features})


class LateFusion(nn.Module):
    """Audio and visual encoders, fused by concatenation: `s_b = [h_a ; h_v] W^T + beta`.

    Args:
        num_classes: C.
        config: width, input pooling and initialisation.
        aux_heads: give each modality a linear head of its own, as OLM, GradNorm and G-Blend need.
            Without them the unimodal logits are read off the blocks of W (`split_logits`).
    """

    def __init__(self, num_classes: int, config: params.Model, aux_heads=False):
        super().__init__()
        self.heads = (*MODALITIES, "fused")
        self.encoders = nn.ModuleDict({m: encoder(m, config) for m in MODALITIES})
        dims = [self.encoders[m].dim for m in MODALITIES]
        self.fusion = nn.Linear(sum(dims), num_classes)
        self.aux = (
            nn.ModuleDict(
                {m: nn.Linear(d, num_classes) for m, d in zip(MODALITIES, dims, strict=True)}
            )
            if aux_heads
            else None
        )
        initialise(self, config.init)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify a batch; `logits` has `audio`, `visual` and `fused`."""
        features = {m: self.encoders[m](batch[m]) for m in MODALITIES}
        if self.aux is None:
            unimodal = split_logits(self.fusion, features)
        else:
            unimodal = {m: self.aux[m](features[m]) for m in MODALITIES}
        fused = self.fusion(torch.cat([features[m] for m in MODALITIES], dim=1))
        return Outputs(unimodal | {"fused": fused}, features)


def split_logits(fusion: nn.Linear, features: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return what each modality adds to the fused logits of a concatenation (OGM-GE, CVPR 2022).

    Each modality takes its block of columns and an equal share of the bias, so the parts sum to the
    fused logits exactly.

    Args:
        fusion: the linear head, `W` of shape `(C, sum of d)`, blocks in the order of `features`.
        features: modality -> `(B, d)`.

    Returns:
        Modality -> `(B, C)`.

    Raises:
        ValueError: the widths do not add up, so the head is no concatenation of these features.
    """
    widths = [h.shape[-1] for h in features.values()]
    if sum(widths) != fusion.in_features:
        raise ValueError(
            f"features of widths {widths} are not the {fusion.in_features} of the head"
        )
    blocks = fusion.weight.split(widths, dim=1)
    share = fusion.bias / len(widths)
    return {m: h @ block.T + share for (m, h), block in zip(features.items(), blocks, strict=True)}
