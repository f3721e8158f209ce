"""95% intervals of a mean: Wilson's score interval for pass/fail, Student's t over cases for numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from promptlab.statistics.distributions import normal_quantile, student_t_quantile
from promptlab.statistics.moments import Moments, moments
from promptlab.types import Interval

CONFIDENCE = 0.95


def mean_interval(values: Sequence[float], *, passfail: bool, confidence: float = CONFIDENCE) -> Interval:
    """The mean of one value a case, with its confidence interval.

    passfail: the values are verdicts, 1.0 or 0.0, and Wilson's interval holds. Shares of repeats that passed (a
    third, a half) are verdicts too, but no single trials: they get the t interval, cut to [0, 1]. Numbers get the t
    interval. low and high are None below two cases or where a value is not finite; the mean is None for no case.
    Example: mean_interval([1, 1, 0, 1], passfail=True) -> Interval(mean=0.75, low=0.3006..., high=0.9544..., n=4)
    """
    found = moments(values)
    if found.n < 2 or not found.finite:
        return Interval(found.mean, None, None, found.n)
    if not passfail:
        return student_interval(found, confidence=confidence)
    if all(value in (0.0, 1.0) for value in values) or not found.deviation:
        # Equal shares have no spread to estimate from; a share varies less than a trial, so Wilson's is wide enough.
        return wilson(math.fsum(values), found.n, confidence=confidence)
    interval = student_interval(found, confidence=confidence)
    low, high = interval.low, interval.high
    return Interval(
        interval.mean,
        None if low is None else max(0.0, low),
        None if high is None else min(1.0, high),
        interval.n,
    )


def student_interval(found: Moments, *, confidence: float = CONFIDENCE) -> Interval:
    """The t interval of a mean; low and high are None below two values or where one is not finite."""
    if found.mean is None or found.deviation is None or not found.finite:
        return Interval(found.mean, None, None, found.n)
    half = half_width(found.deviation, found.n, confidence=confidence)
    return Interval(found.mean, found.mean - half, found.mean + half, found.n)


def half_width(deviation: float, n: int, *, confidence: float = CONFIDENCE) -> float:
    """Half of the width of a t interval over n cases, n from 2, of this standard deviation."""
    return student_t_quantile(0.5 + confidence / 2, degrees=n - 1) * deviation / math.sqrt(n)


def wilson(successes: float, n: int, *, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a proportion, without continuity correction; None bounds for n = 0.

    Raises ValueError for successes outside 0 to n.
    Source: Wilson (1927), JASA 22:209; recommended for small n by Brown, Cai and DasGupta (2001), Statistical
    Science 16:101. Example: wilson(81, 263) -> 0.2553 to 0.3662 (Newcombe 1998, Statistics in Medicine 17:857).
    """
    if n < 0 or not 0 <= successes <= n:
        raise ValueError(f"successes are from 0 to n, not {successes} of {n}")
    if n == 0:
        return Interval(None, None, None, 0)
    z = normal_quantile(0.5 + confidence / 2)
    share = successes / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # The bounds at 0 and n are 0 and 1 exactly; rounding would leave 1e-17 there.
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == n else (centre + spread) / scale
    return Interval(share, low, high, n)
