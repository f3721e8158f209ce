"""JSON Schemas of the whole-run metrics of a suite, made from the functions' signatures and docstrings."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from promptlab.evaluators.base import NAME
from promptlab.metrics.entries import KEYS, KINDS, NO_OUTPUT
from promptlab.schemas.entries import option_texts, type_schema

Schema = dict[str, Any]


def definitions() -> dict[str, Schema]:
    """What suite schemas share, by its name under `$defs`: a metric, and each kind with its options."""
    kinds = {kind: _kind(kind, function) for kind, function in KINDS.items()}
    bare = [kind for kind, schema in kinds.items() if "required" not in schema]
    return {
        "metric": {
            "description": "A whole-run metric: its name, or `name: {option: value}`.",
            "anyOf": [
                {"enum": bare},
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "properties": {kind: {"$ref": f"#/$defs/metric_{kind}"} for kind in kinds},
                    "additionalProperties": False,
                },
            ],
        },
        **{f"metric_{kind}": schema for kind, schema in kinds.items()},
    }


def _kind(kind: str, function: Callable[..., Any]) -> Schema:
    hints = typing.get_type_hints(function)
    parameters = inspect.signature(function).parameters.values()
    options = [parameter for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY]
    said = inspect.getdoc(function) or ""
    texts = option_texts(said, [option.name for option in options])
    properties: dict[str, Schema] = {}
    for option in options:
        schema = type_schema(hints[option.name])
        if option.name in texts:
            schema = {"description": texts[option.name], **schema}
        if option.default not in (inspect.Parameter.empty, None):
            schema = {**schema, "default": option.default}
        properties[option.name] = schema
    of_all: dict[str, Schema] = {
        "as": {"type": ["string", "null"], "pattern": f"^{NAME.pattern}$"},
        "transform": {"$ref": "#/$defs/transform"},
    }
    left_out = ("transform",) if kind in NO_OUTPUT else ()
    properties |= {
        key: {"description": f"{meaning}.", **of_all[key]} for key, meaning in KEYS.items() if key not in left_out
    }
    required = [option.name for option in options if option.default is inspect.Parameter.empty]
    schema = {
        "description": "\n\n".join(" ".join(paragraph.split()) for paragraph in said.split("\n\n")),
        "type": "object" if required else ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
    }
    return {**schema, "required": required} if required else schema
