"""Unimodal: one modality trained alone, against which "worse than the best unimodal" is judged."""

from olmlib.check import checked
from olmlib.config import alone
from olmlib.methods.base import Method
from olmlib.models.build import build


class Scheme(Method):
    """Cross-entropy of the only head.

    Args:
        seed: of the run; nothing is drawn here.
        modality: which one; not needed where the network has no other.

    Raises:
        ValueError: the network has several modalities and none is named.
    """

    distributed = True

    @checked
    def __init__(self, seed: int = 0, modality: str | None = None):
        super().__init__(seed)
        self.modality = modality

    def build(self, num_classes, config):
        """Return the modality's encoder with its head."""
        model = build(num_classes, alone(config, self.modality) if self.modality else config)
        if len(model.heads) > 1:
            raise ValueError(f"say which modality is trained alone: {', '.join(model.modalities)}")
        return model
