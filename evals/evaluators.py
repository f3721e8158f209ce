"""Evaluators of our own for the suites in this folder: any name there that is not built in is looked up here.

An evaluator is a function of a context (`inputs`, `output`, `expected`, `metadata`, ...) with keyword-only options.
It returns True or False, a number, a Score, several of these by name, or None for "does not apply".
"""

from __future__ import annotations

import json
import re
from typing import Any

from promptlab import EvaluatorContext, Score, evaluator


@evaluator
def fields(context: EvaluatorContext) -> dict[str, bool] | None:
    """Whether each expected field has its value in the JSON output; all wrong where it is no JSON object.

    Texts are compared without case and outer white space, numbers by value.
    """
    if not isinstance(context.expected, dict):
        return None
    found = first_object(context.output) or {}
    return {name: name in found and plain(found[name]) == plain(value) for name, value in context.expected.items()}


@evaluator(direction="lower")
def compression(context: EvaluatorContext, *, of: str) -> float:
    """How long the output is as a share of a text, in words: 0.2 is a fifth."""
    return len(words(context.output)) / max(1, len(words(of)))


@evaluator(direction="lower")
def novel_words(context: EvaluatorContext, *, than: str) -> Score | None:
    """The share of the output's different words of four letters and more that a text does not have, from 0 to 1.

    A cheap hint at made-up facts, no proof: a fair paraphrase has new words too. None for an output without such words.
    """
    used = {word for word in words(context.output) if len(word) >= 4}
    if not used:
        return None
    new = sorted(used - set(words(than)))
    return Score(len(new) / len(used), reason=f"not in the text: {', '.join(new[:8])}" if new else None)


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"\w+", text.lower())


def first_object(text: str) -> dict[str, Any] | None:
    """The first JSON object in a text, None where there is none: small models like to talk around it."""
    for start in (found.start() for found in re.finditer(r"\{", text)):
        try:
            value, _ = json.JSONDecoder().raw_decode(text[start:])
        except ValueError:
            continue
        return value if isinstance(value, dict) else None
    return None


def plain(value: object) -> object:
    """A value as it is compared."""
    return value.strip().casefold() if isinstance(value, str) else value
