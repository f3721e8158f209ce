"""Which rows were added, removed or changed between two tables, by a key that names each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promptlab.errors import UsageError
from promptlab.sources.values import is_missing, read_column, said, tagged

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

MOST_EXAMPLES = 20
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Change:
    """A value that changed: in which row, by its key, and column, from what to what, as text."""

    key: str
    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RowDifferences:
    """Rows of the second table that are new, of the first that are gone, and those of both with another value.

    by_column: how many rows have another value in it, the most first. examples: the first few changes, and keys of the
    first few rows that were added and removed.
    """

    key: tuple[str, ...]
    added: int
    removed: int
    changed: int
    unchanged: int
    by_column: tuple[tuple[str, int], ...] = ()
    changes: tuple[Change, ...] = ()
    added_keys: tuple[str, ...] = ()
    removed_keys: tuple[str, ...] = ()


def compare_rows(a: pd.DataFrame, b: pd.DataFrame, *, key: Sequence[str]) -> RowDifferences:
    """The differences between the rows of two tables; the order of rows does not count.

    key: columns whose values name a row in both tables. Raises UsageError where one is not there or names two rows.
    """
    import numpy as np

    first, second = _keys(a, key, "the first version"), _keys(b, key, "the second version")
    shared = first.intersection(second, sort=False)
    left, right = first.get_indexer(shared), second.get_indexer(shared)
    changed = np.zeros(len(shared), dtype=bool)
    counts: list[tuple[str, int]] = []
    changes: list[Change] = []
    names = [said(name) for name in b.columns]
    for at, name in enumerate(said(name) for name in a.columns):
        if name in key or name not in names:
            continue
        one, other = a.iloc[left, at], b.iloc[right, names.index(name)]
        differs = _differs(one, other)
        if differs.any():
            counts.append((name, int(differs.sum())))
            changes += [
                Change(_shown(shared[place]), name, _value(one.iloc[place]), _value(other.iloc[place]))
                for place in np.flatnonzero(differs)[: MOST_EXAMPLES - len(changes)]
            ]
        changed |= differs
    added, removed = second.difference(first, sort=False), first.difference(second, sort=False)
    counts.sort(key=lambda item: -item[1])
    return RowDifferences(
        tuple(key),
        len(added),
        len(removed),
        int(changed.sum()),
        int((~changed).sum()),
        tuple(counts),
        tuple(changes),
        tuple(_shown(text) for text in added[:MOST_EXAMPLES]),
        tuple(_shown(text) for text in removed[:MOST_EXAMPLES]),
    )


def _keys(frame: pd.DataFrame, key: Sequence[str], which: str) -> pd.Index[Any]:
    import pandas as pd

    names = [said(name) for name in frame.columns]
    columns = []
    for name in key:
        if name not in names:
            from promptlab.spelling import suggestion

            raise UsageError(f"{which} has no column {name!r} to tell rows apart by{suggestion(name, names[:50])}")
        columns.append([tagged(value) or "" for value in frame.iloc[:, names.index(name)]])
    index = pd.Index([_joined(parts) for parts in zip(*columns, strict=True)], dtype=object)
    if not index.is_unique:
        twice = _shown(index[index.duplicated()][0])
        raise UsageError(f"{which} has several rows of the key {twice!r} ({', '.join(key)}); name more columns")
    return index


def _joined(parts: Sequence[str]) -> str:
    return "\x1f".join(parts)


def _shown(key: str) -> str:
    """A key as people read it: its parts without what tells their types."""
    parts = []
    for part in key.split("\x1f"):
        text = part[1:]
        if part[:1] == "n" and text.endswith(".0"):
            text = text[:-2]
        parts.append(text or ("empty" if part else "missing"))
    return ", ".join(parts)[:LONGEST]


def _value(value: Any) -> str:
    return "missing" if is_missing(value) else said(value)[:LONGEST]


def _differs(one: pd.Series[Any], other: pd.Series[Any]) -> Array:
    """Where two columns have other values; read as one column, so that equal values are equal in any dtype."""
    import numpy as np
    import pandas as pd

    half = len(one)
    both = pd.Series([*one.astype(object), *other.astype(object)], dtype=object)
    if one.dtype == other.dtype:
        both = pd.concat([one, other], ignore_index=True)
    column = read_column(both)
    if column.kind == "missing":
        return np.zeros(half, dtype=bool)
    if column.kind == "number":
        a, b = column.data[:half], column.data[half:]
        found: Array = ~((a == b) | (np.isnan(a) & np.isnan(b)))
        return found
    if column.kind in ("time", "moment"):
        stamps = np.asarray(column.data.asi8)
        return np.asarray(stamps[:half] != stamps[half:])
    if column.kind == "text":
        codes = np.asarray(column.codes)
        return np.asarray(codes[:half] != codes[half:])
    pairs = zip(column.data[:half], column.data[half:], strict=True)
    return np.array([before != after for before, after in pairs], dtype=bool)
