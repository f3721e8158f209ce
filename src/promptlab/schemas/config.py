"""The JSON Schema of promptlab.toml."""

from __future__ import annotations

from typing import Any

from promptlab.config_keys import ENDPOINT, ENDPOINT_NAME, LIMITS, LOCAL, PRICES, RESERVED_PROVIDERS, TABLES, Keys

Schema = dict[str, Any]


def config_schema() -> Schema:
    """The schema of promptlab.toml."""
    tables: dict[str, Schema] = {
        "endpoints": {
            "type": "object",
            "propertyNames": {"pattern": f"^{ENDPOINT_NAME}$", "not": {"enum": sorted(RESERVED_PROVIDERS)}},
            "additionalProperties": {**_table(ENDPOINT), "required": ["base_url"]},
        },
        "local": _table(LOCAL),
        "openai": _table(LIMITS),
        "prices": {
            "type": "object",
            "propertyNames": {"pattern": "^[^:]+:.+$", "not": {"pattern": "^(local|python):"}},
            "additionalProperties": {
                **_table(PRICES),
                "anyOf": [{"required": ["input_usd_per_million"]}, {"required": ["output_usd_per_million"]}],
            },
        },
    }
    return {
        "title": "promptlab.toml",
        "description": "The settings of a promptlab workspace.",
        "type": "object",
        "properties": {name: {"description": meaning, **tables[name]} for name, meaning in TABLES.items()},
        "additionalProperties": False,
    }


def _table(keys: Keys) -> Schema:
    return {
        "type": "object",
        "properties": {name: {"description": key.meaning, **key.schema} for name, key in keys.items()},
        "additionalProperties": False,
    }
