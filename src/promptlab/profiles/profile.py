"""`Profile`: what was found out about a table; plain frozen values that go to JSON and back."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

ColumnType: TypeAlias = Literal[
    "number", "category", "boolean", "time", "text", "constant", "identifier", "mixed", "missing"
]
"""`identifier`: a value of its own in every row; `mixed`: values of several kinds; `missing`: no value at all."""
Method: TypeAlias = Literal["pearson", "cramers_v", "correlation_ratio"]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between edges, one edge more than counts; edges of times are seconds since 1970."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outliers:
    """Values outside of bounds. rule: `iqr`, 1.5 interquartile ranges beyond the quartiles, or `robust_z`, above 3.5.

    Source: Tukey (1977), Exploratory Data Analysis; Iglewicz and Hoaglin (1993), How to Detect and Handle Outliers.
    """

    rule: str
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """A column. Figures that its type does not have are None or empty; those of numbers leave infinities out.

    distinct: different values, missing ones left out. top: the most frequent values as text, with their counts.
    minimum and maximum: of times ISO 8601. sd: of a sample, n - 1. quantiles: by percent, linear. lengths: of texts, in
    characters: lowest, mean, highest. sample: some numbers, or times as seconds since 1970, to compare distributions.
    problem: why a column could not be read.
    """

    name: str
    type: ColumnType
    dtype: str
    count: int
    missing: int
    distinct: int
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    sd: float | None = None
    quantiles: Mapping[str, float] = field(default_factory=dict)
    histogram: Histogram | None = None
    top: tuple[tuple[str, int], ...] = ()
    zeros: int | None = None
    negative: int | None = None
    infinite: int | None = None
    outliers: tuple[Outliers, ...] = ()
    lengths: tuple[float, ...] = ()
    sample: tuple[float, ...] = ()
    problem: str | None = None

    @property
    def missing_share(self) -> float:
        """The share of rows without a value, from 0 to 1."""
        rows = self.count + self.missing
        return self.missing / rows if rows else 0.0

    @property
    def is_complete(self) -> bool:
        """Whether `top` has every value of the column."""
        return self.distinct == len(self.top)


@dataclass(frozen=True, slots=True)
class Association:
    """How strongly two columns go together, from -1 to 1 for numbers and from 0 to 1 else. n: rows that have both.

    method: Pearson's r, Cramer's V (bias-corrected) or the correlation ratio. spearman: of ranks, for numbers.
    """

    a: str
    b: str
    method: Method
    value: float
    n: int
    spearman: float | None = None

    @property
    def strength(self) -> float:
        """The larger of both measures, without its sign."""
        return max(abs(self.value), abs(self.spearman or 0.0))


@dataclass(frozen=True, slots=True)
class Hint:
    """A sign that a column gives the target away. measure: what `value` is; words: all of it in a sentence."""

    column: str
    kind: str
    measure: str
    value: float
    words: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A table. columns: those profiled, of `width` in all. duplicates: rows that stand there once more than once.

    associations: the strongest pairs, on `sampled` rows. notes: what was sampled or left out, in sentences.
    """

    rows: int
    width: int
    columns: tuple[ColumnProfile, ...]
    duplicates: int
    associations: tuple[Association, ...] = ()
    sampled: int = 0
    target: str | None = None
    hints: tuple[Hint, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """Cells without a value."""
        return sum(column.missing for column in self.columns)

    def column(self, name: str) -> ColumnProfile | None:
        """The first column of this name; None where there is none."""
        return next((column for column in self.columns if column.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON; what is no finite number is null."""
        plain: dict[str, Any] = _plain(dataclasses.asdict(self))
        return plain

    def to_html(self, *, title: str = "Profile") -> str:
        """One page that opens offline, with plots where matplotlib is installed."""
        from promptlab.profiles.page import profile_page

        return profile_page(self, title=title)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Profile:
        """The profile that `to_json` gave."""
        return cls(
            rows=content["rows"],
            width=content["width"],
            columns=tuple(_column(column) for column in content["columns"]),
            duplicates=content["duplicates"],
            associations=tuple(Association(**pair) for pair in content["associations"]),
            sampled=content["sampled"],
            target=content["target"],
            hints=tuple(Hint(**hint) for hint in content["hints"]),
            notes=tuple(content["notes"]),
        )


def _column(content: Mapping[str, Any]) -> ColumnProfile:
    histogram = content["histogram"]
    return ColumnProfile(
        **{
            **content,
            "histogram": histogram and Histogram(tuple(histogram["edges"]), tuple(histogram["counts"])),
            "top": tuple((text, count) for text, count in content["top"]),
            "outliers": tuple(Outliers(**outliers) for outliers in content["outliers"]),
            "lengths": tuple(content["lengths"]),
            "sample": tuple(content["sample"]),
        }
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
