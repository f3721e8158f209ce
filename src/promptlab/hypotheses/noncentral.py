"""Intervals of effect sizes by noncentral distributions: which sizes would make what was seen not too rare.

Source: Steiger and Fouladi (1997), in What if there were no significance tests?; Cumming and Finch (2001), Educational
and Psychological Measurement 61:532.
"""

from __future__ import annotations

import math
from collections.abc import Callable

FAR = 1e6


def t_noncentrality(t: float, *, degrees: float, alpha: float) -> tuple[float, float]:
    """The interval of the noncentrality of a t statistic; its ends have `t` at the tails of alpha / 2."""
    from scipy import stats

    def below(noncentrality: float) -> float:
        return float(stats.nct.cdf(t, degrees, noncentrality))

    # Not from further out than need be: scipy's distribution function is NaN there.
    spread = math.sqrt(1 + t * t / (2 * degrees))
    return (
        _solve(below, 1 - alpha / 2, t - spread, t, widest=-math.inf),
        _solve(below, alpha / 2, t, t + spread, widest=-math.inf),
    )


def f_noncentrality(f: float, *, between: float, within: float, alpha: float) -> tuple[float, float]:
    """The interval of the noncentrality of an F statistic, 0 or more."""
    from scipy import stats

    def below(noncentrality: float) -> float:
        return float(
            stats.ncf.cdf(f, between, within, noncentrality) if noncentrality else stats.f.cdf(f, between, within)
        )

    return _upward(below, alpha, f * between + 1)


def chi_squared_noncentrality(statistic: float, *, degrees: float, alpha: float) -> tuple[float, float]:
    """The interval of the noncentrality of a chi-squared statistic, 0 or more."""
    from scipy import stats

    def below(noncentrality: float) -> float:
        central = stats.chi2.cdf(statistic, degrees)
        return float(stats.ncx2.cdf(statistic, degrees, noncentrality) if noncentrality else central)

    return _upward(below, alpha, statistic + 1)


def _upward(below: Callable[[float], float], alpha: float, near: float) -> tuple[float, float]:
    low = 0.0 if below(0.0) <= 1 - alpha / 2 else _solve(below, 1 - alpha / 2, 0.0, near, widest=0.0)
    high = 0.0 if below(0.0) <= alpha / 2 else _solve(below, alpha / 2, 0.0, near, widest=0.0)
    return low, high


def _solve(below: Callable[[float], float], level: float, low: float, high: float, *, widest: float) -> float:
    """Where a falling function is at a level; NaN where scipy gives no values on both of its sides."""
    from scipy import optimize

    step = max(high - low, 1e-3)
    while below(low) < level and low > max(widest, -FAR):
        low, step = max(low - step, widest), 1.5 * step
    step = max(high - low, 1e-3)
    while below(high) > level and high < FAR:
        high, step = high + step, 1.5 * step
    if not below(low) >= level >= below(high):
        return math.nan
    return float(optimize.brentq(lambda at: below(at) - level, low, high, xtol=1e-12))
