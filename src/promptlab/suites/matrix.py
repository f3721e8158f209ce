"""The matrix of a suite: settings that vary, every combination of them a variant of its own."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from promptlab.errors import SuiteError, UsageError
from promptlab.models.settings import check_settings
from promptlab.suites.document import Document
from promptlab.suites.mistakes import Report, refuse, told

MOST_COMBINATIONS = 1000
MOST_CHARACTERS = 40
"""Of a value in a variant's name."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")


def read_matrix(document: Document, *, report: Report = refuse) -> Mapping[str, tuple[Any, ...]]:
    """The values of each setting under the key `matrix` of a suite, checked. Reports SuiteError."""
    given = document.value.get("matrix")
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        where = document.where("matrix")
        report(SuiteError(f"{where}: `matrix` is {given!r}; it is a mapping such as `temperature: [0, 0.7]`"))
        return {}
    matrix: dict[str, tuple[Any, ...]] = {}
    for name, values in given.items():
        with told(report):
            matrix[name] = _values(document, name, values)
    count = math.prod(len(values) for values in matrix.values())
    if count > MOST_COMBINATIONS:
        where = document.where("matrix")
        report(SuiteError(f"{where}: `matrix` makes {count:,} combinations; {MOST_COMBINATIONS:,} are allowed"))
    return matrix


def combinations(matrix: Mapping[str, Sequence[Any]], *, without: Collection[str] = ()) -> list[dict[str, Any]]:
    """Every combination of the matrix's settings, the last one varying fastest; one empty one for no matrix.

    without: settings that vary no more.
    Example: combinations({"temperature": [0, 1], "top_k": [5]}) -> [{"temperature": 0, "top_k": 5}, ...]
    """
    left = {name: values for name, values in matrix.items() if name not in without}
    return [dict(zip(left, chosen, strict=True)) for chosen in itertools.product(*left.values())]


def combination_text(settings: Mapping[str, Any]) -> str:
    """A combination as people read it, on one line, different for different ones.

    Example: combination_text({"temperature": 0.7, "stop": ["a"]}) -> 'temperature=0.7, stop=["a"]'
    """
    return ", ".join(f"{name}={_value_text(value)}" for name, value in settings.items())


def _value_text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and text == f'"{value}"' and _PLAIN.fullmatch(value):
        return value
    if len(text) > MOST_CHARACTERS:
        return f"{text[:MOST_CHARACTERS]}… {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"
    return text


def _values(document: Document, name: str, values: Any) -> tuple[Any, ...]:
    where = document.where("matrix", name)
    if not isinstance(values, list):
        raise SuiteError(f"{where}: `{name}` of the matrix is {values!r}; it is a list, `{name}: [{values}]`")
    if not values:
        raise SuiteError(f"{where}: `{name}` of the matrix has no values; list them, or leave it out")
    checked: list[Any] = []
    for position, value in enumerate(values):
        place = document.where("matrix", name, position)
        try:
            setting = check_settings({name: value}, where=place)[name]
        except UsageError as error:
            raise SuiteError(str(error)) from error
        if setting in checked:
            raise SuiteError(f"{place}: {value!r} stands twice under `{name}` of the matrix; name it once")
        checked.append(setting)
    return tuple(checked)
