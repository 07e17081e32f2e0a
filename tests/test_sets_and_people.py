"""One comparison over data sets, and over people."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from companion.evidence.people import people
from companion.evidence.sets import random_effects


def test_equal_errors_give_the_plain_mean_with_students_interval():
    # With equal errors all weights are equal, and the interval is that of a mean of three numbers.
    found = random_effects([1.0, 2.0, 6.0], [0.1, 0.1, 0.1])
    assert found.mean == pytest.approx(3)
    half = stats.t.ppf(0.975, 2) * np.std([1, 2, 6], ddof=1) / math.sqrt(3)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half))
    # The spread of the numbers is that of the sets and of the errors.
    assert found.tau**2 + 0.01 == pytest.approx(np.var([1, 2, 6], ddof=1))


def test_where_sets_agree_the_precise_one_counts_most():
    found = random_effects([1.0, 1.1, 1.0], [0.1, 1.0, 1.0])
    assert found.tau == 0 and found.mean == pytest.approx(1.0 + 0.1 / 102)


def test_sets_that_agree_by_luck_prove_no_more_than_their_errors():
    found = random_effects([1.0, 1.0], [0.3, 0.3])
    assert (found.high - found.low) / 2 == pytest.approx(stats.t.ppf(0.975, 1) * 0.3 / 2**0.5)


def test_of_one_set_there_is_no_interval_over_sets():
    mean, low, *_ = random_effects([1.5], [0.2])
    assert mean == 1.5 and math.isnan(low)
    with pytest.raises(ValueError, match="positive errors"):
        random_effects([1.0, 2.0], [0.1, 0.0])


def answered(rates, seeds=4, actors=8, clips=10, spread=0.0):
    """Return every clip of every run: row -> share of right answers, which actors change alike."""
    rng = np.random.default_rng(0)
    shift, lines = rng.normal(0, spread, actors), []
    for row, rate in rates.items():
        for seed in range(seeds):
            for actor in range(actors):
                right = round(np.clip(rate + shift[actor], 0, 1) * clips)
                lines += [(row, seed, f"{actor}", f"{actor}-{i}", i < right) for i in range(clips)]
    return pd.DataFrame(lines, columns=["row", "seed", "group", "id", "correct"])


def test_what_moves_both_rows_alike_cancels():
    clips = answered({"a": 0.7, "b": 0.4}, spread=0.1)
    (line,) = people(clips, [("a", "b")], draws=500).to_dict("records")
    assert line["difference"] == pytest.approx(30, abs=2) and line["people"] == 8
    assert line["low"] > 25 and line["high"] < 35
    # Without the same draw for both, actors would add their own spread of 10 points.


def test_the_interval_widens_with_what_people_do_differently():
    clips = answered({"a": 0.5, "b": 0.5})
    first = clips["group"].astype(int) < 4
    for row, sign in (("a", 1), ("b", -1)):
        own = clips["row"].eq(row)
        better = own & (first if sign > 0 else ~first)
        clips.loc[own, "correct"] = False
        clips.loc[better, "correct"] = True
    (line,) = people(clips, [("a", "b")], draws=2000).to_dict("records")
    # Each actor's difference is +100 or -100: of eight, a mean has SD 100 / sqrt 8.
    assert line["difference"] == 0
    assert line["high"] == pytest.approx(1.96 * 100 / 8**0.5, rel=0.15)
    (each,) = people(clips, [("a", "b")], by="id", draws=2000).to_dict("records")
    assert each["people"] == 80 and each["high"] < line["high"] / 2


def test_draws_are_the_same_every_time():
    clips = answered({"a": 0.7, "b": 0.4}, spread=0.2)
    assert people(clips, [("a", "b")], draws=700).equals(people(clips, [("a", "b")], draws=700))


def test_rows_that_were_not_tested_alike_are_refused():
    clips = answered({"a": 0.7, "b": 0.4})
    with pytest.raises(ValueError, match="no row c"):
        people(clips, [("a", "c")])
    with pytest.raises(ValueError, match="every seed"):
        people(clips.query("row != 'b' or seed != 1 or group != '3'"), [("a", "b")])
    with pytest.raises(ValueError, match="same seeds and clips"):
        people(clips.query("row != 'b' or seed < 2"), [("a", "b")])
