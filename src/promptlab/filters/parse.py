"""Text to a checked filter: `metrics.accuracy > 0.9 and (params.model = 'svc' or tags.team in ('a', 'b'))`.

The grammar is in grammar.lark; lark reads it when a filter is first parsed.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from promptlab.filters.fields import read_field
from promptlab.filters.mistakes import mistake
from promptlab.filters.nodes import Among, And, Comparison, Field, Known, Like, Node, Not, Operator, Or, Value

if TYPE_CHECKING:
    from lark import Lark, Token
    from lark.exceptions import UnexpectedInput

MOST_CHARACTERS = 100_000
MOST_CONDITIONS = 500
"""More than people write; every database answers so many."""
MOST_VALUES = 5_000
"""Of all IN lists together."""
MOST_DEPTH = 50
MOST_PATTERN_CHARACTERS = 1_000

_AGO = re.compile(r"\s*([0-9]{1,6}(?:\.[0-9]+)?)\s*([smhdw])\w*\s*", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EXPECTED = {
    "FIELD": "what to look at (metrics.NAME, params.NAME, tags.NAME, status, ...)",
    "OPERATOR": "a comparison (=, !=, <, <=, >, >=, IN, LIKE, BETWEEN, IS NULL)",
    "_VALUE": "a number or a text in quotes",
    "_AND": "AND or OR",
    "RPAR": "a closing parenthesis",
    "LPAR": "an opening parenthesis",
    "STRING": "a text in quotes",
    "NULL": "NULL, NOT NULL or NAN",
    "$END": "its end",
}


class _MistakeError(Exception):
    """A mistake at a place, on its way out of the parser."""

    def __init__(self, what: str, place: int | None) -> None:
        super().__init__(what)
        self.what = what
        self.place = place


def parse_filter(text: str, *, now: datetime | None = None) -> Node | None:
    """The filter that a text says; None for an empty one, which every run fits.

    now: what `ago('7d')` counts from; default: the current time. Raises FilterError, which shows the place.
    """
    if not text.strip():
        return None
    if len(text) > MOST_CHARACTERS:
        raise mistake(
            f"the filter has {len(text):,} characters; at most {MOST_CHARACTERS:,} are read", text, MOST_CHARACTERS
        )
    from lark.exceptions import UnexpectedInput

    builder = _Builder(now or datetime.now(UTC))
    try:
        found = builder.node(_parser().parse(text))
    except UnexpectedInput as error:
        raise _unexpected(error, text) from None
    except _MistakeError as error:
        raise mistake(error.what, text, error.place) from None
    return found


@functools.cache
def _parser() -> Lark:
    from lark import Lark

    grammar = (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", propagate_positions=False, maybe_placeholders=True)


@dataclass(slots=True)
class _Builder:
    """Makes nodes of lark's trees, from the leaves up, without recursion deeper than MOST_DEPTH."""

    now: datetime
    conditions: int = 0
    values: int = 0
    depth: int = 0

    def node(self, tree: Any) -> Node:
        kind = str(tree.data)
        if kind == "start":
            return self.node(tree.children[0])
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise _MistakeError(f"the filter is nested more than {MOST_DEPTH} deep", _place(tree))
        try:
            return self._make(kind, tree)
        finally:
            self.depth -= 1

    def _make(self, kind: str, tree: Any) -> Node:
        children: Sequence[Any] = tree.children
        if kind == "disjunction":
            return Or(tuple(self.node(child) for child in children))
        if kind == "conjunction":
            return And(tuple(self.node(child) for child in children))
        if kind == "negation":
            return Not(self.node(children[0]))
        self.conditions += 1
        if self.conditions > MOST_CONDITIONS:
            raise _MistakeError(
                f"the filter has more than {MOST_CONDITIONS} conditions; a list says more: params.x IN (1, 2, ...)",
                _place(tree),
            )
        make: dict[str, Callable[[Field, Sequence[Any]], Node]] = {
            "comparison": self._comparison,
            "among": self._among,
            "between": self._between,
            "like": self._like,
            "known": self._known,
        }
        return make[kind](self._field(children[0]), children)

    def _comparison(self, field: Field, children: Sequence[Any]) -> Node:
        operator = {"==": "=", "<>": "!="}.get(str(children[1]), str(children[1]))
        return Comparison(field, cast("Operator", operator), self._value(field, children[2]))

    def _among(self, field: Field, children: Sequence[Any]) -> Node:
        values = tuple(self._value(field, child) for child in children[2:])
        if len({isinstance(value, str) for value in values}) > 1:
            other = next(
                child for child, value in zip(children[2:], values, strict=True) if type(value) is not type(values[0])
            )
            raise _MistakeError("a list has either numbers or texts, not both", _place(other))
        return Among(field, values, negated=children[1] is not None)

    def _between(self, field: Field, children: Sequence[Any]) -> Node:
        low, high = (self._value(field, child) for child in children[2:])
        within = (Comparison(field, ">=", low), Comparison(field, "<=", high))
        if children[1] is None:
            return And(within)
        return Or((Comparison(field, "<", low), Comparison(field, ">", high)))

    def _like(self, field: Field, children: Sequence[Any]) -> Node:
        token: Token = children[3]
        if field.kind not in (None, "text"):
            raise _MistakeError(
                f"{str(children[2]).upper()} compares texts, and this is a {field.kind}", _place(children[2])
            )
        pattern = _unquoted(token)
        if len(pattern) > MOST_PATTERN_CHARACTERS:
            raise _MistakeError(f"a pattern has at most {MOST_PATTERN_CHARACTERS:,} characters", _place(token))
        return Like(field, pattern, ignore_case=children[2].type == "ILIKE", negated=children[1] is not None)

    def _known(self, field: Field, children: Sequence[Any]) -> Node:
        nan = children[2].type == "NAN"
        if nan and field.kind != "number":
            raise _MistakeError("only a metric or `seconds` can be NaN", _place(children[2]))
        negated = children[1] is not None
        # IS NULL asks whether it is missing, IS NAN whether it is there and is no number.
        return Known(field, nan=True, negated=negated) if nan else Known(field, negated=not negated)

    def _field(self, tree: Any) -> Field:
        *function, token = tree.children
        statistic = str(function[0]).rstrip("( \t\r\n").lower() if function else "last"
        field, problem = read_field(str(token), statistic=statistic)
        if field is None:
            raise _MistakeError(problem, _place(token))
        return field

    def _value(self, field: Field, child: Any) -> Value:
        self.values += 1
        if self.values > MOST_VALUES:
            raise _MistakeError(f"the filter has more than {MOST_VALUES:,} values", _place(child))
        if not hasattr(child, "type"):  # ago(...)
            return self._ago(field, child)
        if child.type == "STRING":
            text = _unquoted(child)
            if field.kind == "time":
                return _time(text, child)
            if field.kind == "number":
                raise _MistakeError("this is a number, and is compared with one, without quotes", _place(child))
            return text
        if field.kind == "text":
            raise _MistakeError("this is a text, and is compared with one in quotes: 'x'", _place(child))
        number = float(str(child))
        if field.kind == "time" and not math.isfinite(number):
            raise _MistakeError("a time is a date in quotes, or milliseconds since 1970", _place(child))
        return number

    def _ago(self, field: Field, tree: Any) -> Value:
        token = tree.children[0]
        if field.kind != "time":
            raise _MistakeError("ago() is a time; only started_at and ended_at are compared with one", _place(token))
        found = _AGO.fullmatch(_unquoted(token))
        if found is None:
            raise _MistakeError("write a number with s, m, h, d or w: ago('7d')", _place(token))
        try:
            then = self.now - timedelta(**{_UNITS[found[2].lower()]: float(found[1])})
        except OverflowError:
            raise _MistakeError("that is before all times", _place(token)) from None
        return _milliseconds(then)


