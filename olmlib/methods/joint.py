"""Concat, Sum, FiLM, Gated, Attention, Bilinear: plain joint training of one fused head."""

from olmlib.methods.base import Method
from olmlib.models import fusions
from olmlib.models.build import build


class Scheme(Method):
    """Cross-entropy of the fused head and nothing else.

    Args:
        seed: of the run; nothing is drawn here.
        **options: of `LateFusion`: `fusion`, `mask`, and those of the fusion, for example
            `normalize` for attention and bilinear.

    Raises:
        ValueError: an unknown fusion, an option that this fusion does not have, or a value that
            the option does not have.
    """

    distributed = True

    def __init__(self, seed=0, **options):
        fusion = options.get("fusion", "concat")
        known = {"fusion", "mask", *fusions.options(fusion)}
        super().__init__(seed, **{k: v for k, v in options.items() if k not in known})
        # The network would say so too, but only in the run.
        values = {"mask": fusions.MASKS, "normalize": fusions.NORMALIZATIONS.get(fusion)}
        for name in options.keys() & values.keys():
            fusions.check(name, options[name], values[name])
        self.options = options

    def build(self, num_classes, config):
        """Return the late fusion without auxiliary heads, or the transformer of `config`."""
        model = build(num_classes, config, **self.options)
        # The training means that stand for a masked feature are those of one process's samples.
        self.distributed = getattr(model, "means", None) is None
        return model
