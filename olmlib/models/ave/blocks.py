"""What several networks of Table 2 are made of.

What belongs to one modality alone is in the network's `encoders`, so that a method that treats the
modalities differently finds it there; what couples them is beside.
"""

import torch
from torch import Tensor, nn

HEADS = ("audio", "visual", "fused")


class Guide(nn.Module):
    """What the sound adds to the attention over locations: a number for each of them.

    Args:
        audio: width of a segment's sound.
        hidden: width inside.
        locations: L.
    """

    def __init__(self, audio: int, hidden: int, locations: int):
        super().__init__()
        self.affine = nn.Linear(audio, hidden)
        self.content = nn.Linear(hidden, locations, bias=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Map `(B, T, D_a)` to `(B, T, L)`."""
        return self.content(self.affine(audio).relu())


class LocationAttention(nn.Module):
    """Attention over the locations of a picture, guided by the sound (Tian et al., Eq. 1-2).

    As released, the guide's numbers are biases of locations, not of the L units that the tanh sees,
    so the attention knows which location is which.

    Args:
        visual: channels.
        hidden: width inside.
        locations: L.
    """

    def __init__(self, visual: int, hidden: int, locations: int):
        super().__init__()
        self.affine = nn.Linear(visual, hidden)
        self.content = nn.Linear(hidden, locations, bias=False)
        self.score = nn.Linear(locations, 1, bias=False)

    def forward(self, maps: Tensor, guide: Tensor) -> Tensor:
        """Return the weights of the locations, `(B, T, L)`, of sum 1.

        Args:
            maps: `(B, T, L, D_v)`.
            guide: `(B, T, L)`.
        """
        content = self.content(self.affine(maps).relu())
        return self.score((content + guide.unsqueeze(-1)).tanh()).squeeze(-1).softmax(-1)


def flat_maps(visual: Tensor, locations: int) -> Tensor:
    """Return pictures `(B, T, H, W, D_v)` as `(B, T, L, D_v)`.

    Raises:
        ValueError: the network was built for another number of locations.
    """
    maps = visual.flatten(2, 3)
    if maps.shape[2] != locations:
        raise ValueError(
            f"pictures have {visual.shape[2]} x {visual.shape[3]} locations, the network was built "
            f"for {locations}"
        )
    return maps


def attended(weights: Tensor, maps: Tensor) -> Tensor:
    """Return the mean of maps `(B, T, L, D)` weighted by `(B, T, L)`: `(B, T, D)`."""
    return (weights.unsqueeze(-2) @ maps).squeeze(-2)


class BiLSTM(nn.LSTM):
    """A bidirectional LSTM: `(B, T, d)` to `(B, T, 2 * hidden)`."""

    def __init__(self, d: int, hidden: int):
        super().__init__(d, hidden, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # no state in, none out
        """Return both directions side by side."""
        return super().forward(x)[0]


def readout(d: int, hidden: int, classes: int, bias: bool = True) -> nn.Sequential:
    """Return a classifier with one hidden layer, `(..., d)` to `(..., classes)`."""
    return nn.Sequential(
        nn.Linear(d, hidden, bias=bias), nn.ReLU(), nn.Linear(hidden, classes, bias=bias)
    )


def xavier(model: nn.Module) -> None:
    """Initialise every matrix of linear layers Xavier-uniform, with zero bias."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def by_modality(audio: Tensor, visual: Tensor) -> dict[str, Tensor]:
    """Return what there is one of for each modality, by its name."""
    return dict(zip(HEADS, (audio, visual), strict=False))


def alone(fuse, audio: Tensor, visual: Tensor) -> dict[str, Tensor]:
    """Return what a fusion says of one modality with zeros in place of the other, without graph.

    Args:
        fuse: (audio, visual) -> logits.
        audio, visual: features.
    """
    with torch.no_grad():
        return by_modality(
            fuse(audio, torch.zeros_like(visual)), fuse(torch.zeros_like(audio), visual)
        )
