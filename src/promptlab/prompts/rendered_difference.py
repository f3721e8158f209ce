"""What changed between two prompt versions in what is sent: their renderings of the same cases, held side by side."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.errors import TemplateError
from promptlab.prompts.rendering import render_all
from promptlab.types import Message, PromptVersion


@dataclass(frozen=True, slots=True)
class RenderedCase:
    """A case whose messages are not the same. before, after: as text, or why there are none; diff: unified."""

    key: str
    before: str
    after: str
    diff: str


@dataclass(frozen=True, slots=True)
class RenderedDifference:
    """Two versions on the same cases. changed: in the order of the cases; same: how many are sent as before."""

    changed: tuple[RenderedCase, ...]
    same: int


def rendered_difference(
    a: PromptVersion, b: PromptVersion, cases: Mapping[str, Mapping[str, Any]]
) -> RenderedDifference:
    """The cases, by their keys, that two versions render to other messages, or that one of them cannot render."""
    inputs = list(cases.values())
    changed = []
    for key, before, after in zip(cases, render_all(a, inputs), render_all(b, inputs), strict=True):
        texts = _text(before), _text(after)
        if texts[0] != texts[1]:
            changed.append(RenderedCase(key, *texts, _diff(*texts, names=(a.reference, b.reference))))
    return RenderedDifference(tuple(changed), len(cases) - len(changed))


def _text(rendered: Sequence[Message] | TemplateError) -> str:
    if isinstance(rendered, TemplateError):
        return f"cannot be rendered: {rendered.problem}"
    return "\n\n".join(f"{message.role}:\n{message.content}" for message in rendered)


def _diff(before: str, after: str, *, names: tuple[str, str]) -> str:
    lines = difflib.unified_diff(before.split("\n"), after.split("\n"), fromfile=names[0], tofile=names[1], lineterm="")
    return "".join(f"{line}\n" for line in lines)
