"""AVSlowFast-lite (after Xiao et al., 2020): audio joins the visual pathway at two depths.

Vectors of the audio are added to the visual maps halfway up, so that the two modalities meet before
their features are done. Because audio overfits sooner, DropPathway leaves these laterals out for
80 % of the training batches; optionally a synchrony loss teaches both pathways which sound belongs
to which picture. It changes the model more than the training, and costs about a tenth more than
Concat per step of 8 clips at width 8 on one CPU core; with the synchrony loss, a fifth more.
"""

import torch

from olmlib.check import NotNegative, Probability, checked
from olmlib.config import LateFusionConfig
from olmlib.methods.base import Method
from olmlib.models.avslowfast import AVSlowFastLite


class Scheme(Method):
    """Train `AVSlowFastLite` with the cross-entropy of its one head.

    Args:
        seed: of the run; the draws of DropPathway follow the training loop's seed.
        drop: P_d, probability that a training batch goes without the laterals.
        avs: weight of the audiovisual synchrony loss; 0 leaves it out.

    Raises:
        ValueError: a value that an option cannot have.
    """

    @checked
    def __init__(self, seed: int = 0, drop: Probability = 0.8, avs: NotNegative = 0.0):
        super().__init__(seed)
        self.drop, self.avs = drop, avs
        self.dropped = False

    def build(self, num_classes, config):
        """Return the model with laterals.

        Raises:
            ValueError: encoders that are no ResNets.
        """
        if not isinstance(config, LateFusionConfig):
            raise ValueError(
                "AVSlowFast's laterals join maps inside ResNets: it needs convolutional encoders"
            )
        return AVSlowFastLite(num_classes, config, self.drop, self.avs)

    def after_backward(self, model):
        """Note what the forward pass drew."""
        self.dropped = model.dropped

    def record(self):
        """Return whether audio was `dropped` from the visual pathway, per head."""
        return {"dropped": torch.tensor([0.0, float(self.dropped), 0.0])}
