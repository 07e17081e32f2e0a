"""AVSlowFast-lite (after Xiao et al., 2020): audio joins the visual pathway at two depths.

Vectors of the audio are added to the visual maps halfway up, so that the two modalities meet before
their features are done. Because audio overfits sooner, DropPathway leaves these laterals out for
80 % of the training batches; optionally a synchrony loss teaches both pathways which sound belongs
to which picture. It changes the model more than the training, and costs about a tenth more than
Concat per step of 8 clips at width 8 on one CPU core; with the synchrony loss, a fifth more.
"""

import torch

from olmlib.methods.base import Method, check
from olmlib.models.avslowfast import AVSlowFastLite


class Scheme(Method):
    """Train `AVSlowFastLite` with the cross-entropy of its one head.

    Args:
        seed: of the run; the draws of DropPathway follow the training loop's seed.
        drop: P_d, probability that a training batch goes without the laterals.
        avs: weight of the audiovisual synchrony loss; 0 leaves it out.
        frames: per clip; from 8 on the model has a Fast pathway.

    Raises:
        ValueError: a probability that is none, or an option of another kind.
    """

    def __init__(self, seed=0, drop=0.8, avs=0.0, frames=1):
        super().__init__(seed)
        check(float, drop=drop, avs=avs)
        check(int, frames=frames)
        if not 0 <= drop <= 1:
            raise ValueError(f"drop is {drop}, not a probability")
        self.drop, self.avs, self.frames = drop, avs, frames
        self.sync: torch.Tensor | None = None
        self.dropped = False

    def build(self, num_classes, config):
        """Return the model with laterals."""
        return AVSlowFastLite(num_classes, config, self.drop, self.avs > 0, self.frames)

    def forward_extra(self, model, next_dev, size):
        """Take what the forward pass left in the model; no extra pass is run."""
        self.sync, self.dropped = model.sync, model.dropped

    def loss(self, outputs, labels):
        """Return the fused cross-entropy, in nats, plus the weighted synchrony loss."""
        loss = super().loss(outputs, labels)
        return loss if self.sync is None else loss + self.avs * self.sync

    def record(self):
        """Return whether audio was `dropped` from the visual pathway, per head."""
        return {"dropped": torch.tensor([0.0, float(self.dropped), 0.0])}
