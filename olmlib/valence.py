"""The loss of the valence heads, which no coefficient of OLM touches."""

from torch import Tensor

from olmlib.models.outputs import Outputs


def valence_loss(outputs: Outputs, valence: Tensor) -> Tensor:
    """Return the sum over heads of the mean squared error of the valence.

    Args:
        outputs: with `values`, head -> `(B,)`.
        valence: `(B,)` in [-5, 5], NaN where nobody rated it: those clips are left out.
    """
    rated = ~valence.isnan()
    # A mean over no clip would be NaN.
    count = rated.sum().clamp(min=1)
    target = valence.nan_to_num()
    return sum(((v - target).square() * rated).sum() / count for v in outputs.values.values())
