"""What seeds can tell: spread, the difference that would show, and families of intervals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import FTestAnovaPower

from companion.evidence import intervals
from companion.evidence.intervals import NOTHING, comparisons, family, judged, welch
from companion.spread import detectable, difference, pooled, sensitivity, spread, together

SEEDS = st.lists(st.integers(0, 200).map(lambda k: k / 200), min_size=2, max_size=6)


def test_spread_and_difference_by_hand():
    # Deviations -1, 0, 1 and -2, 0, 2: variances 1 and 4, which add up.
    assert spread([1, 2, 3]) == (2, 1)
    assert difference([1, 2, 3], [2, 4, 6]) == (-2, pytest.approx(math.sqrt(5)))


def test_one_seed_has_a_mean_and_no_spread():
    mean, sd = spread([0.5])
    assert mean == 0.5 and math.isnan(sd)
    assert math.isnan(difference([0.5], [0.1, 0.2]).sd)
    assert math.isnan(pooled([np.nan, 1.0])) and math.isnan(detectable(np.nan, 1))


def test_the_pooled_spread_is_the_root_of_the_mean_variance():
    assert pooled([3.0, 4.0]) == pytest.approx(math.sqrt(12.5))


@pytest.mark.parametrize(("seeds", "effect"), [(64, 0.5), (26, 0.8)])
def test_medium_and_large_effects_need_the_sizes_that_cohen_prints(seeds, effect):
    # Cohen 1992, "A power primer", Table 2: two means, 80 % power, two-sided 5 %.
    assert detectable(1, seeds) <= effect < detectable(1, seeds - 1)


def test_three_seeds_show_three_standard_deviations_with_the_promised_power():
    # T^2 of two samples of three, drawn at the difference that is said to be shown 4 times in 5.
    for comparisons_, wanted in ((1, 3.07), (55, 8.87)):
        effect = detectable(1, 3, comparisons_)
        assert effect == pytest.approx(wanted, abs=0.005)
        draws = np.random.default_rng(0).normal(size=(2, 3, 20_000))
        p = stats.ttest_ind(draws[0] + effect, draws[1]).pvalue
        assert np.mean(p < 1 - together(0.95, comparisons_)) == pytest.approx(0.8, abs=0.01)


@given(st.integers(2, 30), st.integers(1, 200), st.floats(0.1, 10))
def test_more_seeds_show_less_and_more_comparisons_need_more(seeds, number, sd):
    shown = detectable(sd, seeds, number)
    assert detectable(sd, seeds + 1, number) < shown < detectable(sd, seeds, number + 1)
    assert shown == pytest.approx(sd * detectable(1, seeds, number))


def test_a_table_says_what_it_can_tell():
    found = sensitivity([3.0, 4.0], 3, 55)
    assert found.pooled_sd == pytest.approx(math.sqrt(12.5)) and found.comparisons == 55
    assert found.alone == pytest.approx(3.0709 * found.pooled_sd, rel=1e-4)
    assert found.together == pytest.approx(8.8724 * found.pooled_sd, rel=1e-4)


def test_welch_by_hand():
    # Variances 1 and 4, three seeds each: standard error sqrt(5 / 3), and Satterthwaite's
    # (5/3)^2 / ((1/3)^2 / 2 + (4/3)^2 / 2) = 50 / 17 degrees of freedom.
    mean, half = welch([1, 2, 3], [2, 4, 6])
    assert mean == -2
    assert half == pytest.approx(stats.t.ppf(0.975, 50 / 17) * math.sqrt(5 / 3))


@given(SEEDS, SEEDS)
def test_turning_the_comparison_round_turns_the_sign_only(a, b):
    one, other = welch(a, b), welch(b, a)
    assert one.mean == pytest.approx(-other.mean)
    assert one.half_width == pytest.approx(other.half_width, nan_ok=True)


@given(SEEDS)
def test_equal_samples_differ_by_nothing(a):
    gap = welch(a, a)
    assert gap.mean == 0 and not gap.half_width <= 0


@pytest.mark.parametrize(
    ("a", "b"), [([0.5], [0.1, 0.2]), ([0.1, 0.2], [0.5]), ([0.5, 0.5], [0.4, 0.4])]
)
def test_without_spread_there_is_no_interval_and_no_verdict(a, b):
    assert math.isnan(welch(a, b).half_width)
    (line,) = family({"concat": b, "olm": a}, ["concat"], 0.01).to_dict("records")
    assert line["verdict"] == intervals.NO_INTERVAL
    assert math.isnan(line["p"]) and math.isnan(line["low"])
    assert line["difference"] == pytest.approx(np.mean(a) - np.mean(b))


def test_one_constant_row_still_has_an_interval_by_the_other():
    # Variances 0 and 2: one degree of freedom, standard error 1.
    assert welch([5, 5], [1, 3]).half_width == pytest.approx(stats.t.ppf(0.975, 1))


def test_controls_are_compared_once():
    rows = ["audio", "concat", "heads", "olm"]
    assert comparisons(rows, ["concat", "heads"]) == [
        ("audio", "concat"), ("heads", "concat"), ("olm", "concat"),
        ("audio", "heads"), ("olm", "heads"),
    ]  # fmt: skip


def test_a_family_of_one_is_plain_welch():
    values = {"concat": [1.0, 2, 3], "olm": [4.0, 5.5, 6]}
    (line,) = family(values, ["concat"], 1).to_dict("records")
    gap = welch(values["olm"], values["concat"])
    assert line["low"] == pytest.approx(gap.mean - gap.half_width)
    assert line["high"] == pytest.approx(gap.mean + gap.half_width)
    known = stats.ttest_ind(values["olm"], values["concat"], equal_var=False)
    assert line["p"] == line["p_holm"] == pytest.approx(known.pvalue)
    assert (line["low"], line["high"]) == pytest.approx(tuple(known.confidence_interval(0.95)))


def test_the_family_makes_intervals_wider_and_p_larger_as_by_hand():
    rng = np.random.default_rng(1)
    values = {name: rng.normal(size=6) for name in ("concat", "heads", "a", "b")}
    table = family(values, ["concat", "heads"], 1)
    # Three rows against Concat, two more against three heads.
    assert len(table) == 5
    for line in table.to_dict("records"):
        pair = values[line["row"]], values[line["control"]]
        wide = welch(*pair, 0.95 ** (1 / 5))
        assert (line["high"] - line["low"]) / 2 == pytest.approx(wide.half_width)
    # Holm: the smallest five times, the next four times, none below the one before.
    order = table.sort_values("p")
    wanted = np.minimum(1, np.maximum.accumulate(order["p"] * [5, 4, 3, 2, 1]))
    assert order["p_holm"].to_numpy() == pytest.approx(wanted.to_numpy())


def test_holm_by_hand_in_any_order_and_as_in_statsmodels():
    # 3 * 0.01, then 2 * 0.04, and 1 * 0.045 is pulled up to what stands before it.
    p = np.array([0.04, 0.01, 0.045])
    assert intervals.holm(p) == pytest.approx([0.08, 0.03, 0.08])
    assert intervals.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert intervals.holm(np.array([0.6, 0.9])) == pytest.approx([1, 1])


def test_the_three_verdicts():
    seeds = np.array([-0.1, 0, 0.1, -0.05, 0.05])
    values = {"concat": seeds, "far": seeds + 2, "near": seeds + 0.01, "wild": 20 * seeds}
    verdicts = family(values, ["concat"], 0.5).set_index("row")["verdict"]
    assert verdicts.to_dict() == {"far": "shown", "near": "equivalent", "wild": "not shown"}
    # What is near is not equivalent if less than that matters, and shown comes before equivalent.
    assert family(values, ["concat"], 0.02).set_index("row")["verdict"]["near"] == "not shown"
    assert family(values, ["concat"], 3).set_index("row")["verdict"]["far"] == "shown"


def test_a_line_without_interval_does_not_count_in_the_family():
    values = {"concat": [1.0, 2, 3], "olm": [4.0, 5.5, 6], "once": [9.0]}
    table = family(values, ["concat"], 1).set_index("row")
    assert table.loc["olm", "p_holm"] == pytest.approx(table.loc["olm", "p"])
    assert table.loc["once", "verdict"] == intervals.NO_INTERVAL


def simulated(rng, seeds=10, gain=0.0):
    """A study's table in points: Concat spreads twice as much as the rows, which do not differ."""
    rows = dict(zip(ROWS, rng.normal(60, 0.8, (len(ROWS), seeds)), strict=True))
    rows["concat"] = rng.normal(60, 1.6, seeds)
    rows["olm_paper"] += gain
    return family(rows, ["concat", "three_heads"], 1.0)


