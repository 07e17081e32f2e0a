"""Late fusion whose logits are sums of cosines: the model of MMCosine (Xu et al., ICASSP 2023)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from olmlib.check import checked
from olmlib.config import LateFusionConfig
from olmlib.models.encoders import Encoder, encoders, initialise
from olmlib.models.network import Network
from olmlib.models.outputs import Outputs


class CosineFusion(Network):
    """One encoder per modality, and fused logits `s (cos_a + cos_v)`.

    The head is the matrix of a concatenation, but every modality's block of columns is normalised
    by itself. The unimodal logits are the summands, so they add up to the fused ones exactly.

    Args:
        num_classes: C.
        config: encoders, width and initialisation.
        scale: s; the fused logits of M modalities lie in [-M s, M s].
        linear_eval: in eval mode, let the fused logits be `[h_a ; h_v] W^T + beta`, which nothing
            trained, as the released code's validation does.
    """

    encoders: Mapping[str, Encoder]

    @checked
    def __init__(self, num_classes: int, config: LateFusionConfig, scale=10.0, linear_eval=False):
        super().__init__()
        self.heads = (*config.encoders, "fused")
        self.scale, self.linear_eval = scale, linear_eval
        self.encoders = encoders(config)
        self.dims = [encoder.dim for encoder in self.encoders.values()]
        self.fusion = nn.Linear(sum(self.dims), num_classes)
        # No cosine has a bias. It is there for `linear_eval` alone, as it was initialised.
        self.fusion.bias.requires_grad_(False)
        initialise(self, config.init)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify a batch; `logits` has every modality and `fused`."""
        features = {m: encoder(batch[m]) for m, encoder in self.encoders.items()}
        blocks = self.fusion.weight.split(self.dims, dim=1)
        logits = {
            m: cosine_logits(h, block, self.scale)
            for (m, h), block in zip(features.items(), blocks, strict=True)
        }
        if self.linear_eval and not self.training:
            fused = self.fusion(torch.cat(list(features.values()), dim=1))
        else:
            first, *others = logits.values()
            fused = sum(others, start=first)
        return Outputs(logits | {"fused": fused}, features)


def cosine_logits(features: Tensor, weight: Tensor, scale: float) -> Tensor:
    """Return s times the cosines between features and the classes' weights, of one modality.

    Args:
        features: `(B, d)`; one that is all zeros, as behind dead ReLUs, has cosine 0 everywhere.
        weight: `(C, d)`, the modality's block of the head.
        scale: s.

    Returns:
        `(B, C)`, in [-s, s].
    """
    return scale * normalize(features, dim=1, eps=1e-12) @ normalize(weight, dim=1, eps=1e-12).T
