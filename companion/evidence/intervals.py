"""Intervals and verdicts: differences of two rows, or of many pairs of rows as one family.

Tables of three seeds have no verdicts; these are for tables that can bear them. What libraries have
of it, tests compare with, and it is written out all the same: for a whole family at once, since
scipy's `ttest_ind` takes one pair at a time where numbers of seeds differ, in a hundred times as
long, and statsmodels' `multipletests` clears the whole interpreter's memory at every call;
statsmodels' equivalence test has no interval, which the tables show.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from companion.spread import LEVEL, one_per_seed, spread, together
from olmlib.metrics import Interval

SHOWN, EQUIVALENT, NOT_SHOWN = "shown", "equivalent", "not shown"
NO_INTERVAL = "no interval"
# Of the interval that must lie within the margin: two one-sided tests at 5 % each.
EQUIVALENCE = 0.90
JUDGED = ["seeds", "control_seeds", "difference", "low", "high", "low90", "high90", "p", "p_holm"]
JUDGED += ["verdict"]
COLUMNS = ["row", "control", *JUDGED]

Values = Sequence[float] | np.ndarray
# What a number is compared with that has no spread, such as 0: two equal values.
NOTHING = np.zeros(2)


class Differences(NamedTuple):
    """Welch's comparison of several pairs.

    Attributes:
        means: `(K,)`, mean of the first minus mean of the second.
        errors: `(K,)`, standard errors; NaN where there is no interval.
        free: `(K,)`, Satterthwaite's degrees of freedom.
    """

    means: np.ndarray
    errors: np.ndarray
    free: np.ndarray

    def half_widths(self, level: float) -> np.ndarray:
        """Return half the width of every interval at `level`."""
        return stdtrit(self.free, (1 + level) / 2) * self.errors

    def p_values(self) -> np.ndarray:
        """Return the two-sided p-value of every difference."""
        return 2 * stdtr(self.free, -np.abs(self.means) / self.errors)


def welch(a: Values, b: Values, level: float = LEVEL) -> Interval:
    """Return mean of a minus mean of b with its interval, whatever the two variances are.

    Args:
        a, b: one number per seed, each; they need not be equally many.
        level: the interval's coverage, in `(0, 1)`.

    Returns:
        The difference and half the width of its interval. That is NaN where there is no interval:
        one seed says nothing of spread, and neither do two rows whose seeds all agree.

    Raises:
        ValueError: no value, one that is not finite, or a level outside `(0, 1)`.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    found = differences([(a, b)])
    return Interval(float(found.means[0]), float(found.half_widths(level)[0]))


def differences(pairs: Iterable[tuple[Values, Values]]) -> Differences:
    """Compare every pair by Welch's test, which does not take variances for equal.

    Raises:
        ValueError: no pair, no value, or one that is not finite.
    """
    checked = [(one_per_seed(a), one_per_seed(b)) for a, b in pairs]
    if not checked:
        raise ValueError("there is no pair to compare")
    told = np.array([_has_interval(a, b) for a, b in checked])
    sides = []
    for side in zip(*checked, strict=True):
        n = np.array([len(values) for values in side])
        # Of one seed any number does: it has no interval.
        variances = [values.var(ddof=min(1, len(values) - 1)) for values in side]
        sides.append((np.array([v.mean() for v in side]), np.array(variances) / n, n))
    (mean, one, n), (control, other, m) = sides
    with np.errstate(divide="ignore", invalid="ignore"):
        free = (one + other) ** 2 / (one**2 / (n - 1) + other**2 / (m - 1))
    errors = np.where(told, np.sqrt(one + other), np.nan)
    return Differences(mean - control, errors, np.where(told, free, np.nan))


def judged(
    pairs: Iterable[tuple[Values, Values]], margin: float, level: float = LEVEL
) -> pd.DataFrame:
    """Compare pairs of rows as one family.

    The verdict is `shown` where Holm's step-down over the family rejects that there is no
    difference; else `equivalent` where the plain 90 % interval lies within the margin; else `not
    shown`. Widths are Šidák's: at `level` all intervals of the family hold together. Holm goes down
    in steps, so it can show a difference whose interval includes 0.

    Args:
        pairs: one number per replicate, of a row and of what it is compared with; `NOTHING` stands
            for 0.
        margin: what is too small to matter, > 0, in the unit of the values.
        level: of the family, in `(0, 1)`.

    Returns:
        `JUDGED`, a line per pair: the difference, the ends of its simultaneous and of its plain
        90 % interval, its p-value, plain and by Holm, and the verdict. Without an interval (see
        `welch`) the numbers are NaN, the verdict is `no interval`, and the line does not count in
        the family.

    Raises:
        ValueError: a margin that is not positive, or as `differences`.
    """
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin}")
    pairs = list(pairs)
    found = differences(pairs)
    told = ~np.isnan(found.errors)
    wide = found.half_widths(together(level, max(1, int(told.sum()))))
    narrow = found.half_widths(EQUIVALENCE)
    p, adjusted = found.p_values(), np.full(len(pairs), np.nan)
    adjusted[told] = holm(p[told])
    within = np.abs(found.means) + narrow < margin
    verdicts = np.where(within, EQUIVALENT, NOT_SHOWN)
    verdicts = np.where(adjusted <= 1 - level, SHOWN, verdicts)
    ends = [found.means + side * half for half in (wide, narrow) for side in (-1, 1)]
    seeds = [[len(side) for side in pair] for pair in pairs]
    columns = [*np.transpose(seeds), found.means, *ends, p, adjusted]
    table = pd.DataFrame(dict(zip(JUDGED, columns, strict=False)))
    return table.assign(verdict=np.where(told, verdicts, NO_INTERVAL))


def family(
    values: Mapping[str, Values], controls: Sequence[str], margin: float, level: float = LEVEL
) -> pd.DataFrame:
    """Compare every row of one data set with every control, all at once, see `judged`.

    Args:
        values: row -> one number per replicate.
        controls: rows to compare with; two of them are compared once, the later minus the earlier.
        margin, level: as of `judged`.

    Returns:
        `COLUMNS`, a line per comparison.

    Raises:
        ValueError: a control that is no row, or as `judged`.
    """
    missing = [name for name in controls if name not in values]
    if missing:
        raise ValueError(f"no row {', '.join(missing)} to compare with")
    names = comparisons(list(values), controls)
    table = judged([(values[row], values[control]) for row, control in names], margin, level)
    return pd.concat([pd.DataFrame(names, columns=["row", "control"]), table], axis=1)


def holm(p: np.ndarray) -> np.ndarray:
    """Return p-values of a family of tests by Holm's step-down: smallest times n, and so on.

    Args:
        p: `(n,)`, in `[0, 1]`.

    Returns:
        `(n,)`, in `[0, 1]`, in the same order: to be compared with the level of the whole family.
    """
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, steps)
    return adjusted


def comparisons(rows: Sequence[str], controls: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs (row, control) of a family; two controls are compared once."""
    order = list(controls)
    return [
        (row, control)
        for at, control in enumerate(order)
        for row in rows
        if row not in order[: at + 1]
    ]


def _has_interval(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether there is a spread to judge by.

    Accuracies count whole clips, so that all seeds agree on a small test split is a coincidence and
    no spread of zero.
    """
    return min(len(a), len(b)) > 1 and max(spread(a).sd, spread(b).sd) > 1e-9
