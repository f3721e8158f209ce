"""The order of what was found: `metrics.accuracy desc, started_at`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from promptlab.filters.fields import read_field
from promptlab.filters.mistakes import mistake
from promptlab.filters.nodes import Field

MOST_TERMS = 8

_TERM = re.compile(
    r"""\s*(?:(?P<statistic>min|max|last)\s*\(\s*)?
    (?P<field>[a-z_]\w*(?:\s*\.\s*(?:"(?:[^"]|"")*"|`[^`]*`|[^\s(),"`]+))?)
    (?(statistic)\s*\))
    (?:\s+(?P<way>asc|desc)(?:ending)?)?\s*(?P<end>,|$)""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Order:
    """By what to sort, and whether the highest comes first. What a run has not comes last either way."""

    field: Field
    descending: bool = False


def parse_order(text: str | Sequence[str]) -> tuple[Order, ...]:
    """The terms of an order, most important first; empty for an empty text. Raises FilterError with the place."""
    whole = text if isinstance(text, str) else ", ".join(text)
    if len(whole) > 10_000:
        raise mistake("the order has more than 10,000 characters", whole, 10_000)
    found: list[Order] = []
    place = 0
    while whole[place:].strip():
        term = _TERM.match(whole, place)
        if term is None:
            raise mistake("the order cannot be read here; write metrics.NAME desc, started_at", whole, place)
        field, problem = read_field(term["field"], statistic=(term["statistic"] or "last").lower())
        if field is None:
            raise mistake(problem, whole, term.start("field"))
        if field.subject == "dataset":
            raise mistake("a run may have several data sets; it cannot be sorted by them", whole, term.start("field"))
        found.append(Order(field, descending=(term["way"] or "asc").lower() == "desc"))
        if len(found) > MOST_TERMS:
            raise mistake(f"an order has at most {MOST_TERMS} terms", whole, place)
        place = term.end()
        if term["end"] == "," and not whole[place:].strip():
            raise mistake("the order ends in a comma", whole, None)
    return tuple(found)
