"""Mean and deviation, also of numbers that are hard on floating point."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.statistics.moments import Moments, moments


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40))
def test_they_agree_with_the_standard_library(values):
    found = moments(values)
    assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-12, abs=1e-12)
    assert found.deviation == pytest.approx(statistics.stdev(values), rel=1e-6, abs=2e-6)


def test_a_large_mean_does_not_swallow_a_small_spread():
    assert moments([1e9 + 1, 1e9 + 2, 1e9 + 3]).deviation == pytest.approx(1.0)


def test_huge_values_do_not_overflow():
    found = moments([1e300, -1e300, 1e300])
    assert found.mean == pytest.approx(1e300 / 3)
    assert found.deviation == pytest.approx(1e300 * math.sqrt(4 / 3))


def test_rounding_alone_is_no_spread():
    assert moments([0.7 - 0.6, 0.4 - 0.3, 0.9 - 0.8]).deviation == 0.0


def test_no_values_and_one_value():
    assert moments([]) == Moments(0, None, None)
    assert moments([3]) == Moments(1, 3.0, None)
    assert not moments([]).finite


@pytest.mark.parametrize("values", [[math.nan], [math.inf, 1.0], [math.inf, -math.inf]])
def test_values_that_are_not_finite_are_told(values):
    assert not moments(values).finite
