"""CMBS (Xia and Zhao, CVPR 2022): what only one modality believes to be an event is suppressed.

It knows one event per clip: a score per class for the clip, and for each segment whether the event
is on. Both are learnt apart, and only decoding makes classes of segments of them.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from olmlib.irfb import FeedForward, MultiHeadAttention
from olmlib.losses import cross_entropy
from olmlib.models.ave.blocks import HEADS, BiLSTM, by_modality, flat_maps
from olmlib.models.ave.cmbs_attention import VisualAttention
from olmlib.models.ave.config import CMBSConfig
from olmlib.models.network import Network, module_dict
from olmlib.models.outputs import Outputs


class CMBS(Network):
    """Cross-modal background suppression.

    Its unimodal scores are its own, whether a method trains them or not. Logits are those of
    segments, see `decoded`; what the heads learn from are the scores of clips, see `supervised`.
    Whether the event is on is learnt by the network's own losses and belongs to no modality.

    Args:
        num_classes: C, the last one the background.
        config: sizes and weights.
        aux_heads: the method needs a head per modality, which there is anyway.
    """

    heads = HEADS
    encoders: Mapping[str, Any]

    def __init__(self, num_classes: int, config: CMBSConfig, aux_heads: bool = False):
        super().__init__()
        self.config, self.events = config, num_classes - 1
        d, hidden = config.squeeze, config.hidden
        self.encoders = module_dict(
            {
                "audio": nn.ModuleDict(
                    {"lstm": BiLSTM(config.audio, hidden), "encoder": Encoder(2 * hidden, config)}
                ),
                "visual": nn.ModuleDict(
                    {
                        "attention": VisualAttention(config),
                        "lstm": BiLSTM(config.visual, 2 * hidden),
                        "encoder": Encoder(4 * hidden, config),
                    }
                ),
            }
        )
        widths = {"audio": 2 * hidden, "visual": 4 * hidden}
        self.decoders = module_dict({m: Decoder(width, config) for m, width in widths.items()})
        self.gates = module_dict({m: nn.Linear(d, 1) for m in widths})
        self.scores = module_dict({m: nn.Linear(d, self.events) for m in widths})
        self.mixers = module_dict({m: Mixer(config) for m in widths})
        self.is_event, self.event = nn.Linear(d, 1), nn.Linear(d, self.events)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify every segment: logits of every head `(B, T, C)`.

        Args:
            batch: `audio` `(B, T, D_a)`, `visual` `(B, T, H, W, D_v)`, in training `label`.
        """
        audio, visual = (self.encoders[m] for m in HEADS[:2])
        maps = flat_maps(batch["visual"], self.config.locations)
        sequences = by_modality(
            audio["lstm"](batch["audio"]), visual["lstm"](visual["attention"](maps, batch["audio"]))
        )
        encoded = {m: self.encoders[m]["encoder"](x) for m, x in sequences.items()}
        gates = {m: self.gates[m](x).sigmoid() for m, x in encoded.items()}
        # Each modality reads the other one, which also strengthens it where it is sure.
        read = {
            m: self.decoders[m](x, encoded[other]) * (1 + self.config.alpha * gates[other])
            for (m, x), other in zip(sequences.items(), ("visual", "audio"), strict=True)
        }
        scores = {m: self._strongest(self.scores[m](x)) for m, x in read.items()}
        mean = (scores["audio"] + scores["visual"]) / 2
        pictures = self.mixers["visual"](read["visual"], read["audio"], read)
        sounds = self.mixers["audio"](
            pictures, read["audio"], {"audio": read["audio"], "visual": pictures}
        )
        fused = (pictures + sounds) / 2
        is_event = self.is_event(fused).squeeze(-1)
        scores["fused"] = self.event(fused.amax(1)) + self.config.gamma * mean
        losses = self._losses(batch, is_event, gates["audio"] * gates["visual"], mean)
        logits = {head: decoded(s, is_event) for head, s in scores.items()}
        return Outputs(logits, encoded, losses=losses)

    def supervised(self, outputs: Outputs, labels: Tensor) -> tuple[Outputs, Tensor]:
        """Return the scores of clips `(B', C - 1)` and the clips' events `(B',)`.

        Clips without an event are left out.

        Raises:
            ValueError: no clip has an event.
        """
        event, on = clip_events(labels, self.events)
        if not on.any():
            raise ValueError("no clip of this batch has an event, and CMBS learns from events")
        logits = {head: s[:, 0, :-1][on] for head, s in outputs.logits.items()}
        return outputs._replace(logits=logits), event[on]

    def attention(self, batch: dict[str, Tensor]) -> Tensor:
        """Return where the network looks, `(B, T, L)`, of sum 1."""
        maps = flat_maps(batch["visual"], self.config.locations)
        return self.encoders["visual"]["attention"].where(maps, batch["audio"])

    def _strongest(self, scores: Tensor) -> Tensor:
        return strongest(scores, self.config.top)

    def _losses(self, batch, is_event, gate, mean) -> dict[str, Tensor]:
        if not self.training or "label" not in batch:
            return {}
        labels = batch["label"]
        foreground = (labels != self.events).to(is_event)
        event, on = clip_events(labels, self.events)
        losses = {
            "is_event": binary_cross_entropy_with_logits(is_event, foreground),
            # As released: the gate is a product of two sigmoids, and its sigmoid is taken again.
            "gate": binary_cross_entropy_with_logits(gate.squeeze(-1), foreground),
        }
        if on.any():
            losses["mean"] = cross_entropy(mean[on], event[on])
        return losses


