"""95% intervals of a number made of sums over cases: its linearised variance, as an effective number of cases.

F1, Matthews correlation, ROC AUC and BLEU are no means, but smooth functions of sums over cases. What one case adds to
such a number is, to first order, the slope of the function times what the case adds to the sums; the squares of these
influences are its variance, with all repeats of a case as one. A share of that variance says how many plain pass/fail
cases would tell as much, and Wilson's interval of so many holds. Source: Binder, "On the variances of asymptotically
normal estimators from complex surveys" (1983), International Statistical Review 51:279; the effective number: Korn and
Graubard, "Confidence intervals for proportions with small expected number of positive counts" (1998), Survey
Methodology 24:193.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from promptlab.statistics.distributions import normal_quantile, student_t_quantile
from promptlab.statistics.intervals import CONFIDENCE, wilson
from promptlab.types import Interval

Sums: TypeAlias = Sequence[float]

_STEP = 1e-4
"""Of a sum, relative: what its slope is taken over."""


def effective_cases(share: float, variance: float) -> float | None:
    """How many pass/fail cases of this share have this variance; None where there is no variance to tell from."""
    spread = share * (1.0 - share)
    return spread / variance if variance > 0.0 and spread > 0.0 else None


def effective_interval(share: float, effective: float, *, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's interval of a share that so many cases were worth; n: how many there are.

    Example: effective_interval(0.75, 4.0, n=4) -> the same as wilson(3, 4)
    """
    z = normal_quantile(0.5 + confidence / 2)
    centre = share + z * z / (2 * effective)
    spread = z * math.sqrt(max(0.0, share * (1 - share)) / effective + z * z / (4 * effective * effective))
    scale = 1 + z * z / effective
    low = 0.0 if share <= 0.0 else max(0.0, (centre - spread) / scale)
    high = 1.0 if share >= 1.0 else min(1.0, (centre + spread) / scale)
    return Interval(share, min(low, share), max(high, share), n)


def interval_of_sums(
    function: Callable[[Sums], float], rows: Sequence[Sums], *, confidence: float = CONFIDENCE
) -> Interval:
    """The function of the rows' sums, a share from 0 to 1, with its interval; one row a case.

    function: smooth, and unchanged where all sums are multiplied by one number. Its variance is estimated from as many
    cases as there are, so the effective number is cut by (z / t)^2, as Korn and Graubard do. Below two cases, or where
    the function is not finite, there is no interval; where no case differs from the others, Wilson's of all of them.
    """
    n = len(rows)
    if not n:
        return Interval(None, None, None, 0)
    sums = [math.fsum(column) for column in zip(*rows, strict=True)]
    share = function(sums)
    if n < 2 or not math.isfinite(share):
        return Interval(share if math.isfinite(share) else None, None, None, n)
    slopes = [_slope(function, sums, place) for place in range(len(sums))]
    influences = [math.fsum(slope * value for slope, value in zip(slopes, row, strict=True)) for row in rows]
    mean = math.fsum(influences) / n
    variance = math.fsum((influence - mean) ** 2 for influence in influences) * n / (n - 1)
    effective = effective_cases(share, variance)
    if effective is None:
        return wilson(share * n, n, confidence=confidence)
    shrink = normal_quantile(0.5 + confidence / 2) / student_t_quantile(0.5 + confidence / 2, degrees=n - 1)
    return effective_interval(share, effective * shrink * shrink, n=n, confidence=confidence)


def _slope(function: Callable[[Sums], float], sums: Sums, place: int) -> float:
    """The partial derivative by one sum; 0 where the sum is 0: counts are never below, so every row has 0 there."""
    step = _STEP * sums[place]
    if step <= 0.0:
        return 0.0
    above, below = list(sums), list(sums)
    above[place] += step
    below[place] -= step
    return (function(above) - function(below)) / (2 * step)
