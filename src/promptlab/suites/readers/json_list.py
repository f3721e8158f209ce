"""Rows of a JSON file, which is a list or `{"cases": [...]}`; read piece by piece, never held whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from promptlab.errors import SuiteError
from promptlab.suites.json_values import MAX_CELL_CHARACTERS
from promptlab.suites.readers.jsonl import DECODER, check_depth
from promptlab.suites.readers.text import open_text
from promptlab.suites.rows import Row

_PIECE = 1 << 16
_BLANK = re.compile(r"[ \t\r\n]*")
_SHAPE = 'a JSON file of cases is a list, `[{"inputs": {...}}, ...]`, or such a list under "cases"'


def read_json(path: Path, name: str) -> Iterator[Row]:
    """The rows of a JSON file. Raises SuiteError that names the line."""
    with open_text(path, name) as file:
        text = _Text(file, name)
        if text.peek() == "{":
            _enter_cases(text)
        elif text.peek() != "[":
            raise SuiteError(f"{text.where}: {_SHAPE}" if text.peek() else f"{name}: has no cases; {_SHAPE}")
        yield from _list(text)
        if text.peek() == "," or text.peek() == "}":
            _leave_cases(text)
        if text.peek():
            raise SuiteError(f"{text.where}: not valid JSON: more follows after its end")


def _list(text: _Text) -> Iterator[Row]:
    text.take("[")
    if text.peek() == "]":
        text.take("]")
        return
    while True:
        where = text.where_next()
        yield Row(text.value(), where)
        if text.peek() == "]":
            text.take("]")
            return
        text.take(",")


def _enter_cases(text: _Text) -> None:
    """Goes to the list under `cases`; what stands before it is left out."""
    text.take("{")
    while text.peek() == '"':
        key = text.value()
        text.take(":")
        if key == "cases":
            if text.peek() != "[":
                raise SuiteError(f"{text.where}: `cases` is no list; {_SHAPE}")
            return
        text.value()
        if text.peek() == "}":
            break
        text.take(",")
    raise SuiteError(f"{text.name}: has no `cases`; {_SHAPE}")


def _leave_cases(text: _Text) -> None:
    while text.peek() == ",":
        text.take(",")
        text.value()
        text.take(":")
        text.value()
    text.take("}")


class _Text:
    """The text of a file as far as it has been read and not been used; knows the line that it stands on."""

    def __init__(self, file: TextIO, name: str) -> None:
        self.name = name
        self._file = file
        self._text = ""
        self._at = 0
        self._before = 0
        self._line = 1
        self._line_start = 0
        self._ended = False

    @property
    def where(self) -> str:
        """The start of a message about what comes next."""
        return f"{self.name}:{self._line}"

    def where_next(self) -> str:
        """The same, past the blanks."""
        self.peek()
        return self.where

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            self._move(_end(_BLANK.match(self._text, self._at)))
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, character: str) -> None:
        """Goes past a character that has to stand here."""
        found = self.peek()
        if found != character:
            what = repr(found) if found else "the end of the file"
            raise SuiteError(f"{self.where}: not valid JSON: {what} where {character!r} has to stand")
        self._move(self._at + 1)

    def value(self) -> Any:
        """The JSON value that stands here; more is read until it is whole."""
        self.peek()
        wanted = _PIECE
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise SuiteError(f"{self.where}: not valid JSON: nested too deeply") from error
            except json.JSONDecodeError as error:
                if self._ended or len(self._text) - self._at > MAX_CELL_CHARACTERS:
                    self._move(error.pos)
                    column = self._before + error.pos - self._line_start + 1
                    raise SuiteError(f"{self.where}: not valid JSON: {error.msg} at column {column}") from error
            except ValueError as error:
                raise SuiteError(f"{self.where}: not valid JSON: {error}") from error
            else:
                # A number may go on in the next piece.
                if end < len(self._text) or self._ended:
                    brackets = self._text.count("[", self._at, end) + self._text.count("{", self._at, end)
                    where = self.where
                    self._move(end)
                    return _checked(value, brackets, where)
            # Twice as much each time: a long value is tried few times.
            while len(self._text) - self._at < wanted and self._more():
                pass
            wanted *= 2

    def _move(self, to: int) -> None:
        lines = self._text.count("\n", self._at, to)
        if lines:
            self._line += lines
            self._line_start = self._before + self._text.rindex("\n", self._at, to) + 1
        self._at = to

    def _more(self) -> bool:
        """Reads a piece; what has been used is let go. False at the end of the file."""
        piece = self._file.read(_PIECE)
        self._ended = not piece
        self._before += self._at
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)


def _checked(value: Any, brackets: int, where: str) -> Any:
    try:
        return check_depth(value, brackets)
    except RecursionError as error:
        raise SuiteError(f"{where}: not valid JSON: nested too deeply") from error


def _end(found: re.Match[str] | None) -> int:
    return found.end() if found else 0
