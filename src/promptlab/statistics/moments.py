"""Mean and standard deviation, exact in their sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_LARGE = 1e150
"""Beyond this a square overflows, so values are scaled first."""


@dataclass(frozen=True, slots=True)
class Moments:
    """n values: their mean, and their sample standard deviation (divisor n - 1), None where n < 2.

    deviation is exactly 0.0 where the values differ by rounding only. Both are NaN or infinite where a value is;
    `finite` says so.
    """

    n: int
    mean: float | None
    deviation: float | None

    @property
    def finite(self) -> bool:
        """Whether there are values and all of them are finite."""
        return self.mean is not None and math.isfinite(self.mean)


def moments(values: Sequence[float]) -> Moments:
    """Mean and sample standard deviation of the values; a mean of None for no values.

    Example: moments([1, 2, 3, 4]) -> Moments(n=4, mean=2.5, deviation=1.2909944487358056)
    """
    n = len(values)
    if n == 0:
        return Moments(0, None, None)
    if not all(map(math.isfinite, values)):
        # inf - inf is NaN, as is anything with NaN; one sign of infinity alone stays infinite.
        return Moments(n, sum(values) / n, math.nan if n > 1 else None)
    largest = max(map(abs, values))
    if largest > _LARGE:
        return _rescaled(moments([value / largest for value in values]), largest)
    mean = math.fsum(values) / n
    if n == 1:
        return Moments(1, mean, None)
    deviation = math.sqrt(math.fsum((value - mean) * (value - mean) for value in values) / (n - 1))
    # 0.7 - 0.6 and 0.4 - 0.3 differ in the last bit: that is no spread, and a t of 1e15 no evidence.
    return Moments(n, mean, 0.0 if deviation <= 1e-12 * largest else deviation)


def _rescaled(found: Moments, scale: float) -> Moments:
    mean, deviation = found.mean, found.deviation
    return Moments(
        found.n,
        None if mean is None else mean * scale,
        None if deviation is None else deviation * scale,
    )
