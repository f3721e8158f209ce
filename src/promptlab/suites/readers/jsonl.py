"""Rows of JSONL: one JSON value a line; and how strictly JSON is read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from promptlab.errors import SuiteError
from promptlab.suites.document import MAX_DEPTH
from promptlab.suites.readers.text import json_lines
from promptlab.suites.rows import Row

_MAX_DIGITS = 1000


def read_jsonl(path: Path, name: str) -> Iterator[Row]:
    """The rows of a JSONL file; empty lines are none, and a line that is no JSON has a problem. Raises SuiteError."""
    for number, line in enumerate(json_lines(path, name), start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            row = Row(check_depth(DECODER.decode(line), line.count("[") + line.count("{")), where)
        except json.JSONDecodeError as error:
            row = Row(None, where, SuiteError(f"{where}: not valid JSON: {error.msg} at column {error.colno}"))
        except (ValueError, RecursionError) as error:
            detail = "nested too deeply" if isinstance(error, RecursionError) else error
            row = Row(None, where, SuiteError(f"{where}: not valid JSON: {detail}"))
        yield row


def check_depth(value: Any, brackets: int) -> Any:
    """The value itself; raises RecursionError where it is nested more deeply than a YAML file may be.

    brackets: how many lists and mappings it has at most; with few of them nothing is looked at.
    """
    level, depth = [value], 0
    while brackets > MAX_DEPTH and level:
        if depth > MAX_DEPTH:
            raise RecursionError
        inner = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level, depth = [item for items in inner for item in items], depth + 1
    return value


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{_cut(text)} is too large for a number; put it in quotes")
    return number


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"{_cut(text)} has {len(text):,} digits; put it in quotes, or use {_MAX_DIGITS:,} at most")
    return int(text)


def _cut(text: str) -> str:
    return text if len(text) <= 20 else f"{text[:20]}..."


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return mapping


DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole, object_pairs_hook=_unique
)
"""Raises ValueError, not JSONDecodeError, for NaN, the infinities, endless numbers and a key that stands twice."""
