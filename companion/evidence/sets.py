"""One comparison over several data sets: its random-effects mean."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from statsmodels.stats.meta_analysis import combine_effects

from companion.spread import LEVEL


class Mean(NamedTuple):
    """A mean over data sets, in the unit of the differences.

    Attributes:
        mean: of the effect over data sets like these.
        low, high: ends of its interval, of Hartung, Knapp, Sidik and Jonkman: with few sets the
            normal one is far too narrow. NaN of one set.
        tau: standard deviation of the true effect from set to set.
    """

    mean: float
    low: float
    high: float
    tau: float


def random_effects(
    differences: Sequence[float], errors: Sequence[float], level: float = LEVEL
) -> Mean:
    """Return the mean of an effect that differs from set to set (Paule and Mandel's variance).

    Args:
        differences: one per data set.
        errors: their standard errors, > 0.
        level: of the interval, in `(0, 1)`.

    Raises:
        ValueError: no set, or an error that is not positive.
    """
    effects, sizes = np.asarray(differences, float), np.asarray(errors, float)
    if not len(effects) or len(effects) != len(sizes) or not (sizes > 0).all():
        raise ValueError(f"need differences and positive errors, got {differences} and {errors}")
    if len(effects) == 1:
        return Mean(float(effects[0]), float("nan"), float("nan"), float("nan"))
    found = combine_effects(effects, sizes**2, method_re="iterated", alpha=1 - level)
    # The fourth interval is the one named above; it is Student's with k - 1 degrees of freedom.
    *_, (low, high) = found.conf_int(alpha=1 - level, use_t=True)
    return Mean(float(found.mean_effect_re), float(low), float(high), float(np.sqrt(found.tau2)))
