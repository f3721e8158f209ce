"""Values on their way into a test: numbers, groups, tables of counts, each checked and named in what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from promptlab.errors import UsageError

Numbers: TypeAlias = NDArray[np.float64]
Missing: TypeAlias = Literal["refuse", "drop"]


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples by name, in order; missing: values that were left out."""

    names: tuple[str, ...]
    values: tuple[Numbers, ...]
    missing: int = 0

    @property
    def n(self) -> dict[str, int]:
        """How many values each has."""
        return {name: len(some) for name, some in zip(self.names, self.values, strict=True)}


def read_samples(
    given: Sequence[Any],
    *,
    data: Any = None,
    x: str | Sequence[str] | None = None,
    by: str | None = None,
    names: Sequence[str] | None = None,
    missing: Missing = "refuse",
    paired: bool = False,
) -> Samples:
    """Samples of numbers: arrays as they are, or columns of a data frame, or one column in groups by another.

    paired: rows belong together, so that a missing value takes its whole row away. Raises UsageError that names what is
    wrong: no numbers, missing or infinite values, samples of unequal length where they are paired.
    """
    if missing not in ("refuse", "drop"):
        raise UsageError(f"missing={missing!r}: say 'refuse' or 'drop'")
    if data is not None:
        columns = _of_frame(data, x, by)
    else:
        if x is not None or by is not None:
            raise UsageError("x= and by= name columns: give data= too")
        called = list(names) if names is not None else [_name(one, place) for place, one in enumerate(given)]
        if len(called) != len(given):
            raise UsageError(f"{len(called)} names for {len(given)} samples; give one a sample")
        columns = dict(zip(_distinct(called), given, strict=True))
    if not columns:
        raise UsageError("there is nothing to test: give samples, or data= with x= and by=")
    read = {name: _numbers(values, name) for name, values in columns.items()}
    if paired and len({len(values) for values in read.values()}) > 1:
        sizes = ", ".join(f"{name} {len(values):,}" for name, values in read.items())
        raise UsageError(f"samples that belong together have as many values each; these have: {sizes}")
    return _complete(read, missing=missing, paired=paired)


def read_table(given: Any) -> tuple[Numbers, tuple[str, ...], tuple[str, ...]]:
    """A table of counts with the names of its rows and columns. Raises UsageError for what is no table of counts."""
    rows = tuple(str(name) for name in given.index) if hasattr(given, "index") and hasattr(given, "columns") else ()
    columns = tuple(str(name) for name in given.columns) if rows else ()
    try:
        table = np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise UsageError(f"this is no table of counts: {str(error).splitlines()[0]}") from error
    if table.ndim != 2 or min(table.shape) < 2:
        raise UsageError(f"a table of counts has two rows and two columns or more; this one is {table.shape}")
    if not np.isfinite(table).all() or (table < 0).any() or (table != np.round(table)).any():
        raise UsageError("a table of counts holds whole numbers from 0 up")
    if (table.sum(axis=0) == 0).any() or (table.sum(axis=1) == 0).any():
        raise UsageError("a row or a column of the table has no count at all; leave it out")
    return (
        table,
        rows or tuple(f"row {place + 1}" for place in range(table.shape[0])),
        columns or tuple(f"column {place + 1}" for place in range(table.shape[1])),
    )


def require(samples: Samples, *, least: int, varied: bool = True) -> None:
    """Raises UsageError where a sample has too few values, or all of them are the same though they must not be."""
    for name, values in zip(samples.names, samples.values, strict=True):
        if len(values) < least:
            raise UsageError(f"sample '{name}' has {len(values)} values; the test needs {least} at least")
        if varied and len(values) and float(values.min()) == float(values.max()):
            raise UsageError(f"all values of sample '{name}' are {values[0]:g}; the test needs some that differ")


def _of_frame(data: Any, x: str | Sequence[str] | None, by: str | None) -> dict[str, Any]:
    wanted = [x] if isinstance(x, str) else list(x or [])
    for column in [*wanted, *([by] if by is not None else [])]:
        if column not in data:
            raise UsageError(f"the data has no column '{column}'; it has: {', '.join(map(str, list(data)[:12]))}")
    if by is None:
        return {str(name): data[name] for name in wanted}
    if len(wanted) != 1:
        raise UsageError("by= splits one column: x= names it")
    groups = data[[wanted[0], by]].dropna(subset=[by]).groupby(by, sort=True, observed=True)[wanted[0]]
    return {str(name): values for name, values in groups}


def _name(given: Any, place: int) -> str:
    name = getattr(given, "name", None)
    return str(name) if isinstance(name, str) and name else "abcdefghijklmnopqrstuvwxyz"[place % 26]


def _distinct(names: Sequence[str]) -> list[str]:
    return [name if names.count(name) == 1 else f"{name} {place + 1}" for place, name in enumerate(names)]


def _numbers(values: Any, name: str) -> Numbers:
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise UsageError(f"sample '{name}' holds what is no number: {str(error).splitlines()[0][:120]}") from error
    if array.ndim != 1:
        raise UsageError(f"sample '{name}' has {array.ndim} dimensions; a sample is one row of numbers")
    if np.isinf(array).any():
        raise UsageError(f"sample '{name}' has infinite values; say what they stand for, or leave them out")
    return array


def _complete(read: Mapping[str, Numbers], *, missing: Missing, paired: bool) -> Samples:
    absent = {name: np.isnan(values) for name, values in read.items()}
    total = int(sum(mask.sum() for mask in absent.values()))
    if total and missing == "refuse":
        where = ", ".join(f"{name} {int(mask.sum()):,}" for name, mask in absent.items() if mask.any())
        raise UsageError(f"values are missing ({where}); missing='drop' leaves them out and says so")
    if paired and total:
        gone = np.logical_or.reduce(list(absent.values()))
        return Samples(tuple(read), tuple(values[~gone] for values in read.values()), int(gone.sum()))
    kept = tuple(values[~absent[name]] for name, values in read.items())
    return Samples(tuple(read), kept, total)
