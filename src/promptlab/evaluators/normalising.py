"""Texts made comparable: what `expected` accepts, white space and case, SQuAD's normalisation, lone surrogates."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Sequence
from typing import Any

from promptlab.evaluators.base import quote

_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def accepted_texts(expected: Any) -> list[str]:
    """The texts that `expected` accepts: itself, or each of a list; empty where there is none."""
    if expected is None:
        return []
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        return [as_text(item) for item in expected if item is not None]
    return [as_text(expected)]


def as_text(value: Any) -> str:
    """A JSON value as text: text as it is, anything else as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def normalise(text: str, *, strip: bool, ignore_case: bool) -> str:
    """The text in the form in which it is compared."""
    text = text.strip() if strip else text
    return text.casefold() if ignore_case else text


def squad_normalised(text: str) -> str:
    """The text as SQuAD compares answers: lower case, no ASCII punctuation, no a/an/the, single spaces.

    Source: Rajpurkar et al., "SQuAD" (2016), its evaluation script.
    Example: squad_normalised("The  U.S. Army!") -> "us army"
    """
    return " ".join(_ARTICLES.sub(" ", without_punctuation(text)).split())


def without_punctuation(text: str) -> str:
    """The text in lower case, without ASCII punctuation and white space around it."""
    return text.lower().translate(_WITHOUT_PUNCTUATION).strip()


def well_formed(text: str) -> str:
    """The text with U+FFFD in place of lone surrogates, which have no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def either(texts: Sequence[str]) -> str:
    """`'a' or 'b'`, three at most: for reasons."""
    shown = " or ".join(quote(text) for text in texts[:3])
    return shown if len(texts) <= 3 else f"{shown} or {len(texts) - 3} more"


def listed(texts: Sequence[str]) -> str:
    """`'a', 'b'`, three at most: for reasons."""
    shown = ", ".join(quote(text, 40) for text in texts[:3])
    return shown if len(texts) <= 3 else f"{shown} and {len(texts) - 3} more"
