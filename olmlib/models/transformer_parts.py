"""What the transformers of Table 3 are made of."""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn

from olmlib.config import TransformerConfig
from olmlib.irfb import FeedForward, MultiHeadAttention, linear


def learned_tokens(count: int, config: TransformerConfig) -> nn.Parameter:
    """Return CLS or bottleneck tokens `(1, count, d_model)`, started as `token_init` says."""
    tokens = nn.Parameter(torch.zeros(1, count, config.d_model))
    if config.token_init == "normal":
        nn.init.normal_(tokens, std=0.02)
    return tokens


@cache
def sincos(length: int, d: int, device: torch.device | str = "cpu") -> Tensor:
    """Return the position code `(length, d)`, in [-1, 1] (Vaswani et al., NeurIPS 2017, 3.5).

    Column 2i is `sin(t / 10000^(2i / d))`, column 2i + 1 the cosine, t the position from 0.
    """
    angle = torch.arange(length)[:, None] / 10_000 ** (torch.arange(0, d, 2) / d)
    code = torch.empty(length, d)
    code[:, 0::2] = angle.sin()
    code[:, 1::2] = angle.cos()[:, : d // 2]
    return code.to(device)


def kept(length: Tensor, rows: int, mask_order="cls_first") -> Tensor | None:
    """Return which tokens of CLS and `rows` frames are real.

    Args:
        length: `(B,)`, real frames of each clip, in [1, rows].
        rows: T, frames in the batch, padding included.
        mask_order: `cls_last` repeats a slip of the official code, which puts the True of CLS at
            the mask's end: a shorter clip loses its last frame and keeps one frame of padding.

    Returns:
        `(B, 1 + T)`, False where a token is padding; None if nothing is padded.

    Raises:
        ValueError: a length is not in [1, rows].
    """
    shortest, longest = (int(x) for x in length.aminmax())
    if not 1 <= shortest <= longest <= rows:
        raise ValueError(f"lengths from {shortest} to {longest} in a batch of {rows} rows")
    if shortest == rows:
        return None
    position = torch.arange(1 + rows, device=length.device)
    if mask_order == "cls_last":
        return (position < length[:, None]) | (position == rows)
    return position <= length[:, None]


def pooled(tokens: Tensor, keep: Tensor | None = None, include_cls=True) -> Tensor:
    """Return the mean of the real tokens, `(B, d)`: SeqPooling of Eq. 5.

    Args:
        tokens: `(B, T, d)`, CLS first.
        keep: `(B, T)`, False where a token is padding; None if none is.
        include_cls: count CLS as one of them.
    """
    if not include_cls:
        tokens, keep = tokens[:, 1:], None if keep is None else keep[:, 1:]
    if keep is None:
        return tokens.mean(1)
    # cls_last can leave a clip of one frame without any token but CLS.
    shares = keep / keep.sum(1, keepdim=True).clamp(min=1)
    return (shares.to(tokens.dtype).unsqueeze(1) @ tokens).squeeze(1)


class EncoderLayer(nn.Module):
    """One post-norm transformer block: `LN(z + D(MHA(z)))`, then a feed-forward block.

    Args:
        config: widths, heads and dropout.
    """

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.attention = MultiHeadAttention(
            config.d_model, config.n_heads, config.attention_dropout
        )
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(config.d_model)
        self.feed_forward = FeedForward(config.d_model, config.ffn_dim, config.dropout)

    def forward(self, z: Tensor, keep: Tensor | None = None) -> Tensor:
        """Map `(B, T, d)` to `(B, T, d)`; keep is `(B, T)`, False where a token is padding."""
        z = self.norm(z + self.dropout(self.attention(z, z, keep)))
        return self.feed_forward(z)


class Encoder(nn.Module):
    """One modality: a linear map to `d_model`, a CLS token, positions, and the blocks of Eq. 1.

    Args:
        modality: its name, for `input_norm`, `max_len` and errors.
        config: everything else.
    """

    def __init__(self, modality: str, config: TransformerConfig):
        super().__init__()
        self.modality, self.config = modality, config
        d_in, d = config.inputs[modality], config.d_model
        norm = nn.LayerNorm(d_in) if modality in config.input_norm else nn.Identity()
        self.project = nn.Sequential(norm, linear(d_in, d))
        self.cls = learned_tokens(1, config)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.n_layers))

    def embed(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """Return the tokens before the first block, `(B, 1 + T, d)`, and which are real.

        Args:
            batch: modality -> `(B, T, d_m)`, `<modality>_length` -> `(B,)`.

        Raises:
            ValueError: the batch lacks the modality, its width is another, or a length is wrong.
        """
        m = self.modality
        if m not in batch:
            raise ValueError(f"the batch has no {m!r}; it has {', '.join(batch)}")
        x, length = batch[m], batch[f"{m}_length"]
        if x.shape[-1] != self.config.inputs[m]:
            raise ValueError(
                f"{m} has width {x.shape[-1]}, the model was built for {self.config.inputs[m]}"
            )
        if longest := self.config.max_len.get(m):
            x, length = x[:, :longest], length.clamp(max=longest)
        x = self.project(x)
        z = torch.cat([self.cls.expand(len(x), -1, -1), x], dim=1)
        if self.config.pos == "sincos":
            # Made for the next power of two, so that few tables serve every length.
            table = sincos(1 << (z.shape[1] - 1).bit_length(), z.shape[2], z.device)
            z = z + table[: z.shape[1]].to(z)
        keep = kept(length, x.shape[1], self.config.mask_order)
        # Lengths are on the CPU, see `olmlib.data.arrive.moved`.
        return self.dropout(z), None if keep is None else keep.to(z.device, non_blocking=True)


class AttentionFusion(nn.Module):
    """A weighted sum of features, the weights read off all of them (MER2023 baseline).

    `e = W_2 MLP([h_1 ; ... ; h_M])`, `u = sum of a_m h_m`. The challenge paper says
    `a = softmax(e)`, its code and OLM's take the raw e. The MLP has two layers, 2 d and d wide, as
    in that code.

    Args:
        d: width of each feature.
        count: M, the number of features.
        normalise: `"softmax"` or `"raw"`.
        dropout: after both layers of the MLP.
    """

    def __init__(self, d: int, count: int, normalise="softmax", dropout=0.0):
        super().__init__()
        self.normalise = normalise
        first = linear(count * d, 2 * d), nn.ReLU(), nn.Dropout(dropout)
        second = linear(2 * d, d), nn.ReLU(), nn.Dropout(dropout)
        self.score = nn.Sequential(*first, *second, linear(d, count))

    def weights(self, features: Sequence[Tensor]) -> Tensor:
        """Map M features `(B, d)` to their weights, `(B, M)`."""
        scores = self.score(torch.cat(list(features), dim=1))
        return scores.softmax(1) if self.normalise == "softmax" else scores

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Map M features `(B, d)` to one, `(B, d)`."""
        weights = self.weights(features).unsqueeze(1)
        return (weights @ torch.stack(list(features), dim=1)).squeeze(1)
