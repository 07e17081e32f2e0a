"""Six ways to make one prediction from two features.

Every fusion is a module `forward(audio, visual) -> (B, C)` on features `x = audio`, `y = visual`,
both `(B, d)`. Concat and Sum are separable: their logits are a sum of one part per modality. In
the others the features are multiplied with each other, so no such parts exist.
"""

from inspect import signature

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

# What `mask` of a late fusion and `normalize` of a fusion can be. They stand here, not beside the
# network, so that a method that checks them does not depend on the network's source.
MASKS = ("mean", "zeros")
NORMALIZATIONS = {"attention": (None, "softmax"), "bilinear": (None, "tanh")}


class Concat(nn.Linear):
    """One linear head on both features, audio first: `s = [x ; y] W^T + beta`.

    Args:
        d: width of each feature.
        num_classes: C.
    """

    def __init__(self, d: int, num_classes: int):
        super().__init__(2 * d, num_classes)

    def forward(self, audio: Tensor, visual: Tensor) -> Tensor:
        """Map two `(B, d)` to logits `(B, C)`."""
        return linear(torch.cat([audio, visual], dim=1), self.weight, self.bias)


class Sum(nn.Module):
    """The sum of two linear heads: `s = x W_x^T + beta_x + y W_y^T + beta_y`.

    The same functions as `Concat`, with one bias more.

    Args:
        d: width of each feature.
        num_classes: C.
    """

    def __init__(self, d: int, num_classes: int):
        super().__init__()
        self.parts = nn.ModuleDict({m: nn.Linear(d, num_classes) for m in ("audio", "visual")})

    def forward(self, audio: Tensor, visual: Tensor) -> Tensor:
        """Map two `(B, d)` to logits `(B, C)`."""
        return self.parts["audio"](audio) + self.parts["visual"](visual)


class _Joint(nn.Module):
    """A fusion that makes one feature `u` of two and classifies it: `s = u O^T + o`.

    A subclass says in `fuse` how.

    Args:
        d: width of each feature and of `u`.
        num_classes: C.
    """

    def __init__(self, d: int, num_classes: int):
        super().__init__()
        self.head = nn.Linear(d, num_classes)

    def forward(self, audio: Tensor, visual: Tensor) -> Tensor:
        """Map two `(B, d)` to logits `(B, C)`."""
        return self.head(self.fuse(audio, visual))


class FiLM(_Joint):
    """Audio scales and shifts the visual feature (Perez et al., AAAI 2018).

    `(gamma, delta) = split(x F^T + f)`, `u = gamma * y + delta`. There is no `1 + gamma`, as in the
    code of OGM-GE and OLM: with F at zero, the output would not depend on the input.
    """

    def __init__(self, d: int, num_classes: int):
        super().__init__(d, num_classes)
        self.film = nn.Linear(d, 2 * d)

    def fuse(self, audio: Tensor, visual: Tensor) -> Tensor:
        """Map two `(B, d)` to the fused feature u, `(B, d)`."""
        gamma, delta = self.film(audio).chunk(2, dim=1)
        return gamma * visual + delta


class Gated(_Joint):
    """Audio opens and closes the channels of the visual feature (Kiela et al., AAAI 2018).

    `u = sigmoid(x P^T + p) * (y Q^T + q)`.
    """

    def __init__(self, d: int, num_classes: int):
        super().__init__(d, num_classes)
        self.gate = nn.Linear(d, d)
        self.candidate = nn.Linear(d, d)

    def fuse(self, audio: Tensor, visual: Tensor) -> Tensor:
        """Map two `(B, d)` to the fused feature u, `(B, d)`."""
        return self.gate(audio).sigmoid() * self.candidate(visual)


class Attention(_Joint):
    """A weighted sum of the features, the weights read off both (official OLM code).

    `k = [x ; y] A^T + a`, `e = k E^T + e_0`, `u = e_1 x + e_2 y`. As in that code the weights e are
    affine scores, which may be negative or above 1.

    Args:
        d: width of each feature and of `u`.
        num_classes: C.
        normalize: `"softmax"` makes the two weights positive with sum 1; by default they stay raw.

    Raises:
        ValueError: another `normalize`.
    """

    def __init__(self, d: int, num_classes: int, normalize: str | None = None):
        check("normalize", normalize, NORMALIZATIONS["attention"])
        super().__init__(d, num_classes)
        self.normalize = normalize
        self.key = nn.Linear(2 * d, d)
        self.score = nn.Linear(d, 2)

    def weights(self, audio: Tensor, visual: Tensor) -> Tensor:
        """Map two `(B, d)` to the weights e of audio and visual, `(B, 2)`."""
        scores = self.score(self.key(torch.cat([audio, visual], dim=1)))
        return scores.softmax(1) if self.normalize else scores

    def fuse(self, audio: Tensor, visual: Tensor) -> Tensor:
        """Map two `(B, d)` to the fused feature u, `(B, d)`."""
        for_audio, for_visual = self.weights(audio, visual).split(1, dim=1)
        return for_audio * audio + for_visual * visual


class Bilinear(_Joint):
    """The product of both features, channel by channel, after a linear map of each.

    `u = (x A^T + a) * (y V^T + v)`: every logit is a bilinear form of x and y of low rank. The
    official OLM scripts run with this one.

    Args:
        d: width of each feature and of `u`.
        num_classes: C.
        normalize: `"tanh"` bounds both factors, as low-rank bilinear pooling does (Kim et al., ICLR
            2017, Eq. 8); by default they stay raw, and u grows with the product of two features.

    Raises:
        ValueError: another `normalize`.
    """

    def __init__(self, d: int, num_classes: int, normalize: str | None = None):
        check("normalize", normalize, NORMALIZATIONS["bilinear"])
        super().__init__(d, num_classes)
        self.normalize = normalize
        self.audio = nn.Linear(d, d)
        self.visual = nn.Linear(d, d)

    def fuse(self, audio: Tensor, visual: Tensor) -> Tensor:
        """Map two `(B, d)` to the fused feature u, `(B, d)`."""
        x, y = self.audio(audio), self.visual(visual)
        return x.tanh() * y.tanh() if self.normalize else x * y


FUSIONS = {
    "concat": Concat,
    "sum": Sum,
    "film": FiLM,
    "gated": Gated,
    "attention": Attention,
    "bilinear": Bilinear,
}


def find(name: str) -> type[nn.Module]:
    """Return the class of a fusion; its arguments are `d`, `num_classes` and its `options`.

    Raises:
        ValueError: no fusion of this name.
    """
    if name not in tuple(FUSIONS):
        raise ValueError(f"no fusion {name!r}; the known ones are {', '.join(FUSIONS)}")
    return FUSIONS[name]


def options(name: str) -> set[str]:
    """Return what can be set for a fusion, for example `normalize` for `"attention"`."""
    return set(signature(find(name)).parameters) - {"d", "num_classes"}


def check(name: str, value: str | None, choices: tuple) -> None:
    """Say what an option can be, if `value` is none of it.

    Raises:
        ValueError: `value` is not among `choices`.
    """
    if value not in choices:
        known = " or ".join("null" if v is None else repr(v) for v in choices)
        raise ValueError(f"{name} is {value!r}; it can be {known}")