ROWS = ["concat", "three_heads", "audio_only", "visual_only", "olm_paper"]
ROWS += [f"row {i}" for i in range(11)]


def test_a_planted_gain_is_found_in_a_simulated_study():
    table = simulated(np.random.default_rng(0), gain=3.0).set_index(["row", "control"])
    for control in ("concat", "three_heads"):
        line = table.loc[("olm_paper", control)]
        assert line["verdict"] == "shown" and line["low"] < 3 < line["high"]
    assert table["verdict"].eq("shown").sum() == 2


def test_where_nothing_differs_few_simulated_studies_show_anything():
    """At most 8 % of 300: the level is 5 %, and two standard errors are 2.5."""
    rng, studies = np.random.default_rng(1), 300
    wrong = plain = outside = 0
    for _ in range(studies):
        table = simulated(rng)
        wrong += table["verdict"].eq("shown").any()
        outside += ((table["low"] > 0) | (table["high"] < 0)).any()
        plain += (table["p"] < 0.05).any()
    assert wrong / studies <= 0.08 and outside / studies <= 0.08
    assert plain / studies > 0.3, "without the correction it is luck that shows differences"


def test_a_known_number_is_compared_by_the_one_sample_test():
    values = [0.1, 0.4, 0.3, -0.1]
    (line,) = judged([(values, NOTHING)], 1).to_dict("records")
    known = stats.ttest_1samp(values, 0)
    assert line["p"] == pytest.approx(known.pvalue)
    assert (line["low"], line["high"]) == pytest.approx(tuple(known.confidence_interval(0.95)))


