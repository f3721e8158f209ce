"""What may go into a template: what JSON can say, nothing live."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from promptlab.errors import TemplateError

KINDS = "text, numbers, true, false, null, lists and mappings"


def plain_variables(variables: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """The variables as plain dicts and lists; tuples become lists, other mappings dicts.

    where: what they are given to, for the message: `prompt 'refund'`. Raises TemplateError that names the value's
    place, `customer.orders[2]`, and its type.
    """
    try:
        return {key: _plain(value, key, where) for key, value in _items(variables, "", where)}
    except RecursionError:
        raise TemplateError(f"{where}: the inputs are nested too deeply, or hold themselves; flatten them") from None


def _plain(value: Any, path: str, where: str) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise TemplateError(f"{where}: input `{path}` is {value}, which is no number in JSON; give null or a text")
    if isinstance(value, Mapping):
        return {key: _plain(item, f"{path}.{key}", where) for key, item in _items(value, path, where)}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{index}]", where) for index, item in enumerate(value)]
    kind = type(value).__name__
    raise TemplateError(f"{where}: input `{path}` has the type {kind}; templates take only {KINDS}")


def _items(mapping: Mapping[Any, Any], path: str, where: str) -> list[tuple[str, Any]]:
    for key in mapping:
        if not isinstance(key, str):
            owner = f"input `{path}` has" if path else "the inputs have"
            raise TemplateError(f"{where}: {owner} the key {key!r}; keys are text: put it in quotes")
    return list(mapping.items())