def decoded(scores: Tensor, is_event: Tensor) -> Tensor:
    """Return logits of segments, whose argmax is the clip's event where it is on, else background.

    The background's logit is the highest score minus `is_event`, so that it wins where that is
    negative: where the event is less probable than not.

    Args:
        scores: `(B, E)`, of the clip's events.
        is_event: `(B, T)`, logit of the event being on.

    Returns:
        `(B, T, E + 1)`, the background last.
    """
    background = scores.amax(-1, keepdim=True) - is_event
    every = scores.unsqueeze(1).expand(-1, is_event.shape[1], -1)
    return torch.cat([every, background.unsqueeze(-1)], -1)


def strongest(scores: Tensor, top: int) -> Tensor:
    """Return each class's mean over its `top` segments with the highest score, `(B, E)`.

    Args:
        scores: `(B, T, E)`.
        top: at most T.
    """
    return scores.topk(top, dim=1).values.mean(1)


def clip_events(labels: Tensor, background: int) -> tuple[Tensor, Tensor]:
    """Return the event of every clip `(B,)` and whether it has one `(B,)`.

    Args:
        labels: `(B, T)`, one class per clip beside the background.
        background: the highest label.
    """
    event = labels.amin(1)
    return event, event < background


class Block(nn.Module):
    """Queries read tokens, and a feed-forward block follows; both post-norm."""

    def __init__(self, config: CMBSConfig):
        super().__init__()
        d = config.squeeze
        self.attention = MultiHeadAttention(d, config.heads)
        self.norm, self.dropout = nn.LayerNorm(d), nn.Dropout(config.dropout)
        self.feed_forward = FeedForward(d, config.ffn, config.dropout)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """Map `(B, T, d)` to `(B, T, d)`."""
        return self.feed_forward(self.norm(queries + self.dropout(self.attention(queries, tokens))))


class Encoder(nn.Module):
    """A linear map and blocks of self-attention: `(B, T, width)` to `(B, T, d)`."""

    def __init__(self, width: int, config: CMBSConfig):
        super().__init__()
        self.project = nn.Linear(width, config.squeeze)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))

    def forward(self, x: Tensor) -> Tensor:
        """Encode a sequence."""
        x = self.project(x)
        for block in self.blocks:
            x = block(x, x)
        return x


class Decoder(nn.Module):
    """A sequence reads the other modality and itself, all segments of both."""

    def __init__(self, width: int, config: CMBSConfig):
        super().__init__()
        self.project, self.block = nn.Linear(width, config.squeeze), Block(config)

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """Map `(B, T, width)` and the other's `(B, T, d)` to `(B, T, d)`."""
        own = self.project(own)
        return self.block(own, torch.cat([other, own], 1))


class Mixer(nn.Module):
    """The product of both modalities, which reads both of them: `LN(p + D(MHA(p; [a; v])))`."""

    def __init__(self, config: CMBSConfig):
        super().__init__()
        self.attention = MultiHeadAttention(config.squeeze, config.heads)
        self.norm, self.dropout = nn.LayerNorm(config.squeeze), nn.Dropout(config.dropout)

    def forward(self, one: Tensor, other: Tensor, tokens: Mapping[str, Tensor]) -> Tensor:
        """Mix two `(B, T, d)`, whose product reads all of `tokens`."""
        product = one * other
        both = torch.cat([tokens["audio"], tokens["visual"]], 1)
        return self.norm(product + self.dropout(self.attention(product, both)))
