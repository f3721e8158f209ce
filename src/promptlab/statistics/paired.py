"""The difference of two variants over the same cases: its interval, its p-value, the cases that changed.

Pairing takes the difficulty of the cases out of the comparison, which two separate intervals leave in.
Pass/fail: Tango's score interval and the exact McNemar test. Numbers: the paired t interval and test.
Interval and p-value never contradict one another: where the test does not reject, the interval reaches 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from promptlab.statistics.distributions import binomial_tail, normal_quantile, student_t_tail
from promptlab.statistics.intervals import CONFIDENCE, half_width, student_interval
from promptlab.statistics.moments import Moments, moments
from promptlab.types import Interval

Method = Literal["exact McNemar test, Tango interval", "paired t test and interval"]

MCNEMAR: Method = "exact McNemar test, Tango interval"
PAIRED_T: Method = "paired t test and interval"

_MOST_CASES = 10**9
_COUNTED = 200
"""Up to so many changed cases the exact test is counted in whole numbers, and 2 / 2**n is 2 / 2**n."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """b - a over the n cases that both have.

    mean: the mean difference, None for no case. low, high: its 95% interval. p_value: two-sided, of no difference.
    Both are None below two cases or where a value is not finite. method: which test and interval these are.
    fixed, regressed: cases that are higher, and lower, in b; both_pass, both_fail: cases at 1 and at 0 in both;
    all four are None for numbers. deviation: sample standard deviation of the differences. shares: whether all
    values lie in 0 to 1, so that a difference can be said in points.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int
    p_value: float | None
    method: Method
    fixed: int | None
    regressed: int | None
    both_pass: int | None
    both_fail: int | None
    deviation: float | None
    shares: bool

    def interval(self, confidence: float) -> Interval:
        """The interval at another confidence level, in (0, 1); it holds 0 unless p_value <= 1 - confidence."""
        return _coherent(self._plain(confidence), self.p_value, confidence=confidence)

    def cases_for(self, difference: float, *, confidence: float = CONFIDENCE) -> int | None:
        """How many cases in all make the interval's half-width at most `difference`, were all else as observed.

        An observed difference of that size would then just exclude 0. Pass/fail keeps the observed shares of fixed
        and regressed cases, numbers the observed deviation. None where that cannot be said: fewer than two cases,
        a value that is not finite, more than a thousand million cases. Raises ValueError for a difference not
        above 0. Example: 3 fixed and 2 regressed of 60 cases, difference 0.03 -> 389.
        """
        if not difference > 0:
            raise ValueError(f"a difference to look for is above 0, not {difference}")
        if self.low is None or self.deviation is None:
            return None
        few, many = 1, 2
        while self._half_width(many, confidence) > difference:
            few, many = many, many * 2
            if many > _MOST_CASES:
                return None
        while many - few > 1:
            middle = (few + many) // 2
            if self._half_width(middle, confidence) > difference:
                few = middle
            else:
                many = middle
        return many

    def half_width(self, confidence: float = CONFIDENCE) -> float | None:
        """Half of the interval's width before it is made to reach 0; None where there is no interval."""
        return None if self.low is None else self._half_width(self.n, confidence)

    def _plain(self, confidence: float) -> Interval:
        if self.low is None or self.mean is None or self.deviation is None:
            return Interval(self.mean, None, None, self.n)
        if self.fixed is not None and self.regressed is not None:
            return tango(self.fixed, self.regressed, self.n, confidence=confidence)
        return student_interval(Moments(self.n, self.mean, self.deviation), confidence=confidence)

    def _half_width(self, n: int, confidence: float) -> float:
        if self.fixed is None or self.regressed is None:
            return half_width(self.deviation or 0.0, n, confidence=confidence)
        scale = n / self.n
        interval = tango(self.fixed * scale, self.regressed * scale, n, confidence=confidence)
        return ((interval.high or 0.0) - (interval.low or 0.0)) / 2


def paired_difference(a: Sequence[float], b: Sequence[float], *, passfail: bool) -> PairedDifference:
    """The difference b - a over the same cases, in the same order; see PairedDifference.

    passfail: all values are verdicts, 1.0 or 0.0. Verdicts averaged over repeats are compared as numbers.
    Raises ValueError where the two have different lengths.
    Example: paired_difference([0, 0, 1, 1], [1, 1, 1, 0], passfail=True) has mean 0.25, fixed 2, regressed 1, p 1.0
    """
    if len(a) != len(b):
        raise ValueError(f"paired values have one length, not {len(a)} and {len(b)}")
    single = passfail and all(value in (0.0, 1.0) for values in (a, b) for value in values)
    shares = all(0.0 <= value <= 1.0 for values in (a, b) for value in values)
    found = moments([after - before for before, after in zip(a, b, strict=True)])
    if single:
        pairs = list(zip(a, b, strict=True))
        fixed = sum(before < after for before, after in pairs)
        regressed = sum(before > after for before, after in pairs)
        both_pass = sum(before == after == 1.0 for before, after in pairs)
        both_fail = found.n - fixed - regressed - both_pass
        return _assemble(found, shares=shares, counts=(fixed, regressed, both_pass, both_fail))
    return _assemble(found, shares=shares, counts=None)


