"""What the training loop and the methods need of every network."""

from torch import Tensor, nn

from olmlib.models.outputs import Outputs


class Network(nn.Module):
    """A network with named heads.

    Attributes:
        heads: names of its logits, in order; the fused head, where there is one, is last.
        encoders: modality -> encoder.
    """

    heads: tuple[str, ...]
    encoders: nn.ModuleDict

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of the modalities, in the order of the heads."""
        return tuple(self.encoders)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify a batch: modality -> its input."""
        raise TypeError(f"{type(self).__name__} has no forward pass")
