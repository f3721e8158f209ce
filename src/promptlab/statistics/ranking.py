"""ROC AUC: how often a positive case scores above a negative one, and how sure that is."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from promptlab.statistics.effective import effective_cases, effective_interval
from promptlab.types import Interval

_PSEUDO = 0.5
"""Of a case: how much of each class stands above, and how much below, all others where the variance is taken."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A score and what it is of. case: its repeats share it."""

    score: float
    positive: bool
    case: Hashable = None


def roc_auc(scored: Sequence[Scored]) -> float | None:
    """The share of pairs of a positive and a negative where the positive scores higher, ties half; None without both.

    Source: Hanley and McNeil (1982), Radiology 143:29; scikit-learn's roc_auc_score. Scores are compared only, so they
    may be infinite, but not NaN.
    Example: roc_auc([Scored(0.9, True), Scored(0.4, False), Scored(0.4, True)]) -> 0.75
    """
    ordered = _Ordered.of(scored)
    if not ordered.positives or not ordered.negatives:
        return None
    above = math.fsum(ordered.negatives_below(score) for score in ordered.positives)
    return above / (len(ordered.positives) * len(ordered.negatives))


def roc_auc_interval(scored: Sequence[Scored]) -> Interval:
    """ROC AUC with its 95% interval; n counts cases. No bounds below two cases of either class.

    The variance is that of DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44:837, with all repeats of a case as
    one (Obuchowski 1997, Biometrics 53:567), turned into an effective number of cases for Wilson's interval. It is
    taken with half a pseudo-case of each class above and below all others, so that classes which are perfectly apart
    do not count as certain.
    """
    value = roc_auc(scored)
    cases = [{item.case for item in scored if item.positive is positive} for positive in (True, False)]
    n = len(cases[0] | cases[1])
    if value is None or min(map(len, cases)) < 2:
        return Interval(value, None, None, n)
    ordered = _Ordered.of(scored)
    repeats = len(scored) / n
    added = _PSEUDO * repeats
    weights = len(ordered.positives) + 2 * added, len(ordered.negatives) + 2 * added
    # By class what each score adds, with those of the pseudo-cases last: above all others, then below.
    tops = (len(ordered.negatives) + 1.5 * added) / weights[1], (len(ordered.positives) + 1.5 * added) / weights[0]
    bottom = 0.5 * added / weights[1], 0.5 * added / weights[0]
    centre = (
        math.fsum((ordered.negatives_below(score) + added) / weights[1] for score in ordered.positives)
        + added * (tops[0] + bottom[0])
    ) / weights[0]
    influences: dict[Hashable, float] = {}
    for item in scored:
        if item.positive:
            placed = (ordered.negatives_below(item.score) + added) / weights[1]
        else:
            placed = (ordered.positives_above(item.score) + added) / weights[0]
        weight = weights[0] if item.positive else weights[1]
        influences[item.case] = influences.get(item.case, 0.0) + (placed - centre) / weight
    variance = math.fsum(influence**2 for influence in influences.values())
    for top, low, weight in zip(tops, bottom, weights, strict=True):
        # A pseudo-case is a whole case, with as many repeats as the others have.
        variance += _PSEUDO * math.fsum((repeats * (placed - centre) / weight) ** 2 for placed in (top, low))
    effective = effective_cases(centre, variance)
    if effective is None:
        return Interval(value, None, None, n)
    return effective_interval(value, effective * n / (n + 4 * _PSEUDO), n=n)


@dataclass(frozen=True, slots=True)
class _Ordered:
    """The scores of each class in rising order."""

    positives: Sequence[float]
    negatives: Sequence[float]

    @classmethod
    def of(cls, scored: Sequence[Scored]) -> _Ordered:
        return cls(
            sorted(item.score for item in scored if item.positive),
            sorted(item.score for item in scored if not item.positive),
        )

    def negatives_below(self, score: float) -> float:
        """How many negatives score less, ties half."""
        return (bisect_left(self.negatives, score) + bisect_right(self.negatives, score)) / 2

    def positives_above(self, score: float) -> float:
        """How many positives score more, ties half."""
        ties = bisect_left(self.positives, score) + bisect_right(self.positives, score)
        return len(self.positives) - ties / 2
