"""Types of columns that mean the same on every database."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

_ESCAPE = "\ufdd0"
"""A code point that Unicode promises never to use for a character: valid in UTF-8, all but absent from text."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff\ufdd0]")
_ESCAPED = re.compile("\ufdd0([0-9a-f]{4})")


def encode_text(text: str) -> str:
    """The text with NUL, lone surrogates and the escape itself written as escape + four hex digits.

    PostgreSQL refuses NUL in text, and no driver can encode a lone surrogate; both occur in what models answer.
    """
    if text.isascii():
        if "\x00" not in text:
            return text
    elif _UNSTORABLE.search(text) is None:
        return text
    return _UNSTORABLE.sub(lambda match: f"{_ESCAPE}{ord(match[0]):04x}", text)


def decode_text(stored: str) -> str:
    """What `encode_text` was given."""
    if _ESCAPE not in stored:
        return stored
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), stored)


def _encode(text: str | None) -> str | None:
    return None if text is None else encode_text(text)


def _decode(stored: str | None) -> str | None:
    return None if stored is None else decode_text(stored)


class BigId(TypeDecorator[int]):
    """A 64-bit id; INTEGER on SQLite, where only that type numbers its rows by itself."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """INTEGER on SQLite, BIGINT elsewhere."""
        return dialect.type_descriptor(sa.Integer() if dialect.name == "sqlite" else sa.BigInteger())


class AnyText(TypeDecorator[str]):
    """Text of any characters, NUL and lone surrogates included.

    It gives the driver its two functions directly: they run for every text of every row.
    """

    impl = sa.Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:  # noqa: ARG002 - the interface
        """What is stored."""
        return _encode

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], str | None]:  # noqa: ARG002 - the interface
        """What was given."""
        return _decode


class JsonText(TypeDecorator[Any]):
    """A JSON value as text, keys in their order; NULL for None.

    Text and not the database's JSON type: that one refuses NaN, NUL and lone surrogates, and on PostgreSQL
    it may reorder keys.
    """

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - the interface
        """What is stored."""
        if value is None:
            return None
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
        return encode_text(text)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - the interface
        """What was given, with lists for tuples."""
        return None if value is None else json.loads(decode_text(value), strict=False)


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC; naive times are refused, since nobody can say which moment they mean."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the interface
        """The same moment in UTC; raises ValueError for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the time {value.isoformat()} has no time zone; use datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the interface
        """The moment, aware; SQLite gives it back naive."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Measured(TypeDecorator[float]):
    """A number that is always there and may be NaN or infinite; NaN is stored as NULL, on every database.

    SQLite has no NaN, and PostgreSQL sorts it above infinity: as NULL it round-trips and never leads a leaderboard.
    """

    impl = sa.Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002 - the interface
        """NULL for NaN."""
        return None if value is None or value != value else float(value)  # noqa: PLR0124 - only NaN differs from itself

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:  # noqa: ARG002 - the interface
        """NaN for NULL."""
        return float("nan") if value is None else value


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} is not a JSON value")
