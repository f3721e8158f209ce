"""The distributions that intervals and tests need: normal, Student t, binomial.

Written here, because scipy takes a second to import and promptlab needs three functions of it. They agree with
scipy to 1e-9; `tests/statistics/test_distributions.py` holds the table.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300
_CONVERGED = 1e-15
_ITERATIONS = 100_000
"""The fraction takes about the square root of its larger parameter in steps: enough for 10**9 cases."""


def normal_quantile(probability: float) -> float:
    """The value that a standard normal variable stays below with this probability, in (0, 1).

    Raises ValueError outside (0, 1). Example: normal_quantile(0.975) -> 1.959963984540054
    """
    _check_probability(probability)
    return _NORMAL.inv_cdf(probability)


def student_t_tail(t: float, *, degrees: float) -> float:
    """The probability that a Student t variable exceeds t; small tails keep their relative accuracy.

    degrees: degrees of freedom, above 0. Raises ValueError otherwise.
    Source: Abramowitz and Stegun (1964), 26.7.1 and 26.5.27.
    Example: student_t_tail(2.0, degrees=10) -> 0.036694017385
    """
    if not degrees > 0 or math.isnan(t):
        raise ValueError(f"a Student t variable has degrees above 0 and a number t, not degrees={degrees}, t={t}")
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    scaled = t / math.sqrt(degrees)
    square = scaled * scaled
    outside = 1.0 / (1.0 + square)
    inside = 1.0 if math.isinf(square) else square / (1.0 + square)
    tail = 0.5 * _incomplete_beta(degrees / 2, 0.5, outside, inside)
    return tail if t >= 0 else 1.0 - tail


def student_t_cdf(t: float, *, degrees: float) -> float:
    """The probability that a Student t variable stays at or below t."""
    return student_t_tail(-t, degrees=degrees)


@lru_cache(maxsize=4096)
def student_t_quantile(probability: float, *, degrees: float) -> float:
    """The value that a Student t variable stays below with this probability, in (0, 1).

    Newton's method on the logarithm of the tail, kept inside a bracket that halves where a step leaves it.
    Raises ValueError for a probability outside (0, 1) or degrees not above 0.
    Example: student_t_quantile(0.975, degrees=10) -> 2.228138851986
    """
    _check_probability(probability)
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -_upper_quantile(probability, degrees)
    return _upper_quantile(1.0 - probability, degrees)


def binomial_tail(successes: int, n: int, *, probability: float = 0.5) -> float:
    """The probability of at least this many successes in n trials.

    Raises ValueError for a negative n or a probability outside [0, 1].
    Source: Abramowitz and Stegun (1964), 26.5.24.
    Example: binomial_tail(8, 10) -> 56 / 1024
    """
    if n < 0 or not 0.0 <= probability <= 1.0:
        raise ValueError(f"a binomial variable has n from 0 and a probability in [0, 1], not {n} and {probability}")
    if successes <= 0:
        return 1.0
    if successes > n:
        return 0.0
    return _incomplete_beta(float(successes), float(n - successes + 1), probability, 1.0 - probability)


def regularised_incomplete_beta(a: float, b: float, x: float) -> float:
    """The share of the beta function of a and b that lies below x, from 0 to 1.

    a, b: above 0; x: in [0, 1]. Raises ValueError otherwise.
    Source: NIST Digital Library of Mathematical Functions, 8.17.22, by Lentz's method (1976).
    Example: regularised_incomplete_beta(2, 3, 0.5) -> 0.6875
    """
    if not (a > 0 and b > 0 and 0.0 <= x <= 1.0):
        raise ValueError(f"the incomplete beta function takes a and b above 0 and x in [0, 1], not {a}, {b} and {x}")
    return _incomplete_beta(a, b, x, 1.0 - x)


def _check_probability(probability: float) -> None:
    if not 0.0 < probability < 1.0:
        raise ValueError(f"a quantile takes a probability between 0 and 1, not {probability}")


def _upper_quantile(tail: float, degrees: float) -> float:
    """The positive t whose upper tail is `tail`, below one half."""
    low, high = 0.0, 1.0
    while student_t_tail(high, degrees=degrees) > tail:
        low, high = high, high * 2.0
    t = 0.5 * (low + high)
    log_scale = -0.5 * math.log(degrees) - _log_beta(degrees / 2, 0.5)
    for _ in range(200):
        current = student_t_tail(t, degrees=degrees)
        if current > tail:
            low = t
        else:
            high = t
        log_density = log_scale - 0.5 * (degrees + 1.0) * math.log1p(t * t / degrees)
        # Far out the density underflows: then the bracket halves instead.
        usable = current > 0.0 and log_density > -700.0
        following = t + current * math.log(current / tail) * math.exp(-log_density) if usable else math.inf
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - t) <= _CONVERGED * following:
            return following
        t = following
    return t


def _incomplete_beta(a: float, b: float, x: float, complement: float) -> float:
    """As regularised_incomplete_beta, with 1 - x handed in, so that an x next to 1 loses no digits."""
    if x <= 0.0:
        return 0.0
    if complement <= 0.0:
        return 1.0
    log_x = math.log(x) if x < 0.5 else math.log1p(-complement)
    log_complement = math.log(complement) if complement < 0.5 else math.log1p(-x)
    front = math.exp(a * log_x + b * log_complement - _log_beta(a, b))
    # The fraction converges fast below the mean only; above it the mirror image does.
    if x < (a + 1.0) / (a + b + 2.0):
        return front / (a * _fraction(a, b, x))
    return 1.0 - front / (b * _fraction(b, a, complement))


def _fraction(a: float, b: float, x: float) -> float:
    """1 + d1/(1 + d2/(1 + ...)) of DLMF 8.17.22, evaluated forwards with Lentz's two ratios."""
    value = numerators = 1.0
    denominators = 0.0
    for step in range(1, _ITERATIONS):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        numerators = 1.0 + term / numerators
        denominators = 1.0 / ((1.0 + term * denominators) or _TINY)
        numerators = numerators or _TINY
        change = numerators * denominators
        value *= change
        if abs(change - 1.0) < _CONVERGED:
            break
    return value


def _log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function; lgamma alone would lose digits to cancellation where one is large."""
    small, large = min(a, b), max(a, b)
    if large < 20.0:
        return math.lgamma(small) + math.lgamma(large) - math.lgamma(small + large)
    total = small + large
    # lgamma(large) - lgamma(total), by Stirling's series with the large terms cancelled by hand.
    difference = small - small * math.log(total) - (large - 0.5) * math.log1p(small / large)
    return math.lgamma(small) + difference + _stirling(large) - _stirling(total)


def _stirling(x: float) -> float:
    """What lgamma(x) has beyond (x - 1/2) log x - x + log(2 pi) / 2, for x from 20: DLMF 5.11.1."""
    square = 1.0 / (x * x)
    return (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0))) / x
