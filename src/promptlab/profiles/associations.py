"""Which columns go together: Pearson and Spearman, Cramer's V, the correlation ratio; all pairs, on a sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promptlab.profiles.profile import Association, ColumnProfile
from promptlab.sources.values import Column

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST_LEVELS = 50
"""Categories that are told apart; the rarer ones count as one."""


@dataclass(frozen=True, slots=True)
class Part:
    """A column as pairs need it: numbers with NaN, or codes of categories with -1 for a missing one."""

    name: str
    numbers: Array | None = None
    codes: Array | None = None

    @property
    def present(self) -> Array:
        """Where it has a value."""
        import numpy as np

        if self.numbers is not None:
            return np.isfinite(self.numbers)
        found: Array = np.asarray(self.codes) >= 0
        return found


def part_of(profile: ColumnProfile, column: Column, rows: Array) -> Part | None:
    """A column on some rows; None for one that goes with nothing: a constant, an identifier, long text, a mixture."""
    import numpy as np

    if profile.type in ("number", "boolean"):
        return Part(profile.name, numbers=column.data[rows])
    if profile.type == "time":
        seconds = np.asarray(column.data.as_unit("us")).astype("datetime64[us]").astype(np.int64) / 1e6
        return Part(profile.name, numbers=np.where(np.asarray(column.data.isna()), np.nan, seconds)[rows])
    if profile.type == "category":
        return Part(profile.name, codes=levels(np.asarray(column.codes)[rows]))
    return None


def levels(codes: Array, *, most: int = MOST_LEVELS) -> Array:
    """Codes from 0 on without gaps, the most frequent ones; the rarer ones have one together."""
    import numpy as np

    found, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    known = found >= 0
    order = np.argsort(-np.where(known, counts, -1), kind="stable")
    renamed = np.full(len(found), -1)
    for place, at in enumerate(order[: int(known.sum())]):
        renamed[at] = min(place, most)
    result: Array = renamed[inverse]
    return result


def associations(parts: list[Part], *, most: int) -> tuple[Association, ...]:
    """The strongest pairs of columns, the strongest first. Two rows at least have both of a pair."""
    found = _of_numbers([part for part in parts if part.numbers is not None])
    categories = [part for part in parts if part.codes is not None]
    numbers = [part for part in parts if part.numbers is not None]
    for at, one in enumerate(categories):
        found += [pair for other in categories[at + 1 :] if (pair := _of_categories(one, other)) is not None]
        found += [pair for other in numbers if (pair := _of_both(one, other)) is not None]
    found.sort(key=lambda pair: (-pair.strength, pair.a, pair.b))
    return tuple(found[:most])


def _of_numbers(parts: list[Part]) -> list[Association]:
    import numpy as np
    import pandas as pd

    if len(parts) < 2:
        return []
    frame = pd.DataFrame({at: np.where(part.present, _scaled(part), np.nan) for at, part in enumerate(parts)})
    there = frame.notna().to_numpy().astype(np.float64)
    together = there.T @ there
    with np.errstate(all="ignore"):
        pearson = frame.corr(method="pearson", min_periods=2).to_numpy()
        spearman = frame.corr(method="spearman", min_periods=2).to_numpy()
    return [
        Association(
            parts[i].name,
            parts[j].name,
            "pearson",
            float(pearson[i, j]),
            int(together[i, j]),
            spearman=float(spearman[i, j]) if math.isfinite(spearman[i, j]) else None,
        )
        for i in range(len(parts))
        for j in range(i + 1, len(parts))
        if math.isfinite(pearson[i, j])
    ]


def _scaled(part: Part) -> Array:
    """Numbers of at most 1: squares of very large ones would be infinite, and a correlation has no unit."""
    import numpy as np

    numbers: Array = np.asarray(part.numbers)
    largest = np.abs(numbers[part.present]).max(initial=0.0)
    return numbers / largest if largest > 1e100 else numbers


def _of_categories(one: Part, other: Part) -> Association | None:
    import numpy as np

    both = one.present & other.present
    if both.sum() < 2:
        return None
    a, b = np.asarray(one.codes)[both], np.asarray(other.codes)[both]
    value = cramers_v(
        np.bincount(a * (MOST_LEVELS + 1) + b, minlength=(MOST_LEVELS + 1) ** 2).reshape(MOST_LEVELS + 1, -1)
    )
    return None if value is None else Association(one.name, other.name, "cramers_v", value, int(both.sum()))


def cramers_v(table: Array) -> float | None:
    """Cramer's V of a table of counts, corrected for bias; 0 for independent columns, 1 where one tells the other.

    None where a column has one value only.
    Source: Bergsma (2013), Journal of the Korean Statistical Society 42:323.
    """
    import numpy as np

    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0].astype(np.float64)
    rows, columns = table.shape
    n = table.sum()
    if rows < 2 or columns < 2 or n < 2:
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = float(((table - expected) ** 2 / expected).sum() / n)
    corrected = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(corrected / least)) if least > 0 else None


def _of_both(one: Part, other: Part) -> Association | None:
    import numpy as np

    both = one.present & other.present
    if both.sum() < 2:
        return None
    value = correlation_ratio(np.asarray(one.codes)[both], _scaled(other)[both])
    return None if value is None else Association(one.name, other.name, "correlation_ratio", value, int(both.sum()))


def correlation_ratio(codes: Array, numbers: Array) -> float | None:
    """Eta: the root of the share of the variance of numbers that is between categories; None where there is none.

    Source: Fisher (1925), Statistical Methods for Research Workers, section 45.
    """
    import numpy as np

    counts = np.bincount(codes)
    centred = numbers - numbers.mean()
    total = float((centred**2).sum())
    if total <= 0 or not math.isfinite(total) or (counts > 0).sum() < 2:
        return None
    sums = np.bincount(codes, weights=centred)
    between = float((sums[counts > 0] ** 2 / counts[counts > 0]).sum())
    return math.sqrt(min(1.0, between / total))
