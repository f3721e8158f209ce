"""Evaluators of overlap with the expected text: levenshtein, rouge_1, rouge_2, rouge_l."""

from __future__ import annotations

import functools
import re
from typing import Any, Literal, TypeAlias

from promptlab.evaluators.base import evaluator, quote
from promptlab.evaluators.text import accepted_texts, normalise
from promptlab.types import EvaluatorContext, Score

Measure: TypeAlias = Literal["fmeasure", "precision", "recall"]


@evaluator(direction="lower", inline=True)
def levenshtein(
    context: EvaluatorContext,
    *,
    normalised: bool = False,
    at_most: float | None = None,
    ignore_case: bool = False,
    strip: bool = True,
) -> Score | None:
    """The edit distance between output and expected: how many characters to insert, delete or replace; lower is better.

    Of a list of expected texts, the nearest counts. Does not apply to a case without `expected`. normalised: divided
    by the length of the longer text, so 0 is equal and 1 has nothing in common. at_most: passed up to this value.
    strip, ignore_case: as for exact_match.
    Source: Levenshtein (1966); the library rapidfuzz.
    Example: output "kitten", expected "sitting" -> 3
    """
    from rapidfuzz.distance import Levenshtein

    accepted = accepted_texts(context.expected)
    if not accepted:
        return None
    output = normalise(context.output, strip=strip, ignore_case=ignore_case)
    measure = Levenshtein.normalized_distance if normalised else Levenshtein.distance
    distances = [float(measure(output, normalise(text, strip=strip, ignore_case=ignore_case))) for text in accepted]
    value = min(distances)
    reason = None
    if value:
        reason = f"nearest to {quote(accepted[distances.index(value)])}, got {quote(context.output)}"
    return Score(value, passed=None if at_most is None else value <= at_most, reason=reason)


@evaluator
def rouge_1(
    context: EvaluatorContext,
    *,
    measure: Measure = "fmeasure",
    use_stemmer: bool = False,
    at_least: float | None = None,
) -> Score | None:
    """ROUGE-1, the overlap of single words with the expected text, from 0 to 1; higher is better.

    Of a list of expected texts, the best counts. Does not apply to a case without `expected`. measure: fmeasure,
    precision or recall. use_stemmer: Porter's, English. at_least: passed from this value. Words are runs of a-z
    and 0-9, so a text in another script cannot be measured: that is an error, not 0.
    Source: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004); the library rouge-score.
    Example: output "the cat", expected "the cat sat" -> 0.8
    """
    return _rouge(context, "rouge1", measure=measure, use_stemmer=use_stemmer, at_least=at_least)


@evaluator
def rouge_2(
    context: EvaluatorContext,
    *,
    measure: Measure = "fmeasure",
    use_stemmer: bool = False,
    at_least: float | None = None,
) -> Score | None:
    """ROUGE-2, the overlap of pairs of words with the expected text, from 0 to 1; higher is better.

    Options and limits as for rouge_1.
    Source: Lin (2004); the library rouge-score.
    Example: output "the cat", expected "the cat sat" -> 0.667
    """
    return _rouge(context, "rouge2", measure=measure, use_stemmer=use_stemmer, at_least=at_least)


@evaluator
def rouge_l(
    context: EvaluatorContext,
    *,
    measure: Measure = "fmeasure",
    use_stemmer: bool = False,
    at_least: float | None = None,
) -> Score | None:
    """ROUGE-L, by the longest common subsequence of words with the expected text, from 0 to 1; higher is better.

    Over the whole text, not sentence by sentence. Options and limits as for rouge_1.
    Source: Lin (2004), section 3.1; the library rouge-score.
    Example: output "the sat cat", expected "the cat sat" -> 0.667
    """
    return _rouge(context, "rougeL", measure=measure, use_stemmer=use_stemmer, at_least=at_least)


def _rouge(
    context: EvaluatorContext, kind: str, *, measure: Measure, use_stemmer: bool, at_least: float | None
) -> Score | None:
    accepted = accepted_texts(context.expected)
    if not accepted:
        return None
    for text in accepted:
        if text.strip() and not re.search(r"[a-z0-9]", text.lower()):
            raise ValueError(f"ROUGE measures words of a-z and 0-9 only; the expected text has none: {quote(text)}")
    scorer = _scorer(kind, use_stemmer=use_stemmer)
    value = max(float(getattr(scorer.score(text, context.output)[kind], measure)) for text in accepted)
    return Score(value, passed=None if at_least is None else value >= at_least)


@functools.lru_cache(maxsize=8)
def _scorer(kind: str, *, use_stemmer: bool) -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # slow: it imports nltk

    return RougeScorer([kind], use_stemmer=use_stemmer)
