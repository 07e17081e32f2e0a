"""Eq. 2-4 with numbers that fit on a page, and what a gradient reaches: for notebook 04."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from olmlib.config import TransformerConfig
from olmlib.irfb import IRFB
from olmlib.models.transformer import Transformer

# One hub token and two tokens of each modality, CLS first; three numbers each.
HUB = np.array([[1.0, 0.0, -1.0]])
STREAMS = {
    "audio": np.array([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "visual": np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 1.0]]),
}
SCORE = np.array([1.0, 0.0, 0.0])


def layer_norm(x: np.ndarray) -> np.ndarray:
    """Return `(x - mean) / std` over the last axis, as a fresh `nn.LayerNorm` does."""
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def softmax(x: np.ndarray) -> np.ndarray:
    """Return positive weights of sum 1 over the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def block() -> IRFB:
    """Return an IRFB of width 3 whose matrices are the identity, so that it can be followed."""
    toy = IRFB(d=3, n_modalities=2, n_heads=1, n_bottleneck=1).eval()
    eye = torch.eye(3)
    with torch.no_grad():
        for reader in toy.readers:
            reader.get_parameter("project.weight").copy_(eye.repeat(3, 1))
            reader.get_parameter("out.weight").copy_(eye)
        toy.gate.weight.copy_(torch.eye(6))
        toy.key.weight.copy_(eye)
        toy.score.weight.copy_(torch.tensor(SCORE)[None])
    return toy


def readings(tokens=3, d=8, seed=0) -> dict[str, dict[str, np.ndarray]]:
    """Return what each reading of Eq. 4 makes of the same gated copies.

    Args:
        tokens: of the hub.
        d: width.
        seed: of the copies and of the block's matrices.

    Returns:
        Pool -> `weights` `(M, tokens)`, missing for `sum_ffn` which has none, and `change`
        `(tokens, d)`, the hub after minus the hub before.
    """
    results = {}
    for pool in ("broadcast", "token", "modality", "sum_ffn"):
        torch.manual_seed(seed)
        toy = IRFB(d, 2, 2, tokens, pool=pool, ffn_dim=2 * d).eval()
        # At their start the matrices are so small that every weight is the same.
        for parameter in toy.parameters():
            nn.init.normal_(parameter, std=0.5)
        torch.manual_seed(seed)
        hub = torch.randn(1, tokens, d)
        streams = [torch.randn(1, 5, d), torch.randn(1, 4, d)]
        with torch.no_grad():
            results[pool] = {"change": (toy(hub, streams) - hub)[0].numpy()}
            if pool != "sum_ffn":
                weights = toy.weights(toy.copies(hub, streams, [None, None]))[0]
                results[pool]["weights"] = weights.expand(2, tokens).numpy()
    return results


def network(seed=0, **options) -> Transformer:
    """Return a small audiovisual transformer in eval mode, with `options` of its configuration."""
    torch.manual_seed(seed)
    config = TransformerConfig(
        modalities=("audio", "visual"),
        inputs={"audio": 6, "visual": 4},
        n_layers=2,
        d_model=16,
        n_heads=2,
        ffn_dim=32,
        n_bottleneck=3,
        **options,
    )
    return Transformer(3, config).eval()


def batch(size=4, seed=0) -> dict[str, Tensor]:
    """Return clips of different lengths with labels of three classes."""
    generator = torch.Generator().manual_seed(seed)
    clips = {"label": torch.arange(size) % 3}
    for m, longest, width in (("audio", 7, 6), ("visual", 5, 4)):
        length = torch.arange(size) % 3 + longest - 2
        real = torch.arange(longest) < length[:, None]
        clips[m] = torch.randn(size, longest, width, generator=generator) * real[..., None]
        clips[f"{m}_length"] = length
    return clips


def padded(clips: dict[str, Tensor], count=3) -> dict[str, Tensor]:
    """Return the same clips with more rows of padding, filled with numbers that are no zeros."""
    more = dict(clips)
    for m in ("audio", "visual"):
        more[m] = nn.functional.pad(clips[m], (0, 0, 0, count), value=9.0)
    return more


def reach(model: Transformer, clips: dict[str, Tensor]) -> pd.DataFrame:
    """Return how strongly each head's loss pulls at each part of the network.

    Args:
        model: with heads audio, visual and fused.
        clips: as of `batch`.

    Returns:
        A row per head, a column per part (audio encoder, visual encoder, hub): the L2 norm of the
        gradient of the head's cross-entropy. Exactly 0 where no path leads.
    """
    parts = {m: list(encoder.parameters()) for m, encoder in model.encoders.items()}
    hub = [model.bottleneck, *(model.irfb.parameters() if model.fusion == "irfb" else ())]
    parts["fused"] = hub
    rows = {}
    for head in model.heads:
        model.zero_grad(set_to_none=True)
        cross_entropy(model(clips).logits[head], clips["label"]).backward()
        rows[head] = {
            name: float(sum(p.grad.square().sum() for p in parameters if p.grad is not None)) ** 0.5
            for name, parameters in parts.items()
        }
    return pd.DataFrame(rows).T.rename_axis("loss of")
