"""From judged differences to verdicts, and from data sets to all of them."""

import pandas as pd
import pytest

from companion.evidence import verdicts
from companion.evidence.claim import (
    CONTRADICTED,
    HEADS_ONLY,
    MIXED,
    NO_SPREAD,
    NOT_SHOWN,
    SUPPORTED,
)
from companion.evidence.intervals import EQUIVALENT, NO_INTERVAL, SHOWN
from companion.evidence.intervals import NOT_SHOWN as UNCLEAR


def lines(*found):
    table = pd.DataFrame(found, columns=["difference", "verdict"])
    return table.assign(control=[*verdicts.CONTROLS][: len(table)])


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([(1, SHOWN)], SUPPORTED),
        ([(-1, SHOWN)], CONTRADICTED),
        ([(0.1, EQUIVALENT)], CONTRADICTED),
        ([(1, UNCLEAR)], NOT_SHOWN),
        ([(1, SHOWN), (2, SHOWN)], SUPPORTED),
        ([(1, SHOWN), (0.1, EQUIVALENT)], NOT_SHOWN),
        ([(1, UNCLEAR), (-2, SHOWN)], CONTRADICTED),
        ([(0, EQUIVALENT), (0, EQUIVALENT)], CONTRADICTED),
        ([(1, SHOWN), (float("nan"), NO_INTERVAL)], NO_SPREAD),
    ],
)
def test_a_claim_that_differences_are_above_0(found, verdict):
    assert verdicts.above(lines(*found)) == verdict


def test_what_is_shown_over_concat_alone_is_the_work_of_the_heads():
    assert verdicts.above_controls(lines((1, SHOWN), (0.5, UNCLEAR))) == HEADS_ONLY
    assert verdicts.above_controls(lines((1, UNCLEAR), (0.5, SHOWN))) == NOT_SHOWN
    assert verdicts.above_controls(lines((1, SHOWN), (0.5, SHOWN))) == SUPPORTED
    assert verdicts.above_controls(lines((1, SHOWN), (-0.5, SHOWN))) == CONTRADICTED


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([SUPPORTED, NOT_SHOWN, HEADS_ONLY], SUPPORTED),
        ([NOT_SHOWN, CONTRADICTED, NO_SPREAD], CONTRADICTED),
        ([SUPPORTED, CONTRADICTED], MIXED),
        ([HEADS_ONLY, NOT_SHOWN], HEADS_ONLY),
        ([NOT_SHOWN, NO_SPREAD], NOT_SHOWN),
    ],
)
def test_data_sets_together(found, verdict):
    assert verdicts.over_sets(found) == verdict
