"""The JSON Schema of `cases` in a suite: a file, several, a list of cases, or a source with what to make of it."""

from __future__ import annotations

from typing import Any

from promptlab.suites.case_options import CHOOSING, KEYS, MAX_NAME, SHAPING, SOURCES
from promptlab.suites.cases import MAX_KEY

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "pattern": r"\S"}
_NAMED_TEXT: Schema = {"type": ["string", "null"], "pattern": r"\S"}
_SCALAR = ["string", "number", "boolean", "null"]


def definitions() -> dict[str, Schema]:
    """What suite schemas share, by its name under `$defs`: a case and a source of cases."""
    return {"case": _case(), "source": _source()}


def cases() -> Schema:
    """What stands under `cases`."""
    # What is of all cases together stands in no single entry.
    part = {"$ref": "#/$defs/source", "not": {"anyOf": [{"required": [key]} for key in ("name", *CHOOSING)]}}
    in_list = {"anyOf": [_TEXT, {"$ref": "#/$defs/case"}, part]}
    return {
        "description": (
            "The cases: a file (JSONL, JSON, CSV, TSV, YAML, Parquet, Arrow or XLSX), a list of files or of cases, or "
            "a mapping with a source: file, rows, sql or huggingface."
        ),
        "anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": in_list}, {"$ref": "#/$defs/source"}],
    }


def _case() -> Schema:
    return {
        "description": "One case: the inputs of the template, and what is expected.",
        "type": "object",
        "properties": {
            "id": {
                "description": "Its name in the data set; default: its number, from 1.",
                "type": ["string", "integer", "null"],
                "pattern": r"\S",
                "maxLength": MAX_KEY,
            },
            "inputs": {"description": "The values of the template's variables, by name.", "type": "object"},
            "expected": {"description": "What evaluators compare with; any JSON."},
            "metadata": {"description": "What else is known of it, by name.", "type": ["object", "null"]},
            "tags": {
                "description": "Words to choose cases by, `hard, numbers` or a list.",
                "type": ["string", "array", "null"],
                "items": {"type": "string"},
            },
            "evaluators": {
                "description": "Evaluators of this case alone; one replaces the suite's of its name.",
                "type": ["array", "null"],
                "items": {"$ref": "#/$defs/entry"},
            },
        },
        "required": ["inputs"],
        "additionalProperties": False,
    }


def _source() -> Schema:
    schemas = _option_schemas()
    return {
        "description": "Where cases are from, how rows become cases, and which of them are taken.",
        "type": "object",
        "properties": {name: schemas[name] for name in KEYS},
        "oneOf": [
            {
                "required": [source],
                "propertyNames": {"enum": [source, *options, "name", *SHAPING, *CHOOSING]},
            }
            for source, options in SOURCES.items()
        ],
        "not": {"required": ["first", "sample"]},
        "if": {"required": ["sql"]},
        "then": {"anyOf": [{"required": ["url"]}, {"required": ["url_env"]}]},
        "additionalProperties": False,
    }


def _option_schemas() -> dict[str, Schema]:
    whole = {"type": "integer", "minimum": 1}
    several = {"type": ["array", "object", "null"], "items": _TEXT, "additionalProperties": _TEXT}
    return {
        "file": {
            "description": "A file, or several: JSONL, JSON, CSV, TSV, YAML, Parquet, Arrow or XLSX.",
            "anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _TEXT}],
        },
        "sheet": {
            "description": "Of an XLSX file: the name of a sheet, or its number from 1.",
            "type": ["string", "integer", "null"],
            "minimum": 1,
            "minLength": 1,
        },
        "rows": {
            "description": "Cases, or flat records, in the suite itself.",
            "type": "array",
            "minItems": 1,
            "items": {"type": "object"},
        },
        "sql": {"description": "A query, or the path of a .sql file.", **_TEXT},
        "url": {"description": "The URL of the query's database.", **_NAMED_TEXT},
        "url_env": {"description": "The environment variable with the URL of the query's database.", **_NAMED_TEXT},
        "huggingface": {"description": "A data set of the hub, or a folder of one.", **_TEXT},
        "config": {"description": "The configuration of the data set.", **_NAMED_TEXT},
        "split": {"description": "The split of the data set.", **_NAMED_TEXT},
        "revision": {"description": "The revision of the data set.", **_NAMED_TEXT},
        "name": {
            "description": "What the data set is called; default: as its file or the suite.",
            **_NAMED_TEXT,
            "maxLength": MAX_NAME,
        },
        "columns": {
            "description": "Which columns are what; without it their names say so, and every other one is an input.",
            "type": ["object", "null"],
            "properties": {
                "id": {"description": "The column of the case's id.", **_NAMED_TEXT},
                "expected": {"description": "The column of what is expected.", **_NAMED_TEXT},
                "tags": {"description": "The column of the tags.", **_NAMED_TEXT},
                "inputs": {"description": "The inputs: columns, or a mapping from a name to its column.", **several},
                "metadata": {"description": "The metadata: as for inputs.", **several},
            },
            "additionalProperties": False,
        },
        "labels": {
            "description": "What stands for the values of `expected`: names for the numbers from 0, or a mapping.",
            "type": ["array", "object", "null"],
            "minItems": 1,
            "minProperties": 1,
            "items": {"type": _SCALAR},
            "additionalProperties": {"type": _SCALAR},
        },
        "where": {
            "description": "Only cases in which every field has the value, or one of them.",
            "type": ["object", "null"],
            "propertyNames": {"pattern": r"^(id|expected|tags|inputs\..+|metadata\..+)$"},
            "additionalProperties": {"type": [*_SCALAR, "array"], "items": {"type": _SCALAR}, "minItems": 1},
        },
        "sample": {
            "description": "So many cases, the same ones for the same seed.",
            "anyOf": [
                {**whole, "type": ["integer", "null"]},
                {
                    "type": "object",
                    "properties": {"n": whole, "seed": {"type": "integer", "default": 0}},
                    "required": ["n"],
                    "additionalProperties": False,
                },
            ],
        },
        "first": {"description": "Only the first so many.", "type": ["integer", "null"], "minimum": 1},
    }
