"""Options of an evaluator entry: checked against the function's signature, and templates over the case resolved.

A text option that contains `{{` or `{%` is a template over the case: `{{ expected }}`, `{{ inputs.x }}`,
`{{ metadata.x }}`, `{{ key }}`. One that is a single such path keeps the value's own type; any other is rendered
to text in the sandbox. One that uses `expected` does not apply to a case that has none.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from promptlab.errors import EvaluatorError, TemplateError
from promptlab.spelling import suggestion
from promptlab.types import EvaluatorContext

CASE_NAMES = frozenset({"inputs", "expected", "metadata", "key"})
_PATH = re.compile(r"\s*\{\{\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*\}\}\s*")


class NotApplicable(Exception):  # noqa: N818 - no error: the evaluator has nothing to say about this case
    """The options need something that this case does not have."""


def check_options(options: Mapping[str, Any], function: Callable[..., Any], *, where: str) -> None:
    """Nothing, where the options fit the function's keyword-only parameters.

    where: the start of a message, such as `evals/a.yaml:7: contains`. Raises EvaluatorError that names an unknown
    option, a missing one, a value of the wrong type, or a template that does not compile or uses unknown names.
    """
    parameters = _parameters(function)
    open_ended = any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters.values())
    known = [name for name, item in parameters.items() if item.kind is inspect.Parameter.KEYWORD_ONLY]
    for name in options:
        if name not in known and not open_ended:
            raise EvaluatorError(f"{where}: unknown option {name!r}{suggestion(name, [*known, 'as', 'direction'])}")
    for name in known:
        if parameters[name].default is inspect.Parameter.empty and name not in options:
            raise EvaluatorError(f"{where}: option `{name}` is missing; it is {_described(function, name)}")
    for name, value in options.items():
        templates = list(_templates(value))
        for template in templates:
            _check_template(template, where=f"{where}: option `{name}`")
        if not templates and name in known and not _fits(value, _annotation(function, name)):
            raise EvaluatorError(f"{where}: option `{name}` is {_shown(value)}; it is {_described(function, name)}")


def has_templates(options: Mapping[str, Any]) -> bool:
    """Whether any option is a template over the case."""
    return any(True for value in options.values() for _ in _templates(value))


def inputs_used(options: Mapping[str, Any]) -> frozenset[str]:
    """The names of the inputs that options of the form `{{ inputs.x }}` read."""
    paths = [
        found[1].split(".")
        for value in options.values()
        for text in _templates(value)
        if (found := _PATH.fullmatch(text))
    ]
    return frozenset(path[1] for path in paths if path[0] == "inputs" and len(path) > 1)


async def resolve(
    options: Mapping[str, Any], function: Callable[..., Any], context: EvaluatorContext
) -> Mapping[str, Any]:
    """The options for one case: templates replaced by their values, in the types that the function asks for.

    Raises NotApplicable where a template uses `expected` and the case has none, ValueError for a path without a
    value or a value of the wrong type, TemplateError for a template that does not render.
    """
    if not has_templates(options):
        return options
    resolved: dict[str, Any] = {}
    for name, value in options.items():
        given = await _resolve_value(value, context)
        if value is not given:
            annotation = _annotation(function, name)
            given = _as_text(given) if _wants_text(annotation) and not _fits(given, annotation) else given
            if not _fits(given, annotation):
                raise ValueError(f"option `{name}` became {_shown(given)}; it is {_described(function, name)}")
        resolved[name] = given
    return resolved


async def _resolve_value(value: Any, context: EvaluatorContext) -> Any:
    if isinstance(value, str):
        return await _resolve_text(value, context) if _is_template(value) else value
    if isinstance(value, Mapping):
        return {key: await _resolve_value(item, context) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [await _resolve_value(item, context) for item in value]
    return value


async def _resolve_text(template: str, context: EvaluatorContext) -> Any:
    variables = {
        "inputs": context.inputs,
        "expected": context.expected,
        "metadata": context.metadata,
        "key": context.key,
    }
    if path := _PATH.fullmatch(template):
        names = path[1].split(".")
        if names[0] == "expected" and context.expected is None:
            raise NotApplicable
        return _follow(names, variables, case=context.key)
    if context.expected is None and "expected" in _variables(template):
        raise NotApplicable
    return await asyncio.to_thread(_render, template, variables)


def _follow(names: Sequence[str], variables: Mapping[str, Any], *, case: str) -> Any:
    value: Any = variables
    for position, name in enumerate(names):
        if not isinstance(value, Mapping) or name not in value:
            missing = ".".join(names[: position + 1])
            raise ValueError(f"`{missing}` has no value in case {case!r}")
        value = value[name]
    return value


def _render(template: str, variables: Mapping[str, Any]) -> str:
    from promptlab.sandbox import RenderJob, render_many

    (result,) = render_many([RenderJob((template,), variables, name="evaluator option")])
    if isinstance(result, TemplateError):
        raise result
    return result[0]


@functools.lru_cache(maxsize=256)
def _variables(template: str) -> frozenset[str]:
    from promptlab.sandbox import inspect_templates

    return inspect_templates((template,), name="evaluator option")


def _check_template(template: str, *, where: str) -> None:
    if path := _PATH.fullmatch(template):
        used = {path[1].split(".")[0]}
    else:
        try:
            used = set(_variables(template))
        except TemplateError as error:
            raise EvaluatorError(f"{where}: {error}") from error
    for name in sorted(used - CASE_NAMES):
        raise EvaluatorError(f"{where}: the template uses {name!r}{suggestion(name, CASE_NAMES)}")


def _is_template(text: str) -> bool:
    return "{{" in text or "{%" in text


def _templates(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if _is_template(value):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _templates(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _templates(item)


# Signatures and types


def option_types(function: Callable[..., Any]) -> list[tuple[inspect.Parameter, str]]:
    """The options of a function, each with its type in words, such as `text or a list`."""
    return [
        (parameter, _described(function, parameter.name))
        for parameter in _parameters(function).values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]


@functools.lru_cache(maxsize=256)
def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(list(inspect.signature(function).parameters.items())[1:])


@functools.lru_cache(maxsize=256)
def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError):
        return {}  # annotations that cannot be read say nothing


def _annotation(function: Callable[..., Any], name: str) -> Any:
    return _annotations(function).get(name, Any)


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a JSON value is of an annotated type; an int is a float, a bool is no number."""
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, item) for item in arguments)
    if origin is typing.Literal:
        return any(value == item and type(value) is type(item) for item in arguments)
    if annotation is None or annotation is type(None):
        return value is None
    if annotation is bool:
        return isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if annotation is str:
        return isinstance(value, str)
    kind = origin or annotation
    if kind in (list, tuple, Sequence):
        items = arguments[:1]
        return isinstance(value, list | tuple) and all(_fits(item, items[0]) for item in value if items)
    if kind in (dict, Mapping):
        return isinstance(value, Mapping) and all(_fits(item, arguments[1]) for item in value.values() if arguments)
    return True  # any other annotation is the function's own affair


def _wants_text(annotation: Any) -> bool:
    return annotation is str or str in typing.get_args(annotation)


def _as_text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, bool | int | float) else value


def _described(function: Callable[..., Any], name: str) -> str:
    annotation = _annotation(function, name)
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}
    parts = typing.get_args(annotation) if _is_union(annotation) else (annotation,)
    return " or ".join(words.get(part) or _type_name(part) for part in parts)


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _type_name(annotation: Any) -> str:
    origin = typing.get_origin(annotation) or annotation
    if origin is typing.Literal:
        return "one of " + ", ".join(str(item) for item in typing.get_args(annotation))
    if origin in (list, tuple, Sequence):
        return "a list"
    if origin in (dict, Mapping):
        return "a mapping"
    return "a value" if annotation is Any else getattr(annotation, "__name__", str(annotation))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 80 else text[:79] + "…"
