"""UTF-8 files, read line by line or piece by piece; bytes that are none are named by their place in the file."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from promptlab.suites.document import not_utf8, open_file, read_text

WHAT = "the file of cases"


def json_lines(path: Path, name: str) -> Iterator[str]:
    """The lines of a text file without their ends, one at a time; split at newlines alone: JSON texts hold none."""
    position = 0
    with open_file(path, name=name, what=WHAT) as file:
        for line in file:
            try:
                text = line.rstrip(b"\n").decode("utf-8")
            except UnicodeDecodeError as error:
                raise not_utf8(path, position + error.start, name=name, what=WHAT) from error
            yield text.removeprefix("\ufeff") if position == 0 else text
            position += len(line)


@contextlib.contextmanager
def open_text(path: Path, name: str) -> Iterator[TextIO]:
    """A text file, open for reading, with its line ends as they are. Raises SuiteError."""
    with open_file(path, name=name, what=WHAT) as file:
        try:
            with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
                yield text
        except UnicodeDecodeError:
            # Its position is counted from the block that was being read; reading whole finds the file's.
            read_text(path, name=name, what=WHAT)
            raise
