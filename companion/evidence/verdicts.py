"""From judged differences to the verdict on a claim, and from data sets to all of them."""

from collections.abc import Iterable

import pandas as pd

from companion.evidence.claim import (
    CONTRADICTED,
    HEADS_ONLY,
    MIXED,
    NO_SPREAD,
    NOT_SHOWN,
    SUPPORTED,
)
from companion.evidence.intervals import EQUIVALENT, NO_INTERVAL, SHOWN

CONTROLS = ("concat", "three_heads")


def above(lines: pd.DataFrame) -> str:
    """Return the verdict on a claim that every difference of some lines is above 0.

    Args:
        lines: columns `difference` and `verdict`, as of `intervals.judged`.

    Returns:
        Supported where all are shown above 0; contradicted where one is shown below 0 or all are
        equivalent; without an interval, that.
    """
    verdicts, gain = lines["verdict"], lines["difference"]
    if verdicts.eq(NO_INTERVAL).any():
        return NO_SPREAD
    shown = verdicts == SHOWN
    if (shown & (gain < 0)).any() or verdicts.eq(EQUIVALENT).all():
        return CONTRADICTED
    return SUPPORTED if shown.all() else NOT_SHOWN


def above_controls(lines: pd.DataFrame) -> str:
    """Return the verdict on a claim of a gain over Concat and over three heads, see `above`.

    What is shown over Concat and not over three heads is the work of the heads.

    Args:
        lines: columns `control`, `difference` and `verdict`, a line per control.
    """
    verdict = above(lines)
    found = lines.set_index("control")["verdict"]
    if verdict == NOT_SHOWN and found[CONTROLS[0]] == SHOWN:
        return HEADS_ONLY
    return verdict


def over_sets(verdicts: Iterable[str]) -> str:
    """Return the verdict over data sets of one kind.

    Supported where it is on one at least and contradicted on none; contradicted where it is on one
    at least and supported on none; mixed where both happen; the heads' work where that is all that
    is shown; else not shown.

    Args:
        verdicts: one per data set.
    """
    found = set(verdicts)
    if {SUPPORTED, CONTRADICTED} <= found:
        return MIXED
    order = (SUPPORTED, CONTRADICTED, HEADS_ONLY)
    return next((verdict for verdict in order if verdict in found), NOT_SHOWN)
