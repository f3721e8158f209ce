"""Evaluators of structure: is_json, json_schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptlab.evaluators.base import clip, evaluator, quote
from promptlab.evaluators.json_text import parse_json
from promptlab.evaluators.schemas import schema_checker
from promptlab.types import EvaluatorContext, Score


@evaluator(inline=True)
def is_json(context: EvaluatorContext, *, fenced: bool = False) -> Score:
    """Whether the output is one JSON text: passed, and 1 or 0; higher is better.

    Strict: no NaN or Infinity, no trailing comma, nothing before or after. fenced: also accept a JSON text in a
    Markdown code fence that is the whole output.
    Source: RFC 8259.
    Example: {output: '{"a": 1}'} -> 1
    Example: {output: "{'a': 1}"} -> 0
    """
    try:
        parse_json(context.output, fenced=fenced)
    except ValueError as error:
        return Score(0.0, passed=False, reason=f"{error}: {quote(context.output)}")
    return Score(1.0, passed=True)


def _check_json_schema(options: Mapping[str, Any]) -> None:
    if options.get("schema") is not None:
        schema_checker(options["schema"])


@evaluator(check=_check_json_schema)
def json_schema(context: EvaluatorContext, *, schema: dict[str, Any] | None = None, fenced: bool = False) -> Score:
    """Whether the output is JSON that follows a JSON Schema: passed, and 1 or 0; higher is better.

    schema: default, the prompt's response_schema. Its `$schema` names the draft, else it is 2020-12. Nothing is
    ever fetched: a remote $ref is refused. Patterns are RE2, and `format` is not checked. fenced: as for is_json.
    Source: JSON Schema 2020-12; the library jsonschema.
    Example: {output: '{"a": 1}', schema: {type: object, required: [a]}} -> 1
    Example: {output: '{"a": 1}', schema: {type: object, required: [b]}} -> 0
    """
    chosen = schema if schema is not None else context.response_schema
    if chosen is None:
        raise ValueError("there is no schema; give the option `schema`, or the prompt a response_schema")
    checker = schema_checker(chosen)
    try:
        value = parse_json(context.output, fenced=fenced)
    except ValueError as error:
        return Score(0.0, passed=False, reason=f"{error}: {quote(context.output)}")
    problems = checker.problems(value, text=context.output)
    if not problems:
        return Score(1.0, passed=True)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Score(0.0, passed=False, reason=f"{clip(problems[0], 180)}{more}")
