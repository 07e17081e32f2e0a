"""The transformers of Table 3: one encoder per modality and four ways to fuse them."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from olmlib.check import checked
from olmlib.config import TransformerConfig
from olmlib.irfb import IRFB, linear
from olmlib.models.network import Network, module_dict
from olmlib.models.outputs import Outputs
from olmlib.models.transformer_parts import AttentionFusion, Encoder, learned_tokens, pooled


class Transformer(Network):
    """Unimodal encoders, and with two or more modalities one of three fusions.

    - `attention`: late fusion of the pooled features; one head, `"fused"`.
    - `mbt`: hub tokens travel through every modality's blocks and carry what they saw to the others
      (Nagrani et al., NeurIPS 2021). From the second block on, no stream is unimodal.
    - `irfb`: the hub reads the modalities and never writes back (`olmlib.irfb`), so the logits of a
      modality depend on that modality only. Gradients do flow from the hub's loss into the
      encoders, unless `detach_unimodal` stops them.

    `mbt` and `irfb` have a head per modality and one on the hub, `"fused"`. Every head predicts
    classes (Eq. 5) and the valence.

    A batch without padding spares the masks, and padding costs as much as real frames do, so the
    clips of a batch should have similar lengths.

    Args:
        num_classes: C.
        config: modalities, widths, sizes and variants.
        aux_heads: the method needs a head per modality, which `mbt` and `irfb` have anyway.

    Raises:
        ValueError: modalities repeat, one has no width in `config.inputs`, `detach_unimodal`
            without IRFB, or auxiliary heads where there are none.
    """

    encoders: Mapping[str, Encoder]

    @checked
    def __init__(self, num_classes: int, config: TransformerConfig, aux_heads: bool = False):
        super().__init__()
        self.config = config
        _check(config, aux_heads)
        d, count = config.d_model, len(config.modalities)
        self.fusion = config.fusion if count > 1 else None
        blocks = config
        if self.fusion == "mbt" and config.mbt_ffn_dim:
            blocks = replace(config, ffn_dim=config.mbt_ffn_dim)
        self.encoders = module_dict({m: Encoder(m, blocks) for m in config.modalities})
        streams = config.modalities
        if self.fusion in ("mbt", "irfb"):
            self.bottleneck = learned_tokens(config.n_bottleneck, config)
            self.dropout = nn.Dropout(config.dropout)
            streams += ("fused",)
        if self.fusion == "irfb":
            self.irfb = nn.ModuleList(
                IRFB(
                    d,
                    count,
                    config.n_heads,
                    config.n_bottleneck,
                    config.eq4_pool,
                    config.dropout,
                    config.attention_dropout,
                    config.ffn_dim,
                )
                for _ in range(config.n_layers)
            )
        self.norms = _readout_norms(streams, config)
        late = self.fusion and "attention" in (self.fusion, config.late_fusion)
        self.late_fusion = (
            AttentionFusion(d, len(streams), config.attention_weights, config.dropout)
            if late
            else None
        )
        self.heads = ("fused",) if self.fusion == "attention" else streams
        self.classifiers = nn.ModuleDict(
            {head: linear(d, num_classes, config.head_bias) for head in self.heads}
        )
        self.regressors = nn.ModuleDict({head: linear(d, 1) for head in self.heads})

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify a batch.

        Args:
            batch: for each modality m `m` -> `(B, T_m, d_m)`, zero padded at the end, and
                `m_length` -> `(B,)`, its real rows.

        Returns:
            Logits and valences of every head; features of every modality and of `"fused"`, each
            `(B, d_model)`, what the heads see.

        Raises:
            ValueError: the batch lacks a modality, a width is another, or a length is wrong.
        """
        tokens, keep = {}, {}
        for m, encoder in self.encoders.items():
            tokens[m], keep[m] = encoder.embed(batch)
        streams = self._blocks(tokens, keep)
        features = {
            name: pooled(self.norms[name](z), keep.get(name), self._counts_cls(name))
            for name, z in streams.items()
        }
        if self.late_fusion is not None:
            features["fused"] = self.late_fusion(
                [h if name == "fused" else self._read_only(h) for name, h in features.items()]
            )
        return Outputs(
            {head: self.classifiers[head](features[head]) for head in self.heads},
            features,
            {head: self.regressors[head](features[head]).squeeze(-1) for head in self.heads},
        )

    def _blocks(self, tokens: dict[str, Tensor], keep: dict) -> dict[str, Tensor]:
        """Return the tokens of every stream after the last block."""
        if self.fusion not in ("mbt", "irfb"):
            for level in range(self.config.n_layers):
                tokens = self._advance(tokens, keep, level)
            return tokens
        hub = self.dropout(self.bottleneck.expand(len(next(iter(tokens.values()))), -1, -1))
        if self.fusion == "mbt":
            # The hub's columns stand behind the modality's own and are always real.
            wide = {m: k if k is None else nn.functional.pad(k, (0, hub.shape[1]), value=True)
                    for m, k in keep.items()}  # fmt: skip
            for level in range(self.config.n_layers):
                tokens, hub = self._exchange(tokens, hub, wide, level)
        else:
            for level, block in enumerate(self.irfb):
                # The hub reads what the encoders have just made: before the first block CLS is
                # still the bare parameter, and the gate would be the same for every clip.
                tokens = self._advance(tokens, keep, level)
                read = [self._read_only(z) for z in tokens.values()]
                hub = block(hub, read, list(keep.values()))
        return tokens | {"fused": hub}

    def _advance(self, tokens: dict[str, Tensor], keep: dict, level: int) -> dict[str, Tensor]:
        """One block of every encoder, Eq. 1."""
        return {m: self.encoders[m].layers[level](z, keep[m]) for m, z in tokens.items()}

    def _exchange(self, tokens: dict, hub: Tensor, keep: dict, level: int) -> tuple[dict, Tensor]:
        """One block of MBT: each modality with the same old hub, then the mean of its copies."""
        after, copies = {}, []
        for m, z in tokens.items():
            layer, both = self.encoders[m].layers[level], torch.cat([z, hub], dim=1)
            seen = layer(both, keep[m])
            after[m] = seen[:, : z.shape[1]]
            if self.config.double_call:
                seen = layer(both, keep[m])
            copies.append(seen[:, z.shape[1] :])
        return after, torch.stack(copies).mean(0)

    def _read_only(self, z: Tensor) -> Tensor:
        return z.detach() if self.config.detach_unimodal else z

    def _counts_cls(self, stream: str) -> bool:
        """Return whether a stream's first token is averaged like the rest; the hub has no CLS."""
        return self.config.pool_include_cls or stream == "fused"


