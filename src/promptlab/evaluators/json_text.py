"""Strict JSON read from an output, also out of a Markdown code fence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_FENCE = "```"


def parse_json(text: str, *, fenced: bool = False) -> Any:
    """The value of a strict JSON text. Raises ValueError that says where it is none."""
    if fenced:
        text = without_fence(text)
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at line {error.lineno} column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("not JSON that can be read: nested too deeply") from error


def without_fence(text: str) -> str:
    r"""What stands in a Markdown code fence that is the whole text; else the text as it is.

    Example: without_fence("```json\n{}\n```") -> "{}"
    """
    inner = text.strip()
    first, newline, rest = inner.partition("\n")
    language = first.removeprefix(_FENCE).strip()
    is_fence = first.startswith(_FENCE) and bool(newline) and rest.endswith(_FENCE)
    if not is_fence or (language and not language.replace("+", "").replace("-", "").isalnum()):
        return text
    return rest.removesuffix(_FENCE).rstrip(" \t").removesuffix("\n")


def plain(value: Any) -> Any:
    """Mappings as dicts and sequences as lists, which is what json writes."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"not JSON: {name} is no JSON number")


def _integer(digits: str) -> int | float:
    # Python refuses to convert very long integers, which are still JSON.
    return int(digits) if len(digits) < 1000 else float(digits)
