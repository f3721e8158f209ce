"""Evaluators of structure: is_json, json_schema."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from promptlab.evaluators.base import clip, evaluator, quote
from promptlab.evaluators.text import compile_pattern, well_formed
from promptlab.types import EvaluatorContext, Score

_FENCE = re.compile(r"\s*```[A-Za-z0-9]*[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)


@evaluator(inline=True)
def is_json(context: EvaluatorContext, *, fenced: bool = False) -> Score:
    """Whether the output is one JSON text: passed, and 1 or 0; higher is better.

    Strict: no NaN or Infinity, no trailing comma, nothing before or after. fenced: also accept a JSON text in a
    Markdown code fence that is the whole output.
    Source: RFC 8259.
    Example: output '{"a": 1}' -> 1; output "{'a': 1}" -> 0
    """
    try:
        parse_json(context.output, fenced=fenced)
    except ValueError as error:
        return Score(0.0, passed=False, reason=f"{error}: {quote(context.output)}")
    return Score(1.0, passed=True)


def _check_json_schema(options: Mapping[str, Any]) -> None:
    if options.get("schema") is not None:
        _validator(json.dumps(options["schema"], sort_keys=True))


@evaluator(check=_check_json_schema)
def json_schema(context: EvaluatorContext, *, schema: dict[str, Any] | None = None, fenced: bool = False) -> Score:
    """Whether the output is JSON that follows a JSON Schema: passed, and 1 or 0; higher is better.

    schema: default, the prompt's response_schema. Its `$schema` names the draft, else it is 2020-12. Nothing is
    ever fetched: a remote $ref is refused. Patterns are RE2. fenced: as for is_json.
    Source: JSON Schema 2020-12; the library jsonschema.
    Example: output '{"a": 1}', schema {type: object, required: [b]} -> 0
    """
    chosen = schema if schema is not None else context.response_schema
    if chosen is None:
        raise ValueError("there is no schema; give the option `schema`, or the prompt a response_schema")
    validator = _validator(json.dumps(_plain(chosen), sort_keys=True))
    try:
        value = parse_json(context.output, fenced=fenced)
    except ValueError as error:
        return Score(0.0, passed=False, reason=f"{error}: {quote(context.output)}")
    problems = sorted(validator.iter_errors(value), key=lambda problem: (len(problem.path), problem.message))
    if not problems:
        return Score(1.0, passed=True)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Score(0.0, passed=False, reason=f"{problems[0].json_path}: {clip(problems[0].message, 160)}{more}")


def parse_json(text: str, *, fenced: bool = False) -> Any:
    """The value of a strict JSON text. Raises ValueError that says where it is none."""
    if fenced and (inner := _FENCE.fullmatch(text)):
        text = inner[1]
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at line {error.lineno} column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("not JSON that can be read: nested too deeply") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"not JSON: {name} is no JSON number")


def _integer(digits: str) -> int | float:
    # Python refuses to convert very long integers, which are still JSON.
    return int(digits) if len(digits) < 1000 else float(digits)


def _plain(value: Any) -> Any:
    """Mappings as dicts and sequences as lists, which is what json writes."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


@functools.lru_cache(maxsize=64)
def _validator(schema_text: str) -> Any:
    """A validator of the schema that fetches nothing and matches patterns with RE2.

    Raises ValueError for a schema that is none, has a remote $ref, or a pattern that RE2 does not have.
    """
    import jsonschema
    import referencing

    schema = json.loads(schema_text)
    draft = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        draft.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ValueError(f"the schema is wrong at {error.json_path}: {clip(error.message, 160)}") from error
    _check_keywords(schema)
    # Python's own `re`, which jsonschema uses, can take minutes on a few characters: these match with RE2.
    extended = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # its stubs leave it open
        draft,
        {
            "pattern": _match_pattern,
            "patternProperties": _match_pattern_properties,
            "additionalProperties": _match_additional_properties,
        },
    )
    return extended(schema, registry=referencing.Registry())


def _check_keywords(schema: Any) -> None:
    keywords = list(_keywords(schema))
    root = str(schema.get("$id", "")) if isinstance(schema, Mapping) else ""
    identifiers = {urljoin(root, value) for key, value in keywords if key in ("$id", "id") and isinstance(value, str)}
    for key, value in keywords:
        if key in ("$ref", "$dynamicRef", "$recursiveRef") and isinstance(value, str):
            target = value.split("#", 1)[0]
            if target and urljoin(root, target) not in identifiers:
                raise ValueError(f"the schema has a remote $ref, {quote(value)}, which is never fetched; copy it in")
        elif key == "pattern" and isinstance(value, str):
            compile_pattern(value)
        elif key == "patternProperties" and isinstance(value, Mapping):
            for pattern in value:
                compile_pattern(pattern)
    names = {key for key, _ in keywords}
    if {"patternProperties", "unevaluatedProperties"} <= names:
        raise ValueError("a schema with both patternProperties and unevaluatedProperties is not supported")


def _keywords(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth, but not inside of data; names of properties among them do no harm."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            yield key, value
            if key not in ("enum", "const", "default", "examples"):
                yield from _keywords(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _keywords(item)


def _search(pattern: str, text: str) -> bool:
    return compile_pattern(pattern).search(well_formed(text)) is not None


def _match_pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    import jsonschema

    if validator.is_type(instance, "string") and not _search(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _match_pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in patterns.items():
        for name, value in instance.items():
            if _search(pattern, name):
                yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _match_additional_properties(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[Any]:
    import jsonschema

    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get("patternProperties", {})
    extras = [
        name
        for name in instance
        if name not in schema.get("properties", {}) and not any(_search(pattern, name) for pattern in patterns)
    ]
    if validator.is_type(rule, "object"):
        for name in extras:
            yield from validator.descend(instance[name], rule, path=name)
    elif rule is False and extras:
        shown = ", ".join(repr(name) for name in sorted(extras)[:5])
        yield jsonschema.ValidationError(f"has properties that the schema does not name: {shown}")
