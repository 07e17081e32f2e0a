"""OLM (Zong et al., IJCAI 2024): three heads whose logits are scaled by online coefficients.

Costs a forward pass of a few dev samples every few steps: 16 samples every 16 steps by default,
without graph and in eval mode; the preset `code` forwards a whole dev batch at every step.
"""

import torch

from olmlib.check import Count, checked
from olmlib.methods.base import Method
from olmlib.models.build import build
from olmlib.olm import OLM
from olmlib.olm_presets import configured


class Scheme(Method):
    """Train with `olmlib.olm.OLM`.

    Args:
        seed: for the control with random factors.
        preset: a name of `olmlib.olm_presets.PRESETS`.
        probe_size: dev samples per measurement of the dev losses.
        probe_every: steps from one measurement to the next.
        **changes: fields of `OLMConfig` that differ from the preset.

    Raises:
        ValueError: an unknown preset or field, or a value that it cannot have.
    """

    distributed = True
    olm: OLM  # made in `build`: it needs the model's heads

    @checked
    def __init__(
        self,
        seed: int = 0,
        preset: str = "stable",
        probe_size: Count = 16,
        probe_every: Count = 16,
        **changes,
    ):
        super().__init__(seed)
        # The coefficients need the model's heads; a mistake in the options need not wait for them.
        configured(preset, changes)
        self.probe_size = probe_size
        self.probe_every = probe_every
        self.options = {"preset": preset, "seed": seed, **changes}
        self.probe: tuple | None = None

    def build(self, num_classes, config):
        """Return the network with auxiliary heads."""
        model = build(num_classes, config, aux_heads=True)
        self.olm = OLM(model.heads, **self.options)
        # Shares of a batch are weighted for a mean of the loss, which the official sum is not.
        self.distributed = self.olm.config.network_loss == "mean"
        return model

    def epoch_length(self, train_batches, dev_batches):
        """Return all train batches, or the shorter loader's length in the official zip."""
        zipped = self.olm.config.dev_iter == "zip"
        return min(train_batches, dev_batches) if zipped else train_batches

    def on_epoch_start(self, training, epoch, steps):
        """Let the warm-up be the first epoch."""
        self.olm.warmup = steps if epoch == 1 else self.olm.warmup
        self.training = training

    def forward_extra(self, model, next_dev, size):
        """Forward the next dev samples: the rotating probe, or a whole batch as the code does."""
        self.probe = None
        official = self.olm.config.dev_pass == "train"
        if not official and self.olm.step % self.probe_every:
            return
        batch = next_dev(size if official else self.probe_size)
        model.train(official)
        with torch.no_grad():
            outputs, labels = model.supervised(model(batch), batch["label"])
            self.probe = outputs.logits, labels
        model.train()

    def loss(self, outputs, labels):
        """Return the sum over heads of the loss of w_m s_m."""
        return self.olm.loss(outputs.logits, labels, self.criterion)

    def after_backward(self, model):
        """Unscale the coefficients' gradient of a mixed-precision loss, as the network's was."""
        if self.olm.config.coefficients_feel_loss and self.training.scaler.is_enabled():
            self.training.scaler.unscale_(self.olm.optimizer)

    def after_step(self, outputs, labels):
        """Update the coefficients by Eq. 6-9."""
        self.olm.update(outputs.logits, labels, *(self.probe or ()))

    def record(self):
        """Return w, lambda, G, C and the dev losses."""
        names = ("w", "lam", "G", "C", "dev_loss")
        return {name: self.olm.record[name] for name in names}

    def state_dict(self):
        """Return the state of the coefficients."""
        return self.olm.state_dict()

    def load_state_dict(self, state):
        """Restore the coefficients."""
        self.olm.load_state_dict(state)
