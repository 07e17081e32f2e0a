"""Intervals and verdicts of the study: differences to the controls, all of one family at once.

Tables of three seeds have no verdicts; these are for tables that can bear them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from companion.spread import LEVEL, one_per_seed, spread, together
from olmlib.metrics import Interval

SHOWN, EQUIVALENT, NOT_SHOWN = "shown", "equivalent", "not shown"
NO_INTERVAL = "no interval"
# Of the interval that must lie within the margin: two one-sided tests at 5 % each.
EQUIVALENCE = 0.90
COLUMNS = ["row", "control", "seeds", "control_seeds", "difference", "low", "high"]
COLUMNS += ["low90", "high90", "p", "p_holm", "verdict"]


def welch(
    a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray, level: float = LEVEL
) -> Interval:
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
    one, other = one_per_seed(a), one_per_seed(b)
    mean = float(one.mean() - other.mean())
    if not _has_interval(one, other):
        return Interval(mean, float("nan"))
    error, free = _error(one, other)
    return Interval(mean, float(stdtrit(free, (1 + level) / 2)) * error)


def family(
    values: Mapping[str, Sequence[float] | np.ndarray],
    controls: Sequence[str],
    margin: float,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Compare every row of one data set with every control, all at once.

    The verdict is `shown` where Holm's step-down over the family rejects that there is no
    difference; else `equivalent` where the plain 90 % interval lies within the margin; else `not
    shown`. Widths are Šidák's: at `level` all intervals of the family hold together. Holm goes down
    in steps, so it can show a difference whose interval includes 0.

    Args:
        values: row -> one number per replicate.
        controls: rows to compare with; two of them are compared once, the later minus the earlier.
        margin: what is too small to matter, > 0, in the unit of the values.
        level: of the family, in `(0, 1)`.

    Returns:
        `COLUMNS`, a line per comparison: the difference, the ends of its simultaneous and of its
        plain 90 % interval, its p-value, plain and by Holm, and the verdict. Without an interval
        (see `welch`) the numbers are NaN, the verdict is `no interval`, and the line does not count
        in the family.

    Raises:
        ValueError: a control that is no row, a margin that is not positive, or as `welch`.
    """
    missing = [name for name in controls if name not in values]
    if missing:
        raise ValueError(f"no row {', '.join(missing)} to compare with")
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin}")
    numbers = {name: one_per_seed(one) for name, one in values.items()}
    pairs = comparisons(list(numbers), controls)
    told = [_has_interval(numbers[row], numbers[control]) for row, control in pairs]
    own = together(level, max(1, sum(told)))
    lines = []
    for row, control in pairs:
        a, b = numbers[row], numbers[control]
        wide, narrow = welch(a, b, own), welch(a, b, EQUIVALENCE)
        ends = [gap.mean + s * gap.half_width for gap in (wide, narrow) for s in (-1, 1)]
        p = _p_value(a, b) if _has_interval(a, b) else np.nan
        lines.append((row, control, len(a), len(b), wide.mean, *ends, p, np.nan, NO_INTERVAL))
    table = pd.DataFrame(lines, columns=COLUMNS)
    if any(told):
        adjusted = holm(table.loc[told, "p"].to_numpy())
        table.loc[told, "p_holm"], shown = adjusted, adjusted <= 1 - level
        within = (table["low90"] > -margin) & (table["high90"] < margin)
        verdicts = np.where(within[told], EQUIVALENT, NOT_SHOWN)
        table.loc[told, "verdict"] = np.where(shown, SHOWN, verdicts)
    return table


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


def _error(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return the standard error of the difference of two means, and Satterthwaite's freedom."""
    one, other = (values.var(ddof=1) / len(values) for values in (a, b))
    free = (one + other) ** 2 / (one**2 / (len(a) - 1) + other**2 / (len(b) - 1))
    return float(np.sqrt(one + other)), float(free)


def _p_value(a: np.ndarray, b: np.ndarray) -> float:
    """Return the two-sided p-value of Welch's test."""
    error, free = _error(a, b)
    return 2 * float(stdtr(free, -abs(a.mean() - b.mean()) / error))


def _has_interval(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether there is a spread to judge by.

    Accuracies count whole clips, so that all seeds agree on a small test split is a coincidence and
    no spread of zero.
    """
    return min(len(a), len(b)) > 1 and max(spread(a).sd, spread(b).sd) > 1e-9
