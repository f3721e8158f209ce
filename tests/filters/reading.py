"""A filter read by brute force, each run asked in plain Python, no database near: what the search is held against."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from promptlab.filters.nodes import And, Comparison, Field, Known, Like, Node, Not, Or

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Plain:
    """A run as a test made it."""

    attributes: dict[str, Any]
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    datasets: list[dict[str, str]] = field(default_factory=list)


def fits(node: Node | None, run: Plain) -> bool:
    """Whether the run fits the filter."""
    if node is None:
        return True
    if isinstance(node, Not):
        return not fits(node.node, run)
    if isinstance(node, And):
        return all(fits(inner, run) for inner in node.nodes)
    if isinstance(node, Or):
        return any(fits(inner, run) for inner in node.nodes)
    if isinstance(node, Known):
        values = held(node.field, run, "@")
        if node.nan:
            return any(math.isnan(value) is not node.negated for value in values)
        return bool(values) is not node.negated
    if isinstance(node, Like):
        pattern = like(node.pattern, ignore_case=node.ignore_case)
        return any((pattern.fullmatch(value) is None) is node.negated for value in held(node.field, run, node.pattern))
    if isinstance(node, Comparison):
        return any(compares(value, node.operator, node.value) for value in typed(node.field, run, node.value))
    if node.field.key == "prompt" and node.field.subject == "attribute":
        one = any(fits(Comparison(node.field, "=", value), run) for value in node.values)
        return bool(held(node.field, run, "")) and one is not node.negated
    # Not `in`, which takes one NaN for the same as itself.
    values = typed(node.field, run, node.values[0])
    return any(any(value == one for one in node.values) is not node.negated for value in values)


def typed(of: Field, run: Plain, beside: Any) -> list[Any]:
    """What the run has there, of the type of what it is compared with."""
    values = held(of, run, beside if isinstance(beside, str) else "")
    if of.subject == "param" and not isinstance(beside, str):
        return [
            float(text) for text in values if re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", text)
        ]
    return values


def held(of: Field, run: Plain, beside: str) -> list[Any]:
    """What the run has there: nothing, one value, or several of data sets."""
    if of.subject == "metric":
        values = run.metrics.get(of.key)
        if not values:
            return []
        real = [value for value in values if not math.isnan(value)]
        if of.statistic == "last":
            return [values[-1]]
        return [(min if of.statistic == "min" else max)(real) if real else math.nan]
    if of.subject == "dataset":
        return [dataset[of.key] for dataset in run.datasets]
    if of.subject == "attribute":
        if of.key == "prompt":
            reference = run.attributes.get("prompt")
            return [] if reference is None else [reference if "@" in beside else reference.partition("@")[0]]
        value = run.attributes.get(of.key)
        if isinstance(value, datetime):
            value = (value - EPOCH).total_seconds() * 1000
        return [] if value is None else [value]
    found = (run.params if of.subject == "param" else run.tags).get(of.key)
    return [] if found is None else [found]


def compares(left: Any, operator: str, right: Any) -> bool:
    return {
        "=": lambda: left == right,
        "!=": lambda: left != right,
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
    }[operator]()


def like(pattern: str, *, ignore_case: bool) -> re.Pattern[str]:
    out, place = "", 0
    while place < len(pattern):
        character = pattern[place]
        if character == "\\":
            place += 1
            out += re.escape(pattern[place] if place < len(pattern) else "\\")
        else:
            out += {"%": ".*", "_": "."}.get(character, re.escape(character))
        place += 1
    # ASCII: only A to Z are taken for a to z.
    return re.compile(
        f"(?s{'ia' if ignore_case else ''}:{out})" if not ignore_case else out,
        re.DOTALL | (re.IGNORECASE | re.ASCII if ignore_case else 0),
    )
