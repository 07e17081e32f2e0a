"""Visual-only: the reference against which "multimodal worse than the best unimodal" is judged."""

from olmlib.methods.base import Method
from olmlib.models.late_fusion import Unimodal


class Scheme(Method):
    """Train the visual encoder and its head alone."""

    distributed = True

    def build(self, num_classes, config):
        """Return the visual model."""
        return Unimodal("visual", num_classes, config)

    def predict(self, logits):
        """Return the only head's logits."""
        return logits["visual"]
