"""Rows of JSONL: one JSON value a line; and how strictly JSON is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from promptlab.errors import SuiteError
from promptlab.suites.readers.text import json_lines
from promptlab.suites.rows import Row


def read_jsonl(path: Path, name: str) -> Iterator[Row]:
    """The rows of a JSONL file; empty lines are none, and a line that is no JSON has a problem. Raises SuiteError."""
    for number, line in enumerate(json_lines(path, name), start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            row = Row(DECODER.decode(line), where)
        except json.JSONDecodeError as error:
            row = Row(None, where, SuiteError(f"{where}: not valid JSON: {error.msg} at column {error.colno}"))
        except (ValueError, RecursionError) as error:
            detail = "nested too deeply" if isinstance(error, RecursionError) else error
            row = Row(None, where, SuiteError(f"{where}: not valid JSON: {detail}"))
        yield row


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return mapping


DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_unique)
"""Raises ValueError, not JSONDecodeError, for NaN, the infinities and a key that stands twice."""
