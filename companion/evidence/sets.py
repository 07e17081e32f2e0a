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
        low, high: ends of its interval, Student's with one degree of freedom less than there are
            sets; with the spread of the sets as they are (Hartung and Knapp) or as their errors
            would have it, whichever is wider: a few sets that agree by luck prove nothing. NaN of
            one set.
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
    with np.errstate(divide="ignore"):  # sets that agree to the last digit
        found = combine_effects(effects, sizes**2, method_re="iterated", alpha=1 - level)
    # Of fixed and random effects, by the errors and by the spread.
    _, by_errors, _, by_spread = found.conf_int(alpha=1 - level, use_t=True)
    low, high = max(by_errors, by_spread, key=np.ptp)
    return Mean(float(found.mean_effect_re), float(low), float(high), float(np.sqrt(found.tau2)))
