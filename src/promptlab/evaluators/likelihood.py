"""Evaluators by how likely a local model finds a text: perplexity, target_log_probability, choice_by_likelihood."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from promptlab.evaluators.asking import asked
from promptlab.evaluators.base import clip, evaluator, quote
from promptlab.evaluators.letters import Choices, expected_letter, make_choices
from promptlab.evaluators.normalising import accepted_texts, listed
from promptlab.types import Asked, EvaluatorContext, Likelihood, Message, Score

Length: TypeAlias = Literal["none", "tokens", "characters", "bytes"]
"""What a log probability is divided by."""
Normalisation: TypeAlias = Literal["none", "characters", "bytes", "tokens", "unconditional"]

HARNESS_NAMES: Mapping[str, str] = {
    "none": "acc",
    "characters": "acc_norm",
    "bytes": "acc_bytes",
    "tokens": "acc_norm_token",
    "unconditional": "acc_mutual_info",
}
"""What each way to compare options is called in lm-evaluation-harness; `acc_norm_token` is lighteval's."""


def _asks(options: Mapping[str, Any]) -> tuple[Asked, ...]:
    return (Asked("likelihood", options["model"]),)


def _check_perplexity(options: Mapping[str, Any]) -> None:
    if options.get("alone") and options.get("prompt") is not None:
        raise ValueError("`alone` leaves out what stands before the output and `prompt` says what does; give one")


@evaluator(direction="lower", check=_check_perplexity, asks=_asks)
async def perplexity(
    context: EvaluatorContext,
    *,
    model: str | None = None,
    prompt: str | None = None,
    alone: bool = False,
    at_most: float | None = None,
) -> Score | None:
    """How unexpected the output is to a local model, after its prompt: 1 is foreseen, more is worse; lower is better.

    It is exp of the mean negative log probability of the output's tokens; the end of the answer is not one of them.
    model: a local model; default, the one that wrote the output. prompt: plain text before the output, a template over
    the case, in place of the messages that the model was given, which go through its chat template. alone: nothing
    before it, as for a document. The output stands there as it is, no space is put before it. Perplexities of models
    with different tokenizers cannot be compared. Does not apply to an empty output. at_most: passed up to this value.
    Source: Jelinek et al., "Perplexity: a measure of the difficulty of speech recognition tasks" (1977).
    Example: {output: " Paris.", prompt: "The capital of France is", model: "local:smollm2-135m"} -> 1.3759
    Example: {output: "The capital of France is Paris.", model: "local:smollm2-135m", alone: true} -> 93.2547
    """
    if not context.output:
        return None
    before = "" if alone else _before(context, prompt)
    (found,) = await asked(context).likelihoods(before, [context.output], model=model)
    count = len(found.tokens)
    mean = found.total / count
    # A larger one is no number any more, and is said to be none.
    value = math.exp(-mean) if mean > -700 else math.inf
    passed = None if at_most is None else value <= at_most
    return Score(value, passed=passed, reason=f"log probability {_shown(found)}")


@evaluator(asks=_asks)
async def target_log_probability(
    context: EvaluatorContext,
    *,
    target: str | None = None,
    normalise: Length = "none",
    model: str | None = None,
    prompt: str | None = None,
    at_least: float | None = None,
) -> Score | None:
    """The log probability, at most 0, that a local model gives the expected text after the prompt; higher is better.

    It is the natural logarithm, summed over the text's tokens; what the model wrote plays no part. Of a list of
    expected texts, the likeliest counts. target: the text, or a template over the case; default, `expected`; does not
    apply to a case without. normalise: what it is divided by: tokens, characters or bytes of the text. model: a local
    model; default, the one that wrote the output. prompt: plain text before it, a template over the case, in place of
    the messages that the model was given, which go through its chat template. A space is put between plain text and the
    target where neither has white space there, and counts as the target's; after a chat template there is none.
    at_least: passed from this value.
    Source: the log likelihood of lm-evaluation-harness (`loglikelihood`).
    Example: {expected: Paris, prompt: "The capital of France is", model: "local:smollm2-135m"} -> -0.2581
    Example: {target: Paris, prompt: "The capital of France is", model: "local:smollm2-135m", normalise: bytes}
        -> -0.0516
    """
    accepted = accepted_texts(context.expected) if target is None else [target]
    if not accepted:
        return None
    _refuse_empty(accepted, "the target")
    before = _before(context, prompt)
    found = await asked(context).likelihoods(before, accepted, model=model, spaced=True)
    values = [one.total / _length(one, text, normalise) for one, text in zip(found, accepted, strict=True)]
    best = max(range(len(values)), key=values.__getitem__)
    likeliest = found[best]
    said = "every token the likeliest" if likeliest.greedy else "not what the model would say"
    reason = f"{quote(likeliest.text)}: {_shown(likeliest)}, {said}"
    passed = None if at_least is None else values[best] >= at_least
    return Score(values[best], passed=passed, reason=reason)


def _check_choice(options: Mapping[str, Any]) -> None:
    choices = make_choices(options["options"], options.get("letters"))
    _refuse_empty(choices.options, "an option")
    _ways(options.get("normalise", "none"))


