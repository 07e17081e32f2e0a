"""Late fusion whose logits are sums of cosines: the model of MMCosine (Xu et al., ICASSP 2023)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from companion import params
from olmlib.models.encoders import initialise
from olmlib.models.late_fusion import MODALITIES, encoder
from olmlib.models.outputs import Outputs


class CosineFusion(nn.Module):
    """Audio and visual encoders whose fused logits are `s (cos_a + cos_v)`.

    The head is the matrix of a concatenation, but every modality's block of columns is normalised
    by itself. The unimodal logits are the summands, so they add up to the fused ones exactly.

    Args:
        num_classes: C.
        config: width and initialisation.
        scale: s; the fused logits lie in [-2 s, 2 s].
        linear_eval: in eval mode, let the fused logits be `[h_a ; h_v] W^T + beta`, which nothing
            trained, as the released code's validation does.
    """

    def __init__(self, num_classes: int, config: params.Model, scale=10.0, linear_eval=False):
        super().__init__()
        self.heads = (*MODALITIES, "fused")
        self.scale, self.linear_eval = scale, linear_eval
        self.encoders = nn.ModuleDict({m: encoder(m, config) for m in MODALITIES})
        self.fusion = nn.Linear(sum(self.encoders[m].dim for m in MODALITIES), num_classes)
        # No cosine has a bias. It is there for `linear_eval` alone, as it was initialised.
        self.fusion.bias.requires_grad_(False)
        initialise(self, config.init)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify a batch; `logits` has `audio`, `visual` and `fused`."""
        features = {m: self.encoders[m](batch[m]) for m in MODALITIES}
        blocks = self.fusion.weight.split([self.encoders[m].dim for m in MODALITIES], dim=1)
        logits = {
            m: cosine_logits(features[m], block, self.scale)
            for m, block in zip(MODALITIES, blocks, strict=True)
        }
        if self.linear_eval and not self.training:
            fused = self.fusion(torch.cat([features[m] for m in MODALITIES], dim=1))
        else:
            fused = sum(logits.values())
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
