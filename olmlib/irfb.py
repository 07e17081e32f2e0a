"""The intermediate representation fusion block (IRFB), section 3.1 of the paper, Eq. 2-4.

A few bottleneck tokens, the hub, read the token sequences of every modality and never write back:
information flows from the modalities to the hub only. Needs nothing but torch and works with the
tokens of any encoders::

    block = IRFB(d=64, n_modalities=2, n_heads=8, n_bottleneck=12)
    hub = block(hub, [audio, visual])
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

POOLS = ("broadcast", "token", "modality", "sum_ffn")


def linear(d_in: int, d_out: int, bias=True) -> nn.Linear:
    """Return a linear layer as the official code starts it: `N(0, 0.02)` truncated, zero bias."""
    layer = nn.Linear(d_in, d_out, bias)
    nn.init.trunc_normal_(layer.weight, std=0.02)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


class MultiHeadAttention(nn.Module):
    """Queries read tokens: `softmax(Q K^T / sqrt(d / h)) V` per head, then an output map.

    Vaswani et al., NeurIPS 2017. Q, K and V are one packed projection.

    Args:
        d: width of queries and tokens.
        n_heads: h; divides d.
        dropout: of the attention weights. On a CPU, anything but 0 loses torch's fast kernel, with
            twice the time (torch 2.14.1); a mask of the keys does not.

    Raises:
        ValueError: `n_heads` does not divide `d`.
    """

    def __init__(self, d: int, n_heads: int, dropout=0.0):
        super().__init__()
        if d % n_heads:
            raise ValueError(f"d_model {d} is not divisible by n_heads {n_heads}")
        self.d, self.n_heads, self.dropout = d, n_heads, dropout
        self.project = nn.Linear(d, 3 * d)
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        self.out = linear(d, d)

    def forward(self, queries: Tensor, tokens: Tensor, keep: Tensor | None = None) -> Tensor:
        """Return what each query reads, `(B, Q, d)`.

        Args:
            queries: `(B, Q, d)`; the same object as `tokens` in self-attention.
            tokens: `(B, T, d)`.
            keep: `(B, T)`, False where a token is padding; None if none is.
        """
        if queries is tokens:
            q, k, v = self._per_head(self.project(tokens))
        else:
            (w_q, w_kv), (b_q, b_kv) = (
                x.split([self.d, 2 * self.d]) for x in (self.project.weight, self.project.bias)
            )
            (q,) = self._per_head(nn.functional.linear(queries, w_q, b_q))
            k, v = self._per_head(nn.functional.linear(tokens, w_kv, b_kv))
        mask = None if keep is None else keep[:, None, None]
        dropout = self.dropout if self.training else 0.0
        read = scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        return self.out(read.transpose(1, 2).flatten(2))

    def _per_head(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return `(B, T, n d)` as n tensors `(B, h, T, d / h)`."""
        x = x.view(*x.shape[:2], -1, self.n_heads, self.d // self.n_heads)
        return x.permute(2, 0, 3, 1, 4).unbind()


class FeedForward(nn.Module):
    """The second half of a post-norm block: `LN(x + D(W_2 D(ReLU(W_1 x))))`, D is dropout.

    Args:
        d: width of the tokens.
        ffn_dim: width between the two maps.
        dropout: of both D.
    """

    def __init__(self, d: int, ffn_dim: int, dropout=0.0):
        super().__init__()
        dropouts = nn.Dropout(dropout), nn.Dropout(dropout)
        layers = (
            linear(d, ffn_dim),
            nn.ReLU(inplace=True),
            dropouts[0],
            linear(ffn_dim, d),
            dropouts[1],
        )
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(d)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, T, d)` to `(B, T, d)`."""
        return self.norm(x + self.layers(x))


class IRFB(nn.Module):
    """One layer of the hub: read every modality (Eq. 2), gate (Eq. 3), aggregate (Eq. 4).

    `"Softmax(score) . z_g"` of Eq. 4 can be read in three ways, and the
    official code does a fourth thing. `pool` is one of

    - `broadcast`: to the letter. One softmax over the M T_b gated tokens and one sum, which every
      token of the hub receives, so their differences never change;
    - `token`: token i of the hub receives a mixture of the M copies of token i;
    - `modality`: one weight per modality, from its whole copy (the aggregation of EMT-DLFR);
    - `sum_ffn`: the official code. The hub becomes the sum of the copies after a feed-forward
      block; nothing of Eq. 4 is left.

    Args:
        d: width of all tokens.
        n_modalities: M, at least 1.
        n_heads: of the M attentions; divides d.
        n_bottleneck: T_b, tokens of the hub.
        pool: a name of `POOLS`.
        dropout: inside the residuals.
        attention_dropout: of the attention weights.
        ffn_dim: of `pool="sum_ffn"`; the others have no such block.

    Raises:
        ValueError: an unknown pool, or `n_heads` does not divide `d`.
    """

    def __init__(
        self,
        d: int,
        n_modalities: int,
        n_heads: int,
        n_bottleneck: int,
        pool="broadcast",
        dropout=0.0,
        attention_dropout=0.0,
        ffn_dim=1024,
    ):
        super().__init__()
        if pool not in POOLS:
            raise ValueError(f"eq4_pool is {pool!r}; it can be {', '.join(POOLS)}")
        self.pool = pool
        each = range(n_modalities)
        self.readers = nn.ModuleList(
            MultiHeadAttention(d, n_heads, attention_dropout) for _ in each
        )
        self.read_norms = nn.ModuleList(nn.LayerNorm(d) for _ in each)
        self.gate_norms = nn.ModuleList(nn.LayerNorm(d) for _ in each)
        self.dropout = nn.Dropout(dropout)
        self.gate = linear(n_modalities * d, n_modalities * d)  # all W_mb in one matrix
        if pool == "sum_ffn":
            self.feed_forward = FeedForward(d, ffn_dim, dropout)
        else:
            self.key = linear(n_bottleneck * d if pool == "modality" else d, d)
            self.score = linear(d, 1, bias=False)

    def forward(
        self,
        hub: Tensor,
        streams: Sequence[Tensor],
        keep: Sequence[Tensor | None] | None = None,
    ) -> Tensor:
        """Return the hub after this layer, `(B, T_b, d)`.

        Args:
            hub: `(B, T_b, d)`, the bottleneck tokens.
            streams: of each modality `(B, T_m, d)`, its CLS token first; always in one order.
            keep: of each modality `(B, T_m)`, False where a token is padding, or None.
        """
        copies = self.copies(hub, streams, keep or [None] * len(streams))
        if self.pool == "sum_ffn":
            return self.feed_forward(copies.sum(1))
        weighted = self.weights(copies).unsqueeze(-1) * copies
        return hub + (weighted.sum((1, 2)).unsqueeze(1) if self._broadcast else weighted.sum(1))

    def copies(self, hub: Tensor, streams: Sequence[Tensor], keep: Sequence) -> Tensor:
        """Return the hub after it has read each modality, gated: `(B, M, T_b, d)`, Eq. 2-3."""
        cls = torch.cat([z[:, 0] for z in streams], dim=-1)
        gates = self.gate(cls).sigmoid().unsqueeze(1).chunk(len(streams), dim=-1)
        copies = []
        for m, (z, gate) in enumerate(zip(streams, gates, strict=True)):
            u = self.read_norms[m](hub + self.dropout(self.readers[m](hub, z, keep[m])))
            copies.append(self.gate_norms[m](torch.addcmul(u, gate, u)))
        return torch.stack(copies, dim=1)

    def weights(self, copies: Tensor) -> Tensor:
        """Return the weights of Eq. 4, positive.

        Args:
            copies: `(B, M, T_b, d)`.

        Returns:
            `broadcast`: `(B, M, T_b)`, sum 1 over both; `token`: `(B, M, T_b)`, sum 1 over M;
            `modality`: `(B, M, 1)`, sum 1 over M.
        """
        seen = copies.flatten(2).unsqueeze(2) if self.pool == "modality" else copies
        scores = self.score(self.key(seen).tanh()).squeeze(-1)
        if self._broadcast:
            return scores.flatten(1).softmax(1).view_as(scores)
        return scores.softmax(1)

    @property
    def _broadcast(self) -> bool:
        return self.pool == "broadcast"
