"""JSON Schemas of the evaluators of a suite, made from the functions' signatures and docstrings."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from promptlab.evaluators import entries
from promptlab.evaluators.base import NAME
from promptlab.evaluators.documentation import Description, describe_all
from promptlab.evaluators.groups import COMBINATIONS
from promptlab.evaluators.registry import BUILT_IN, known
from promptlab.evaluators.transforms import PLAIN, STEPS

Schema: typing.TypeAlias = dict[str, Any]

_SIMPLE: Mapping[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
_AS_FOR = re.compile(r"as for (\w+)")
_TEMPLATE: Schema = {"$ref": "#/$defs/template"}


def definitions() -> dict[str, Schema]:
    """What suite schemas share, by its name under `$defs`: an entry, its general keys, a transform, a template."""
    described = {name: item for name, item in describe_all().items() if name in BUILT_IN or name in COMBINATIONS}
    functions = {name: item.function for name, item in known().items() if name in BUILT_IN}
    entry = {
        name: _group(item) if name in COMBINATIONS else _entry(item, functions[name], _texts(name, described))
        for name, item in described.items()
    }
    bare = [name for name, schema in entry.items() if "required" not in schema]
    return {
        "entry": {
            "description": "An evaluator: its name, or `name: {option: value}`.",
            "anyOf": [
                {"enum": bare},
                {"type": "string", "pattern": _whole(NAME.pattern), "not": {"enum": list(entry)}},
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "properties": {name: {"$ref": f"#/$defs/evaluator_{name}"} for name in entry},
                    "propertyNames": {"pattern": _whole(NAME.pattern)},
                    "additionalProperties": {"$ref": "#/$defs/own_evaluator"},
                },
            ],
        },
        "own_evaluator": {
            "description": "An evaluator of your own, with its options.",
            "type": ["object", "null"],
            "properties": {name: {"$ref": f"#/$defs/key_{name}"} for name in entries.KEYS},
        },
        "transform": _transform(),
        "template": {
            "description": "A template over the case, such as {{ expected }} or {{ inputs.x }}.",
            "type": "string",
            "pattern": r"\{\{|\{%",
        },
        **{f"key_{name}": schema for name, schema in _keys().items()},
        **{f"evaluator_{name}": schema for name, schema in entry.items()},
    }


def option_texts(details: str, names: Iterable[str]) -> dict[str, str]:
    """What a docstring says of each option, by name: sentences that begin with `name: ` or `name, other: `.

    Example: option_texts("Compares. strip: without white space. lower: in lower case.", ["strip", "lower"]) ->
    {"strip": "without white space.", "lower": "in lower case."}
    """
    one = "|".join(re.escape(name) for name in names)
    text = " ".join(details.split())
    if not one:
        return {}
    found = list(re.finditer(rf"(?:^|(?<=[.;)] ))((?:{one})(?:, (?:{one}))*): ", text))
    ends = [*(item.start() for item in found), len(text)][1:]
    texts: dict[str, str] = {}
    for item, end in zip(found, ends, strict=True):
        for name in item[1].split(", "):
            texts.setdefault(name, text[item.end() : end].strip().rstrip(";"))
    return texts


def type_schema(annotation: Any) -> Schema:
    """The JSON Schema of the values that an annotation takes; {} for one that JSON Schema cannot say."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is None:
        return {"type": "null"}
    if annotation in _SIMPLE:
        return {"type": _SIMPLE[annotation]}
    if origin in (typing.Union, types.UnionType):
        return _any_of([type_schema(item) for item in arguments])
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    kind = origin or annotation
    if kind in (list, tuple, Sequence):
        return {"type": "array", **({"items": _templated(type_schema(arguments[0]))} if arguments else {})}
    if kind in (dict, Mapping):
        inner = _templated(type_schema(arguments[1])) if arguments else {}
        return {"type": "object", **({"additionalProperties": inner} if inner else {})}
    return {}


