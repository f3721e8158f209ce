"""Digests: one name for one content, the same on every machine and in every release.

Canonical JSON is JSON with sorted keys, no spaces and ASCII only (so lone surrogates survive), in which a whole
number is written one way: `0.0` in a prompt file is the same temperature as `0`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from promptlab.errors import UsageError
from promptlab.types import Message

_EXACT_WHOLE = 2**53
"""Below this, every whole float is exactly the integer it looks like."""

_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def canonical_json(value: Any) -> str:
    r"""The one JSON text of a value; equal values give equal text.

    Tuples count as lists. Raises UsageError, naming the place, for what JSON cannot say: other types, keys that are
    not text, NaN and the infinities.
    Example: canonical_json({"b": 1.0, "a": "é"}) -> '{"a":"\u00e9","b":1}'
    """
    try:
        return _ENCODE(_plain(value, ""))
    except RecursionError:
        raise UsageError("a value is nested too deeply (or holds itself); flatten it") from None
    except ValueError as error:
        # The one ValueError left: a whole number beyond Python's limit of digits.
        raise UsageError(f"a value cannot be written as JSON: {error}") from None


def content_digest(
    messages: Sequence[Message], settings: Mapping[str, Any], response_schema: Mapping[str, Any] | None
) -> str:
    """The digest of a prompt's content, 64 hex digits: messages, settings and response schema, nothing else.

    Line ends (CRLF or LF) and newlines at the end of a message do not change it.
    """
    return _sha256(
        {
            "messages": [[message.role, _one_line_end(message.content)] for message in messages],
            "settings": settings,
            "response_schema": response_schema,
        }
    )


def rendered_digest(messages: Sequence[Message]) -> str:
    """The digest of final messages, 64 hex digits; every character counts."""
    return _sha256([[message.role, message.content] for message in messages])


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def _plain(value: Any, path: str) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise UsageError(f"{path or 'the value'} is {value}, which JSON cannot say; use null or text")
        return int(value) if value.is_integer() and abs(value) < _EXACT_WHOLE else value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise UsageError(f"{path or 'the value'} has the key {key!r}; keys are text: put it in quotes")
        return {key: _plain(item, f"{path}.{key}" if path else key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    raise UsageError(
        f"{path or 'the value'} is a {type(value).__name__}; "
        "only text, numbers, true, false, null, lists and mappings can be written as JSON"
    )
