"""Concat, Sum, FiLM, Gated, Attention, Bilinear: plain joint training of one fused head."""

from olmlib.methods.base import Method
from olmlib.models import fusions
from olmlib.models.late_fusion import LateFusion


class Scheme(Method):
    """Cross-entropy of the fused head and nothing else (methods-table1.md 3).

    Args:
        seed: of the run; nothing is drawn here.
        fusion: a name of `olmlib.models.fusions.FUSIONS`.
        mask: as in `LateFusion`; for the unimodal logits of fusions that are not separable.
        **options: of the fusion, for example `normalize` for attention.

    Raises:
        ValueError: an unknown fusion, or an option that this fusion does not have.
    """

    distributed = True

    def __init__(self, seed=0, fusion="concat", mask="mean", **options):
        known = fusions.options(fusion)
        super().__init__(seed, **{k: v for k, v in options.items() if k not in known})
        self.options = {"fusion": fusion, "mask": mask, **options}

    def build(self, num_classes, config):
        """Return the late fusion without auxiliary heads."""
        model = LateFusion(num_classes, config, **self.options)
        # The training means that stand for a masked feature are those of one process's samples.
        self.distributed = model.means is None
        return model
