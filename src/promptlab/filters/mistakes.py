"""A mistake in a filter, told in three lines: what is wrong, the filter, and a mark under the place."""

from __future__ import annotations

import unicodedata

from promptlab.errors import FilterError

_BEFORE = 40
_AFTER = 30


def mistake(what: str, text: str, place: int | None) -> FilterError:
    """The error of a filter (or an order) that is wrong at a place; None: at its end."""
    at = len(text) if place is None else min(place, len(text))
    start = max(0, at - _BEFORE)
    before, after = _flat(text[start:at]), _flat(text[at : at + _AFTER])
    left = "…" if start else ""
    right = "…" if at + _AFTER < len(text) else ""
    line = f"{left}{before}{after}{right}"
    return FilterError(f"{what}\n  {line}\n  {' ' * (len(left) + len(before))}^")


def _flat(text: str) -> str:
    """The text on one line, every character in one place: what a terminal would act on becomes `?`."""
    return "".join(
        " " if character.isspace() else "?" if unicodedata.category(character)[0] == "C" else character
        for character in text
    )