def _texts(name: str, described: Mapping[str, Description], *, above: tuple[str, ...] = ()) -> dict[str, str]:
    """The texts of an evaluator's options; what is `as for another` has the other's text."""
    item = described[name]
    texts = option_texts(item.details, [option.name for option in item.options])
    own = {option: text for option, text in texts.items() if not _AS_FOR.match(text)}
    others = [other for other in _AS_FOR.findall(item.details) if other in described and other not in (name, *above)]
    for other in others:
        own = {**_texts(other, described, above=(name, *above)), **own}
    return {**texts, **own}


def _entry(item: Description, function: Callable[..., Any], texts: Mapping[str, str]) -> Schema:
    hints = typing.get_type_hints(function)
    parameters = inspect.signature(function).parameters.values()
    options = [parameter for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY]
    properties: dict[str, Schema] = {}
    for option in options:
        schema = _templated(type_schema(hints[option.name]))
        if option.name in texts:
            schema = {"description": texts[option.name], **schema}
        if option.default not in (inspect.Parameter.empty, None):
            schema = {**schema, "default": option.default}
        properties[option.name] = schema
    return _options(item, properties, [option.name for option in options if option.default is inspect.Parameter.empty])


def _group(item: Description) -> Schema:
    members = {
        "description": "The members: entries, as in a suite.",
        "type": "array",
        "minItems": 1,
        "items": {"$ref": "#/$defs/entry"},
    }
    return _options(item, {"evaluators": members}, ["evaluators"])


def _options(item: Description, properties: Mapping[str, Schema], required: list[str]) -> Schema:
    schema: Schema = {
        "description": _said(item),
        "type": "object" if required else ["object", "null"],
        "properties": {
            **properties,
            **{name: {"$ref": f"#/$defs/key_{name}"} for name in entries.KEYS if name not in properties},
        },
        "additionalProperties": False,
    }
    return {**schema, "required": required} if required else schema


def _said(item: Description) -> str:
    parts = [item.summary, *(" ".join(paragraph.split()) for paragraph in item.details.split("\n\n"))]
    parts += [f"Source: {item.source}"] if item.source else []
    parts += [f"Example: {example}" for example in item.examples]
    return "\n\n".join(part for part in parts if part)


def _keys() -> dict[str, Schema]:
    """The keys that every entry may have beside its options."""
    schemas: dict[str, Schema] = {
        "as": {"type": ["string", "null"], "pattern": _whole(NAME.pattern)},
        "direction": {"enum": ["higher", "lower", None]},
        "threshold": {"type": ["number", "null"]},
        "not": {"type": "boolean"},
        "weight": {"type": ["number", "null"], "minimum": 0},
        "transform": {"$ref": "#/$defs/transform"},
    }
    return {name: {"description": f"{meaning}.", **schemas[name]} for name, meaning in entries.KEYS.items()}


def _transform() -> Schema:
    text = {"type": "string", "minLength": 1}
    pattern = {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {
                    "pattern": {"type": "string"},
                    "group": {"type": ["integer", "string"], "minimum": 0},
                    "ignore_case": {"type": "boolean"},
                },
                "required": ["pattern"],
                "additionalProperties": False,
            },
        ]
    }
    values: dict[str, Schema] = {"regex": pattern}
    step = {
        "anyOf": [
            {"enum": list(PLAIN)},
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "properties": {name: values.get(name, text) for name in STEPS if name not in PLAIN},
                "additionalProperties": False,
            },
        ]
    }
    return {
        "description": "What is done to the output before it is scored: a step or a list of steps.",
        "anyOf": [{"type": "null"}, step, {"type": "array", "items": step}],
    }


def _templated(schema: Schema) -> Schema:
    """The schema, or a template over the case in place of such a value."""
    kinds = schema.get("type", [])
    if not schema or "string" in ([kinds] if isinstance(kinds, str) else kinds):
        return schema
    return _any_of([schema, _TEMPLATE])


def _any_of(schemas: Sequence[Schema]) -> Schema:
    if any(not schema for schema in schemas):
        return {}
    if all(set(schema) == {"type"} for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    flat = [inner for schema in schemas for inner in (schema["anyOf"] if set(schema) == {"anyOf"} else [schema])]
    return {"anyOf": [schema for place, schema in enumerate(flat) if schema not in flat[:place]]}


def _whole(pattern: str) -> str:
    return f"^{pattern}$"
