"""The evaluator json_fields: a JSON object compared with the expected one, field by field."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from promptlab.evaluators.base import WHOLE, clip, evaluator, quote
from promptlab.evaluators.json_text import parse_json
from promptlab.evaluators.normalising import as_text, listed, normalise
from promptlab.types import EvaluatorContext, Score

MOST_FIELDS = 100
"""Of one case: each has a score of its own."""
MOST_LEVELS = 20
"""How deep fields are looked at one by one; what lies deeper is compared as a whole."""

Path: TypeAlias = tuple[str, ...]
_MISSING = object()
_NOT_IN_NAMES = re.compile(r"[^\w-]+")


@dataclass(frozen=True, slots=True)
class _Comparison:
    """How two JSON values are compared."""

    ignore_case: bool
    tolerance: float
    allow_extra: bool


def _check_fields(options: Mapping[str, Any]) -> None:
    fields, tolerance = options.get("fields"), options.get("tolerance", 0.0)
    if fields is not None and (not fields or "" in fields):
        raise ValueError("option `fields` names none, or one without a name; leave it out to compare every field")
    if isinstance(fields, Mapping):
        weights = [float(weight) for weight in fields.values()]
        if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not any(weights):
            raise ValueError("a weight in option `fields` is a number from 0, and one of them is above it")
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"option `tolerance` is {tolerance:g}; it is a number from 0")


@evaluator(inline=True, check=_check_fields)
def json_fields(
    context: EvaluatorContext,
    *,
    fields: list[str] | dict[str, float] | None = None,
    ignore_case: bool = False,
    tolerance: float = 0.0,
    allow_extra: bool = True,
    fenced: bool = False,
) -> dict[str, Score] | None:
    """The share of the fields of the expected JSON object that are right in the output: 0 to 1; higher is better.

    Passes where all are. Every field has a score beside it, 1 or 0: `json_fields.city`, nested
    `json_fields.address.city`; characters that a name cannot have become `_`. A list is one field, compared in its
    order. Text is compared without the white space around it; a number is no text; a field that is missing counts as
    null. An output that is no JSON object has every field wrong. `expected` is an object, or the JSON text of one;
    does not apply to a case without. fields: those to compare, by their paths (`address.city`, `items.0.name`), each
    as a whole; a mapping gives weights, for a weighted mean. A field that `expected` does not have is left out.
    ignore_case: compare text case-folded. tolerance: how far numbers may be apart. allow_extra: false counts each
    field that is not expected as one that is wrong. fenced: as for is_json.
    Source: slot accuracy, of the values by field.
    Example: {output: '{"name": "Ann", "age": 31}', expected: {name: Ann, age: 30}} -> {"": 0.5, name: 1, age: 0}
    Example: {output: '{"a": {"b": 2.01}}', expected: {a: {b: 2}}, tolerance: 0.1} -> {"": 1, a.b: 1}
    Example: {output: "Ann, 31", expected: {name: Ann}} -> {"": 0, name: 0}
    """
    if context.expected is None:
        return None
    try:
        expected = _expected(context.expected)
        wanted = _wanted(expected, fields)
        compared = _Comparison(ignore_case, tolerance, allow_extra)
        problems, extra = _problems(context.output, expected, [path for path, _ in wanted], compared, fenced=fenced)
    except RecursionError as error:
        raise ValueError("`expected` is nested too deeply") from error
    weights = dict(wanted)
    total = math.fsum(weights.values()) + len(extra)
    right = math.fsum(weight for path, weight in wanted if problems[path] is None)
    names = _names([path for path, _ in wanted])
    wrong = [f"{names[path]} {problem}" for path, problem in problems.items() if problem is not None]
    wrong += [f"not expected: {listed(extra)}"] if extra else []
    whole = Score(right / total, passed=not wrong, reason=clip("; ".join(wrong)) if wrong else None)
    each = {names[path]: _verdict(problem) for path, problem in problems.items()}
    return {WHOLE: whole, **each}


def _verdict(problem: str | None) -> Score:
    return Score(float(problem is None), passed=problem is None, reason=problem)


def _expected(given: Any) -> Mapping[str, Any]:
    """The object that is expected. Raises ValueError for what is none."""
    value = given
    if isinstance(given, str):
        try:
            value = parse_json(given)
        except ValueError as error:
            raise ValueError(f"`expected` is {quote(given, 40)}, which is {error}; it is a JSON object") from error
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"`expected` is {quote(as_text(given), 40)}; it is a JSON object with fields")
    return value


def _wanted(
    expected: Mapping[str, Any], fields: Sequence[str] | Mapping[str, float] | None
) -> list[tuple[Path, float]]:
    """The fields to compare with their weights. Raises ValueError for none, or too many."""
    if fields is None:
        wanted = [(path, 1.0) for path in _leaves(expected)]
    else:
        weights = fields if isinstance(fields, Mapping) else dict.fromkeys(fields, 1.0)
        found = ((_path(expected, name), float(weight)) for name, weight in weights.items())
        wanted = [(path, weight) for path, weight in found if path is not None]
        if not any(weight for _, weight in wanted):
            raise ValueError(f"`expected` has none of the fields {listed(list(weights))}; it has {listed([*expected])}")
    if len(wanted) > MOST_FIELDS:
        raise ValueError(f"`expected` has {len(wanted)} fields, more than {MOST_FIELDS}; name some with `fields`")
    return wanted


def _leaves(value: Mapping[str, Any], before: Path = ()) -> Iterator[Path]:
    """The paths of all fields that are no objects with fields of their own."""
    for key, item in value.items():
        path = (*before, str(key))
        if isinstance(item, Mapping) and item and len(path) < MOST_LEVELS:
            yield from _leaves(item, path)
        else:
            yield path


def _path(value: Any, name: str) -> Path | None:
    """The path that a name such as `address.city` stands for; None where the value has no such field."""
    if isinstance(value, Mapping) and name in value:
        return (name,)
    first, dot, rest = name.partition(".")
    inner = _item(value, first)
    if inner is _MISSING:
        return None
    deeper = _path(inner, rest) if dot else ()
    return None if deeper is None else (first, *deeper)


def _item(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(key, _MISSING)
    if isinstance(value, list | tuple) and key.isdecimal() and len(key) < 6 and int(key) < len(value):
        return value[int(key)]
    return _MISSING


def _follow(value: Any, path: Path) -> Any:
    for key in path:
        value = _item(value, key)
    return value


def _problems(
    output: str, expected: Mapping[str, Any], paths: Sequence[Path], compared: _Comparison, *, fenced: bool
) -> tuple[dict[Path, str | None], list[str]]:
    """What is wrong with each field, None where nothing is; and, unless allowed, the fields that are not expected."""
    try:
        value = parse_json(output, fenced=fenced)
    except ValueError as error:
        return dict.fromkeys(paths, f"{error}: {quote(output)}"), []
    if not isinstance(value, dict):
        return dict.fromkeys(paths, f"no JSON object: {quote(output)}"), []
    problems = {path: _problem(_follow(value, path), _follow(expected, path), compared) for path in paths}
    return problems, [] if compared.allow_extra else list(_extra(value, expected, ""))


def _same(found: Any, wanted: Any, compared: _Comparison) -> bool:
    if isinstance(wanted, str) and isinstance(found, str):
        ignore_case = compared.ignore_case
        return normalise(found, strip=True, ignore_case=ignore_case) == normalise(
            wanted, strip=True, ignore_case=ignore_case
        )
    if _is_number(wanted) and _is_number(found):
        return bool(found == wanted) or _distance(found, wanted) <= compared.tolerance
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        more = not compared.allow_extra and any(key not in wanted for key in found)
        return not more and all(_same(found.get(key), value, compared) for key, value in wanted.items())
    if isinstance(wanted, list | tuple) and isinstance(found, list):
        return len(found) == len(wanted) and all(
            _same(one, other, compared) for one, other in zip(found, wanted, strict=True)
        )
    return type(found) is type(wanted) and bool(found == wanted)


def _problem(found: Any, wanted: Any, compared: _Comparison) -> str | None:
    if _same(None if found is _MISSING else found, wanted, compared):
        return None
    shown = "is missing" if found is _MISSING else f"is {_shown(found)}"
    return f"{shown}, expected {_shown(wanted)}"


def _extra(found: Mapping[str, Any], wanted: Mapping[str, Any], before: str) -> Iterator[str]:
    for key, value in found.items():
        if key not in wanted:
            yield f"{before}{key}"
        elif isinstance(value, dict) and isinstance(wanted[key], Mapping) and wanted[key]:
            yield from _extra(value, wanted[key], f"{before}{key}.")


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """What the fields score under: their paths, in characters that a name can have, no two the same."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in paths:
        plain = ".".join(_NOT_IN_NAMES.sub("_", key) or "_" for key in path)[:100]
        name, number = plain, 2
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        taken.add(name)
        names[path] = name
    return names


def _shown(value: Any) -> str:
    """A value as JSON writes it, short: for reasons."""
    try:
        return quote(value, 30) if isinstance(value, str) else clip(as_text(value), 40)
    except RecursionError:
        return "a value nested too deeply to be shown"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _distance(one: float, other: float) -> float:
    try:
        return abs(one - other)
    except OverflowError:  # a whole number beyond a float's range
        return math.inf
