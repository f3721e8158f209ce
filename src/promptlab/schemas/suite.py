"""The JSON Schema of a suite file, and of a part that suites include."""

from __future__ import annotations

from typing import Any

from promptlab.models.settings import SETTINGS
from promptlab.schemas import cases, entries, metrics
from promptlab.suites.defaults import KEYS as DEFAULTS
from promptlab.suites.gates import RULE
from promptlab.suites.keys import KEYS
from promptlab.suites.load import SUITE_NAME

Schema = dict[str, Any]

_NAMES: Schema = {"type": ["array", "null"], "items": {"type": "string", "pattern": r"\S"}, "uniqueItems": True}


def suite_schema(*, part: bool) -> Schema:
    """The schema of a suite; part: of a file that suites include, which needs no cases."""
    what = "a part that promptlab suites include" if part else "a promptlab suite"
    needed: Schema = {} if part else {"anyOf": [{"required": ["cases"]}, {"required": ["include"]}]}
    return {
        "title": f"{what[2:]}",
        "description": f"What {what} may say: cases, what is asked of base models, and how answers are scored.",
        "type": "object",
        "properties": _properties(),
        "additionalProperties": False,
        **needed,
        "$defs": {**_shared(), **cases.definitions(), **entries.definitions(), **metrics.definitions()},
    }


def _properties() -> dict[str, Schema]:
    properties: dict[str, Schema] = {
        "name": {
            "description": "What the suite is called; default: as its file.",
            "type": ["string", "null"],
            "pattern": f"^{SUITE_NAME.pattern}$",
        },
        "description": {"description": "What it is about, for people.", "type": ["string", "null"]},
        "include": {
            "description": "YAML files whose keys this suite has too; what it says itself wins. Relative to this file.",
            "anyOf": [{"type": "null"}, {"$ref": "#/$defs/path"}, {"type": "array", "items": {"$ref": "#/$defs/path"}}],
        },
        "prompts": {
            "description": "Prompts: a name (prompts/NAME.j2, else the registry's latest), name@3, name@alias, a .j2.",
            **_NAMES,
        },
        "models": {"description": "Base models, such as local:smollm2-135m or openai:gpt-4o-mini.", **_NAMES},
        "settings": {
            "description": "Sampling settings; they win over a prompt's own, and the command line over them.",
            "type": ["object", "null"],
            "properties": {name: {"$ref": f"#/$defs/setting_{name}"} for name in SETTINGS},
            "additionalProperties": False,
        },
        "matrix": {
            "description": "Settings that vary: every combination of their values is a variant of its own.",
            "type": ["object", "null"],
            "properties": {
                name: {
                    "type": "array",
                    "minItems": 1,
                    "uniqueItems": True,
                    "items": {"$ref": f"#/$defs/setting_{name}"},
                }
                for name in SETTINGS
            },
            "additionalProperties": False,
        },
        "repeats": {"description": "Samples of each cell.", "type": "integer", "minimum": 1, "default": 1},
        "defaults": _defaults(),
        "cases": cases.cases(),
        "evaluators": {
            "description": "How answers are scored; the first one is the main measure.",
            "type": ["array", "null"],
            "items": {"$ref": "#/$defs/entry"},
        },
        "metrics": {
            "description": "Measures of all answers of a variant together, such as a classification's F1.",
            "type": ["array", "null"],
            "items": {"$ref": "#/$defs/metric"},
        },
        "functions": {
            "description": "Python files with evaluators and transforms of your own; default: evaluators.py beside it.",
            "anyOf": [
                {"type": "null"},
                {"$ref": "#/$defs/python_file"},
                {"type": "array", "items": {"$ref": "#/$defs/python_file"}},
            ],
        },
        "gates": {
            "description": 'What means must hold, `exact_match: ">= 0.80"`; below it the exit code is 1.',
            "type": ["object", "null"],
            "additionalProperties": {
                "anyOf": [
                    {"$ref": "#/$defs/gate"},
                    {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/gate"}},
                ]
            },
        },
    }
    return {key: properties[key] for key in KEYS}


def _defaults() -> Schema:
    schemas: dict[str, Schema] = {
        "inputs": {"description": "Inputs of cases that have none of the name.", "type": ["object", "null"]},
        "expected": {"description": "What is expected where a case does not say."},
        "metadata": {"description": "Metadata of cases that have none of the name.", "type": ["object", "null"]},
        "transform": {"$ref": "#/$defs/transform"},
    }
    return {
        "description": "What cases and evaluators have where they say nothing themselves.",
        "type": ["object", "null"],
        "properties": {key: schemas[key] for key in DEFAULTS},
        "additionalProperties": False,
    }


def _shared() -> dict[str, Schema]:
    rule = {"type": "string", "pattern": f"^{RULE.pattern}$"}
    return {
        "path": {"type": "string", "pattern": r"^(?!.*://).*\S"},
        "python_file": {"type": "string", "pattern": r"\.py$"},
        "gate": {
            "description": 'A rule in quotes, such as ">= 0.80"; with `variant` for one prompt, model or setting.',
            "anyOf": [
                rule,
                {
                    "type": "object",
                    "properties": {"rule": rule, "variant": {"type": ["string", "null"]}},
                    "required": ["rule"],
                    "additionalProperties": False,
                },
            ],
        },
        **{
            f"setting_{name}": {"description": f"{setting.meaning}.", **setting.schema}
            for name, setting in SETTINGS.items()
        },
    }
