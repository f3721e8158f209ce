"""Evaluators that measure without comparing: word_count, latency, cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptlab.evaluators.base import evaluator
from promptlab.types import EvaluatorContext, Score


def _check_range(options: Mapping[str, Any]) -> None:
    least, most = options.get("at_least"), options.get("at_most")
    if least is not None and most is not None and least > most:
        raise ValueError(f"at_least is {least} and at_most is {most}; no value is both")


@evaluator(direction="lower", inline=True, check=_check_range)
def word_count(context: EvaluatorContext, *, at_least: int | None = None, at_most: int | None = None) -> Score:
    """How many words the output has, between white space; lower counts as better, `direction: higher` turns it.

    at_least, at_most: passed within these, both included; without them there is no verdict.
    Example: {output: "Paris, of course."} -> 3
    """
    value = len(context.output.split())
    if at_least is None and at_most is None:
        return Score(float(value))
    low = at_least is None or value >= at_least
    high = at_most is None or value <= at_most
    reason = None
    if not low:
        reason = f"{value} words, fewer than {at_least}"
    elif not high:
        reason = f"{value} words, more than {at_most}"
    return Score(float(value), passed=low and high, reason=reason)


@evaluator(direction="lower", inline=True)
def latency(context: EvaluatorContext, *, at_most: float | None = None) -> Score | None:
    """How many seconds the call took that made the output; lower is better.

    For a cached answer, the seconds measured when it was made; for one of a local batch, its share of the batch.
    Does not apply where nothing was measured. at_most: passed up to this many seconds.
    Example: {seconds: 0.8, at_most: 1} -> 0.8
    """
    if context.seconds is None:
        return None
    return _measured(context.seconds, at_most, unit="s")


@evaluator(direction="lower", inline=True)
def cost(context: EvaluatorContext, *, at_most: float | None = None) -> Score | None:
    """What the output cost in USD when it was bought; lower is better.

    Does not apply where the price of the base model is unknown. at_most: passed up to this many USD.
    Example: {cost_usd: 0.0006, at_most: 0.01} -> 0.0006
    """
    if context.cost_usd is None:
        return None
    return _measured(context.cost_usd, at_most, unit="USD")


def _measured(value: float, at_most: float | None, *, unit: str) -> Score:
    if at_most is None:
        return Score(float(value))
    passed = value <= at_most
    return Score(float(value), passed=passed, reason=None if passed else f"{value:g} {unit}, more than {at_most:g}")
