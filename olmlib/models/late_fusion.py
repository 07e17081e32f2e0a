"""Models of Table 1: one encoder per modality, late fusion, named logits."""

import torch
from torch import Tensor, nn

from companion import params
from olmlib.models import fusions
from olmlib.models.encoders import AudioEncoder, VisualEncoder, initialise
from olmlib.models.outputs import Outputs

MODALITIES = ("audio", "visual")


def encoder(modality: str, config: params.Model) -> nn.Module:
    """Return a fresh encoder of `"audio"` or `"visual"`."""
    if modality == "audio":
        return AudioEncoder(config.width)
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


class _RunningMean(nn.Module):
    """The mean of a feature over the training: of all batches at first, later of the recent ones.

    Args:
        d: width of the feature.
        rate: least weight of a new batch, that of torch's batch norms by default.
    """

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


class LateFusion(nn.Module):
    """Audio and visual encoders and one of the fusions, by default `s_b = [h_a ; h_v] W^T + beta`.

    Without auxiliary heads the unimodal logits are read off the fused head: the parts of the
    fused logits (`split`) if the fusion is concat or sum, else what it says with the other feature
    replaced by its training mean (`mask`); see `unimodal_logits`.

    Args:
        num_classes: C.
        config: width and initialisation.
        aux_heads: give each modality a linear head of its own, as OLM, GradNorm and G-Blend need.
        fusion: a name of `olmlib.models.fusions.FUSIONS`.
        mask: `"mean"`, or `"zeros"` to mask a feature by zeros in place of its training mean.
        **options: of the fusion, for example `normalize="softmax"` for attention.

    Raises:
        ValueError: an unknown fusion or mask.
    """

    def __init__(
        self,
        num_classes: int,
        config: params.Model,
        aux_heads=False,
        fusion="concat",
        mask="mean",
        **options,
    ):
        super().__init__()
        fusions.check("mask", mask, fusions.MASKS)
        kind = fusions.find(fusion)
        self.heads = (*MODALITIES, "fused")
        self.mask = mask
        self.encoders = nn.ModuleDict({m: encoder(m, config) for m in MODALITIES})
        d = self.encoders["audio"].dim
        self.fusion = kind(d, num_classes, **options)
        self.aux = (
            nn.ModuleDict({m: nn.Linear(d, num_classes) for m in MODALITIES}) if aux_heads else None
        )
        self.means = (
            None
            if separable(self.fusion)
            else nn.ModuleDict({m: _RunningMean(d) for m in MODALITIES})
        )
        initialise(self, config.init)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify a batch; `logits` has `audio`, `visual` and `fused`."""
        features = {m: self.encoders[m](batch[m]) for m in MODALITIES}
        if self.training and self.means is not None and self.mask == "mean":
            for m in MODALITIES:
                self.means[m].update(features[m])
        mode = "aux" if self.aux else "split" if separable(self.fusion) else "mask"
        unimodal = unimodal_logits(self, features, mode)
        return Outputs(unimodal | {"fused": self.fusion(**features)}, features)


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
            the fused head with the other feature replaced by a constant, without gradient;
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
    return {m: model.fusion(**(constants | {m: h})) for m, h in features.items()}


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
    if not separable(fusion):
        name = type(fusion).__name__
        raise ValueError(f"{name} is not separable, so it has no split; take mode 'mask'")
    if isinstance(fusion, fusions.Sum):
        return {m: fusion.parts[m](h) for m, h in features.items()}
    widths = [h.shape[-1] for h in features.values()]
    if sum(widths) != fusion.in_features:
        raise ValueError(
            f"features of widths {widths} are not the {fusion.in_features} of the head"
        )
    blocks = fusion.weight.split(widths, dim=1)
    share = fusion.bias / len(widths)
    return {m: h @ block.T + share for (m, h), block in zip(features.items(), blocks, strict=True)}
