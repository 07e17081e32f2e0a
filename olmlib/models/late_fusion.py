"""Late fusion of one encoder per modality, with named logits: the networks of Table 1."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from olmlib.check import checked
from olmlib.config import LateFusionConfig, MLPFusionConfig
from olmlib.models import fusions
from olmlib.models.encoders import Encoder, encoders, initialise
from olmlib.models.network import Network, module_dict
from olmlib.models.outputs import Outputs


class _RunningMean(nn.Module):
    """The mean of a feature over the training: of all batches at first, later of the recent ones.

    Args:
        d: width of the feature.
        rate: least weight of a new batch, that of torch's batch norms by default.
    """

    value: Tensor
    batches: Tensor

    def __init__(self, d: int, rate=0.1):
        super().__init__()
        self.rate = rate
        self.register_buffer("value", torch.zeros(d))
        self.register_buffer("batches", torch.tensor(0))

    @torch.no_grad()
    def update(self, feature: Tensor) -> None:
        """Count in a batch of features `(B, d)`."""
        self.batches += 1
        # A fixed rate would keep the arbitrary zero of the start in the mean for many batches.
        self.value.lerp_(feature.float().mean(0), (1 / self.batches).clamp(min=self.rate))


class LateFusion(Network):
    """One encoder per modality and one of the fusions, by default `s_b = [h_a ; h_v] W^T + beta`.

    A lone modality has no fusion: its one head has its name. Without auxiliary heads the unimodal
    logits are read off the fused head: the parts of the fused logits (`split`) if the fusion is
    concat or sum, else what it says with the other feature replaced by its training mean (`mask`);
    see `unimodal_logits`.

    Args:
        num_classes: C.
        config: encoders, width and initialisation.
        aux_heads: give each modality a linear head of its own, as OLM, GradNorm and G-Blend need.
        fusion: a name of `olmlib.models.fusions.FUSIONS`.
        mask: `"mean"`, or `"zeros"` to mask a feature by zeros in place of its training mean.
        **options: of the fusion, for example `normalize="softmax"` for attention.

    Raises:
        ValueError: an unknown fusion, an option that it does not have, or auxiliary heads for a
            lone modality.
    """

    encoders: Mapping[str, Encoder]

    @checked
    def __init__(
        self,
        num_classes: int,
        config: LateFusionConfig | MLPFusionConfig,
        aux_heads: bool = False,
        fusion: str = "concat",
        mask: Literal["mean", "zeros"] = "mean",
        **options,
    ):
        super().__init__()
        kind = fusions.find(fusion)
        self.encoders = self.make_encoders(config)
        dims = {m: encoder.dim for m, encoder in self.encoders.items()}
        self.mask = mask
        self.fusion = kind(dims, num_classes, **options)
        alone = len(dims) == 1
        if alone and aux_heads:
            raise ValueError(
                "this method needs a head per modality and a fused one, and "
                f"{', '.join(dims)} alone has one head in all: give it two modalities"
            )
        self.heads = tuple(dims) if alone else (*dims, "fused")
        self.aux = (
            module_dict({m: nn.Linear(d, num_classes) for m, d in dims.items()})
            if aux_heads
            else None
        )
        self.means = (
            None
            if separable(self.fusion)
            else module_dict({m: _RunningMean(d) for m, d in dims.items()})
        )
        initialise(self, config.init)

    def make_encoders(self, config: Any) -> Mapping[str, Any]:
        """Return a fresh encoder per modality, each with `dim`, the width of its features."""
        return encoders(config)

    def forward(self, batch: Mapping[str, Tensor]) -> Outputs:
        """Classify a batch; `logits` has every modality and `fused`."""
        features = {m: encoder(batch[m]) for m, encoder in self.encoders.items()}
        if len(self.heads) == 1:
            return Outputs({self.heads[0]: self.fusion(features)}, features)
        if self.training and self.means is not None and self.mask == "mean":
            for m, h in features.items():
                self.means[m].update(h)
        mode = "aux" if self.aux else "split" if separable(self.fusion) else "mask"
        unimodal = unimodal_logits(self, features, mode)
        return Outputs(unimodal | {"fused": self.fusion(features)}, features)


def separable(fusion: nn.Module) -> bool:
    """Return whether the fused logits are a sum of one part per modality."""
    return isinstance(fusion, nn.Linear | fusions.Sum)


def unimodal_logits(
    model: LateFusion,
    features: dict[str, Tensor],
    mode: str,
    prototypes: dict[str, Tensor] | None = None,
    means: dict[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Return what each modality says alone, in one of four senses.

    The senses answer different questions, so accuracies are comparable within one mode only.

    Args:
        model: a late fusion; `proto` looks at the features only and takes any model.
        features: modality -> `(B, d)`, as the model returns them.
        mode: `split`, the modality's part of the fused logits; `aux`, its own linear head; `mask`,
            the fused head with the other features replaced by constants, without gradient;
            `proto`, minus the Euclidean distance to each class prototype (PMR, CVPR 2023).
        prototypes: modality -> `(C, d)`, for `proto`.
        means: modality -> `(d,)`, the constants of `mask`; by default the model's training means,
            which it keeps if its fusion is not separable.

    Returns:
        Modality -> `(B, C)`.

    Raises:
        ValueError: an unknown mode, or the model or the call lacks what the mode needs.
    """
    if mode == "split":
        return split_logits(model.fusion, features)
    if mode == "aux":
        if model.aux is None:
            raise ValueError("the model has no auxiliary heads; build it with aux_heads=True")
        return {m: model.aux[m](h) for m, h in features.items()}
    if mode == "mask":
        if means is None and model.means is None:
            name = type(model.fusion).__name__
            raise ValueError(f"{name} keeps no training means; give means, or take mode 'split'")
        return _masked_logits(model, features, means)
    if mode == "proto":
        if prototypes is None:
            raise ValueError("mode 'proto' needs prototypes: modality -> (C, d)")
        # The faster matrix form cancels digits where a feature is close to its prototype.
        exact = "donot_use_mm_for_euclid_dist"
        return {m: -torch.cdist(h, prototypes[m], compute_mode=exact) for m, h in features.items()}
    raise ValueError(f"no mode {mode!r}; the known ones are split, aux, mask, proto")


