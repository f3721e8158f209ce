"""Corrections for many comparisons at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted by Holm's step-down method, in the order given.

    Rejecting those at or below alpha keeps the chance of any false rejection at or below alpha, whatever the
    dependence. Raises ValueError for a p-value outside [0, 1].
    Source: Holm (1979), Scandinavian Journal of Statistics 6:65.
    Example: holm([0.01, 0.04, 0.03]) -> [0.03, 0.06, 0.06]
    """
    _check(p_values)
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted by Benjamini and Hochberg's step-up method, in the order given.

    Rejecting those at or below q keeps the expected share of false ones among the rejected at or below q, for
    independent or positively dependent tests. Raises ValueError for a p-value outside [0, 1].
    Source: Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57:289.
    Example: benjamini_hochberg([0.01, 0.04, 0.03]) -> [0.03, 0.04, 0.04]
    """
    _check(p_values)
    adjusted = [0.0] * len(p_values)
    smallest = 1.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__, reverse=True)):
        smallest = min(smallest, p_values[index] * len(p_values) / (len(p_values) - rank))
        adjusted[index] = smallest
    return adjusted


def _check(p_values: Sequence[float]) -> None:
    for p_value in p_values:
        if not 0.0 <= p_value <= 1.0:
            raise ValueError(f"a p-value is in [0, 1], not {p_value}")
