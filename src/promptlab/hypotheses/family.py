"""Many tests at once: p-values adjusted for each other, and in one sentence what is left of the significant ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from promptlab.statistics.multiple import benjamini_hochberg, holm


@dataclass(frozen=True, slots=True)
class Adjusted:
    """One test among others. holm, bh: its p-value adjusted by Holm's and by Benjamini and Hochberg's method.

    Both are NaN where the test gave no p-value. Each is held against the test's own alpha.
    """

    p_value: float
    alpha: float
    holm: float
    bh: float

    @property
    def alone(self) -> bool:
        """Whether it is significant as if it were the only test."""
        return self.p_value <= self.alpha

    @property
    def by_holm(self) -> bool:
        """Whether it is significant with the chance of any false one in the family held at alpha."""
        return self.holm <= self.alpha

    @property
    def by_bh(self) -> bool:
        """Whether it is significant with the expected share of false ones among the significant held at alpha."""
        return self.bh <= self.alpha


def adjust(tests: Sequence[tuple[float, float]]) -> list[Adjusted]:
    """Each of (p-value, alpha) beside its p-values adjusted for all of them; those that are NaN do not count."""
    known = [place for place, (p_value, _) in enumerate(tests) if not math.isnan(p_value)]
    p_values = [tests[place][0] for place in known]
    strict = dict(zip(known, holm(p_values), strict=True))
    loose = dict(zip(known, benjamini_hochberg(p_values), strict=True))
    return [
        Adjusted(p_value, alpha, strict.get(place, math.nan), loose.get(place, math.nan))
        for place, (p_value, alpha) in enumerate(tests)
    ]


def summary(family: Sequence[Adjusted]) -> str:
    """What is left of the significant tests once all of them are counted, in one sentence."""
    counted = [one for one in family if not math.isnan(one.p_value)]
    if not counted:
        return "no test has a p-value yet"
    alone, strict, loose = (sum(getattr(one, name) for one in counted) for name in ("alone", "by_holm", "by_bh"))
    if len(counted) == 1:
        return f"1 test, {'significant' if alone else 'not significant'} at {counted[0].alpha:g}; nothing to adjust for"
    by_chance = sum(one.alpha for one in counted)
    said = (
        f"{len(counted):,} tests: {_count(alone)} significant alone, {_count(strict)} after Holm's adjustment, "
        f"{_count(loose)} after Benjamini-Hochberg's"
    )
    if alone and not loose:
        return f"{said}. Chance alone would make about {by_chance:.2g} of them significant: these may well be chance"
    return said


def _count(number: int) -> str:
    return f"{number:,}" if number else "none"
