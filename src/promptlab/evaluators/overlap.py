"""Evaluators of overlap with the expected text, by characters and by words: levenshtein, f1."""

from __future__ import annotations

import re
import string
from collections import Counter

from promptlab.evaluators.base import evaluator, quote
from promptlab.evaluators.normalising import accepted_texts, normalise
from promptlab.types import EvaluatorContext, Score

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@evaluator(direction="lower", inline=True, heavy=True)
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
    Example: {output: "kitten", expected: "sitting"} -> 3
    Example: {output: "kitten", expected: "sitting", normalised: true} -> 0.4286
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


@evaluator(inline=True, heavy=True)
def f1(context: EvaluatorContext, *, at_least: float | None = None) -> Score | None:
    """The F1 of SQuAD: the words that output and expected share, from 0 to 1; higher is better.

    Both are first lower-cased, ASCII punctuation and the articles a, an and the taken out, and split at white space.
    Precision is the share of the output's words that are expected, recall the share of the expected words that the
    output has, F1 their harmonic mean. Of a list of expected texts, the best counts. Where one of both has no word
    left, it is 1 if the other has none either. Does not apply to a case without `expected`. at_least: passed from this
    value.
    Source: Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text" (2016), section 6.1;
    the official evaluation script of SQuAD 2.0.
    Example: {output: "The Norman dukes.", expected: "dukes of Normandy"} -> 0.4
    Example: {output: "in Paris", expected: ["Paris", "the city of Paris"]} -> 0.6667
    """
    accepted = accepted_texts(context.expected)
    if not accepted:
        return None
    words = squad_words(context.output)
    value = max(_f1(words, squad_words(text)) for text in accepted)
    return Score(value, passed=None if at_least is None else value >= at_least)


def squad_words(text: str) -> list[str]:
    """The words of an answer as SQuAD compares them.

    Example: squad_words("The U.S.-led one") -> ["usled", "one"]
    """
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _f1(output: list[str], expected: list[str]) -> float:
    if not output or not expected:
        return float(output == expected)
    there = Counter(expected)
    shared = sum(min(count, there[word]) for word, count in Counter(output).items() if word in there)
    if not shared:
        return 0.0
    precision = shared / len(output)
    recall = shared / len(expected)
    return 2 * precision * recall / (precision + recall)
