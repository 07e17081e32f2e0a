"""What the training loop and the methods need of every network."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar, cast

from torch import Tensor, nn

from olmlib.losses import cross_entropy
from olmlib.models.outputs import Outputs

Part = TypeVar("Part", bound=nn.Module)


class Network(nn.Module):
    """A network with named heads.

    Attributes:
        heads: names of its logits, in order; the fused head, where there is one, is last.
        encoders: modality -> encoder.
        criterion: the loss of one head: (logits, labels, reduction) -> `()`.
    """

    heads: tuple[str, ...]
    encoders: Mapping[str, nn.Module]
    criterion: Callable[..., Tensor] = staticmethod(cross_entropy)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of the modalities, in the order of the heads."""
        return tuple(self.encoders)

    def forward(self, batch: dict[str, Tensor]) -> Outputs:
        """Classify a batch: modality -> its input."""
        raise TypeError(f"{type(self).__name__} has no forward pass")

    def supervised(self, outputs: Outputs, labels: Tensor) -> tuple[Outputs, Tensor]:
        """Return the logits and labels that the heads learn from: by default, these as they are.

        A network that decides by rules what it predicts learns from what the rules start with.
        """
        return outputs, labels


def module_dict(parts: Mapping[str, Part]) -> Mapping[str, Part]:
    """Return `nn.ModuleDict(parts)` with the type of its parts, which torch forgets."""
    return cast(Mapping[str, Part], nn.ModuleDict(parts))


def module_list(parts: Iterable[Part]) -> Sequence[Part]:
    """Return `nn.ModuleList(parts)` with the type of its parts, which torch forgets."""
    return cast(Sequence[Part], nn.ModuleList(parts))
