"""Values of tables, databases and Python as JSON has them: numbers, texts, booleans, null, lists and mappings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from promptlab.errors import SuiteError
from promptlab.suites.document import MAX_DEPTH
from promptlab.suites.rows import shown

MAX_CELL_CHARACTERS = 50_000_000
"""More than any model reads; a longer one is a mistake or an attack."""


def json_record(record: Mapping[Any, Any], *, where: str) -> dict[str, Any]:
    """A record with JSON values; raises SuiteError that names the row and the column of what JSON cannot say."""
    values: dict[str, Any] = {}
    for name, value in record.items():
        try:
            values[json_key(name)] = json_value(value)
        except ValueError as error:
            remedy = "leave the column out with `columns: {inputs: [...]}`, or convert it"
            raise SuiteError(f"{where}: column {str(name)!r} {error}; {remedy}") from error
    return values


def json_value(value: Any) -> Any:
    """The JSON value of anything that has one.

    NaN, NaT and NA are null; dates and times are ISO 8601; a span of time is its seconds; bytes are their UTF-8 text;
    a decimal is a number where that loses nothing, else text. Raises ValueError that says what it is.
    """
    return _plain(value, 0)


def json_key(name: Any) -> str:
    """The name of a column or of a key as text; raises ValueError for what is neither text nor a number."""
    if isinstance(name, str):
        return name
    plain = _plain(name, 0)
    if isinstance(plain, str | int | float) and not isinstance(plain, bool):
        return str(plain)
    raise ValueError(f"has the key {shown(plain)}; keys are text")


def _plain(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return _text(value)
    if value is None or kind is bool or kind is int:
        return value
    if kind is float:
        return _number(value)
    if depth > MAX_DEPTH:
        raise ValueError("is nested too deeply")
    if isinstance(value, Mapping):
        return {json_key(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    for known, convert in _KNOWN:
        if isinstance(value, known):
            return convert(value)
    return _foreign(value, depth)


def _foreign(value: Any, depth: int) -> Any:
    """What numpy and pandas have, told by name: neither is imported for a value that cannot be theirs."""
    kind = type(value)
    home = kind.__module__.partition(".")[0]
    if home in ("numpy", "pandas"):
        if str(value) in ("<NA>", "NaT"):
            return None
        if kind.__name__ in {"datetime64", "Period"}:
            return str(value)
        if kind.__name__ == "timedelta64":
            return _plain(value.astype("timedelta64[us]").item(), depth + 1)
        if hasattr(value, "dtype") and hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
            return _plain(value.item(), depth + 1)
        if hasattr(value, "dtype") and hasattr(value, "__iter__"):
            # One by one: as a list, numpy's moments would come as numbers.
            return [_plain(item, depth + 1) for item in value]
    if home == "ipaddress":
        return str(value)
    raise ValueError(f"is of type {kind.__name__}, which JSON cannot say")


def _text(value: str) -> str:
    if len(value) > MAX_CELL_CHARACTERS:
        raise ValueError(f"has {len(value):,} characters; {MAX_CELL_CHARACTERS:,} are allowed")
    return str(value)


def _number(value: float) -> float | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        raise ValueError(f"is {value}, which JSON cannot say")
    return value


def _decimal(value: Decimal) -> Any:
    if value.is_nan():
        return None
    if value.is_infinite():
        raise ValueError(f"is {value}, which JSON cannot say")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and 0 <= exponent <= 18:
        return int(value)
    number = float(value)
    return number if math.isfinite(number) and Decimal(repr(number)) == value else str(value)


def _bytes(value: bytes | bytearray | memoryview) -> str:
    raw = bytes(value)
    try:
        return _text(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"has {len(raw):,} bytes that are no UTF-8 text") from error


def _moment(value: date | time) -> str | None:
    return None if str(value) == "NaT" else value.isoformat()


def _span(value: timedelta) -> float | None:
    return None if str(value) == "NaT" else value.total_seconds()


_KNOWN: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (str, _text),
    (bool, bool),
    (int, int),
    (float, lambda value: _number(float(value))),
    ((date, time), _moment),
    (timedelta, _span),
    (Decimal, _decimal),
    ((bytes, bytearray, memoryview), _bytes),
    (UUID, str),
)
"""Types with their JSON values, subclasses of them too: a datetime is a date."""
