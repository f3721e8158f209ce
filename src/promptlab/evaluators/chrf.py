"""chrF, the runs of characters that a text shares with its references; equal to the package sacrebleu."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from promptlab.evaluators.base import evaluator
from promptlab.evaluators.normalising import accepted_texts
from promptlab.types import EvaluatorContext, Score

_SIGNS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def check_chrf(options: Mapping[str, Any]) -> None:
    """Raises ValueError for options that cannot be used."""
    for name, least in (("char_order", 1), ("word_order", 0), ("beta", 1)):
        value = options.get(name)
        if value is not None and not least <= value <= 20:
            raise ValueError(f"option `{name}` is {value}; it is from {least} to 20")


@evaluator(heavy=True, check=check_chrf)
def chrf(
    context: EvaluatorContext,
    *,
    char_order: int = 6,
    word_order: int = 0,
    beta: int = 2,
    ignore_case: bool = False,
    at_least: float | None = None,
) -> Score | None:
    """chrF, the overlap of runs of characters with the expected text, from 0 to 100 as sacrebleu gives it; higher is better.

    Of a list of expected texts, the best counts. Does not apply to a case without `expected`. White space does not
    count. char_order: runs of 1 to so many characters. word_order: also runs of up to so many words; 2 is chrF++.
    beta: how many times as heavy recall is as precision. ignore_case: lower-case both. at_least: passed from this
    value, such as 50. Works in any script.
    Source: Popović, "chrF" (2015) and "chrF++" (2017); Post (2018), sacrebleu.
    Example: {output: "The dog bites the man.", expected: "The dog bit the man."} -> 77.2664
    Example: {output: "The dog bites the man.", expected: "The dog bit the man.", word_order: 2} -> 75.91
    """  # noqa: E501 - the first line says it all
    accepted = accepted_texts(context.expected)
    if not accepted:
        return None
    output, *references = (text.lower() if ignore_case else text for text in (context.output, *accepted))
    value = max(_chrf(output, text, char_order=char_order, word_order=word_order, beta=beta) for text in references)
    return Score(value, passed=None if at_least is None else value >= at_least)


def _chrf(output: str, expected: str, *, char_order: int, word_order: int, beta: int) -> float:
    given, there = "".join(output.split()), "".join(expected.split())
    counts = orders(given, there, char_order)
    if word_order:
        counts += orders(tuple(chrf_words(output)), tuple(chrf_words(expected)), word_order)
    counts = [count for count in counts if count[0] and count[1]]
    if not counts:
        return 0.0
    precision = sum(matched / n for n, _, matched in counts) / len(counts)
    recall = sum(matched / n for _, n, matched in counts) / len(counts)
    if not precision + recall:
        return 0.0
    factor = beta**2
    return 100 * ((1 + factor) * precision * recall / (factor * precision + recall))


def orders(given: Sequence[str], there: Sequence[str], most: int) -> list[tuple[int, int, int]]:
    """For runs of 1 to so many items: how many there are in both, and how many match.

    Runs of n are only looked up where those of n - 1 at the same place and the next have matched.
    """
    sizes = [(max(len(given) - n, 0), max(len(there) - n, 0)) for n in range(most)]
    if given == there:
        return [(n, n, n) for n, _ in sizes]
    matched = [0] * most
    given_places: Sequence[int] = range(len(given))
    there_places: Sequence[int] = range(len(there))
    for n in range(1, most + 1):
        runs = [there[place : place + n] for place in there_places]
        left: dict[Sequence[str], int] = {}
        for run in runs:
            left[run] = left.get(run, 0) + 1
        shared = set()
        places = []
        for place in given_places:
            run = given[place : place + n]
            count = left.get(run)
            if count is not None:
                places.append(place)
                shared.add(run)
                if count:
                    left[run] = count - 1
                    matched[n - 1] += 1
        if not places:
            break
        given_places = _followed(places)
        there_places = _followed([place for place, run in zip(there_places, runs, strict=True) if run in shared])
    return [(a, b, count) for (a, b), count in zip(sizes, matched, strict=True)]


def _followed(places: Sequence[int]) -> list[int]:
    """The places whose next one is there too."""
    return [place for place, following in itertools.pairwise(places) if following == place + 1]


def chrf_words(text: str) -> list[str]:
    """Words with the sign at their end, or else the one at their beginning, cut off."""
    words: list[str] = []
    for word in text.split():
        if len(word) > 1 and word[-1] in _SIGNS:
            words += (word[:-1], word[-1])
        elif len(word) > 1 and word[0] in _SIGNS:
            words += (word[0], word[1:])
        else:
            words.append(word)
    return words
