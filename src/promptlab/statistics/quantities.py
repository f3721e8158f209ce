"""Differences, bounds and p-values as text, never rounded across the line that a verdict draws."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_MINUS = "\N{MINUS SIGN}"
_DIGITS = 3
"""Significant digits of a value that stands without an interval."""


@dataclass(frozen=True, slots=True)
class Unit:
    """How a difference is said: its unit's name, the name of several, the factor to it.

    interval_digits: digits of an interval's half-width that are shown; they settle the decimals of all three numbers.
    """

    name: str
    plural: str
    factor: float = 1.0
    interval_digits: int = 2

    def said(self, value: float, *, half_width: float | None = None, sign: bool = False) -> str:
        """The value with its unit: `3 points`, or with its sign `+3 points`; a unit without a name is left out."""
        text = number(value, self, half_width=half_width, sign=sign)
        name = self.name if text.lstrip("+" + _MINUS) == "1" else self.plural
        return f"{text} {name}".rstrip()


POINTS = Unit("point", "points", factor=100.0, interval_digits=1)
SECONDS = Unit("s", "s")
USD = Unit("USD", "USD")
TOKENS = Unit("token", "tokens")
WORDS = Unit("word", "words")
PLAIN = Unit("", "")

_BY_WORD = {
    "seconds": SECONDS,
    "latency": SECONDS,
    "usd": USD,
    "cost": USD,
    "tokens": TOKENS,
    "word_count": WORDS,
}


def unit_of(measure: str, *, shares: bool) -> Unit:
    """The unit that a measure's name tells of (latency_seconds, cost), else points for shares, else none."""
    name = measure.lower()
    for word in (name, *reversed(re.split(r"[^a-z]+", name))):
        if word in _BY_WORD:
            return _BY_WORD[word]
    return POINTS if shares else PLAIN


def number(value: float, unit: Unit, *, half_width: float | None = None, sign: bool = False) -> str:
    """The value in its unit, without the unit's name; only 0 itself is said as 0.

    half_width: of the value's interval, in the measure itself; it says how many decimals are worth showing.
    sign: whether a value above 0 gets a plus. Example: number(0.1875, POINTS, half_width=0.1) -> "19"
    """
    scaled = value * unit.factor
    size = abs(scaled)
    text = _size(size, half_width * unit.factor if half_width else 0.0, unit)
    if scaled < 0:
        return _MINUS + text
    return f"+{text}" if sign and scaled > 0 else text


def count(n: int, noun: str) -> str:
    """`1 paired case`, `1,200 paired cases`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def p_value_text(p_value: float, *, alpha: float) -> str:
    """`p = 0.004`, `p < 0.001`; with more digits where rounding would cross alpha."""
    if p_value < 0.001 < alpha:
        return "p < 0.001"
    text = f"{p_value:.3f}" if p_value < 0.1 else f"{p_value:.2f}"
    digits = 4
    while (float(text) <= alpha) != (p_value <= alpha) or (float(text) == 0.0 < p_value):
        text = f"{p_value:.{digits}g}"
        digits += 1
    return f"p = {text}"


def _size(size: float, half_width: float, unit: Unit) -> str:
    if size == 0 or not math.isfinite(size):
        return f"{size:g}"
    if not 0 < half_width < math.inf:
        return _significant(size, 1 if size < 1 and unit.interval_digits == 1 else _DIGITS)
    decimals = unit.interval_digits - 1 - math.floor(math.log10(half_width))
    if decimals > 9:
        return f"{size:.{_DIGITS}g}"
    text = f"{size:,.{max(0, decimals)}f}"
    # A bound just beside 0 must not look like 0: the verdict turns on it.
    vanishes = size < 1 and (decimals <= 0 or float(text) == 0)
    return _significant(size, 1) if vanishes else text


def _significant(size: float, digits: int) -> str:
    """A positive size in fixed notation, with this many digits or all before the point: 1,234 / 12.3 / 0.0012."""
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    if decimals > 9:
        return f"{size:.{digits}g}"
    text = f"{size:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
