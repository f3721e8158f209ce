"""Every JSON Schema by its name, as the text that is published."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from promptlab.schemas.config import config_schema
from promptlab.schemas.prompt import prompt_schema
from promptlab.schemas.suite import suite_schema

SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "suite": lambda: suite_schema(part=False),
    "part": lambda: suite_schema(part=True),
    "config": config_schema,
    "prompt": prompt_schema,
}
"""The schemas, made when they are asked for."""

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema_text(name: str) -> str:
    """The schema of a name, as JSON. Raises KeyError for a name that is none of SCHEMAS."""
    return json.dumps({"$schema": DRAFT, **SCHEMAS[name]()}, ensure_ascii=False, indent=2) + "\n"
