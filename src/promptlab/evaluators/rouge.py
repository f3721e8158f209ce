"""ROUGE, the overlap of words with the expected text: rouge_1, rouge_2, rouge_l, rouge_lsum.

Equal to the package rouge-score, which takes seconds to import and a table of Python lists for each pair of texts;
only its Porter stemmer, of nltk, is used.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

from promptlab.evaluators.base import evaluator, quote
from promptlab.evaluators.lcs import lcs_length, lcs_positions
from promptlab.evaluators.normalising import accepted_texts
from promptlab.types import EvaluatorContext, Score

Measure: TypeAlias = Literal["fmeasure", "precision", "recall"]
Words: TypeAlias = list[str]

_WORD = re.compile(r"[a-z0-9]+")


@evaluator(heavy=True)
def rouge_1(
    context: EvaluatorContext,
    *,
    measure: Measure = "fmeasure",
    use_stemmer: bool = False,
    at_least: float | None = None,
) -> Score | None:
    """ROUGE-1, the overlap of single words with the expected text, from 0 to 1; higher is better.

    Of a list of expected texts, the one with the highest F-measure counts. Does not apply to a case without `expected`.
    measure: fmeasure, precision or recall. use_stemmer: Porter's, English. at_least: passed from this value. Words are
    runs of a-z and 0-9, so a text in another script cannot be measured: that is an error, not 0.
    Source: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004); the library rouge-score.
    Example: {output: "the cat", expected: "the cat sat"} -> 0.8
    Example: {output: "the cat", expected: "the cat sat", measure: precision} -> 1
    """
    return _rouge(context, functools.partial(_shared, n=1), measure, use_stemmer=use_stemmer, at_least=at_least)


@evaluator(heavy=True)
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
    Example: {output: "the cat", expected: "the cat sat"} -> 0.6667
    """
    return _rouge(context, functools.partial(_shared, n=2), measure, use_stemmer=use_stemmer, at_least=at_least)


@evaluator(heavy=True)
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
    Example: {output: "the sat cat", expected: "the cat sat"} -> 0.6667
    """
    return _rouge(context, _subsequence, measure, use_stemmer=use_stemmer, at_least=at_least)


@evaluator(heavy=True)
def rouge_lsum(
    context: EvaluatorContext,
    *,
    measure: Measure = "fmeasure",
    use_stemmer: bool = False,
    split_sentences: bool = False,
    at_least: float | None = None,
) -> Score | None:
    r"""ROUGE-Lsum, by the longest common subsequences of each expected sentence with all of the output's; higher is better.

    From 0 to 1. A sentence is a line, as in the package: a text without line breaks is one sentence, and then this is
    rouge_l. split_sentences: also split the lines into sentences, by rules for English (the library sentencex). What
    the package offers for that, nltk's Punkt, needs data that comes with neither, and splits a little otherwise.
    The other options and the limits as for rouge_1.
    Source: Lin (2004), section 3.2; the library rouge-score.
    Example: {output: "the cat\nsat down", expected: "sat the cat\non a mat"} -> 0.6
    Example: {output: "A dog ran. It sat.", expected: "It sat. A dog ran.", split_sentences: true} -> 1
    """  # noqa: E501 - the first line says it all
    return _rouge(
        context,
        _summary_subsequence,
        measure,
        use_stemmer=use_stemmer,
        at_least=at_least,
        split=_sentences if split_sentences else _lines,
    )


Hits: TypeAlias = Callable[[Sequence[Words], Sequence[Words]], tuple[int, int, int]]
"""Of expected sentences and the output's: what they share, what the output has and what is expected, as counts."""


def _rouge(
    context: EvaluatorContext,
    hits: Hits,
    measure: Measure,
    *,
    use_stemmer: bool,
    at_least: float | None,
    split: Callable[[str], list[str]] = lambda text: [text],
) -> Score | None:
    accepted = accepted_texts(context.expected)
    if not accepted:
        return None
    for text in accepted:
        if text.strip() and not _WORD.search(text.lower()):
            raise ValueError(f"ROUGE measures words of a-z and 0-9 only; the expected text has none: {quote(text)}")
    output = [_words(part, use_stemmer=use_stemmer) for part in split(context.output)]
    found = (
        _measured(*hits([_words(part, use_stemmer=use_stemmer) for part in split(text)], output)) for text in accepted
    )
    value = max(found, key=lambda measured: measured["fmeasure"])[measure]
    return Score(value, passed=None if at_least is None else value >= at_least)


def _measured(shared: int, given: int, expected: int) -> Mapping[Measure, float]:
    precision = shared / given if given else 0.0
    recall = shared / expected if expected else 0.0
    fmeasure = 2 * precision * recall / (precision + recall) if shared else 0.0
    return {"precision": precision, "recall": recall, "fmeasure": fmeasure}


def _shared(expected: Sequence[Words], output: Sequence[Words], *, n: int) -> tuple[int, int, int]:
    there, given = (_ngrams(words, n) for words in (expected[0], output[0]))
    shared = sum(min(given[ngram], there[ngram]) for ngram in given.keys() & there.keys())
    return shared, given.total(), there.total()


def _ngrams(words: Words, n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


def _subsequence(expected: Sequence[Words], output: Sequence[Words]) -> tuple[int, int, int]:
    return lcs_length(expected[0], output[0]), len(output[0]), len(expected[0])


def _summary_subsequence(expected: Sequence[Words], output: Sequence[Words]) -> tuple[int, int, int]:
    there = Counter(word for words in expected for word in words)
    given = Counter(word for words in output for word in words)
    counts = given.total(), there.total()
    shared = 0
    different = list(dict.fromkeys(tuple(words) for words in output))
    for words in expected:
        known = set(words)
        union = {place for other in different if not known.isdisjoint(other) for place in lcs_positions(words, other)}
        for place in sorted(union):
            word = words[place]
            # A word counts no more often than it stands in either of both texts.
            if given[word] > 0 and there[word] > 0:
                shared += 1
                given[word] -= 1
                there[word] -= 1
    return shared, *counts


def _words(text: str, *, use_stemmer: bool) -> Words:
    words: Words = _WORD.findall(text.lower())
    if not use_stemmer:
        return words
    stem = _stemmer()
    return [stem(word) if len(word) > 3 else word for word in words]


@functools.cache
def _stemmer() -> Callable[[str], str]:
    from nltk.stem.porter import PorterStemmer  # slow: nltk imports scipy and scikit-learn where they are

    return functools.lru_cache(maxsize=50_000)(PorterStemmer().stem)


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def _sentences(text: str) -> list[str]:
    return [sentence for line in _lines(text) for sentence in _segmenter()(line)]


@functools.cache
def _segmenter() -> Callable[[str], list[str]]:
    from sentencex import segment

    return lambda text: [sentence for found in segment("en", text) if (sentence := found.strip())]
