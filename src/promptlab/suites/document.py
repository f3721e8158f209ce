"""YAML 1.2 to plain JSON values, with the line that each of them stands on."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from promptlab.errors import SuiteError

Place: TypeAlias = tuple[str | int, ...]
"""Where a value stands: `("evaluators", 0)` is the first evaluator; `()` the whole document."""

MAX_VALUES = 300_000
"""More than any suite has; aliases of aliases would make billions."""
MAX_DEPTH = 100
_AS_WRITTEN = "labels"
"""The key of a mapping whose own keys may be numbers and booleans: those of a data set, as `cases` names them."""


@dataclass(frozen=True, slots=True)
class Document:
    """A value with its origin. lines: the line of each place, from 1; empty for a value that is from no file.

    files: the file of each place that is from another one than `name`: included.
    """

    value: Any
    name: str
    lines: Mapping[Place, int] = field(default_factory=dict)
    files: Mapping[Place, str] = field(default_factory=dict)

    def where(self, *place: str | int) -> str:
        """The start of a message about a place: `evals/a.yaml:7`, or the name alone."""
        while place and place not in self.lines:
            place = place[:-1]
        line, name = self.lines.get(place), self.files.get(place, self.name)
        return f"{name}:{line}" if line else name


def read_text(path: Path, *, name: str, what: str) -> str:
    """The text of a file, UTF-8 with or without a byte order mark. Raises SuiteError."""
    with open_file(path, name=name, what=what) as file:
        content = file.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(path, error.start, name=name, what=what) from error


@contextlib.contextmanager
def open_file(path: Path, *, name: str, what: str) -> Iterator[BinaryIO]:
    """The file, open for reading bytes. Raises SuiteError, also where reading fails in the middle."""
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        raise SuiteError(f"{name}: {what} {str(path)!r} does not exist") from error
    except IsADirectoryError as error:
        raise SuiteError(f"{name}: {what} {str(path)!r} is a folder; name a file in it") from error
    except OSError as error:
        raise SuiteError(f"{name}: {what} {str(path)!r} cannot be read: {error.strerror}") from error


def not_utf8(path: Path, byte: int, *, name: str, what: str) -> SuiteError:
    """The error of a file that is not UTF-8 at a byte."""
    return SuiteError(f"{name}: {what} {str(path)!r} is not UTF-8 at byte {byte}; save it as UTF-8")


def parse_yaml(text: str, *, name: str) -> Document:
    """The document of a YAML text: mappings with text keys, lists, texts, numbers, booleans, null.

    Dates stay text. Raises SuiteError that names the line for a syntax error, a key that stands twice or is no
    text, a tag, or NaN and infinity.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    reader = YAML(typ="safe", pure=True)
    try:
        node = reader.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SuiteError(f"{name}:{line}: not valid YAML: {error.problem or error.context}") from error
    except YAMLError as error:
        problem = str(error).splitlines()[0]
        raise SuiteError(f"{name}: not valid YAML: {problem}") from error
    except RecursionError as error:
        raise SuiteError(f"{name}: not valid YAML: nested too deeply") from error
    plain = _Plain(name, reader.constructor)
    value = None if node is None else plain.value(node, ())
    return Document(value, name, plain.lines)


class _Plain:
    """Builds the value of a node tree, and notes the lines on the way."""

    def __init__(self, name: str, constructor: Any) -> None:
        self.name = name
        self.constructor = constructor
        self.lines: dict[Place, int] = {}
        self.values = 0

    def value(self, node: Any, place: Place) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        self.values += 1
        if self.values > MAX_VALUES or len(place) > MAX_DEPTH:
            raise SuiteError(f"{self.name}:{line}: too large once its aliases are followed")
        kind = str(node.tag).rsplit(":", 1)[-1]
        if node.id == "mapping" and kind == "map":
            return self._mapping(node, place)
        if node.id == "sequence" and kind == "seq":
            return [self.value(item, (*place, position)) for position, item in enumerate(node.value)]
        if node.id == "scalar":
            return self._scalar(node, kind, line)
        raise SuiteError(f"{self.name}:{line}: the tag {node.tag!s} is not known; write plain YAML")

    def _mapping(self, node: Any, place: Place) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = (
                self._scalar(key_node, str(key_node.tag).rsplit(":", 1)[-1], line) if key_node.id == "scalar" else None
            )
            if place[-1:] == (_AS_WRITTEN,) and isinstance(key, bool | int | float):
                key = str(key_node.value)
            if not isinstance(key, str):
                raise SuiteError(f"{self.name}:{line}: a key is text, not {key_node.value!r}; put it in quotes")
            if key in mapping:
                raise SuiteError(f"{self.name}:{line}: the key {key!r} stands twice, first in line {first[key]}")
            first[key] = line
            self.lines[*place, key] = line
            mapping[key] = self.value(value_node, (*place, key))
        return mapping

    def _scalar(self, node: Any, kind: str, line: int) -> Any:
        if kind in ("str", "timestamp", "merge", "value"):
            return str(node.value)
        if kind not in ("null", "bool", "int", "float"):
            raise SuiteError(f"{self.name}:{line}: the tag {node.tag!s} is not known; write plain YAML")
        try:
            value = getattr(self.constructor, f"construct_yaml_{kind}")(node)
        except (ValueError, KeyError) as error:
            raise SuiteError(f"{self.name}:{line}: {node.value!r} is no {kind}") from error
        if isinstance(value, float) and not math.isfinite(value):
            raise SuiteError(f"{self.name}:{line}: {node.value} is no JSON number; put it in quotes if it is text")
        return value
