"""Held against scipy over a wide table, and against values that anyone can work out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from promptlab.statistics.distributions import (
    binomial_tail,
    normal_quantile,
    regularised_incomplete_beta,
    student_t_cdf,
    student_t_quantile,
    student_t_tail,
)

DEGREES = [0.5, 1, 2, 3, 4, 5, 7, 9, 10, 19, 29, 30, 39.5, 41, 59, 100, 871, 1_000, 20_000, 1_000_000]
PROBABILITIES = [1e-12, 1e-6, 0.0005, 0.005, 0.025, 0.05, 0.2, 0.4, 0.499, 0.5, 0.6, 0.9, 0.95, 0.975, 0.995, 0.999999]


@pytest.mark.parametrize("probability", PROBABILITIES)
def test_the_normal_quantile_agrees_with_scipy(probability):
    assert normal_quantile(probability) == pytest.approx(stats.norm.ppf(probability), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("degrees", DEGREES)
def test_the_t_tail_agrees_with_scipy_also_far_out(degrees):
    for t in [0.0, 1e-9, 1e-4, 0.01, 0.3, 1.0, 1.96, 2.0, 3.5, 6.0, 12.0, 40.0, 1e3]:
        expected = stats.t.sf(t, degrees)
        assert student_t_tail(t, degrees=degrees) == pytest.approx(expected, rel=1e-9, abs=1e-300), t
        assert student_t_tail(-t, degrees=degrees) == pytest.approx(stats.t.sf(-t, degrees), abs=1e-9)
        assert student_t_cdf(t, degrees=degrees) == pytest.approx(stats.t.cdf(t, degrees), abs=1e-9)


@pytest.mark.parametrize("degrees", DEGREES)
def test_the_t_quantile_agrees_with_scipy(degrees):
    for probability in PROBABILITIES:
        if degrees == 0.5 and probability == 1e-12:
            continue  # 1e23, where scipy's own inversion stops
        expected = stats.t.ppf(probability, degrees)
        assert student_t_quantile(probability, degrees=degrees) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_one_degree_of_freedom_is_the_cauchy_distribution():
    for t in [0.1, 1.0, 12.7, 1e4, 1e9]:
        assert student_t_tail(t, degrees=1) == pytest.approx(math.atan2(1.0, t) / math.pi, rel=1e-13)
    assert student_t_quantile(0.75, degrees=1) == pytest.approx(1.0, rel=1e-14)


def test_two_degrees_of_freedom_have_a_closed_form():
    for t in [0.5, 2.0, 30.0]:
        assert student_t_cdf(t, degrees=2) == pytest.approx(0.5 + t / (2 * math.sqrt(2 + t * t)), rel=1e-13)


def test_printed_tables_of_t_are_reproduced():
    # Any printed table: 97.5% points.
    for degrees, value in [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042), (120, 1.980)]:
        assert round(student_t_quantile(0.975, degrees=degrees), 3) == value


@given(st.floats(1e-9, 1 - 1e-9), st.floats(1.0, 1e5))
def test_the_quantile_undoes_the_distribution(probability, degrees):
    t = student_t_quantile(probability, degrees=degrees)
    assert student_t_cdf(t, degrees=degrees) == pytest.approx(probability, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 5, 10, 22, 60, 500, 3_000, 100_000])
def test_the_binomial_tail_agrees_with_scipy(n):
    for probability in [0.01, 0.5, 0.83]:
        for share in [0.0, 0.01, 0.3, 0.49, 0.5, 0.51, 0.6, 0.9, 1.0]:
            successes = round(n * share)
            expected = stats.binom.sf(successes - 1, n, probability)
            found = binomial_tail(successes, n, probability=probability)
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-290), (successes, probability)


def test_the_binomial_tail_agrees_with_counting():
    for n in range(1, 41):
        for successes in range(n + 1):
            exact = sum(math.comb(n, k) for k in range(successes, n + 1)) / 2**n
            assert binomial_tail(successes, n) == pytest.approx(exact, rel=1e-12)


def test_the_incomplete_beta_function_agrees_with_scipy():
    for a in [0.1, 0.5, 1, 2.5, 19.9, 20.1, 300, 1e5]:
        for b in [0.1, 0.5, 1, 7, 25, 1e4]:
            for x in [0.0, 1e-12, 0.03, 0.5, 0.77, 1 - 1e-9, 1.0]:
                expected = special.betainc(a, b, x)
                assert regularised_incomplete_beta(a, b, x) == pytest.approx(expected, rel=1e-9, abs=1e-200), (a, b, x)


@pytest.mark.parametrize(
    "call",
    [
        lambda: normal_quantile(0.0),
        lambda: normal_quantile(1.0),
        lambda: student_t_quantile(1.5, degrees=3),
        lambda: student_t_tail(1.0, degrees=0),
        lambda: student_t_tail(math.nan, degrees=3),
        lambda: binomial_tail(1, -1),
        lambda: binomial_tail(1, 2, probability=1.1),
        lambda: regularised_incomplete_beta(0, 1, 0.5),
    ],
)
def test_what_no_distribution_has_is_refused(call):
    with pytest.raises(ValueError, match="not "):
        call()


def test_infinite_values_have_tails_too():
    assert student_t_tail(math.inf, degrees=4) == 0.0
    assert student_t_tail(-math.inf, degrees=4) == 1.0
    assert student_t_tail(1e200, degrees=4) == 0.0
