"""The profile of a data frame, within bounds: what grows with the square of anything is done on a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptlab.profiles.associations import Part, associations, part_of
from promptlab.profiles.columns import profile_column
from promptlab.profiles.leakage import leakage_hints
from promptlab.profiles.profile import ColumnProfile, Profile
from promptlab.sources.values import Column, read_column, said

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

MOST_COLUMNS = 2000
PAIRED_COLUMNS = 60
PAIRED_ROWS = 20_000
MOST_PAIRS = 300
WIDE = 200
"""From so many columns on, fewer values of each are kept."""


def make_profile(frame: pd.DataFrame, *, target: str | None = None) -> Profile:
    """What there is to say about a table. target: the column that is to be predicted, for hints of leakage.

    Never raises for what stands in the table; the target has to be one of its columns.
    """
    width = frame.shape[1]
    names = [said(name) for name in frame.columns]
    chosen = list(range(min(width, MOST_COLUMNS)))
    notes = [] if width <= MOST_COLUMNS else [f"{MOST_COLUMNS:,} of {width:,} columns are profiled, the first ones."]
    if target is not None and names.index(target) not in chosen:
        chosen[-1] = names.index(target)
    top, sample = (50, 500) if width <= WIDE else (10, 50)
    read: list[Column] = []
    profiles: list[ColumnProfile] = []
    hashes = _Hashes(len(frame))
    for at in chosen:
        column, profile = _column(names[at], frame.iloc[:, at], top=top, sample=sample)
        read.append(column)
        profiles.append(profile)
        hashes.add(column)
    rows = _sample(len(frame), PAIRED_ROWS)
    if len(rows) < len(frame):
        notes.append(f"Associations and hints are of {len(rows):,} of the {len(frame):,} rows, taken by a fixed seed.")
    at_target = None if target is None else chosen.index(names.index(target))
    pairs = _pairs(profiles, read, rows, notes, at_target)
    hints = () if at_target is None else leakage_hints(profiles, read, rows, target=at_target)
    return Profile(
        len(frame),
        width,
        tuple(profiles),
        hashes.duplicates(),
        associations=pairs,
        sampled=len(rows),
        target=target,
        hints=hints,
        notes=tuple(notes),
    )


def _column(name: str, series: pd.Series[Any], *, top: int, sample: int) -> tuple[Column, ColumnProfile]:
    try:
        column = _read(series)
        return column, profile_column(name, series, column, top=top, sample=sample)
    except Exception as error:  # noqa: BLE001 - values may be of anybody's own class; the profile says so
        problem = f"{type(error).__name__}: {' '.join(said(error).split())[:200]}"
        profile = ColumnProfile(name, "mixed", said(series.dtype)[:80], len(series), 0, 0, problem=problem)
        return Column("missing"), profile


def _read(series: pd.Series[Any]) -> Column:
    """A column; whole numbers of any size as numbers: that long ones lose digits as floats matters to digests alone."""
    import numpy as np
    import pandas as pd

    if pd.api.types.is_integer_dtype(series.dtype) and len(series) and not series.isna().all():
        return Column("number", series.to_numpy(dtype=np.float64, na_value=np.nan))
    return read_column(series)


def _pairs(profiles: list[ColumnProfile], read: list[Column], rows: Array, notes: list[str], target: int | None) -> Any:
    order = range(len(profiles)) if target is None else [target, *(at for at in range(len(profiles)) if at != target)]
    parts: list[Part] = []
    left_out = 0
    for at in order:
        if len(parts) < PAIRED_COLUMNS:
            part = part_of(profiles[at], read[at], rows)
            parts += [] if part is None else [part]
        elif profiles[at].type in ("number", "boolean", "time", "category"):
            left_out += 1
    if left_out:
        notes.append(f"Associations are between the first {PAIRED_COLUMNS} columns; {left_out:,} more are left out.")
    found = associations(parts, most=MOST_PAIRS)
    if len(found) == MOST_PAIRS:
        notes.append(f"Of the pairs of columns the {MOST_PAIRS} strongest are kept.")
    return found


def _sample(rows: int, most: int) -> Array:
    import numpy as np

    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


class _Hashes:
    """Counts rows that stand more than once, by 64 bits of each."""

    def __init__(self, rows: int) -> None:
        import numpy as np

        self._hashes = np.zeros(rows, dtype=np.uint64)
        self._known = False

    def add(self, column: Column) -> None:
        import numpy as np
        import pandas as pd

        if column.kind == "missing":
            return
        self._known = True
        if column.kind == "number":
            codes = (np.where(np.isnan(column.data), np.nan, column.data) + 0.0).view(np.uint64)
        elif column.kind in ("time", "moment"):
            codes = np.asarray(column.data.asi8).view(np.uint64)
        elif column.kind == "text":
            codes = np.asarray(column.codes).astype(np.int64).view(np.uint64)
        else:
            codes = pd.factorize(np.array([text or "" for text in column.data], dtype=object))[0].view(np.uint64)
        with np.errstate(over="ignore"):
            mixed = (self._hashes ^ codes) * np.uint64(0x9E3779B97F4A7C15)
            self._hashes = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
            self._hashes ^= self._hashes >> np.uint64(32)

    def duplicates(self) -> int:
        import numpy as np

        return len(self._hashes) - len(np.unique(self._hashes)) if self._known else 0