def mcnemar(fixed: int, regressed: int) -> float:
    """The two-sided p-value of the exact McNemar test: the sign test on the cases that changed.

    It never rejects a true hypothesis more often than it says, at any level, which a correction for many
    comparisons relies on; 1.0 where no case changed. Raises ValueError for negative counts.
    Source: McNemar (1947), Psychometrika 12:153, as an exact binomial test: Fagerland, Lydersen and Laake (2013),
    BMC Medical Research Methodology 13:91. Example: mcnemar(6, 16) -> 0.052479 (the authors' Statistical Analysis
    of Contingency Tables, 2017, chapter 8).
    """
    if fixed < 0 or regressed < 0:
        raise ValueError(f"counts are 0 or more, not {fixed} and {regressed}")
    changed, most = fixed + regressed, max(fixed, regressed)
    if changed <= _COUNTED:
        return min(1.0, 2 * sum(math.comb(changed, k) for k in range(most, changed + 1)) / (1 << changed))
    return min(1.0, 2.0 * binomial_tail(most, changed))


def tango(fixed: float, regressed: float, n: int, *, confidence: float = CONFIDENCE) -> Interval:
    """Tango's score interval of a paired difference of proportions, (fixed - regressed) / n.

    It inverts the McNemar score test, so it is not symmetric, stays in -1 to 1 and has a width where no case
    changed. Counts may be fractions, to plan with. Raises ValueError for counts that do not fit into n.
    Source: Tango (1998), Statistics in Medicine 17:891; recommended by Fagerland, Lydersen and Laake (2014),
    Statistics in Medicine 33:2850. Example: tango(6, 16, 161) -> -0.1240 to -0.0054 (the authors' Statistical
    Analysis of Contingency Tables, 2017, chapter 8).
    """
    if n < 1 or fixed < 0 or regressed < 0 or fixed + regressed > n * (1 + 1e-12):
        raise ValueError(f"counts are 0 or more and at most n together, not {fixed} and {regressed} of {n}")
    z = normal_quantile(0.5 + confidence / 2)
    return Interval(
        (fixed - regressed) / n,
        -_tango_upper(regressed, fixed, n, z),
        _tango_upper(fixed, regressed, n, z),
        n,
    )


def _tango_upper(fixed: float, regressed: float, n: int, z: float) -> float:
    """The largest difference in proportions that the score test does not reject, by bisection."""
    low, high = min(1.0, (fixed - regressed) / n), 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if _rejects(middle, fixed, regressed, n, z):
            high = middle
        else:
            low = middle
    return high


def _rejects(difference: float, fixed: float, regressed: float, n: int, z: float) -> bool:
    """Whether the score test rejects this true difference, which is above the observed one."""
    b = (2 * n - fixed + regressed) * difference - fixed - regressed
    c = -regressed * difference * (1 - difference)
    # The share of regressed cases that is most likely, given this difference.
    share = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    return n * difference - (fixed - regressed) > z * math.sqrt(max(0.0, variance))


def _assemble(found: Moments, *, shares: bool, counts: tuple[int, int, int, int] | None) -> PairedDifference:
    fixed, regressed, both_pass, both_fail = counts or (None, None, None, None)
    if found.n < 2 or not found.finite:
        plain, p_value = Interval(found.mean, None, None, found.n), None
    elif fixed is not None and regressed is not None:
        plain, p_value = tango(fixed, regressed, found.n), mcnemar(fixed, regressed)
    else:
        plain, p_value = student_interval(found), _paired_t(found)
    interval = _coherent(plain, p_value, confidence=CONFIDENCE)
    return PairedDifference(
        mean=found.mean,
        low=interval.low,
        high=interval.high,
        n=found.n,
        p_value=p_value,
        method=MCNEMAR if counts else PAIRED_T,
        fixed=fixed,
        regressed=regressed,
        both_pass=both_pass,
        both_fail=both_fail,
        deviation=found.deviation,
        shares=shares,
    )


def _paired_t(found: Moments) -> float:
    """The two-sided p-value of the paired t test; of the sign test where all differences are the same."""
    mean, deviation = found.mean or 0.0, found.deviation or 0.0
    if mean == 0.0:
        return 1.0
    if deviation == 0.0:
        # t is infinite here, yet n equal signs are all the evidence there is.
        return 2.0 ** (1 - found.n)
    t = abs(mean) / deviation * math.sqrt(found.n)
    return min(1.0, 2.0 * student_t_tail(t, degrees=found.n - 1))


def _coherent(plain: Interval, p_value: float | None, *, confidence: float) -> Interval:
    """The interval, made to reach 0 where the test does not reject 0.

    The exact test asks for more than the score interval does (6 fixed and 16 regressed of 161: p = 0.052, interval
    -0.124 to -0.005). A confidence set holds what its test does not reject, and widening loses no coverage.
    """
    if plain.low is None or plain.high is None or p_value is None or p_value <= 1 - confidence:
        return plain
    return Interval(plain.mean, min(plain.low, 0.0), max(plain.high, 0.0), plain.n)