def test_pairs_at_once_are_those_of_scipy_one_by_one():
    rng = np.random.default_rng(2)
    pairs = [(rng.normal(size=n), rng.normal(0, 3, m)) for n, m in ((3, 9), (4, 4), (12, 2))]
    found = intervals.differences(pairs)
    for at, (a, b) in enumerate(pairs):
        known = stats.ttest_ind(a, b, equal_var=False)
        assert found.free[at] == pytest.approx(known.df)
        assert found.p_values()[at] == pytest.approx(known.pvalue)


def test_what_statsmodels_says_of_power_where_it_finds_it():
    """It finds no root for three seeds, so `detectable` has its own."""
    alpha = 1 - together(0.95, 31)
    effect = FTestAnovaPower().solve_power(nobs=40, alpha=alpha, power=0.8, k_groups=2)
    assert detectable(1, 20, 31) == pytest.approx(2 * effect)


@given(st.lists(SEEDS, min_size=2, max_size=5), st.floats(0.01, 1))
def test_verdicts_follow_from_the_numbers(rows, margin):
    values = {f"row {i}": seeds for i, seeds in enumerate(rows)}
    table = family(values, ["row 0"], margin)
    for line in table.to_dict("records"):
        inside = -margin < line["low90"] and line["high90"] < margin
        match line["verdict"]:
            case "shown":
                assert line["p_holm"] <= 0.05
            case "equivalent":
                assert inside and line["p_holm"] > 0.05
            case "not shown":
                assert not inside and line["p_holm"] > 0.05
            case other:
                assert other == "no interval" and math.isnan(line["p_holm"])
        if line["verdict"] != "no interval":
            assert line["low"] <= line["difference"] <= line["high"]
            assert line["low"] <= line["low90"] + 1e-12 and line["high90"] <= line["high"] + 1e-12


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="one number per seed"):
        spread([])
    with pytest.raises(ValueError, match="finite"):
        welch([0.5, float("nan")], [1, 2])
    with pytest.raises(ValueError, match="level"):
        welch([1, 2], [1, 3], 95)
    with pytest.raises(ValueError, match="no row concat"):
        family({"olm": [1, 2]}, ["concat"], 1)
    with pytest.raises(ValueError, match="margin"):
        family({"olm": [1, 2], "concat": [1, 3]}, ["concat"], 0)
    with pytest.raises(ValueError, match="at least one comparison"):
        together(0.95, 0)