def _unquoted(token: Token) -> str:
    quote = token[0]
    return str(token[1:-1]).replace(quote * 2, quote)


def _time(text: str, token: Token) -> float:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise _MistakeError("this is a time: write '2026-11-26' or '2026-11-26T14:30', in UTC", _place(token)) from None
    try:
        return _milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except OverflowError:
        raise _MistakeError("that is beyond all times", _place(token)) from None


def _milliseconds(moment: datetime) -> float:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since / timedelta(milliseconds=1)


def _place(node: Any) -> int | None:
    """Where a token begins, or the first token of a tree."""
    while node is not None and not hasattr(node, "start_pos"):
        node = next((child for child in node.children if child is not None), None)
    return None if node is None else node.start_pos


def _unexpected(error: UnexpectedInput, text: str) -> Exception:
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    place: int | None = None
    expected: set[str] = set()
    if isinstance(error, UnexpectedToken):
        expected = set(error.accepts or error.expected)
        place = None if error.token.type == "$END" else error.pos_in_stream
        if error.token.type == "RPAR" and "RPAR" not in expected and "$END" in expected:
            return mistake("a parenthesis closes here that was not opened", text, place)
    elif isinstance(error, UnexpectedCharacters):
        at = error.pos_in_stream or 0
        expected, place = set(error.allowed or ()), at
        if text[at : at + 1] in ("'", '"', "`"):
            return mistake("the filter has a quote that does not end", text, place)
    if {"STRING", "NUMBER"} <= expected:
        expected = {"_VALUE"}
    words = [said for name, said in _EXPECTED.items() if name in expected]
    return mistake(f"the filter cannot be read here; expected {' or '.join(words) or 'something else'}", text, place)
