"""Intervals of a mean: published values, scipy, and the edges."""

import math

import pytest
from scipy import stats

from promptlab.statistics.intervals import mean_interval, wilson
from promptlab.types import Interval


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_bounds(successes, n, low, high):
    interval = wilson(successes, n)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_wilson_agrees_with_scipy(confidence):
    for n in [1, 2, 7, 60, 872]:
        for successes in {0, 1, n // 3, n // 2, n - 1, n}:
            expected = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
            found = wilson(successes, n, confidence=confidence)
            assert found.mean == successes / n
            assert found.low == pytest.approx(expected.low, abs=1e-12)
            assert found.high == pytest.approx(expected.high, abs=1e-12)


def test_wilson_at_the_ends_is_exact_there_and_not_a_point():
    assert wilson(0, 60).low == 0.0
    assert wilson(60, 60).high == 1.0
    assert wilson(0, 60).high == pytest.approx(0.0602, abs=1e-4)


def test_wilson_refuses_more_successes_than_cases():
    with pytest.raises(ValueError, match="7 of 6"):
        wilson(7, 6)


def test_pass_and_fail_get_wilson():
    assert mean_interval([1, 1, 0, 1], passfail=True) == wilson(3, 4)
    assert mean_interval([True, True, False, True], passfail=True) == wilson(3, 4)


def test_numbers_get_the_t_interval_also_where_all_are_0_or_1():
    values = [0.0, 1.0, 1.0, 1.0, 0.0, 1.0]
    low, high = stats.t.interval(0.95, 5, loc=4 / 6, scale=stats.sem(values))
    found = mean_interval(values, passfail=False)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))


def test_the_t_interval_agrees_with_scipy():
    values = [3.1, 2.7, 9.5, 0.2, -4.0, 3.3, 3.1]
    low, high = stats.t.interval(0.95, 6, loc=sum(values) / 7, scale=stats.sem(values))
    found = mean_interval(values, passfail=False)
    assert found.mean == pytest.approx(sum(values) / 7)
    assert (found.low, found.high) == (pytest.approx(low, rel=1e-10), pytest.approx(high, rel=1e-10))


def test_a_worked_t_interval():
    # Mean 2.5, deviation sqrt(5/3), t(3) = 3.1824: half-width 3.1824 * 1.29099 / 2 = 2.0543
    found = mean_interval([1, 2, 3, 4], passfail=False)
    assert (round(found.low, 4), round(found.high, 4)) == (0.4457, 4.5543)


def test_shares_of_repeats_get_a_t_interval_that_stays_in_0_to_1():
    found = mean_interval([1.0, 1.0, 1.0, 0.5], passfail=True)
    assert found.high == 1.0
    assert found.low == pytest.approx(0.875 - 3.182446 * 0.25 / 2, abs=1e-6)


def test_equal_shares_of_repeats_are_no_certainty():
    assert mean_interval([0.5] * 10, passfail=True) == wilson(5, 10)


def test_few_values_have_a_mean_and_no_bounds():
    assert mean_interval([], passfail=True) == Interval(None, None, None, 0)
    assert mean_interval([], passfail=False) == Interval(None, None, None, 0)
    assert mean_interval([1.0], passfail=True) == Interval(1.0, None, None, 1)
    assert mean_interval([7.5], passfail=False) == Interval(7.5, None, None, 1)


def test_a_value_that_is_not_finite_leaves_no_bounds():
    assert mean_interval([1.0, math.inf], passfail=False) == Interval(math.inf, None, None, 2)
    found = mean_interval([1.0, math.nan, math.inf, -math.inf], passfail=True)
    assert math.isnan(found.mean)
    assert (found.low, found.high, found.n) == (None, None, 4)


def test_equal_numbers_have_an_interval_of_no_width():
    assert mean_interval([4.2, 4.2, 4.2], passfail=False) == Interval(4.2, 4.2, 4.2, 3)
