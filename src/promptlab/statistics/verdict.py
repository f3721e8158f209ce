"""The verdict: one plain sentence that says whether one variant is better than another, and how sure that is.

The word follows from one rule: better or worse where the p-value, after the correction for many comparisons, is at
most alpha and the interval excludes 0; else tied; too few where no outcome at all could have been significant.
The interval in the sentence is widened by the same factor as the p-value was, so that it holds 0 exactly where the
word is tied. Widening only adds coverage: it is a 95% interval still.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from promptlab.statistics.paired import PairedDifference
from promptlab.statistics.quantities import Unit, count, number, p_value_text, unit_of
from promptlab.types import Direction, Interval

Word = Literal["better", "worse", "tied", "too few"]

ALPHA = 0.05
_LEAST = 1e-12
"""The smallest level that an interval is widened to."""
_TARGETS = (0.03, 0.01, 0.003, 0.001)
"""Differences of shares worth looking for: 3 points first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison says of the second variant against the first.

    sentence: with both names; phrase: the same without names, for a table. low, high: the interval that the sentence
    shows, widened where there were many comparisons; None where there is none. p_value: after the correction.
    """

    word: Word
    sentence: str
    phrase: str
    low: float | None
    high: float | None
    p_value: float | None


def verdict(
    difference: PairedDifference,
    *,
    measure: str,
    direction: Direction,
    names: tuple[str, str],
    adjusted_p: float | None = None,
    alpha: float = ALPHA,
    unit: Unit | None = None,
) -> Verdict:
    """The verdict on names[1] against names[0]; `difference` is the second minus the first.

    measure: what was measured, as the user calls it. adjusted_p: the p-value after Holm's correction, None where
    there was one comparison only. unit: how to say a difference; default: seconds, USD, tokens or words where the
    measure's name says so, points where all values lie in 0 to 1, else plain numbers.
    Raises ValueError for an adjusted_p below the plain one or an alpha outside (0, 1).
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha is between 0 and 1, not {alpha}")
    unit = unit or unit_of(measure, shares=difference.shares)
    needed = minimum_cases(alpha)
    if difference.n < needed:
        return _too_few(difference, measure, names, unit, needed)
    if difference.p_value is None:
        text = f"on {measure}: some of the {difference.n} differences are not finite numbers"
        return Verdict(
            "too few",
            sentence=f"cannot tell {names[1]} from {names[0]} {text}",
            phrase=f"cannot tell {text}",
            low=None,
            high=None,
            p_value=None,
        )
    p_value = _corrected(difference.p_value, adjusted_p)
    level = alpha if p_value == 0.0 else max(_LEAST, alpha * difference.p_value / p_value)
    interval = _shown(difference, p_value, alpha=alpha, level=level)
    word = _word(interval, p_value, direction=direction, alpha=alpha)
    figures = _figures(difference, interval, p_value, unit=unit, alpha=alpha)
    if word == "tied":
        figures += _outlook(difference, unit=unit, level=level)
        subject = f"{names[1]} and {names[0]} are tied on {measure}"
    else:
        measure += " (lower is better)" if direction == "lower" else ""
        subject = f"{names[1]} is {word} than {names[0]} on {measure}"
    return Verdict(
        word, f"{subject}: {figures}", f"{word} on {measure}: {figures}", interval.low, interval.high, p_value
    )


def minimum_cases(alpha: float = ALPHA) -> int:
    """The fewest cases that can tell two variants apart: below it, even a change in every case is chance enough.

    n changes of one direction have a two-sided probability of 2 / 2**n. Example: minimum_cases(0.05) -> 6
    """
    n = 1
    while 2.0 ** (1 - n) > alpha:
        n += 1
    return n


def _corrected(p_value: float, adjusted_p: float | None) -> float:
    if adjusted_p is None:
        return p_value
    if not p_value * (1 - 1e-9) <= adjusted_p <= 1.0:
        raise ValueError(f"an adjusted p-value is from the plain one, {p_value}, to 1, not {adjusted_p}")
    return max(p_value, adjusted_p)


def _shown(difference: PairedDifference, p_value: float, *, alpha: float, level: float) -> Interval:
    """The interval at the corrected level, so chosen that it excludes 0 where the corrected test rejects, only there.

    The one exception would take an alpha below 0.0005.
    """
    interval = difference.interval(1 - level)
    if interval.low is None or interval.high is None:
        return interval
    if p_value > alpha:
        # Equal but for rounding where the corrected p-value is alpha itself.
        return Interval(interval.mean, min(interval.low, 0.0), max(interval.high, 0.0), interval.n)
    if not _excludes_zero(interval):
        # Far in the tail the exact test is less strict than the score interval of that level (12 fixed, none
        # regressed, 90 comparisons); the interval that is not widened says what the test says.
        return difference.interval(1 - alpha)
    return interval


def _excludes_zero(interval: Interval) -> bool:
    return (interval.low is not None and interval.low > 0) or (interval.high is not None and interval.high < 0)


def _word(interval: Interval, p_value: float, *, direction: Direction, alpha: float) -> Word:
    if p_value > alpha or not _excludes_zero(interval):
        return "tied"
    higher = interval.low is not None and interval.low > 0
    return "better" if higher == (direction == "higher") else "worse"


def _figures(difference: PairedDifference, interval: Interval, p_value: float, *, unit: Unit, alpha: float) -> str:
    if difference.deviation == 0.0 and difference.mean == 0.0 and difference.fixed is None:
        return f"no difference on any of {count(difference.n, 'paired case')}"
    mean, low, high = difference.mean or 0.0, interval.low or 0.0, interval.high or 0.0
    half = (high - low) / 2
    corrected = difference.p_value is not None and p_value > difference.p_value
    parts = [
        f"{100 * (1 - alpha):.6g}% CI {number(low, unit, half_width=half)} to {number(high, unit, half_width=half)}",
        count(difference.n, "paired case"),
        p_value_text(p_value, alpha=alpha) + (" after Holm" if corrected else ""),
    ]
    return f"{unit.said(mean, half_width=half, sign=True)} ({', '.join(parts)})"


def _outlook(difference: PairedDifference, *, unit: Unit, level: float) -> str:
    """How many more cases would show a difference worth having; empty where the interval is narrow already."""
    half = difference.half_width(1 - level)
    if not half or not math.isfinite(half):
        return ""
    target = _target(half, unit)
    needed = difference.cases_for(target, confidence=1 - level)
    more = 0 if needed is None else _rounded_up(needed - difference.n)
    if more <= 0:
        return ""
    return f"; about {count(more, 'more case')} would show a difference of {unit.said(target)}"


def _target(half: float, unit: Unit) -> float:
    if unit.name == "point":
        for target in _TARGETS:
            if target < half:
                return target
    # Half of what can be told apart now, as one digit.
    return float(f"{half / 2:.1g}")


def _rounded_up(n: int) -> int:
    """The number to two digits, upwards: 137 -> 140."""
    step = int(10 ** max(0, len(str(n)) - 2))
    return -(-n // step) * step


def _too_few(difference: PairedDifference, measure: str, names: tuple[str, str], unit: Unit, needed: int) -> Verdict:
    seen = f"{count(difference.n, 'paired case')}; at least {needed} are needed"
    if difference.mean is not None and math.isfinite(difference.mean):
        seen = f"{unit.said(difference.mean, sign=True)} over {seen}"
    return Verdict(
        "too few",
        f"too few cases to tell {names[1]} from {names[0]} on {measure}: {seen}",
        f"too few cases on {measure}: {seen}",
        difference.low,
        difference.high,
        difference.p_value,
    )
