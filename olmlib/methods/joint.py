"""Concat, Sum, FiLM, Gated, Attention, Bilinear: plain joint training of one fused head."""

from typing import Literal

from olmlib.check import check, checked
from olmlib.methods.base import Method
from olmlib.models import fusions
from olmlib.models.build import build


class Scheme(Method):
    """Cross-entropy of the fused head and nothing else.

    Args:
        seed: of the run; nothing is drawn here.
        fusion: of a late fusion, concat by default; a transformer's stands in its configuration.
        mask: of a late fusion, see `LateFusion`.
        **options: of the fusion, for example `normalize` for attention and bilinear.

    Raises:
        ValueError: an unknown fusion, an option that this fusion does not have, or a value that
            the option does not have.
    """

    distributed = True

    @checked
    def __init__(
        self,
        seed: int = 0,
        fusion: str | None = None,
        mask: Literal["mean", "zeros"] | None = None,
        **options,
    ):
        super().__init__(seed)
        # The network would say so too, but only in the run.
        check(fusions.find(fusion or "concat"), options, taken=("dims", "num_classes"))
        given = {"fusion": fusion, "mask": mask}
        self.options = options | {k: v for k, v in given.items() if v is not None}

    def build(self, num_classes, config):
        """Return the late fusion without auxiliary heads, or the transformer of `config`."""
        model = build(num_classes, config, **self.options)
        # The training means that stand for a masked feature are those of one process's samples.
        self.distributed = getattr(model, "means", None) is None
        return model
