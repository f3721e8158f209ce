"""Rows of a pandas data frame; its index is left out, unless it is called `id`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from promptlab.errors import SuiteError
from promptlab.suites.json_values import json_key, json_record
from promptlab.suites.rows import Row

ROWS_AT_ONCE = 1000


def is_frame(value: Any) -> bool:
    """Whether a value is a pandas data frame; pandas is not imported for the answer."""
    return any(kind.__name__ == "DataFrame" and kind.__module__.startswith("pandas") for kind in type(value).__mro__)


def read_frame(frame: Any, name: str) -> Iterator[Row]:
    """The rows of a data frame; NaN, NaT and NA are null. Raises SuiteError that names the row and the column."""
    if frame.index.name == "id" and "id" not in frame.columns:
        frame = frame.reset_index()
    seen: set[str] = set()
    for column in frame.columns:
        try:
            text = json_key(column)
        except ValueError as error:
            raise SuiteError(f"{name}: column {column!r} {error}; name it with text") from error
        if text in seen:
            raise SuiteError(f"{name}: the column {text!r} stands twice; rename one")
        seen.add(text)
    for start in range(0, len(frame), ROWS_AT_ONCE):
        for number, record in enumerate(frame.iloc[start : start + ROWS_AT_ONCE].to_dict("records"), start=start + 1):
            where = f"{name} row {number}"
            yield Row(json_record(record, where=where), where)
