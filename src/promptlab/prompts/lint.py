"""What is doubtful about a template, line by line, before it is sent anywhere; and what no case of the data reaches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from promptlab.errors import PromptError, TemplateError
from promptlab.prompts.files import ROLE_LINE, message_lines, parse_prompt
from promptlab.sandbox import BranchLines, Outline, RenderJob, find_reached, find_variables
from promptlab.types import PromptVersion

Severity: TypeAlias = Literal["error", "warning", "info"]
Kind: TypeAlias = Literal["wrong", "undeclared", "unused", "shadowed", "role line"]

MOST_CASES = 1000
"""Cases that are rendered to see which branches they reach."""
NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one line, from 1. column, from 1, and length: of the name that it is about, where it is one."""

    line: int
    severity: Severity
    kind: Kind
    message: str
    column: int | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Lint:
    """What was found, by line. branches: all of the prompt, unreached: those that no case renders, both in lines of
    the file; cases: how many were rendered to see that.
    """

    findings: tuple[Finding, ...]
    branches: tuple[BranchLines, ...] = ()
    unreached: tuple[BranchLines, ...] = ()
    cases: int = 0


def lint(source: str, cases: Mapping[str, Mapping[str, Any]] | None = None, *, name: str = "draft") -> Lint:
    """What is doubtful in a prompt file's text, held against the inputs of cases by their keys, where there are any.

    A prompt that does not parse or compile is a finding of its own; nothing is raised for it.
    """
    try:
        prompt = parse_prompt(source, name=name)
        lines = message_lines(source)
        templates = tuple(message.content for message in prompt.messages)
        found = find_variables(templates, name=name, first_lines=lines)
    except PromptError as error:
        return Lint((Finding(error.line or 1, "error", "wrong", error.problem),))
    whole = _Whole(source.replace("\r\n", "\n").replace("\r", "\n").split("\n"), lines, found.outlines, prompt)
    known = dict(cases or {})
    findings = [*_shadowed(whole, known), *_unused(whole, known, found.all), *_role_lines(whole, known)]
    findings += _undeclared(whole, known, found.required) if known else []
    branches = tuple(
        whole.in_file(place, branch) for place, one in enumerate(found.outlines) for branch in one.branches
    )
    unreached, rendered = _unreached(whole, known) if branches else ((), 0)
    return Lint(tuple(sorted(findings, key=lambda one: (one.line, one.column or 0))), branches, unreached, rendered)


@dataclass(frozen=True, slots=True)
class _Whole:
    """The prompt with its lines: text is the file's, first_lines where each message begins, outlines one a message."""

    text: list[str]
    first_lines: tuple[int, ...]
    outlines: tuple[Outline, ...]
    prompt: PromptVersion

    def line(self, message: int, line: int) -> int:
        return self.first_lines[message] + line - 1

    def in_file(self, message: int, branch: BranchLines) -> BranchLines:
        return BranchLines(branch.kind, self.line(message, branch.first), self.line(message, branch.last))

    def used(self) -> Iterator[tuple[str, int]]:
        """Each variable from outside with each line of the file that uses it."""
        for message, one in enumerate(self.outlines):
            for name, lines in one.used.items():
                yield from ((name, self.line(message, line)) for line in lines)

    def finding(self, line: int, severity: Severity, kind: Kind, name: str, message: str) -> Finding:
        """A finding about a name, with the place of its first occurrence in the line."""
        found = re.search(rf"(?<![\w.]){re.escape(name)}\b", self.text[line - 1]) if line <= len(self.text) else None
        column = None if found is None else found.start() + 1
        return Finding(line, severity, kind, message, column, None if found is None else len(name))


def _undeclared(whole: _Whole, cases: Mapping[str, Mapping[str, Any]], required: frozenset[str]) -> Iterator[Finding]:
    for name, line in whole.used():
        if name not in required:
            continue
        lacking = [key for key, inputs in cases.items() if name not in inputs]
        if len(lacking) == len(cases):
            others = _listed(sorted({other for inputs in cases.values() for other in inputs}))
            message = f"`{name}` has no value in the data, which has: {others}"
            yield whole.finding(line, "error", "undeclared", name, message)
        elif lacking:
            message = f"`{name}` has no value in {len(lacking):,} of {len(cases):,} cases: {_listed(lacking)}"
            yield whole.finding(line, "warning", "undeclared", name, message)


def _unused(whole: _Whole, cases: Mapping[str, Mapping[str, Any]], used: frozenset[str]) -> Iterator[Finding]:
    unused = [name for name in whole.prompt.samples if name not in used]
    if unused:
        line = next((at for at, text in enumerate(whole.text, start=1) if text.startswith("samples")), 1)
        yield Finding(line, "info", "unused", f"the template uses no {_listed(unused)}, which `samples` gives")
    given = list(dict.fromkeys(name for inputs in cases.values() for name in inputs))
    unused = [name for name in given if name not in used]
    if unused:
        # About no line: it stands where the prompt's text begins.
        yield Finding(whole.first_lines[0], "info", "unused", f"the data has {_listed(unused)}, which no message uses")


def _shadowed(whole: _Whole, cases: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    given = {name for inputs in cases.values() for name in inputs} | set(whole.prompt.samples)
    given |= {name for name, _ in whole.used()}
    for message, one in enumerate(whole.outlines):
        for name, line, how in one.assigned:
            if name in given:
                said = {"for": "a loop", "set": "`set`", "with": "`with`"}.get(how, f"a {how}")
                yield whole.finding(
                    whole.line(message, line),
                    "warning",
                    "shadowed",
                    name,
                    f"{said} gives `{name}` another value here, which hides the input of that name",
                )


def _role_lines(whole: _Whole, cases: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    holding: dict[str, list[str]] = {}
    for key, inputs in cases.items():
        for name, value in inputs.items():
            if isinstance(value, str) and any(ROLE_LINE.fullmatch(line) for line in value.splitlines()):
                holding.setdefault(name, []).append(key)
    seen: set[str] = set()
    for name, line in whole.used():
        if name in holding and name not in seen:
            seen.add(name)
            message = (
                f"the value of `{name}` holds a line that looks like a role in {_listed(holding[name])}; "
                "it stays part of this message"
            )
            yield whole.finding(line, "info", "role line", name, message)


def _unreached(whole: _Whole, cases: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[BranchLines, ...], int]:
    chosen = list(cases.values())[:MOST_CASES]
    if not chosen:
        return (), 0
    templates = tuple(message.content for message in whole.prompt.messages)
    results = find_reached([RenderJob(templates, inputs, name=whole.prompt.name) for inputs in chosen])
    reached: list[set[int]] = [set() for _ in templates]
    rendered = 0
    for result in results:
        if isinstance(result, TemplateError):
            continue
        rendered += 1
        for place, numbers in enumerate(result):
            reached[place] |= numbers
    unreached = tuple(
        whole.in_file(place, branch)
        for place, one in enumerate(whole.outlines)
        for number, branch in enumerate(one.branches)
        if number not in reached[place]
    )
    return (unreached, rendered) if rendered else ((), 0)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:NAMES_SHOWN])
    return shown + (f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else "")
