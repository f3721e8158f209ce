"""promptlab.toml checked: every wrong key with its line."""

from __future__ import annotations

import re
from pathlib import Path

from promptlab.config import read_toml
from promptlab.config_keys import problems
from promptlab.errors import WorkspaceError
from promptlab.validation.findings import Finding, find

_HEADER = re.compile(r"\s*\[\[?(?P<name>[^\]]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*(?P<name>"[^"]*"|'[^']*'|[\w.-]+)\s*=""")
_SYNTAX_LINE = re.compile(r" \(at line (\d+), column \d+\)")


def check_config(path: Path) -> list[Finding]:
    """What is wrong with a promptlab.toml."""
    try:
        settings = read_toml(path)
    except WorkspaceError as error:
        at = _SYNTAX_LINE.search(str(error))
        said = str(error).replace(f"{path}: ", "", 1)
        return [find(_SYNTAX_LINE.sub("", said), file=path, line=int(at[1]) if at else None)]
    lines = key_lines(path.read_text(encoding="utf-8"))
    found = []
    for problem in problems(settings):
        place = problem.place
        while place and place not in lines:
            place = place[:-1]
        message = f"{problem.title}: {problem.message}" if problem.title else problem.message
        found.append(find(message, file=path, line=lines.get(place)))
    return found


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line, from 1, of each table and key of a TOML text, by its place: `("endpoints", "ollama", "base_url")`.

    Keys within inline tables are left out; a line of a text over several lines may look like a key and change nothing.
    """
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            table = _parts(header["name"])
            for length in range(1, len(table) + 1):
                lines.setdefault(table[:length], number)
        elif key := _KEY.match(line):
            place = (*table, *_parts(key["name"]))
            for length in range(len(table) + 1, len(place) + 1):
                lines.setdefault(place[:length], number)
    return lines


def _parts(name: str) -> tuple[str, ...]:
    found = re.findall(r"""\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*(?:\.|$)""", name)
    return tuple("".join(parts) for parts in found)
