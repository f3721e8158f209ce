"""Rows of a YAML file, which is a list of cases; read whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from promptlab.errors import SuiteError
from promptlab.suites.document import parse_yaml, read_text
from promptlab.suites.readers.text import WHAT
from promptlab.suites.rows import Row


def read_yaml(path: Path, name: str) -> Iterator[Row]:
    """The rows of a YAML file. Raises SuiteError that names the line."""
    document = parse_yaml(read_text(path, name=name, what=WHAT), name=name)
    if document.value is None:
        return
    if not isinstance(document.value, list):
        raise SuiteError(f"{document.where()}: a file of cases is a list: `- inputs: {{...}}`")
    for position, value in enumerate(document.value):
        yield Row(value, document.where(position))
