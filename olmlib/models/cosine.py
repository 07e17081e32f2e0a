"""Late fusion whose logits are sums of cosines: the model of MMCosine (Xu et al., ICASSP 2023)."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import normalize

from olmlib.check import checked
from olmlib.config import NetworkConfig
from olmlib.models.build import build
from olmlib.models.late_fusion import LateFusion
from olmlib.models.network import Network
from olmlib.models.outputs import Outputs


class CosineFusion(Network):
    """One encoder per modality, and fused logits `s (cos_a + cos_v)`.

    The head is the matrix of a concatenation, but every modality's block of columns is normalised
    by itself. The unimodal logits are the summands, so they add up to the fused ones exactly.

    Args:
        num_classes: C.
        config: of a late fusion, whose encoders and head these are.
        scale: s; the fused logits of M modalities lie in [-M s, M s].
        linear_eval: in eval mode, let the fused logits be `[h_a ; h_v] W^T + beta`, which nothing
            trained, as the released code's validation does.

    Raises:
        ValueError: the configuration is not one of a late fusion of two modalities or more.
    """

    encoders: Mapping[str, Any]

    @checked
    def __init__(self, num_classes: int, config: NetworkConfig, scale=10.0, linear_eval=False):
        super().__init__()
        base = build(num_classes, config)
        if not isinstance(base, LateFusion) or not isinstance(base.fusion, nn.Linear):
            raise ValueError("cosines are summed where features of several modalities are joined")
        self.heads = base.heads
        self.scale, self.linear_eval = scale, linear_eval
        self.encoders, self.fusion = base.encoders, base.fusion
        self.dims = [encoder.dim for encoder in self.encoders.values()]
        # No cosine has a bias. It is there for `linear_eval` alone, as it was initialised.
        self.fusion.bias.requires_grad_(False)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify a batch; `logits` has every modality and `fused`."""
        features = {m: encoder(batch[m]) for m, encoder in self.encoders.items()}
        blocks = self.fusion.weight.split(self.dims, dim=1)
        logits = {
            m: cosine_logits(h, block, self.scale)
            for (m, h), block in zip(features.items(), blocks, strict=True)
        }
        if self.linear_eval and not self.training:
            fused = self.fusion(features)
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
