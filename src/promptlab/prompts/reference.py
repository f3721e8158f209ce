"""Prompt references: `name`, `name@3`, `name@production`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from promptlab.errors import PromptError

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
"""What a prompt's name, and an alias, looks like in full."""

NAME_RULE = "up to 200 letters, digits, `_`, `.` and `-`, the first a letter or digit"


@dataclass(frozen=True, slots=True)
class PromptReference:
    """A prompt by name; number or alias picks a version, at most one of them is set."""

    name: str
    number: int | None = None
    alias: str | None = None

    def __str__(self) -> str:
        version = self.alias if self.number is None else self.number
        return self.name if version is None else f"{self.name}@{version}"


def parse_reference(text: str) -> PromptReference:
    """The reference that `name`, `name@number` or `name@alias` writes.

    Raises PromptError. Example: parse_reference("refund@3") -> PromptReference("refund", 3)
    """
    name, at, version = text.partition("@")
    if not NAME_PATTERN.fullmatch(name):
        raise PromptError(f"prompt {text!r}: {name!r} is no prompt name; it has {NAME_RULE}")
    if not at:
        return PromptReference(name)
    if version.isascii() and version.isdecimal():
        # More digits than any registry has versions; Python itself refuses to read thousands of them.
        if len(version) > 9 or int(version) == 0:
            raise PromptError(f"prompt {text!r}: versions are numbered 1, 2, 3, ...")
        return PromptReference(name, number=int(version))
    if not NAME_PATTERN.fullmatch(version):
        raise PromptError(f"prompt {text!r}: after @ comes a number or an alias, which has {NAME_RULE}")
    return PromptReference(name, alias=version)
