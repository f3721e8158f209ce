"""Paired differences: published examples, an independent score interval, scipy, and their coherence."""

import math
import random

import pytest
from scipy import optimize, stats

from promptlab.statistics.paired import mcnemar, paired_difference, tango


def verdicts(*, fixed=0, regressed=0, both_pass=0, both_fail=0):
    a = [0.0] * fixed + [1.0] * regressed + [1.0] * both_pass + [0.0] * both_fail
    b = [1.0] * fixed + [0.0] * regressed + [1.0] * both_pass + [0.0] * both_fail
    return a, b


def score_interval(fixed, regressed, n, *, confidence=0.95):
    """Tango's interval from first principles: the likelihood maximised by scipy, the score test inverted by brentq."""

    def statistic(difference):
        def cost(share):
            cells = (fixed, share + difference), (regressed, share), (n - fixed - regressed, 1 - 2 * share - difference)
            return -sum(count * math.log(max(chance, 1e-300)) for count, chance in cells if count)

        least, most = max(0.0, -difference), (1 - difference) / 2
        share = optimize.minimize_scalar(cost, bounds=(least, most), method="bounded", options={"xatol": 1e-13}).x
        return (fixed - regressed - n * difference) / math.sqrt(n * (2 * share + difference * (1 - difference)))

    z = stats.norm.ppf(0.5 + confidence / 2)
    observed, edge = (fixed - regressed) / n, 1 - 1e-7
    low = optimize.brentq(lambda difference: statistic(difference) - z, -edge, observed - 1e-9)
    high = optimize.brentq(lambda difference: statistic(difference) + z, observed + 1e-9, edge)
    return low, high


def test_the_published_example_of_tangos_interval_and_the_exact_test():
    # Complete response before and after consolidation therapy: Fagerland, Lydersen and Laake (2017), Statistical
    # Analysis of Contingency Tables, chapter 8.
    a, b = verdicts(fixed=6, regressed=16, both_pass=59, both_fail=80)
    interval = tango(6, 16, 161)
    assert (round(interval.low, 4), round(interval.high, 4)) == (-0.1240, -0.0054)
    found = paired_difference(a, b, passfail=True)
    assert round(found.p_value, 6) == 0.052479
    assert round(found.mean, 4) == -0.0621
    assert (found.fixed, found.regressed, found.both_pass, found.both_fail, found.n) == (6, 16, 59, 80, 161)


@pytest.mark.parametrize(("fixed", "regressed", "n"), [(1, 7, 21), (12, 2, 52), (40, 20, 160), (3, 2, 60), (5, 9, 15)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_tangos_interval_agrees_with_a_score_test_inverted_by_scipy(fixed, regressed, n, confidence):
    found = tango(fixed, regressed, n, confidence=confidence)
    low, high = score_interval(fixed, regressed, n, confidence=confidence)
    assert (found.low, found.high) == (pytest.approx(low, abs=2e-6), pytest.approx(high, abs=2e-6))


def test_tangos_interval_has_a_closed_form_where_no_case_changed():
    z = stats.norm.ppf(0.975)
    for n in [2, 10, 60, 5_000]:
        found = tango(0, 0, n)
        assert found.high == pytest.approx(z**2 / (n + z**2), abs=1e-12)
        assert found.low == -found.high


def test_tangos_interval_turns_over_with_the_variants():
    one, other = tango(9, 2, 40), tango(2, 9, 40)
    assert (one.low, one.high) == (-other.high, -other.low)


def test_tangos_interval_stays_within_minus_1_and_1():
    for n in [2, 3, 10]:
        assert tango(n, 0, n).high == 1.0
        assert tango(0, n, n).low == -1.0


@pytest.mark.parametrize(("fixed", "regressed", "n"), [(-1, 0, 5), (3, 3, 5), (0, 0, 0)])
def test_counts_that_do_not_fit_are_refused(fixed, regressed, n):
    with pytest.raises(ValueError, match="counts"):
        tango(fixed, regressed, n)


def test_the_exact_test_agrees_with_scipy():
    for fixed in range(0, 60, 3):
        for regressed in range(1, 60, 4):
            expected = stats.binomtest(fixed, fixed + regressed).pvalue
            assert mcnemar(fixed, regressed) == pytest.approx(expected, rel=1e-10)


def test_the_exact_test_of_many_changes_agrees_with_scipy():
    for fixed, regressed in [(100, 100), (101, 100), (400, 500), (3_000, 2_800), (50_000, 50_100)]:
        expected = stats.binomtest(fixed, fixed + regressed).pvalue
        assert mcnemar(fixed, regressed) == pytest.approx(expected, rel=1e-9)


def test_the_exact_test_of_no_change_is_sure_of_nothing():
    assert mcnemar(0, 0) == 1.0
    with pytest.raises(ValueError, match="counts"):
        mcnemar(-1, 2)


def test_six_changes_of_one_direction_are_the_fewest_that_count():
    assert mcnemar(5, 0) == 0.0625
    assert mcnemar(6, 0) == 0.03125


def test_numbers_agree_with_scipys_paired_t_test():
    draw = random.Random(7)
    a = [draw.gauss(10, 3) for _ in range(25)]
    b = [value + draw.gauss(0.4, 1) for value in a]
    found = paired_difference(a, b, passfail=False)
    expected = stats.ttest_rel(b, a)
    bounds = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-10)
    assert (found.low, found.high) == (pytest.approx(bounds.low, rel=1e-10), pytest.approx(bounds.high, rel=1e-10))
    assert found.method == "paired t test and interval"
    assert (found.fixed, found.regressed, found.both_pass, found.both_fail) == (None, None, None, None)


def test_verdicts_averaged_over_repeats_are_compared_as_numbers():
    a, b = [0.5, 1.0, 0.0, 0.5, 1.0], [1.0, 1.0, 0.5, 0.0, 1.0]
    found = paired_difference(a, b, passfail=True)
    assert found.p_value == pytest.approx(stats.ttest_rel(b, a).pvalue)
    assert found.fixed is None
    assert found.shares


def test_the_order_of_pairs_does_not_matter_and_turning_over_changes_the_sign():
    a, b = verdicts(fixed=7, regressed=2, both_pass=5, both_fail=6)
    found, turned = paired_difference(a, b, passfail=True), paired_difference(b, a, passfail=True)
    assert (turned.mean, turned.low, turned.high) == (-found.mean, -found.high, -found.low)
    assert turned.p_value == found.p_value
    assert paired_difference(a[::-1], b[::-1], passfail=True) == found


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="not 2 and 1"):
        paired_difference([1, 0], [1], passfail=True)


