"""PSP (Zhou et al., CVPR 2021): segments of one modality learn from those of the other that fit.

Both modalities are brought to one space, run through LSTMs, and every segment then takes in the
segments of the other modality that resemble it: of a matrix of similarities only entries above a
share of their row are kept. A second loss wants the modalities to be alike during the event only.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, mse_loss

from olmlib.losses import cross_entropy
from olmlib.models.ave.blocks import (
    HEADS,
    BiLSTM,
    Guide,
    LocationAttention,
    attended,
    by_modality,
    flat_maps,
    readout,
)
from olmlib.models.ave.config import PSPConfig
from olmlib.models.network import Network, module_dict
from olmlib.models.outputs import Outputs

TINY = 1e-8


class PSP(Network):
    """Positive sample propagation.

    The unimodal heads read what both modalities are before they meet. As auxiliary heads they train
    the network; else they are probes, which learn beside it from features without graph, by a loss
    of their own, and change nothing in the rest of the network.

    Args:
        num_classes: C, the last one the background.
        config: sizes and weights.
        aux_heads: whether gradients flow from the unimodal heads into the network.
    """

    heads = HEADS
    encoders: Mapping[str, Any]

    def __init__(self, num_classes: int, config: PSPConfig, aux_heads: bool = False):
        super().__init__()
        self.config, self.background, self.aux_heads = config, num_classes - 1, aux_heads
        d = 2 * config.hidden
        self.encoders = module_dict(
            {"audio": AudioEncoder(config), "visual": VisualEncoder(config)}
        )
        self.guide = Guide(config.audio, config.attention, config.locations)
        self.propagation = Propagation(d, config.dropout, config.tau)
        self.classifier = readout(d, config.readout, num_classes, bias=False)
        # Last, so that they take no random number before the rest.
        self.unimodal = module_dict(
            {m: readout(d, config.readout, num_classes) for m in self.encoders}
        )

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify every segment: logits of every head `(B, T, C)`.

        Args:
            batch: `audio` `(B, T, D_a)`, `visual` `(B, T, H, W, D_v)`, in training `label`.
        """
        maps = flat_maps(batch["visual"], self.config.locations)
        sound = self.encoders["audio"].embed(batch["audio"])
        features = by_modality(
            self.encoders["audio"].lstm(sound), self.encoders["visual"](maps, self.guide(sound))
        )
        audio, visual = self.propagation(*features.values())
        seen = features if self.aux_heads else {m: h.detach() for m, h in features.items()}
        logits = {m: self.unimodal[m](h) for m, h in seen.items()}
        logits["fused"] = self.classifier((audio + visual) / 2)
        return Outputs(logits, features, losses=self._losses(batch, audio, visual, logits))

    def attention(self, batch: dict[str, Tensor]) -> Tensor:
        """Return where the network looks, `(B, T, L)`, of sum 1."""
        guide = self.guide(self.encoders["audio"].embed(batch["audio"]))
        maps = flat_maps(batch["visual"], self.config.locations)
        return self.encoders["visual"].attention(maps, guide)

    def _losses(self, batch, audio, visual, logits) -> dict[str, Tensor]:
        if not self.training or "label" not in batch:
            return {}
        labels = batch["label"]
        event = labels != self.background
        losses = {"similarity": self.config.avps_weight * similarity_loss(audio, visual, event)}
        if not self.aux_heads:
            audio, visual = (cross_entropy(logits[m], labels) for m in self.encoders)
            losses["probe"] = audio + visual
        return losses


class AudioEncoder(nn.Module):
    """Two matrices, and an LSTM."""

    def __init__(self, config: PSPConfig):
        super().__init__()
        self.embed = embedding(config.audio, config)
        self.lstm = BiLSTM(config.audio, config.hidden)


class VisualEncoder(nn.Module):
    """The picture where the sound says to look, two matrices, and an LSTM."""

    def __init__(self, config: PSPConfig):
        super().__init__()
        self.attention = LocationAttention(config.visual, config.attention, config.locations)
        self.embed = embedding(config.visual, config)
        self.lstm = BiLSTM(config.audio, config.hidden)

    def forward(self, maps: Tensor, guide: Tensor) -> Tensor:
        """Map `(B, T, L, D_v)`, with the guide `(B, T, L)`, to `(B, T, 2 * hidden)`."""
        return self.lstm(self.embed(attended(self.attention(maps, guide), maps)))


def embedding(d: int, config: PSPConfig) -> nn.Sequential:
    """Return two matrices without anything between them: d to as many values as a sound has."""
    first = nn.Linear(d, config.embedding, bias=False)
    return nn.Sequential(first, nn.Linear(config.embedding, config.audio, bias=False))


class Propagation(nn.Module):
    """Every segment takes in the segments of the other modality that fit.

    Args:
        d: width of both.
        dropout: of the projections.
        tau: see `pruned`.
    """

    def __init__(self, d: int, dropout: float, tau: float):
        super().__init__()
        self.tau = tau
        names = ("v1", "v2", "a1", "a2", "v_out", "a_out")
        self.maps = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(d, d, bias=False), nn.ReLU(), nn.Dropout(dropout))
                for name in names
            }
        )
        self.norm = nn.LayerNorm(d, eps=1e-6)

    def forward(self, audio: Tensor, visual: Tensor) -> tuple[Tensor, Tensor]:
        """Map two `(B, T, d)` to what they have become."""
        v1, v2 = self.maps["v1"](visual), self.maps["v2"](visual)
        a1, a2 = self.maps["a1"](audio), self.maps["a2"](audio)
        fit = (v2 @ a1.transpose(1, 2) / audio.shape[-1] ** 0.5).relu()
        visual = visual + pruned(fit, self.tau) @ a2
        audio = audio + pruned(fit.transpose(1, 2), self.tau) @ v1
        return self.norm(self.maps["a_out"](audio)), self.norm(self.maps["v_out"](visual))


def pruned(fit: Tensor, tau: float) -> Tensor:
    """Return rows of sum 1 of which entries of at most `tau` are gone, or rows of zeros.

    Args:
        fit: `(..., T)`, at least 0.
        tau: share of a row.
    """
    share = fit / (fit.sum(-1, keepdim=True) + TINY)
    kept = share * (share > tau)
    return kept / (kept.sum(-1, keepdim=True) + TINY)


def similarity_loss(audio: Tensor, visual: Tensor, event: Tensor) -> Tensor:
    """Return AVPS: how far the modalities' similarities are from those of the event alone.

    A clip's cosines, negative ones cut and brought to sum 1, should be equal during the event and 0
    elsewhere. (The released code never clears its targets, so that those of earlier batches stay.)

    Args:
        audio, visual: `(B, T, d)`.
        event: `(B, T)`, false in the background.

    Returns:
        `()`, mean squared error.
    """
    cosine = cosine_similarity(audio, visual, dim=-1).relu()
    found = cosine / (cosine.sum(-1, keepdim=True) + TINY)
    wanted = event.to(found)
    return mse_loss(found, wanted / wanted.sum(-1, keepdim=True).clamp(min=1))
