"""Evaluators that measure without comparing: word_count, sentence_count, tokens, latency, cost, finish_reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from promptlab.evaluators.base import evaluator
from promptlab.evaluators.normalising import either, well_formed
from promptlab.types import EvaluatorContext, Score

Counted: TypeAlias = Literal["output", "input", "total"]

_LIST_MARK = re.compile(r"^[ \t]*(?:[-*+•]|[0-9]{1,3}[.)])[ \t]+", re.MULTILINE)


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
    return _counted(len(context.output.split()), at_least, at_most, unit="words")


@evaluator(direction="lower", inline=True, check=_check_range)
def sentence_count(
    context: EvaluatorContext, *, at_least: int | None = None, at_most: int | None = None, language: str = "en"
) -> Score:
    r"""How many sentences the output has; lower counts as better, `direction: higher` turns it.

    Abbreviations and decimal points end none; a paragraph and an item of a list end where they end, without a full stop
    too; what has no letter and no digit is none. at_least, at_most: passed within these, both included; without them
    there is no verdict. language: a code such as `de`, for its abbreviations.
    Source: the library sentencex, rules by language.
    Example: {output: "Dr. Lee paid 3.50 USD. Why?"} -> 2
    Example: {output: "Two, please:\n- red\n- blue", at_most: 2} -> 3
    """
    from sentencex import segment

    text = _LIST_MARK.sub("\n\n", well_formed(context.output))
    sentences = [piece for piece in segment(language, text) if any(map(str.isalnum, piece))]
    return _counted(len(sentences), at_least, at_most, unit="sentences")


@evaluator(direction="lower", inline=True, check=_check_range)
def tokens(
    context: EvaluatorContext,
    *,
    measure: Counted = "output",
    at_least: int | None = None,
    at_most: int | None = None,
) -> Score | None:
    """How many tokens the call took, as the base model counts them; lower is better.

    Does not apply where the model did not say. measure: of the output, the input, or total. at_least, at_most: passed
    within these, both included; without them there is no verdict.
    Source: the usage that an OpenAI-compatible answer reports; a local model's own tokenizer.
    Example: {usage: {input_tokens: 7, output_tokens: 3}, at_most: 5} -> 3
    Example: {usage: {input_tokens: 7, output_tokens: 3}, measure: total} -> 10
    Example: {usage: {output_tokens: 3}, measure: total} -> none
    """
    usage = context.usage
    parts = {"output": [usage.output_tokens], "input": [usage.input_tokens]}
    counts = [count for count in parts.get(measure, [usage.input_tokens, usage.output_tokens]) if count is not None]
    if len(counts) < (2 if measure == "total" else 1):
        return None
    return _counted(sum(counts), at_least, at_most, unit="tokens")


def _counted(value: int, at_least: int | None, at_most: int | None, *, unit: str) -> Score:
    if at_least is None and at_most is None:
        return Score(float(value))
    low = at_least is None or value >= at_least
    high = at_most is None or value <= at_most
    reason = None
    if not low:
        reason = f"{value} {unit}, fewer than {at_least}"
    elif not high:
        reason = f"{value} {unit}, more than {at_most}"
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


def _check_reasons(options: Mapping[str, Any]) -> None:
    reason = options.get("reason", "stop")
    if not reason or (not isinstance(reason, str) and "" in reason):
        raise ValueError("option `reason` is empty; give it a reason such as stop, length or tool_calls")


@evaluator(inline=True, check=_check_reasons)
def finish_reason(context: EvaluatorContext, *, reason: str | list[str] = "stop") -> Score | None:
    """Whether the output ended for the reason it should: passed, and 1 or 0; higher is better.

    reason: what is right, or a list of which any is. Base models end with `stop` (by themselves or at a stop text),
    `length` (max_tokens), `tool_calls` or `content_filter`; some servers have others. The score's label is the reason
    that was given. Does not apply where the model gave none.
    Source: finish_reason of OpenAI's chat completions.
    Example: {finish_reason: stop} -> 1
    Example: {finish_reason: length} -> 0
    Example: {finish_reason: tool_calls, reason: [stop, tool_calls]} -> 1
    """
    given = context.finish_reason
    if given is None:
        return None
    reasons = [reason] if isinstance(reason, str) else reason
    if given in reasons:
        return Score(1.0, passed=True, label=given)
    return Score(0.0, passed=False, label=given, reason=f"ended with {either([given])}, expected {either(reasons)}")
