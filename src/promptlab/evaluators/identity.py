"""The digest of an evaluator: it changes when its scores might."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_OURS = f"{__name__.rpartition('.')[0]}."


def evaluator_digest(name: str, function: Callable[..., Any], options: Mapping[str, Any]) -> str:
    """SHA-256, hex, of an evaluator's own name, its options and its source.

    The source is the function's text with that of the functions, classes, patterns and plain constants of its module
    that it uses, so that a changed helper counts too; for an evaluator of promptlab also those of this package's other
    modules. Where there is no text (a console), the bytecode stands for it.
    """
    return digest_of(name, json.dumps(options, sort_keys=True, default=repr), *source_texts(function))


def digest_of(*parts: str) -> str:
    """SHA-256, hex, of some texts in their order."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def source_texts(function: Callable[..., Any]) -> list[str]:
    """The source texts that decide what a function does, in the order in which they are met."""
    found: list[str] = []
    waiting: list[Any] = [inspect.unwrap(function)]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        found.append(_text(current))
        if isinstance(current, type):
            waiting += [inspect.unwrap(part) for part in vars(current).values() if isinstance(part, types.FunctionType)]
        code = getattr(current, "__code__", None)
        if code is None:
            continue
        for name in sorted(_names(code)):
            value = current.__globals__.get(name)
            if isinstance(value, types.FunctionType | type) or hasattr(value, "__wrapped__"):
                inner = inspect.unwrap(value)
                if _belong_together(current, inner):
                    waiting.append(inner)
            elif (constant := _constant(value)) is not None:
                found.append(f"{name}={constant}")
    return found


def _belong_together(function: Any, helper: Any) -> bool:
    """Whether a helper is by the function's own author: of its module, or both of this package."""
    one, other = str(function.__module__), str(getattr(helper, "__module__", None))
    return one == other or (one.startswith(_OURS) and other.startswith(_OURS))


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _constant(value: Any) -> str | None:
    """A plain constant as text that is the same in every process; None for anything else."""
    if isinstance(value, set | frozenset):
        value = sorted(value, key=repr)
    if isinstance(value, re.Pattern):
        value = [value.pattern, value.flags]
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError):
        return None


def _text(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        if code is None:
            return f"{type(function).__module__}.{type(function).__qualname__}"
        return f"{code.co_code.hex()} {code.co_consts!r} {code.co_names!r}" if _is_plain(code) else code.co_code.hex()


def _is_plain(code: types.CodeType) -> bool:
    """Whether the repr of its constants is free of memory addresses."""
    return not any(isinstance(constant, types.CodeType) for constant in code.co_consts)
