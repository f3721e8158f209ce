"""TER, the edits from a text to its references, shifts of words among them; by the package sacrebleu."""

from __future__ import annotations

import functools
from typing import Any

from promptlab.evaluators.base import evaluator
from promptlab.evaluators.kept_texts import KeptTexts
from promptlab.evaluators.normalising import accepted_texts
from promptlab.types import EvaluatorContext, Score

MOST_WORDS = 2000
"""More words are not compared: a table of 2,000 x 2,000 words is filled up to a thousand times."""


@evaluator(direction="lower", heavy=True)
def ter(
    context: EvaluatorContext,
    *,
    normalized: bool = False,
    no_punct: bool = False,
    asian_support: bool = False,
    case_sensitive: bool = False,
    at_most: float | None = None,
) -> Score | None:
    """TER, how many words to insert, delete, replace or shift, in percent of the expected ones; lower is better.

    From 0, which is equal, to more than 100 for an output that is too long. Of a list of expected texts the fewest
    edits count, in percent of their mean length. Does not apply to a case without `expected`. normalized: split signs
    from words; no_punct: leave them out; asian_support: both for Chinese and Japanese too; case_sensitive: as sacrebleu
    has them. at_most: passed up to this value, such as 40. Texts of more than 2,000 words are an error: the time grows
    with the cube of their length.
    Source: Snover et al., "A Study of Translation Edit Rate" (2006); Post (2018), sacrebleu.
    Example: {output: "on the mat the cat sat", expected: "the cat sat on the mat"} -> 16.6667
    """
    accepted = accepted_texts(context.expected)
    if not accepted:
        return None
    metric, kept = ter_of_sacrebleu(normalized, no_punct, asian_support, case_sensitive)
    for text in (context.output, *accepted):
        words = len(metric.tokenizer(text.rstrip()).split())
        if words > MOST_WORDS:
            raise ValueError(f"TER compares up to {MOST_WORDS:,} words, and this text has {words:,}; score it in parts")
        kept.note(len(text), metric.tokenizer)
    value = float(metric.sentence_score(context.output, accepted).score)
    return Score(value, passed=None if at_most is None else value <= at_most)


@functools.cache
def ter_of_sacrebleu(
    normalized: bool, no_punct: bool, asian_support: bool, case_sensitive: bool
) -> tuple[Any, KeptTexts]:
    """The metric of sacrebleu, and what holds its memory within limits."""
    from sacrebleu.metrics.ter import TER

    metric = TER(normalized=normalized, no_punct=no_punct, asian_support=asian_support, case_sensitive=case_sensitive)
    return metric, KeptTexts()
