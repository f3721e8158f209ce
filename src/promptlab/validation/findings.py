"""What was found in a file, and where."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]

_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+)|, line (?P<number>\d+))?: (?P<message>.+)", re.DOTALL)
"""How messages begin: `evals/a.yaml:7: ...`, `prompts/a.j2, line 3: ...` or `evals/a.yaml: ...`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. line: from 1, None where it is of the whole file. An error keeps the file from being used."""

    file: str
    line: int | None
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        """`file:line: message`; a warning says that it is one."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {'warning: ' if self.severity == 'warning' else ''}{self.message}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"file": self.file, "line": self.line, "severity": self.severity, "message": self.message}


def find(text: object, *, file: Path, line: int | None = None, severity: Severity = "error") -> Finding:
    """The finding of a message; file and line: where it is, unless it begins with another place."""
    said = " ".join(str(text).split()).replace(f"{Path.cwd()}{os.sep}", "")
    found = _PLACE.fullmatch(said)
    # `prompt 'a', line 2: ...` begins like a place and is none.
    if found is not None and os.path.isfile(found["file"]):  # noqa: PTH113 - what is no path at all is no file
        number = found["line"] or found["number"]
        return Finding(shown(Path(found["file"])), int(number) if number else None, found["message"], severity)
    return Finding(shown(file), line, said, severity)


def shown(path: Path) -> str:
    """A path as people write it: from the current folder on, where it is in it."""
    try:
        return os.path.relpath(path) if path.resolve().is_relative_to(Path.cwd()) else str(path)
    except ValueError:  # another drive
        return str(path)