def test_no_case_and_one_case_have_no_interval():
    nothing = paired_difference([], [], passfail=True)
    assert (nothing.mean, nothing.low, nothing.p_value, nothing.n) == (None, None, None, 0)
    one = paired_difference([0.0], [1.0], passfail=True)
    assert (one.mean, one.low, one.high, one.p_value, one.fixed) == (1.0, None, None, None, 1)
    assert one.cases_for(0.03) is None


def test_a_value_that_is_not_finite_leaves_no_interval():
    found = paired_difference([1.0, 2.0, math.nan], [1.0, 3.0, 1.0], passfail=False)
    assert (found.low, found.high, found.p_value) == (None, None, None)
    assert found.cases_for(0.1) is None


def test_no_difference_in_any_number_is_a_p_of_1():
    found = paired_difference([0.3] * 8, [0.3] * 8, passfail=False)
    assert (found.mean, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_the_same_difference_everywhere_is_only_as_sure_as_the_number_of_its_signs():
    few = paired_difference([0.6, 0.3, 0.8], [0.7, 0.4, 0.9], passfail=False)
    assert few.p_value == 0.25
    assert (few.low, few.high) == (0.0, pytest.approx(0.1))
    many = paired_difference([0.6] * 10, [0.7] * 10, passfail=False)
    assert many.p_value == 2.0**-9
    assert many.low == pytest.approx(0.1)


def test_the_interval_holds_0_wherever_the_test_does_not_reject():
    for n in [6, 25, 60]:
        for fixed in range(n + 1):
            for regressed in range(n + 1 - fixed):
                found = paired_difference(
                    *verdicts(fixed=fixed, regressed=regressed, both_fail=n - fixed - regressed), passfail=True
                )
                assert (found.low <= 0 <= found.high) == (found.p_value > 0.05), (fixed, regressed, n)


def test_another_confidence_level_keeps_interval_and_test_together():
    found = paired_difference(*verdicts(fixed=8, regressed=1, both_pass=31), passfail=True)
    assert found.p_value == pytest.approx(0.0390625)
    assert found.interval(0.95).low > 0
    assert found.interval(0.97).low <= 0
    assert found.interval(0.8).low > found.interval(0.95).low
    assert found.interval(0.95).low == found.low


def test_cases_for_finds_the_first_number_of_cases_that_is_enough():
    found = paired_difference(*verdicts(fixed=3, regressed=2, both_pass=30, both_fail=25), passfail=True)
    needed = found.cases_for(0.03)

    def half(n):
        interval = tango(3 * n / 60, 2 * n / 60, n)
        return (interval.high - interval.low) / 2

    assert half(needed) <= 0.03 < half(needed - 1)
    assert needed == 389
    assert found.cases_for(found.half_width()) == 60


def test_cases_for_numbers_follows_the_deviation():
    draw = random.Random(3)
    a = [draw.gauss(0, 1) for _ in range(40)]
    b = [draw.gauss(0, 1) for _ in range(40)]
    found = paired_difference(a, b, passfail=False)
    needed = found.cases_for(0.05)

    def half(n):
        return stats.t.ppf(0.975, n - 1) * found.deviation / math.sqrt(n)

    assert half(needed) <= 0.05 < half(needed - 1)
    assert found.cases_for(found.half_width()) == 40


def test_cases_for_a_difference_that_no_number_of_cases_shows_is_none():
    found = paired_difference(*verdicts(fixed=3, regressed=2, both_pass=5), passfail=True)
    assert found.cases_for(1e-9) is None
    with pytest.raises(ValueError, match="above 0"):
        found.cases_for(0)