def _check(config: TransformerConfig, aux_heads: bool) -> None:
    modalities = config.modalities
    if not modalities or len(set(modalities)) != len(modalities):
        raise ValueError(f"modalities must be distinct names, not {list(modalities)}")
    for m in modalities:
        if m not in config.inputs:
            known = ", ".join(config.inputs) or "none"
            raise ValueError(f"no width of modality {m!r} in inputs; there are {known}")
    if config.detach_unimodal and len(modalities) > 1 and config.fusion != "irfb":
        raise ValueError(f"detach_unimodal needs fusion 'irfb', not {config.fusion!r}")
    if aux_heads and (len(modalities) == 1 or config.fusion == "attention"):
        raise ValueError(
            f"this method needs a head per modality, and the transformer of "
            f"{', '.join(modalities)} with fusion {config.fusion!r} has one head in all: "
            "take fusion mbt or irfb, and two modalities"
        )


def _readout_norms(streams: tuple[str, ...], config: TransformerConfig) -> nn.ModuleDict:
    """Return stream -> its norm before pooling; `shared` is one module under every name."""
    if config.readout_norm == "none":
        return nn.ModuleDict({name: nn.Identity() for name in streams})
    shared = nn.LayerNorm(config.d_model)
    own = config.readout_norm == "per_stream"
    return nn.ModuleDict(
        {name: nn.LayerNorm(config.d_model) if own else shared for name in streams}
    )
