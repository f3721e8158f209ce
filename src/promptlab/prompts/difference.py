"""What changed between two prompt versions."""

from __future__ import annotations

import difflib

from promptlab.prompts.files import compose_source
from promptlab.types import PromptVersion


def diff(a: PromptVersion, b: PromptVersion) -> str:
    """The unified diff from a's source to b's; empty where they are the same but for line ends."""
    lines = difflib.unified_diff(_lines(a), _lines(b), fromfile=a.reference, tofile=b.reference, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _lines(version: PromptVersion) -> list[str]:
    source = version.source or compose_source(version)
    # Not splitlines(), which also splits at characters that may stand within a line.
    return source.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
