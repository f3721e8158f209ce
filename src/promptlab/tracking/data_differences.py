"""Two versions of data sets held against each other: their schemas, their profiles, their rows where they are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from promptlab.errors import UsageError
from promptlab.profiles.differences import DataDifferences, compare_profiles
from promptlab.profiles.make import make_profile
from promptlab.profiles.profile import Profile
from promptlab.profiles.rows import compare_rows
from promptlab.sources.table import target_column

if TYPE_CHECKING:
    import pandas as pd

    from promptlab.tracking.dataset import Dataset

MOST_ROWS = 2_000_000
"""Rows that are read for a comparison."""


def compare_data(
    a: Dataset, b: Dataset, *, key: str | Sequence[str] | None = None, most_rows: int = MOST_ROWS
) -> DataDifferences:
    """What changed from `a` to `b`. key: columns that tell rows apart; of cases it is `id`.

    Rows are read where a profile is missing or a key is given, and can be, versions of more than `most_rows` never; the
    notes say where they were not.
    """
    notes: list[str] = []
    keys = _keys(a, b, key)
    rows = [_Rows(version, notes, most_rows) for version in (a, b)]
    profiles = [some.profile() for some in rows]
    by_key = None
    if keys:
        frames = [some.frame() for some in rows]
        if frames[0] is not None and frames[1] is not None:
            by_key = compare_rows(frames[0], frames[1], key=keys)
    before, after = a.schema, b.schema
    retyped = [
        (name, _types(before[name].types), _types(after[name].types))
        for name in before
        if name in after and _types(before[name].types) != _types(after[name].types)
    ]
    return DataDifferences(
        a.reference,
        b.reference,
        a.rows,
        b.rows,
        tuple(name for name in after if name not in before),
        tuple(name for name in before if name not in after),
        tuple(retyped),
        columns=() if profiles[0] is None or profiles[1] is None else compare_profiles(profiles[0], profiles[1]),
        by_key=by_key,
        same_content=a.digest == b.digest,
        notes=tuple(dict.fromkeys(notes)),
    )


def profile_of(dataset: Dataset, *, target: str | None = None) -> Profile:
    """The profile of a version: the one that is stored, else made of its rows. Raises UsageError where there are none.

    target: the column that hints are for; a stored profile of another target is made anew.
    """
    stored = dataset.profile
    if stored is not None and target in (None, stored.target):
        return stored
    frame = dataset.to_pandas()
    if target is not None:
        target_column(frame, target)
    return make_profile(frame, target=target)


class _Rows:
    """The rows of a version, read once, when they are needed."""

    def __init__(self, dataset: Dataset, notes: list[str], most: int) -> None:
        self._dataset = dataset
        self._notes = notes
        self._most = most
        self._read: pd.DataFrame | None = None
        self._tried = False

    def frame(self) -> pd.DataFrame | None:
        if not self._tried:
            self._tried = True
            said = f"The rows of {self._dataset.reference} are not compared"
            if self._dataset.rows > self._most:
                what = (
                    f"they are more than {self._most:,}" if self._most else "only `promptlab datasets diff` reads them"
                )
                self._notes.append(f"{said}: {what}.")
                return None
            try:
                self._read = self._dataset.to_pandas()
            except UsageError as error:
                self._notes.append(f"{said}: {error}.")
        return self._read

    def profile(self) -> Profile | None:
        stored = self._dataset.profile
        if stored is not None:
            return stored
        frame = self.frame()
        return None if frame is None else make_profile(frame)


def _keys(a: Dataset, b: Dataset, key: str | Sequence[str] | None) -> list[str]:
    if key is None:
        return ["id"] if a.kind == b.kind == "cases" else []
    return [key] if isinstance(key, str) else list(key)


def _types(types: Sequence[str]) -> str:
    return " or ".join(name for name in types if name != "null") or "null"
