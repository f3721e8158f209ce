"""Prompt versions and inputs to final chat messages, through the sandbox.

The roles are those of the file: a value is put into a message, and is never looked at again.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from promptlab.errors import TemplateError
from promptlab.prompts.files import message_lines
from promptlab.sandbox import RenderJob, TemplateVariables, find_variables, render_many
from promptlab.types import Message, PromptVersion


def render(version: PromptVersion, inputs: Mapping[str, Any]) -> tuple[Message, ...]:
    """The chat messages for these inputs.

    Raises TemplateError: an UndefinedVariableError names the variable, a TemplateLimitError the limit.
    """
    (result,) = render_all(version, [inputs])
    if isinstance(result, TemplateError):
        raise result
    return result


def render_all(
    version: PromptVersion, cases_inputs: Sequence[Mapping[str, Any]]
) -> list[tuple[Message, ...] | TemplateError]:
    """For each case's inputs the chat messages, or the error that says why there are none."""
    templates = _templates(version)
    lines = _first_lines(version)
    jobs = [RenderJob(templates, inputs, name=version.reference, first_lines=lines) for inputs in cases_inputs]
    return [result if isinstance(result, TemplateError) else _messages(version, result) for result in render_many(jobs)]


def variables(version: PromptVersion) -> frozenset[str]:
    """The names of all variables that the templates use; raises TemplateError where one does not compile."""
    return _variables(version).all


def required_variables(version: PromptVersion) -> frozenset[str]:
    """The variables that need a value: those without a `default` filter or an `is defined` test.

    Raises TemplateError where a template does not compile.
    """
    return _variables(version).required


def _variables(version: PromptVersion) -> TemplateVariables:
    return find_variables(_templates(version), name=version.reference, first_lines=_first_lines(version))


def _templates(version: PromptVersion) -> tuple[str, ...]:
    return tuple(message.content for message in version.messages)


def _messages(version: PromptVersion, texts: Sequence[str]) -> tuple[Message, ...]:
    return tuple(Message(message.role, text) for message, text in zip(version.messages, texts, strict=True))


def _first_lines(version: PromptVersion) -> tuple[int, ...]:
    lines = _message_lines(version.source)
    return lines if len(lines) == len(version.messages) else ()


_message_lines = functools.lru_cache(maxsize=64)(message_lines)
