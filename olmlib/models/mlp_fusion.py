"""Late fusion of feature vectors by multilayer perceptrons, with the heads of `LateFusion`."""

from collections.abc import Mapping

from torch import Tensor, nn

from olmlib.config import MLPFusionConfig
from olmlib.models.late_fusion import LateFusion
from olmlib.models.network import module_dict


class MLP(nn.Module):
    """One modality's encoder: hidden layers with ReLU over features of any scale.

    Each feature is standardised by batch norm first. Frozen features of another network have
    scales and means of their own, and one learning rate would not serve them all.

    Args:
        width: of the features, d.
        hidden: widths of the layers; without one the features are returned as they are.
        dropout: after every layer.

    Attributes:
        dim: width of what is returned.
    """

    def __init__(self, width: int, hidden: tuple[int, ...], dropout: float = 0.0):
        super().__init__()
        layers: list[nn.Module] = [nn.BatchNorm1d(width)] if hidden else []
        for before, after in zip((width, *hidden), hidden, strict=False):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers)
        self.dim = hidden[-1] if hidden else width

    def forward(self, features: Tensor) -> Tensor:
        """Map `(B, d)` to `(B, dim)`."""
        return self.layers(features)


class MLPFusion(LateFusion):
    """A `LateFusion` whose modalities are feature vectors, `(B, d)`, each read by an `MLP`."""

    def make_encoders(self, config: MLPFusionConfig) -> Mapping[str, MLP]:
        """Return a fresh MLP per modality.

        Raises:
            ValueError: the configuration has no modality.
        """
        if not config.inputs:
            raise ValueError("inputs name no modality: give each one the width of its features")
        return module_dict(
            {m: MLP(width, config.hidden, config.dropout) for m, width in config.inputs.items()}
        )
