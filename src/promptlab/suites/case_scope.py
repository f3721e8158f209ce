"""Which cases are not read when a suite is only checked: those of a database or a hub, and those that a part lacks."""

from __future__ import annotations

from typing import Any

from promptlab.suites import case_options
from promptlab.suites.document import Document, Place

_ELSEWHERE = ("sql", "huggingface")
"""Sources that are asked over a network, or that may take long."""


def leave_out_cases(document: Document, *, part: bool) -> bool:
    """Whether the cases of a suite are left out; their options are checked all the same.

    part: of a file that others include, which needs none. Raises SuiteError.
    """
    value = document.value.get("cases")
    if value is None:
        return part
    places: list[Place] = [("cases", place) for place in range(len(value))] if isinstance(value, list) else [("cases",)]
    elsewhere = [_is_elsewhere(document, place) for place in places]
    return any(elsewhere)


def _is_elsewhere(document: Document, place: Place) -> bool:
    value: Any = case_options.value_at(document, place)
    if not isinstance(value, dict) or "inputs" in value or not any(key in value for key in _ELSEWHERE):
        return False
    source = case_options.source_of(document, place)
    case_options.shape(document, place)
    case_options.selection(document, place)
    return source in _ELSEWHERE
