"""A filter as it was understood: frozen nodes, checked, that say nothing of any database.

A condition about something that a run has not is false, whichever way it asks; NOT turns that around. So every node
is true or false of a run, never unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, Union

Subject: TypeAlias = Literal["metric", "param", "tag", "dataset", "attribute"]
Kind: TypeAlias = Literal["number", "text", "time"]
"""What a field holds. A param is compared as what stands beside it: a number or a text."""
Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]
Statistic: TypeAlias = Literal["last", "min", "max"]

TEXTS = (
    *("id", "name", "kind", "status", "experiment", "user", "source", "git_sha", "host", "model", "prompt", "note"),
    *("command", "error", "parent"),
)
TIMES = ("started_at", "ended_at")
NUMBERS = ("seconds",)
ATTRIBUTES = (*TEXTS, *TIMES, *NUMBERS)
"""What every run can be asked for by name. `seconds` is how long it took, to the millisecond."""
DATASET_FIELDS = ("name", "digest", "context", "reference")


@dataclass(frozen=True, slots=True)
class Field:
    """What of a run is asked for: `metrics.loss`, its lowest value, `params.C`, `status`."""

    subject: Subject
    key: str
    statistic: Statistic = "last"

    @property
    def kind(self) -> Kind | None:
        """What it holds; None for a param, which may be compared as either."""
        if self.subject == "param":
            return None
        if self.subject == "metric" or (self.subject == "attribute" and self.key in NUMBERS):
            return "number"
        return "time" if self.subject == "attribute" and self.key in TIMES else "text"


Value: TypeAlias = Union[str, float]
"""A text, or a number; a time is a number of milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field against a value. Numbers compare as Python's floats do: NaN differs from everything."""

    field: Field
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Among:
    """A field that is one of several values, or is there and none of them."""

    field: Field
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Like:
    """A text of a pattern: `%` stands for any text, `_` for any character, a backslash takes that away.

    ignore_case: of the letters A to Z.
    """

    field: Field
    pattern: str
    ignore_case: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """Whether the run has the field at all; nan: whether its value is no number."""

    field: Field
    nan: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """True where the other is false."""

    node: Node


@dataclass(frozen=True, slots=True)
class And:
    """True where all are."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True where one is."""

    nodes: tuple[Node, ...]


Node: TypeAlias = Union[Comparison, Among, Like, Known, Not, And, Or]


def fields_of(node: Node | None) -> tuple[Field, ...]:
    """The fields that a filter looks at, each once, in the order of its text."""
    if node is None:
        return ()
    if isinstance(node, And | Or):
        return tuple(dict.fromkeys(field for inner in node.nodes for field in fields_of(inner)))
    return fields_of(node.node) if isinstance(node, Not) else (node.field,)
