"""Effective numbers of cases: Wilson's interval where they are plain cases, and numbers made of sums."""

from __future__ import annotations

import math
import random

import pytest

from promptlab.statistics.effective import effective_cases, effective_interval, interval_of_sums
from promptlab.statistics.intervals import student_interval, wilson
from promptlab.statistics.moments import moments
from promptlab.types import Interval


def ratio(sums):
    return sums[0] / sums[1] if sums[1] else math.nan


def bounds(interval: Interval):
    return interval.low, interval.mean, interval.high


def test_the_example_of_the_docstring():
    assert bounds(effective_interval(0.75, 4.0, n=4)) == pytest.approx(bounds(wilson(3, 4)))


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_of_so_many_plain_cases_it_is_wilsons_interval(confidence):
    for n in (1, 2, 10, 200):
        for successes in {0, 1, n // 2, n - 1, n}:
            found = effective_interval(successes / n, n, n=n, confidence=confidence)
            assert bounds(found) == pytest.approx(bounds(wilson(successes, n, confidence=confidence)), abs=1e-12)
            assert found.n == n


def test_a_pass_fail_share_is_worth_as_many_cases_as_there_are():
    assert effective_cases(0.3, 0.3 * 0.7 / 50) == pytest.approx(50)


@pytest.mark.parametrize(("share", "variance"), [(0.0, 0.1), (1.0, 0.1), (0.5, 0.0)])
def test_without_variance_nothing_is_told(share, variance):
    assert effective_cases(share, variance) is None


@pytest.mark.parametrize("share", [0.0, 1e-12, 0.2, 0.5, 1 - 1e-12, 1.0])
@pytest.mark.parametrize("effective", [1e-6, 0.5, 3.0, 1e9])
def test_an_interval_contains_its_share_and_keeps_to_shares(share, effective):
    low, mean, high = bounds(effective_interval(share, effective, n=7))
    assert 0.0 <= low <= mean <= high <= 1.0
    assert (low == 0.0) or share > 0.0
    assert (high == 1.0) or share < 1.0


def test_no_row_has_no_value_and_one_row_no_bounds():
    assert interval_of_sums(ratio, []) == Interval(None, None, None, 0)
    assert interval_of_sums(ratio, [[1.0, 4.0]]) == Interval(0.25, None, None, 1)
    assert interval_of_sums(ratio, [[0.0, 0.0], [0.0, 0.0]]) == Interval(None, None, None, 2)


def test_rows_that_are_all_the_same_are_taken_as_plain_cases():
    assert interval_of_sums(ratio, [[1.0, 4.0]] * 12) == wilson(3, 12)
    assert interval_of_sums(ratio, [[4.0, 4.0]] * 12) == wilson(12, 12)


def test_a_mean_of_many_values_has_students_interval():
    source = random.Random(1)
    values = [source.betavariate(4, 3) for _ in range(3_000)]
    found = interval_of_sums(ratio, [[value, 1.0] for value in values])
    expected = student_interval(moments(values))
    assert bounds(found) == pytest.approx(bounds(expected), abs=2e-4)
    assert found.n == 3_000


def test_long_cases_weigh_more_in_a_ratio_of_sums_and_the_variance_is_the_textbooks():
    # Cochran, "Sampling Techniques" (1977), section 6.4: the variance of a ratio of two totals.
    source = random.Random(2)
    rows = []
    for _ in range(4_000):
        words = source.randint(1, 40)
        rows.append([float(sum(source.random() < 0.4 for _ in range(words))), float(words)])
    share = sum(hits for hits, _ in rows) / sum(words for _, words in rows)
    mean_words = sum(words for _, words in rows) / len(rows)
    residuals = sum((hits - share * words) ** 2 for hits, words in rows) / (len(rows) - 1)
    half = 1.959964 * math.sqrt(residuals / len(rows)) / mean_words
    found = interval_of_sums(ratio, rows)
    assert bounds(found) == pytest.approx((share - half, share, share + half), abs=1e-4)


def test_more_rows_narrow_the_interval_and_each_row_is_one_case():
    source = random.Random(3)
    rows = [[source.random() * 5, 5.0] for _ in range(40)]
    once, often = interval_of_sums(ratio, rows), interval_of_sums(ratio, rows * 4)
    assert often.mean == pytest.approx(once.mean)
    assert 0.4 < (often.high - often.low) / (once.high - once.low) < 0.55
    assert (once.n, often.n) == (40, 160)
    # A case that is asked five times with the same outcome is one row, five times as heavy, and tells no more.
    heavier = interval_of_sums(ratio, [[5 * hits, 5 * words] for hits, words in rows])
    assert bounds(heavier) == pytest.approx(bounds(once))


def test_a_higher_confidence_widens_the_interval():
    rows = [[1.0, 4.0], [3.0, 4.0], [2.0, 4.0], [2.0, 5.0]]
    narrow, wide = (interval_of_sums(ratio, rows, confidence=confidence) for confidence in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


def test_a_sum_that_is_zero_everywhere_has_no_part_in_it():
    rows = [[1.0, 4.0], [3.0, 4.0], [2.0, 4.0]]
    found = interval_of_sums(lambda sums: (sums[0] + sums[2]) / sums[1], [[*row, 0.0] for row in rows])
    assert found == interval_of_sums(ratio, rows)
