"""What a few seeds can tell: their spread, and the smallest difference that they would show."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import ncfdtr, stdtrit

LEVEL, POWER = 0.95, 0.8


class Spread(NamedTuple):
    """A mean over seeds, or a difference of two, and its standard deviation from seed to seed."""

    mean: float
    sd: float


class Sensitivity(NamedTuple):
    """What a table can tell: its noise, and the differences that it would show.

    Attributes:
        pooled_sd: standard deviation over seeds, pooled over all rows.
        comparisons: number of differences that the table invites to look at.
        alone: smallest difference that would be shown with 80 % power, were it the only one.
        together: the same, were all comparisons judged together.
    """

    pooled_sd: float
    comparisons: int
    alone: float
    together: float


def spread(values: Sequence[float] | np.ndarray) -> Spread:
    """Return mean and standard deviation (divisor n - 1) over seeds.

    Args:
        values: one number per seed.

    Returns:
        In the unit of the values; one seed has no spread, its `sd` is NaN.

    Raises:
        ValueError: no value, or one that is not finite.
    """
    numbers = one_per_seed(values)
    return Spread(float(numbers.mean()), float(numbers.std(ddof=1)) if len(numbers) > 1 else np.nan)


def difference(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> Spread:
    """Return mean of a minus mean of b, with the standard deviation of one run minus another.

    Unpaired: runs of one seed share its number and nothing that would make their differences vary
    less than those of any two runs. So the variances add up.

    Args:
        a, b: one number per seed, each.

    Raises:
        ValueError: as `spread`.
    """
    one, other = spread(a), spread(b)
    return Spread(one.mean - other.mean, float(np.hypot(one.sd, other.sd)))


def one_per_seed(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the values as an array.

    Raises:
        ValueError: no value, or one that is not finite.
    """
    numbers = np.asarray(values, dtype=float)
    if numbers.ndim != 1 or not numbers.size:
        raise ValueError(f"need one number per seed, got shape {numbers.shape}")
    if not np.isfinite(numbers).all():
        raise ValueError(f"need finite numbers, got {numbers.tolist()}")
    return numbers


def pooled(sds: Sequence[float] | np.ndarray) -> float:
    """Return the root of the mean variance of rows with equally many seeds; NaN of one seed."""
    return float(np.sqrt(np.mean(np.square(np.asarray(sds, dtype=float)))))


def together(level: float, comparisons: int) -> float:
    """Return the level of each of several intervals that all hold at once at `level` (Šidák)."""
    if comparisons < 1:
        raise ValueError(f"need at least one comparison, got {comparisons}")
    return level ** (1 / comparisons)


def detectable(
    sd: float, seeds: int, comparisons: int = 1, power: float = POWER, level: float = LEVEL
) -> float:
    """Return the true difference of two means that a two-sided t test would show.

    Two rows with `seeds` values each and the same standard deviation: T^2 is a noncentral F with
    noncentrality `seeds / 2 (difference / sd)^2`. (The noncentral t would say the same, but scipy's
    is NaN at many such effects.)

    Args:
        sd: standard deviation over seeds, >= 0, in the unit of the answer.
        seeds: of each row.
        comparisons: judged together, at Šidák's level.
        power: probability that the difference is shown, in `(0, 1)`.
        level: of the test, 0.95 for 5 %.

    Returns:
        Not negative; NaN of one seed, which shows nothing.
    """
    alpha, free = 1 - together(level, comparisons), 2 * seeds - 2
    if seeds < 2 or np.isnan(sd):
        return float("nan")
    bound = float(stdtrit(free, alpha / 2)) ** 2

    def missing(effect: float) -> float:
        return 1 - float(ncfdtr(1, free, seeds / 2 * effect**2, bound)) - power

    high = 1.0
    while missing(high) < 0:
        high *= 2
    return float(sd * brentq(missing, 1e-6, high))


def sensitivity(sds: Sequence[float] | np.ndarray, seeds: int, comparisons: int) -> Sensitivity:
    """Return what a table with these rows can tell.

    Args:
        sds: standard deviation over seeds of every row.
        seeds: of each row.
        comparisons: number of differences that the table shows.
    """
    sd = pooled(sds)
    alone, all_of_them = (detectable(sd, seeds, number) for number in (1, comparisons))
    return Sensitivity(sd, comparisons, alone, all_of_them)
