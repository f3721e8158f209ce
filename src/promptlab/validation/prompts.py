"""A prompt file checked: its front matter, its settings, its template, and whether its samples fill it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from promptlab.errors import PromptError, TemplateError, UsageError
from promptlab.models.settings import check_settings
from promptlab.prompts import rendering
from promptlab.prompts.files import load_prompt
from promptlab.types import PromptVersion
from promptlab.validation.findings import Finding, find

_TEMPLATE_LINE = re.compile(r"prompt '[^']*', line (\d+): (.+)", re.DOTALL)


def check_prompt(path: Path) -> list[Finding]:
    """What is wrong with a prompt file."""
    try:
        prompt = load_prompt(path)
    except PromptError as error:
        return [find(error, file=path)]
    found = [find(error, file=path, line=_line(prompt, name)) for name, error in _wrong_settings(prompt)]
    try:
        variables, required = rendering.variables(prompt), rendering.required_variables(prompt)
        if prompt.samples and not (missing := sorted(required - set(prompt.samples))):
            rendering.render(prompt, prompt.samples)
    except TemplateError as error:
        return [*found, template_finding(error, path)]
    for name in missing if prompt.samples else ():
        message = f"`samples` has no value for {name!r}, which the template needs; add one"
        found.append(find(message, file=path, line=_line(prompt, "samples"), severity="warning"))
    for name in sorted(set(prompt.samples) - variables):
        message = f"{name!r} of `samples` is no variable of the template; take it out, or use it"
        found.append(find(message, file=path, line=_line(prompt, name), severity="warning"))
    return found


def template_finding(error: TemplateError, path: Path) -> Finding:
    """The finding of a template that does not compile or render, at its line of the file."""
    place = _TEMPLATE_LINE.fullmatch(str(error))
    return find(place[2] if place else error, file=path, line=int(place[1]) if place else None)


def _wrong_settings(prompt: PromptVersion) -> Iterator[tuple[str, UsageError]]:
    for name, value in prompt.settings.items():
        try:
            check_settings({name: value}, where="settings")
        except UsageError as error:
            yield name, error


def _line(prompt: PromptVersion, key: str) -> int | None:
    """The first line of the front matter that speaks of a key."""
    lines = prompt.source.removeprefix("\ufeff").splitlines()
    pattern = re.compile(rf"""(?:^|[\s{{,])["']?{re.escape(key)}["']?\s*:""")
    for number, line in enumerate(lines[1:], start=2):
        if line.rstrip() == "---":
            break
        if pattern.search(line):
            return number
    return None