@evaluator(check=_check_choice, asks=_asks)
async def choice_by_likelihood(
    context: EvaluatorContext,
    *,
    options: list[Any],
    letters: str | None = None,
    prompt: str | None = None,
    normalise: Normalisation | list[Normalisation] = "none",
    model: str | None = None,
) -> Score | Mapping[str, Score] | None:
    r"""Whether a local model finds the expected option likeliest after the prompt: passed, 1 or 0; higher is better.

    All options are scored in one pass over the prompt; what the model wrote plays no part. The score's label is the
    letter of the likeliest option, the reason names the log probability of each. options: their texts in order, a list
    or a template to one, such as "{{ inputs.choices }}". letters: what they are called, as for choice. `expected` is a
    letter, an option's text or its index from 0, or a list of which any counts; does not apply to a case without.
    prompt: plain text before the options, a template over the case such as "Question: {{ inputs.question }}\nAnswer:",
    in place of the messages that the model was given, which go through its chat template. A space is put between plain
    text and an option where neither has white space there; after a chat template there is none.
    normalise: how options are compared, by their log probability (none: acc of lm-evaluation-harness), that divided by
    the option's characters (acc_norm), bytes (acc_bytes) or tokens, or less the log probability that the option has
    with nothing before it (unconditional: acc_mutual_info). A list of them gives a score each, by these names and
    acc_norm_token, of the same pass. model: a local model; default, the one that wrote the output.
    Source: lm-evaluation-harness, `multiple_choice` tasks; Brown et al., "Language Models are Few-Shot Learners"
    (2020), section 2.4, for the unconditional one.
    Example: {expected: Paris, options: [Rome, Paris, Oslo], prompt: "The capital of France is",
        model: "local:smollm2-135m"} -> 1
    Example: {expected: A, options: [hydrogen and oxygen, iron], prompt: "Water is made of",
        model: "local:smollm2-135m", normalise: [none, characters]} -> {acc: 0, acc_norm: 1}
    """
    choices = make_choices(options, letters)
    _refuse_empty(choices.options, "an option")
    ways = _ways(normalise)
    accepted = context.expected if isinstance(context.expected, list | tuple) else [context.expected]
    wanted = [expected_letter(item, choices) for item in accepted if item is not None]
    if not wanted:
        return None
    before = _before(context, prompt)
    found = await asked(context).likelihoods(before, choices.options, model=model, spaced=True)
    alone = await _alone(context, found, choices, model=model) if "unconditional" in ways else []
    scores = {}
    for way in ways:
        if way == "unconditional":
            values = [one.total - other.total for one, other in zip(found, alone, strict=True)]
        else:
            values = [one.total / _length(one, text, way) for one, text in zip(found, choices.options, strict=True)]
        scores[HARNESS_NAMES[way]] = _chosen(values, choices, wanted)
    return scores if isinstance(normalise, list | tuple) else scores[HARNESS_NAMES[ways[0]]]


def _ways(normalise: str | Sequence[str]) -> tuple[str, ...]:
    ways = (normalise,) if isinstance(normalise, str) else tuple(normalise)
    if not ways or len(set(ways)) < len(ways):
        raise ValueError(f"option `normalise` is {list(ways)}; it is a list of different ones")
    return ways


async def _alone(
    context: EvaluatorContext, found: Sequence[Likelihood], choices: Choices, *, model: str | None
) -> Sequence[Likelihood]:
    """How likely the options are with nothing before them, but for the space that was put there."""
    texts = [
        one.text if one.text == f" {option}" else option for one, option in zip(found, choices.options, strict=True)
    ]
    return await asked(context).likelihoods("", texts, model=model)


def _chosen(values: Sequence[float], choices: Choices, wanted: Sequence[str]) -> Score:
    """The verdict on the largest value, the first of several as large."""
    order = sorted(range(len(values)), key=lambda place: -values[place])
    letter = choices.letters[order[0]]
    passed = letter in wanted
    shown = ", ".join(f"{choices.shown(choices.letters[place])} {values[place]:.4g}" for place in order)
    missed = "" if passed else f"; expected {' or '.join(wanted[:3])}"
    return Score(float(passed), passed=passed, label=letter, reason=clip(f"{shown}{missed}"))


def _before(context: EvaluatorContext, prompt: str | None) -> str | tuple[Message, ...]:
    """What stands before the text that is scored."""
    if prompt is not None:
        # As at the end of a prompt file: YAML's `|` leaves a newline that nobody means.
        return prompt.removesuffix("\n")
    if not context.messages:
        raise ValueError("this output has no prompt; say with `prompt` what stands before, a template over the case")
    return context.messages


def _length(likelihood: Likelihood, text: str, way: str) -> int:
    """What the log probability of a text is divided by; the space that was put before it is no part of the text."""
    if way == "tokens":
        return len(likelihood.tokens)
    if way == "characters":
        return len(text)
    return len(text.encode("utf-8", "replace")) if way == "bytes" else 1


def _shown(likelihood: Likelihood) -> str:
    count = len(likelihood.tokens)
    return f"{likelihood.total:.4g} of {count} {'token' if count == 1 else 'tokens'}"


def _refuse_empty(texts: Sequence[str], what: str) -> None:
    if not all(texts):
        raise ValueError(f"{what} is empty, and nothing is as likely as nothing: {listed(texts)}")
