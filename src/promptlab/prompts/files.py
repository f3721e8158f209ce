r"""Prompt files: front matter between `---` lines, then Jinja2 templates split into chat messages by role lines.

    ---
    description: Answers a customer
    settings: {temperature: 0}
    ---
    system:
    You are kind.

    user:
    {{ question }}

The rules, in the order in which they are applied:

1. A byte order mark is dropped, and CRLF and CR become LF.
2. Where the first line is `---`, everything up to the next `---` line is front matter.
3. The rest is split at lines that are exactly `system:`, `user:` or `assistant:` (spaces after it are allowed). This
   happens line by line and before rendering: no value can make a role, and neither a comment nor `{% raw %}` hides
   one. A line `\user:` is the text `user:`; of several backslashes one is taken away. `{{ "user:" }}` does as well.
   Without role lines the whole is one user message.
4. Blank lines around a message are dropped, and the newline after it.

So the same content always gives the same digest, whatever editor wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from promptlab.errors import PromptError, PromptNotFoundError
from promptlab.prompts.digest import content_digest
from promptlab.prompts.frontmatter import FrontMatter, read_front_matter, write_front_matter
from promptlab.prompts.reference import NAME_PATTERN, NAME_RULE
from promptlab.types import Message, PromptVersion, Role

SUFFIX = ".j2"
FENCE = "---"
ROLE_LINE = re.compile(r"(system|user|assistant):[ \t]*")
_ESCAPED_ROLE_LINE = re.compile(r"\\+(?:system|user|assistant):[ \t]*")


@dataclass(frozen=True, slots=True)
class _Section:
    """The lines under one role line; role_line and first_line count from 1 in the file."""

    role: Role
    role_line: int
    lines: tuple[str, ...]
    first_line: int


@dataclass(frozen=True, slots=True)
class _Body:
    """The file's lines without its front matter; first_line counts from 1 in the file."""

    front: str
    lines: tuple[str, ...]
    first_line: int


def parse_prompt(source: str, *, name: str, path: str = "") -> PromptVersion:
    """The prompt that a file's text writes, unsaved (number 0), with its source kept as it is.

    path: the file, for messages; without it they say the prompt's name. Raises PromptError that names the line.
    """
    where = path or f"prompt {name!r}"
    body = _body(source, where)
    front = read_front_matter(body.front, where=where, first_line=2)
    sections = _sections(body, where)
    messages = tuple(Message(section.role, "\n".join(map(_unescaped, section.lines))) for section in sections)
    return PromptVersion(
        name=name,
        number=0,
        digest=content_digest(messages, front.settings, front.response_schema),
        messages=messages,
        settings=front.settings,
        response_schema=front.response_schema,
        description=front.description,
        tags=front.tags,
        samples=front.samples,
        source=source,
    )


def load_prompt(path: Path) -> PromptVersion:
    """The prompt of a file `NAME.j2`, unsaved (number 0).

    Raises PromptNotFoundError where there is no such file, and PromptError for a name or text that will not do.
    """
    name = path.name.removesuffix(SUFFIX)
    if not NAME_PATTERN.fullmatch(name):
        raise PromptError(f"{path}: {name!r} is no prompt name; it has {NAME_RULE}")
    try:
        # Bytes, because reading text would change the line ends, and the source is kept exactly.
        source = path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise PromptNotFoundError(f"{path}: there is no such prompt file") from error
    except UnicodeDecodeError as error:
        raise PromptError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except OSError as error:
        raise PromptError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_prompt(source, name=name, path=str(path))


def compose_source(version: PromptVersion) -> str:
    """The text of a file for this version; what `parse_prompt` makes of it has the same digest.

    Blank lines around a message are not kept; no message that a file can hold has any.
    """
    front = write_front_matter(
        FrontMatter(
            description=version.description,
            tags=version.tags,
            settings=version.settings,
            response_schema=version.response_schema,
            samples=version.samples,
        )
    )
    head = f"{FENCE}\n{front}{FENCE}\n" if front else ""
    contents = ["\n".join(map(_escaped, message.content.split("\n"))) for message in version.messages]
    roles = [message.role for message in version.messages]
    # At the very top of a file, a line `---` or a byte order mark would mean something else.
    if roles == ["user"] and (head or not contents[0].startswith((FENCE, "\ufeff"))):
        return f"{head}{contents[0]}\n"
    return head + "\n".join(f"{role}:\n{content}\n" for role, content in zip(roles, contents, strict=True))


def message_lines(source: str) -> tuple[int, ...]:
    """For each message of a prompt file the line, from 1, on which its text begins; empty where it is no prompt."""
    try:
        return tuple(section.first_line for section in _sections(_body(source, ""), ""))
    except PromptError:
        return ()


def _body(source: str, where: str) -> _Body:
    lines = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[0].rstrip() != FENCE:
        return _Body("", tuple(lines), 1)
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == FENCE:
            return _Body("\n".join(lines[1:number]), tuple(lines[number + 1 :]), number + 2)
    raise PromptError.at(where, 1, f"the front matter has no end; close it with a line `{FENCE}`")


def _sections(body: _Body, where: str) -> list[_Section]:
    sections = list(_split(body))
    preamble, *spoken = sections
    if not spoken:
        if not preamble.lines:
            problem = "there is no prompt text; write the template, below the front matter if any"
            raise PromptError(f"{where}: {problem}", problem=problem)
        return [preamble]
    if preamble.lines:
        raise PromptError.at(
            where,
            preamble.first_line,
            f"text before the first role line `{spoken[0].role}:` belongs to no message; move it below, or put a role "
            "line above it",
        )
    for section in spoken:
        if not section.lines:
            raise PromptError.at(where, section.role_line, f"the message `{section.role}:` is empty; write its text")
    return spoken


def _split(body: _Body) -> Iterator[_Section]:
    """What stands before the first role line, as a user message, then a section for each role line."""
    role, role_line, begin = "user", body.first_line, 0
    for index, line in enumerate(body.lines):
        if found := ROLE_LINE.fullmatch(line):
            yield _section(role, role_line, body, begin, index)
            role, role_line, begin = found[1], body.first_line + index, index + 1
    yield _section(role, role_line, body, begin, len(body.lines))


def _section(role: str, role_line: int, body: _Body, begin: int, end: int) -> _Section:
    while begin < end and not body.lines[begin].strip():
        begin += 1
    while begin < end and not body.lines[end - 1].strip():
        end -= 1
    return _Section(cast("Role", role), role_line, body.lines[begin:end], body.first_line + begin)


def _unescaped(line: str) -> str:
    return line[1:] if _ESCAPED_ROLE_LINE.fullmatch(line) else line


def _escaped(line: str) -> str:
    return f"\\{line}" if ROLE_LINE.fullmatch(line) or _ESCAPED_ROLE_LINE.fullmatch(line) else line
