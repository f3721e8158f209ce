"""The JSON Schema of the front matter of a prompt file."""

from __future__ import annotations

from typing import Any

from promptlab.models.settings import SETTINGS
from promptlab.prompts.frontmatter import KEYS


def prompt_schema() -> dict[str, Any]:
    """The schema of the YAML between the `---` lines of a prompt file."""
    schemas: dict[str, dict[str, Any]] = {
        "description": {"description": "What the prompt is for.", "type": ["string", "null"]},
        "tags": {
            "description": "Words to find it by.",
            "type": ["array", "null"],
            "items": {"type": "string", "pattern": r"\S"},
        },
        "settings": {
            "description": "Sampling settings; a suite's and the command line's win over them.",
            "type": ["object", "null"],
            "properties": {
                name: {"description": f"{setting.meaning}.", **setting.schema} for name, setting in SETTINGS.items()
            },
            "additionalProperties": False,
        },
        "response_schema": {
            "description": "A JSON Schema that answers follow; it is sent along where a base model takes one.",
            "type": ["object", "null"],
        },
        "samples": {
            "description": "One value for each variable, for previews and forms.",
            "type": ["object", "null"],
        },
    }
    return {
        "title": "front matter of a promptlab prompt",
        "description": "What stands between the `---` lines at the top of a prompt file.",
        "type": ["object", "null"],
        "properties": {key: schemas[key] for key in KEYS},
        "additionalProperties": False,
    }