@torch.no_grad()
def _masked_logits(model, features, means) -> dict[str, Tensor]:
    if means is None:
        means = {m: mean.value for m, mean in model.means.items()}
    constants = {m: means[m].to(h.dtype).expand_as(h) for m, h in features.items()}
    return {m: model.fusion(constants | {m: h}) for m, h in features.items()}


def split_logits(fusion: nn.Module, features: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return what each modality adds to the fused logits of a separable fusion (OGM-GE, CVPR 2022).

    The parts sum to the fused logits exactly. In a concatenation each modality takes its block of
    columns and an equal share of the bias; in a sum, its own linear head with its own full bias.

    Args:
        fusion: `fusions.Sum`, or a linear head with `W` of shape `(C, sum of d)` and its blocks in
            the order of `features`.
        features: modality -> `(B, d)`.

    Returns:
        Modality -> `(B, C)`.

    Raises:
        ValueError: the fusion is not separable, or its head is no concatenation of these features.
    """
    if isinstance(fusion, fusions.Sum):
        return {m: fusion.parts[m](h) for m, h in features.items()}
    if not isinstance(fusion, nn.Linear):
        name = type(fusion).__name__
        raise ValueError(f"{name} is not separable, so it has no split; take mode 'mask'")
    widths = [h.shape[-1] for h in features.values()]
    if sum(widths) != fusion.in_features:
        raise ValueError(
            f"features of widths {widths} are not the {fusion.in_features} of the head"
        )
    blocks = fusion.weight.split(widths, dim=1)
    share = fusion.bias / len(widths)
    return {m: h @ block.T + share for (m, h), block in zip(features.items(), blocks, strict=True)}
