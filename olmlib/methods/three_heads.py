"""Three heads: the sum of the cross-entropies of audio, visual and fused head, all weights 1.

This is OLM without modulation, so what OLM adds is its difference to this row and not to Concat.
"""

from olmlib.methods.base import Method
from olmlib.models.build import build


class Scheme(Method):
    """Naive multi-head training, `L_a + L_v + L_b`."""

    distributed = True

    def build(self, num_classes, config):
        """Return the network with auxiliary heads."""
        return build(num_classes, config, aux_heads=True)

    def loss(self, outputs, labels):
        """Return the sum over heads of the mean loss, cross-entropy if the network has no other."""
        return sum(self.criterion(s, labels) for s in outputs.logits.values())
