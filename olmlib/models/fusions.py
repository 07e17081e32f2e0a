"""Six ways to make one prediction from the features of several modalities.

Every fusion is a module from features, modality -> `(B, d_m)`, to logits `(B, C)`. Concat and Sum
take any number of modalities and are separable: their logits are a sum of one part per modality.
The others take two, `x` and `y`, whose features they multiply with each other, so no such parts
exist.
"""

from collections.abc import Mapping
from inspect import signature
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from olmlib.check import checked

Features = Mapping[str, Tensor]


class Concat(nn.Linear):
    """One linear head on all features side by side: `s = [x ; y] W^T + beta`.

    Args:
        dims: modality -> width of its feature.
        num_classes: C.
    """

    def __init__(self, dims: Mapping[str, int], num_classes: int):
        super().__init__(sum(dims.values()), num_classes)

    def forward(self, features: Features) -> Tensor:  # type: ignore[override]  # features, not one tensor
        """Map features to logits `(B, C)`."""
        return linear(torch.cat(list(features.values()), dim=1), self.weight, self.bias)


class Sum(nn.Module):
    """The sum of one linear head per modality: `s = x W_x^T + beta_x + y W_y^T + beta_y`.

    The same functions as `Concat`, with a bias per modality.

    Args:
        dims: modality -> width of its feature.
        num_classes: C.
    """

    def __init__(self, dims: Mapping[str, int], num_classes: int):
        super().__init__()
        self.parts = nn.ModuleDict({m: nn.Linear(d, num_classes) for m, d in dims.items()})

    def forward(self, features: Features) -> Tensor:
        """Map features to logits `(B, C)`."""
        first, *others = (self.parts[m](h) for m, h in features.items())
        return sum(others, start=first)


class Joint(nn.Module):
    """A fusion that makes one feature `u` of two and classifies it: `s = u O^T + o`.

    A subclass says in `fuse` how.

    Args:
        dims: modality -> width of its feature, of two modalities; u is as wide as the second.
        num_classes: C.

    Raises:
        ValueError: not two modalities.
    """

    def __init__(self, dims: Mapping[str, int], num_classes: int):
        super().__init__()
        if len(dims) != 2:
            raise ValueError(
                f"{type(self).__name__} joins two modalities, not {', '.join(dims)}; take concat "
                "or sum for another number"
            )
        self.widths = tuple(dims.values())
        self.head = nn.Linear(self.widths[1], num_classes)

    def forward(self, features: Features) -> Tensor:
        """Map features to logits `(B, C)`."""
        return self.head(self.fuse(*features.values()))

    def fuse(self, x: Tensor, y: Tensor) -> Tensor:
        """Map two features to the fused one u, `(B, d)`."""
        raise TypeError(f"{type(self).__name__} does not say how it joins")


class FiLM(Joint):
    """The first modality scales and shifts the second's feature (Perez et al., AAAI 2018).

    `(gamma, delta) = split(x F^T + f)`, `u = gamma * y + delta`. There is no `1 + gamma`, as in the
    code of OGM-GE and OLM: with F at zero, the output would not depend on the input.
    """

    def __init__(self, dims: Mapping[str, int], num_classes: int):
        super().__init__(dims, num_classes)
        self.film = nn.Linear(self.widths[0], 2 * self.widths[1])

    def fuse(self, x: Tensor, y: Tensor) -> Tensor:
        """Map two features to the fused one u, `(B, d)`."""
        gamma, delta = self.film(x).chunk(2, dim=1)
        return gamma * y + delta


class Gated(Joint):
    """The first modality opens and closes the channels of the second (Kiela et al., AAAI 2018).

    `u = sigmoid(x P^T + p) * (y Q^T + q)`.
    """

    def __init__(self, dims: Mapping[str, int], num_classes: int):
        super().__init__(dims, num_classes)
        self.gate = nn.Linear(self.widths[0], self.widths[1])
        self.candidate = nn.Linear(self.widths[1], self.widths[1])

    def fuse(self, x: Tensor, y: Tensor) -> Tensor:
        """Map two features to the fused one u, `(B, d)`."""
        return self.gate(x).sigmoid() * self.candidate(y)


class Attention(Joint):
    """A weighted sum of the features, the weights read off both (official OLM code).

    `k = [x ; y] A^T + a`, `e = k E^T + e_0`, `u = e_1 x + e_2 y`. As in that code the weights e are
    affine scores, which may be negative or above 1.

    Args:
        dims: modality -> width of its feature, of two modalities and the same for both.
        num_classes: C.
        normalize: `"softmax"` makes the two weights positive with sum 1; by default they stay raw.

    Raises:
        ValueError: not two modalities of one width, or another `normalize`.
    """

    @checked
    def __init__(
        self,
        dims: Mapping[str, int],
        num_classes: int,
        normalize: Literal["softmax"] | None = None,
    ):
        super().__init__(dims, num_classes)
        first, second = self.widths
        if first != second:
            raise ValueError(f"attention adds features up: their widths {first}, {second} differ")
        self.normalize = normalize
        self.key = nn.Linear(first + second, second)
        self.score = nn.Linear(second, 2)

    def weights(self, x: Tensor, y: Tensor) -> Tensor:
        """Map two features to their weights e, `(B, 2)`."""
        scores = self.score(self.key(torch.cat([x, y], dim=1)))
        return scores.softmax(1) if self.normalize else scores

    def fuse(self, x: Tensor, y: Tensor) -> Tensor:
        """Map two features to the fused one u, `(B, d)`."""
        first, second = self.weights(x, y).split(1, dim=1)
        return first * x + second * y


class Bilinear(Joint):
    """The product of both features, channel by channel, after a linear map of each.

    `u = (x A^T + a) * (y V^T + v)`: every logit is a bilinear form of x and y of low rank. The
    official OLM scripts run with this one.

    Args:
        dims: modality -> width of its feature, of two modalities.
        num_classes: C.
        normalize: `"tanh"` bounds both factors, as low-rank bilinear pooling does (Kim et al., ICLR
            2017, Eq. 8); by default they stay raw, and u grows with the product of two features.

    Raises:
        ValueError: not two modalities, or another `normalize`.
    """

    @checked
    def __init__(
        self,
        dims: Mapping[str, int],
        num_classes: int,
        normalize: Literal["tanh"] | None = None,
    ):
        super().__init__(dims, num_classes)
        self.normalize = normalize
        self.first = nn.Linear(self.widths[0], self.widths[1])
        self.second = nn.Linear(self.widths[1], self.widths[1])

    def fuse(self, x: Tensor, y: Tensor) -> Tensor:
        """Map two features to the fused one u, `(B, d)`."""
        x, y = self.first(x), self.second(y)
        return x.tanh() * y.tanh() if self.normalize else x * y


FUSIONS: dict[str, type[Concat | Sum | Joint]] = {
    "concat": Concat,
    "sum": Sum,
    "film": FiLM,
    "gated": Gated,
    "attention": Attention,
    "bilinear": Bilinear,
}


def find(name: str) -> type[Concat | Sum | Joint]:
    """Return the class of a fusion; its arguments are `dims`, `num_classes` and its `options`.

    Raises:
        ValueError: no fusion of this name.
    """
    # A tuple, because what YAML gives may be a list, which no dictionary can look up.
    if name not in tuple(FUSIONS):
        raise ValueError(f"fusion is {name!r}, not one of {', '.join(FUSIONS)}")
    return FUSIONS[name]


def options(name: str) -> set[str]:
    """Return what can be set for a fusion, for example `normalize` for `"attention"`."""
    return set(signature(find(name)).parameters) - {"dims", "num_classes"}
