"""The schema of a data set: its fields, `inputs.text` or `metadata.level`, with their types over all cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptlab.types import Case

MOST_FIELDS = 2000
"""More than any data set that people write; the rest stands together under OTHERS."""
OTHERS = "*"

_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
"""The words of JSON Schema."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its JSON types, sorted, and how many rows have it."""

    name: str
    types: tuple[str, ...]
    rows: int


class SchemaReader:
    """Reads the schema of cases, one at a time."""

    def __init__(self) -> None:
        self._fields: dict[str, _Seen] = {}

    def read(self, case: Case) -> None:
        """Takes note of a case."""
        for name, value in case.inputs.items():
            self._note(f"inputs.{name}", value)
        if case.expected is not None:
            self._note("expected", case.expected)
        for name, value in case.metadata.items():
            self._note(f"metadata.{name}", value)

    def fields(self) -> tuple[Field, ...]:
        """The fields of all cases so far: inputs, what is expected, metadata, each in the order of the first case."""
        order = sorted(self._fields, key=lambda name: (name == OTHERS, _SECTIONS.get(name.partition(".")[0], 1)))
        return tuple(Field(name, tuple(sorted(self._fields[name].types)), self._fields[name].rows) for name in order)

    def _note(self, name: str, value: Any) -> None:
        seen = self._fields.get(name)
        if seen is None:
            known = name if len(self._fields) < MOST_FIELDS else OTHERS
            seen = self._fields.setdefault(known, _Seen(set()))
        seen.rows += 1
        seen.types.add(_NAMES.get(type(value)) or ("object" if isinstance(value, Mapping) else "array"))


@dataclass(slots=True)
class _Seen:
    types: set[str]
    rows: int = 0


_SECTIONS = {"inputs": 0, "expected": 1, "metadata": 2}
