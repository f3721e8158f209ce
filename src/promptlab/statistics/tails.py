"""Upper tails of the chi-squared and the Kolmogorov distribution, without scipy."""

from __future__ import annotations

import math

_STEPS = 10_000
_CLOSE = 1e-15


def chi_squared_tail(statistic: float, *, degrees: int) -> float:
    """The chance of a chi-squared value at or above `statistic`.

    Source: Abramowitz and Stegun (1964), 6.5.29 and 6.5.31, the incomplete gamma function.
    Example: chi_squared_tail(3.841458820694124, degrees=1) -> 0.05
    """
    if degrees < 1:
        raise ValueError(f"degrees of freedom are 1 or more, not {degrees}")
    a, x = degrees / 2, statistic / 2
    if x <= 0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a)) if math.isfinite(x) else 0.0
    if scale == 0.0:
        return 0.0 if x > a else 1.0
    if x < a + 1:
        return max(0.0, 1.0 - scale * _series(a, x))
    return min(1.0, scale * _fraction(a, x))


def kolmogorov_tail(distance: float, *, n: int, m: int) -> float:
    """The p-value of the largest distance between the distribution functions of two samples of n and m values.

    An approximation that is good from about 4 values each on; with ties it is too large.
    Source: Stephens (1970), Journal of the Royal Statistical Society B 32:115.
    """
    if n < 1 or m < 1:
        raise ValueError("samples have one value or more")
    effective = math.sqrt(n * m / (n + m))
    scaled = (effective + 0.12 + 0.11 / effective) * distance
    if scaled < 0.2:  # 1 to many digits, where the sum below converges slowly
        return 1.0
    total = math.fsum((1 if j % 2 else -1) * math.exp(-2 * j * j * scaled * scaled) for j in range(1, 101))
    return min(1.0, max(0.0, 2 * total))


def _series(a: float, x: float) -> float:
    term = total = 1.0 / a
    for step in range(1, _STEPS):
        term *= x / (a + step)
        total += term
        if term < total * _CLOSE:
            break
    return total


def _fraction(a: float, x: float) -> float:
    """Lentz's evaluation of the continued fraction."""
    tiny = 1e-300
    b = x + 1 - a
    c = 1 / tiny
    d = 1 / b
    value = d
    for step in range(1, _STEPS):
        factor = -step * (step - a)
        b += 2
        d = factor * d + b
        d = 1 / (d if abs(d) > tiny else tiny)
        c = b + factor / c
        c = c if abs(c) > tiny else tiny
        change = d * c
        value *= change
        if abs(change - 1) < _CLOSE:
            break
    return value
