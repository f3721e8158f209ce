"""What every entry of a suite may say beside the options of its evaluator: as, direction, threshold, weight, ..."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from promptlab.errors import EvaluatorError
from promptlab.evaluators.base import NAME, BoundEvaluator
from promptlab.evaluators.identity import digest_of
from promptlab.evaluators.transforms import Transform, parse_transform
from promptlab.types import Direction

KEYS: Mapping[str, str] = {
    "as": "the name to score under; needed where two entries have the same evaluator",
    "direction": "whether a higher or a lower value is better, where it is not as the evaluator says",
    "threshold": "passed from this value on; where lower is better, up to it",
    "not": "true: passed where it would have failed, and 1 or 0",
    "weight": "how heavy it is in `overall`, the weighted mean of the entries that have a weight, or in its group",
    "transform": "what is done to the output before it is scored: a step or a list of steps",
}
"""The keys, and what each means."""


@dataclass(frozen=True, slots=True)
class Common:
    """What an entry says beside its options; None or False where it does not say it."""

    name: str | None = None
    direction: Direction | None = None
    threshold: float | None = None
    negated: bool = False
    weight: float | None = None
    transform: Transform | None = None


def split(
    given: Mapping[str, Any],
    *,
    of: Callable[..., Any],
    where: str,
    functions: Mapping[str, Callable[..., Any]],
    transform: Transform | None,
) -> tuple[Common, dict[str, Any]]:
    """What an entry says beside its options, and its options.

    of: the evaluator's function; a key that is an option of its own is left to it. transform: where the entry has
    none. Raises EvaluatorError.
    """
    own = inspect.signature(of).parameters
    said = {key: value for key, value in given.items() if key in KEYS and key not in own}
    options = {key: value for key, value in given.items() if key not in said}
    if "transform" in own:
        transform = None
    elif "transform" in said:
        steps = said["transform"]
        transform = None if steps in (None, []) else parse_transform(steps, where=where, functions=functions)
    return (
        Common(
            name=_name(said.get("as"), where),
            direction=_direction(said.get("direction"), where),
            threshold=_number(said, "threshold", where),
            negated=_negated(said.get("not", False), where),
            weight=_weight(said, where),
            transform=transform,
        ),
        options,
    )


def complete(evaluator: BoundEvaluator, common: Common) -> BoundEvaluator:
    """The evaluator with what its entry says beside the options; its digest changes where its scores might."""
    direction = common.direction or evaluator.direction
    parts = {
        "transform": common.transform.identity if common.transform else None,
        "threshold": None if common.threshold is None else f"{direction} {common.threshold!r}",
        "not": "true" if common.negated else None,
    }
    said = [f"{key}={value}" for key, value in parts.items() if value is not None]
    return replace(
        evaluator,
        name=common.name or evaluator.name,
        direction="higher" if common.negated else direction,
        digest=digest_of(evaluator.digest, *said) if said else evaluator.digest,
        transform=common.transform,
        threshold=common.threshold,
        at_most=direction == "lower",
        negated=common.negated,
        weight=common.weight,
    )


def _name(value: Any, where: str) -> str | None:
    if value is None or (isinstance(value, str) and NAME.fullmatch(value)):
        return value
    raise EvaluatorError(f"{where}: `as` is {value!r}; a name has letters, digits, `_` and `-` only")


def _direction(value: Any, where: str) -> Direction | None:
    if value is None:
        return None
    if value == "higher":
        return "higher"
    if value == "lower":
        return "lower"
    raise EvaluatorError(f"{where}: direction is {value!r}; it is 'higher' or 'lower'")


def _negated(value: Any, where: str) -> bool:
    if isinstance(value, bool):
        return value
    raise EvaluatorError(f"{where}: `not` is {value!r}; it is true or false")


def _weight(said: Mapping[str, Any], where: str) -> float | None:
    weight = _number(said, "weight", where)
    if weight is not None and weight < 0:
        raise EvaluatorError(f"{where}: `weight` is {weight:g}; it is 0 or more")
    return weight


def _number(said: Mapping[str, Any], key: str, where: str) -> float | None:
    value = said.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise EvaluatorError(f"{where}: `{key}` is {value!r}; it is a number")
    return float(value)
