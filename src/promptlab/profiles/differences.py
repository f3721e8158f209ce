"""What changed between two versions of a table: columns, missing values, distributions, categories."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.profiles.profile import ColumnProfile, Histogram, Profile
from promptlab.profiles.rows import RowDifferences
from promptlab.statistics.multiple import holm
from promptlab.statistics.tails import chi_squared_tail, kolmogorov_tail

ALPHA = 0.05
MODERATE, LARGE = 0.1, 0.25
"""Of the population stability index; below the first, distributions count as the same."""
FEWEST = 20
ENOUGH = 300
"""Sampled values from which an index is worked out; with fewer, histograms tell more."""
MOST_CATEGORIES = 20
_BINS = 10
_PER_BIN = 30


@dataclass(frozen=True, slots=True)
class ColumnDifference:
    """A column that both versions have. Shares are of rows, from 0 to 1; means are of numbers.

    psi: the population stability index, 0 where distributions agree. basis: what it was worked out from: `values` (all
    of them), `samples`, `histograms` or `categories`. test: `ks` or `chi_squared`, with its p-value, adjusted for all
    columns tested by Holm. new and vanished: categories, known only where all of them are.
    """

    name: str
    type_before: str
    type_after: str
    missing_before: float
    missing_after: float
    mean_before: float | None = None
    mean_after: float | None = None
    psi: float | None = None
    basis: str | None = None
    test: str | None = None
    statistic: float | None = None
    p_value: float | None = None
    adjusted_p: float | None = None
    new: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()

    @property
    def is_shifted(self) -> bool:
        """Whether the distribution moved: by more than chance, where that was tested, and by a size that matters."""
        if self.psi is None:
            return self.adjusted_p is not None and self.adjusted_p <= ALPHA
        return self.psi >= MODERATE and (self.adjusted_p is None or self.adjusted_p <= ALPHA)

    @property
    def word(self) -> str:
        """`same`, `shifted` or `shifted a lot`; `new type` where the column holds something else now."""
        if self.type_before != self.type_after:
            return "new type"
        if not self.is_shifted:
            return "same"
        return "shifted a lot" if (self.psi or 0.0) >= LARGE else "shifted"

    @property
    def is_changed(self) -> bool:
        """Whether anything about it is worth a look."""
        gap = abs(self.missing_after - self.missing_before)
        return self.word != "same" or gap >= 0.01 or bool(self.new or self.vanished)


@dataclass(frozen=True, slots=True)
class DataDifferences:
    """What changed from one version to another. rows: of both. retyped: name, type before, type after.

    columns: those of both versions where both have a profile. by_key: rows held against each other, where they could
    be read and a key told them apart. notes: what could not be compared, and why.
    """

    before: str
    after: str
    rows_before: int
    rows_after: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    retyped: tuple[tuple[str, str, str], ...]
    columns: tuple[ColumnDifference, ...] = ()
    by_key: RowDifferences | None = None
    same_content: bool = False
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[ColumnDifference, ...]:
        """Columns worth a look, the most shifted first."""
        found = [column for column in self.columns if column.is_changed]
        return tuple(sorted(found, key=lambda column: (-(column.psi or 0.0), column.name)))

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        if self.same_content:
            return f"{self.before} and {self.after} have the same content."
        shifted = sum(column.is_shifted for column in self.columns)
        parts = [f"{self.rows_before:,} rows became {self.rows_after:,}"]
        for names, what in ((self.added, "added"), (self.removed, "removed"), (self.retyped, "of another type")):
            if names:
                parts.append(f"{len(names):,} column{'s' if len(names) > 1 else ''} {what}")
        if self.columns:
            parts.append(f"{shifted:,} of {len(self.columns):,} columns shifted")
        return f"From {self.before} to {self.after}: {'; '.join(parts)}."

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        columns = [{**dataclasses.asdict(column), "word": column.word} for column in self.columns]
        return {**dataclasses.asdict(self), "columns": columns, "sentence": self.sentence}


def compare_profiles(a: Profile, b: Profile) -> tuple[ColumnDifference, ...]:
    """The differences of the columns that two profiles share, with p-values adjusted for all of them."""
    pairs = [(column, other) for column in a.columns if (other := b.column(column.name)) is not None]
    found = [_difference(before, after) for before, after in pairs]
    tested = [at for at, item in enumerate(found) if item.p_value is not None]
    adjusted = holm([found[at].p_value or 0.0 for at in tested])
    for at, p_value in zip(tested, adjusted, strict=True):
        found[at] = dataclasses.replace(found[at], adjusted_p=p_value)
    return tuple(found)


def psi(before: Sequence[float], after: Sequence[float]) -> float:
    """The population stability index of two lists of counts over the same bins, in nats; 0 where shares agree.

    Half a count is added to each bin, since an empty one would make it infinite.
    Source: Siddiqi (2006), Credit Risk Scorecards, chapter 8.
    Example: psi([50, 50], [50, 50]) -> 0.0
    """
    total = 0.0
    n, m = sum(before) + 0.5 * len(before), sum(after) + 0.5 * len(after)
    for one, other in zip(before, after, strict=True):
        p, q = (one + 0.5) / n, (other + 0.5) / m
        total += (q - p) * math.log(q / p)
    return total


def ks_distance(a: Sequence[float], b: Sequence[float]) -> float:
    """The largest distance between the distribution functions of two sorted samples."""
    points = sorted({*a, *b})
    gaps = (abs(bisect.bisect_right(a, x) / len(a) - bisect.bisect_right(b, x) / len(b)) for x in points)
    return max(gaps, default=0.0)


def _difference(before: ColumnProfile, after: ColumnProfile) -> ColumnDifference:
    base = ColumnDifference(
        before.name, before.type, after.type, before.missing_share, after.missing_share, before.mean, after.mean
    )
    kinds = {before.type, after.type}
    if kinds <= {"number", "time", "identifier", "constant"} and before.histogram and after.histogram:
        return _of_numbers(base, before, after)
    if kinds <= {"category", "boolean", "constant"} and before.top and after.top:
        return _of_categories(base, before, after)
    return base


def _of_numbers(base: ColumnDifference, before: ColumnProfile, after: ColumnProfile) -> ColumnDifference:
    a, b = before.sample, after.sample
    found: dict[str, Any] = {}
    if len(a) >= FEWEST and len(b) >= FEWEST:
        distance = ks_distance(a, b)
        p_value = kolmogorov_tail(distance, n=len(a), m=len(b))
        found = {"test": "ks", "statistic": distance, "p_value": p_value}
    whole = len(a) == before.count and len(b) == after.count
    if min(len(a), len(b)) >= FEWEST and (whole or min(len(a), len(b)) >= ENOUGH):
        edges = _quantile_edges(a, min(len(a), len(b)))
        found |= {"psi": psi(_counts(a, edges), _counts(b, edges)), "basis": "values" if whole else "samples"}
    elif before.histogram and after.histogram:
        shared = _rebinned(before.histogram, after.histogram)
        found |= {"psi": psi(*_merged(*shared)), "basis": "histograms"}
    return dataclasses.replace(base, **found)


def _quantile_edges(values: Sequence[float], n: int) -> list[float]:
    bins = max(2, min(_BINS, n // _PER_BIN))
    return sorted({values[len(values) * at // bins] for at in range(1, bins)})


def _counts(values: Sequence[float], edges: Sequence[float]) -> list[float]:
    """How many values are below the first edge, from each on, from the last on."""
    places = [0, *(bisect.bisect_left(values, edge) for edge in edges), len(values)]
    return [float(high - low) for low, high in itertools.pairwise(places)]


def _rebinned(one: Histogram, other: Histogram) -> tuple[list[float], list[float]]:
    """Both histograms over the bins of the first, one more below and above; within a bin values are spread evenly."""
    edges = list(one.edges)
    return [0.0, *map(float, one.counts), 0.0], [
        _below(other, edges[0]),
        *(_below(other, high) - _below(other, low) for low, high in itertools.pairwise(edges)),
        sum(other.counts) - _below(other, edges[-1]),
    ]


def _merged(before: Sequence[float], after: Sequence[float]) -> tuple[list[float], list[float]]:
    """Neighbouring bins put together until each has 30 values of the first; with fewer, chance alone shows a shift."""
    found: tuple[list[float], list[float]] = ([], [])
    one = other = 0.0
    for count, those in zip(before, after, strict=True):
        one, other = one + count, other + those
        if one >= _PER_BIN:
            found[0].append(one)
            found[1].append(other)
            one = other = 0.0
    if found[0]:
        found[0][-1] += one
        found[1][-1] += other
    else:
        found[0].append(one)
        found[1].append(other)
    return found


def _below(histogram: Histogram, edge: float) -> float:
    total = 0.0
    for low, high, count in zip(histogram.edges, histogram.edges[1:], histogram.counts, strict=False):
        if high <= edge:
            total += count
        elif low < edge:
            total += count * (edge - low) / (high - low)
    return total


def _of_categories(base: ColumnDifference, before: ColumnProfile, after: ColumnProfile) -> ColumnDifference:
    one, other = dict(before.top), dict(after.top)
    whole = before.is_complete and after.is_complete
    names = list(dict.fromkeys([*one, *other]))
    if not whole:  # what is known of one side only could be among the rest of the other
        names = [name for name in names if name in one and name in other]
    a = [*(one.get(name, 0) for name in names), before.count - sum(one.get(name, 0) for name in names)]
    b = [*(other.get(name, 0) for name in names), after.count - sum(other.get(name, 0) for name in names)]
    if a[-1] == b[-1] == 0:
        a, b = a[:-1], b[:-1]
    found: dict[str, Any] = (
        {"psi": psi(a, b), "basis": "categories"} if len(a) > 1 else {"psi": 0.0, "basis": "categories"}
    )
    found |= _chi_squared(a, b)
    if whole:
        found["new"] = tuple(name for name in other if name not in one)[:MOST_CATEGORIES]
        found["vanished"] = tuple(name for name in one if name not in other)[:MOST_CATEGORIES]
    return dataclasses.replace(base, **found)


def _chi_squared(a: Sequence[float], b: Sequence[float]) -> Mapping[str, Any]:
    """Pearson's test of two lists of counts; bins with fewer than 5 expected are put together."""
    n, m = sum(a), sum(b)
    if n < FEWEST or m < FEWEST:
        return {}
    kept: list[tuple[float, float]] = []
    rest = (0.0, 0.0)
    for one, other in zip(a, b, strict=True):
        if (one + other) * min(n, m) / (n + m) >= 5:
            kept.append((one, other))
        else:
            rest = (rest[0] + one, rest[1] + other)
    kept += [rest] if sum(rest) > 0 else []
    if len(kept) < 2:
        return {}
    statistic = 0.0
    for one, other in kept:
        for observed, size in ((one, n), (other, m)):
            expected = (one + other) * size / (n + m)
            statistic += (observed - expected) ** 2 / expected
    p_value = chi_squared_tail(statistic, degrees=len(kept) - 1)
    return {"test": "chi_squared", "statistic": statistic, "p_value": p_value}
