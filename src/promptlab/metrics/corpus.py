"""Corpus BLEU, chrF and TER over all answers, equal to the package sacrebleu's."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.evaluators import bleu, chrf, ter
from promptlab.evaluators.normalising import accepted_texts
from promptlab.metrics.base import NO_EXPECTED, Answer, Collector, Measured, Scope
from promptlab.statistics.effective import Sums, interval_of_sums
from promptlab.types import Interval

MOST_SECONDS = 1200.0
"""Of work for one metric and variant; it is given up then, since the edits of long texts can take days."""


def corpus_bleu(
    scope: Scope,
    *,
    tokenize: bleu.Tokenizer = "13a",
    smooth_method: bleu.Smoothing = "exp",
    smooth_value: float | None = None,
    ignore_case: bool = False,
) -> Collector:
    """BLEU of all outputs together, from 0 to 100, from the runs of words they share with their references; higher is
    better.

    What is usually reported as BLEU: not the mean of BLEU of each output. Expected texts of a list are references that
    are used together. Left out are cells without an answer and cases without `expected`. tokenize, smooth_method,
    smooth_value, ignore_case: as for bleu.
    Source: Papineni et al., "BLEU" (2002); Post (2018), equal to sacrebleu's corpus_score.
    Example: every output equal to its reference -> 100
    """
    words = bleu.tokenizer(tokenize)
    added = bleu.SMOOTHING_VALUE.get(smooth_method, 0.0) if smooth_value is None else smooth_value

    def segment(output: str, references: Sequence[str]) -> list[float]:
        given, *others = (words(text.lower() if ignore_case else text) for text in (output, *references))
        length = bleu.nearest(len(given), [len(other) for other in others])
        totals = [max(len(given) - n, 0) for n in range(bleu.ORDER)]
        return [len(given), length, *bleu.matches(given, others), *totals]

    def share(sums: Sums) -> float:
        return bleu_of_sums(sums, method=smooth_method, smoothing=added)

    return _Corpus(scope.name or "corpus_bleu", segment, share, _percent)


def corpus_chrf(
    scope: Scope,
    *,
    char_order: int = 6,
    word_order: int = 0,
    beta: int = 2,
    ignore_case: bool = False,
) -> Collector:
    """ChrF of all outputs together, from 0 to 100, from the runs of characters they share with their references; higher
    is better.

    Not the mean of chrF of each output. Of a list of expected texts, the best counts. Left out are cells without an
    answer and cases without `expected`. char_order, word_order, beta, ignore_case: as for chrf; word_order 2 is chrF++.
    Source: Popović, "chrF" (2015) and "chrF++" (2017); Post (2018), equal to sacrebleu's corpus_score.
    Example: every output equal to its reference -> 100
    """

    def share(sums: Sums) -> float:
        return chrf_of_sums(sums, beta=beta)

    def segment(output: str, references: Sequence[str]) -> list[float]:
        given, *others = (text.lower() if ignore_case else text for text in (output, *references))
        found = [_runs(given, other, char_order=char_order, word_order=word_order) for other in others]
        return max(found, key=share)  # of equal ones the first, as sacrebleu has it

    return _Corpus(scope.name or "corpus_chrf", segment, share, _percent)


def corpus_ter(
    scope: Scope,
    *,
    normalized: bool = False,
    no_punct: bool = False,
    asian_support: bool = False,
    case_sensitive: bool = False,
) -> Collector:
    """TER of all outputs together: how many words to insert, delete, replace or shift, in percent of all words of the
    references; lower is better.

    Of a list of expected texts the fewest edits count, in percent of their mean length. Left out are cells without an
    answer, cases without `expected` and texts of more than 2,000 words. normalized, no_punct, asian_support,
    case_sensitive: as for ter.
    Source: Snover et al., "A Study of Translation Edit Rate" (2006); Post (2018), equal to sacrebleu's corpus_score.
    Example: every output equal to its reference -> 0
    """
    metric, kept = ter.ter_of_sacrebleu(normalized, no_punct, asian_support, case_sensitive)

    def segment(output: str, references: Sequence[str]) -> list[float]:
        for text in (output, *references):
            kept.note(len(text), metric.tokenizer)
            if len(metric.tokenizer(text.rstrip()).split()) > ter.MOST_WORDS:
                raise ValueError(f"more than {ter.MOST_WORDS:,} words")
        score = metric.sentence_score(output, references)
        return [float(score.num_edits), float(score.ref_length)]

    return _Corpus(scope.name or "corpus_ter", segment, _edits_of_all, _edit_rate)


def bleu_of_sums(sums: Sums, *, method: bleu.Smoothing = "exp", smoothing: float = 0.0) -> float:
    """BLEU, as a share, of [words of the outputs, of the references, matched runs of 1 to 4 words, all of them]."""
    given, there = sums[0], sums[1]
    matched, totals = sums[2 : 2 + bleu.ORDER], sums[2 + bleu.ORDER :]
    if not any(matched):
        return 0.0
    logarithm, halved = 0.0, 1.0
    for n, (hits, runs) in enumerate(zip(matched, totals, strict=True)):
        extra = smoothing if method == "add-k" and n else 0.0
        if hits + extra:
            precision = (hits + extra) / (runs + extra)
        elif runs and method == "exp":
            halved *= 2
            precision = 1 / (halved * runs)
        elif runs and method == "floor":
            precision = smoothing / runs
        else:
            return 0.0
        logarithm += math.log(precision) / bleu.ORDER
    return math.exp(logarithm + min(0.0, 1 - there / given))


def chrf_of_sums(sums: Sums, *, beta: int = 2) -> float:
    """chrF, as a share, of [runs of the outputs, of the references, matched runs], one after the other by order."""
    precisions: list[float] = []
    recalls: list[float] = []
    for given, there, matched in zip(sums[::3], sums[1::3], sums[2::3], strict=True):
        if given > 0 and there > 0:
            precisions.append(matched / given)
            recalls.append(matched / there)
    precision, recall = sum(precisions), sum(recalls)
    if not precision + recall:
        return 0.0
    factor = beta**2
    return (1 + factor) * precision * recall / ((factor * precision + recall) * len(precisions))


def _runs(given: str, there: str, *, char_order: int, word_order: int) -> list[float]:
    counts = chrf.orders("".join(given.split()), "".join(there.split()), char_order)
    if word_order:
        counts += chrf.orders(tuple(chrf.chrf_words(given)), tuple(chrf.chrf_words(there)), word_order)
    # Runs of the output do not count where the reference is too short to have any.
    return [float(value) for runs, others, hits in counts for value in (runs if others else 0, others, hits)]


def _edits_of_all(sums: Sums) -> float:
    """Edits as a share of edits and words of the references together: a share always, as edits to words is not."""
    edits, words = sums
    return edits / (edits + words) if edits else 0.0


def _edit_rate(share: float) -> float:
    """Back from it to TER; against references of no words at all sacrebleu says 100."""
    return 100 * share / (1 - share) if share < 1 else 100.0


def _percent(share: float) -> float:
    return 100 * share


@dataclass(frozen=True, slots=True)
class _Rows(Sequence[Sequence[float]]):
    """Rows of equal length that stand one after the other."""

    values: array[float]
    width: int

    def __len__(self) -> int:
        return len(self.values) // self.width

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        return self.values[place * self.width : (place + 1) * self.width]


class _Corpus:
    def __init__(
        self,
        name: str,
        segment: Callable[[str, Sequence[str]], list[float]],
        share: Callable[[Sums], float],
        shown: Callable[[float], float],
    ) -> None:
        self._name = name
        self._segment = segment
        self._share = share
        self._shown = shown
        self._seconds = 0.0
        self._places: dict[int, int] = {}
        self._values = array("d")

    def add(self, answer: Answer) -> None:
        references = accepted_texts(answer.expected)
        if not references:
            raise ValueError(NO_EXPECTED)
        if self._seconds > MOST_SECONDS:
            return
        began = time.monotonic()
        values = self._segment(answer.output, references)
        self._seconds += time.monotonic() - began
        place = self._places.setdefault(answer.case, len(self._places))
        if place * len(values) == len(self._values):
            self._values.extend(values)
            return
        for column, value in enumerate(values):
            self._values[place * len(values) + column] += value

    def measured(self) -> Measured:
        if self._seconds > MOST_SECONDS:
            return Measured(notes=[f"given up after {MOST_SECONDS:.0f} s; measure shorter texts, or fewer"])
        n = len(self._places)
        if not n:
            return Measured({self._name: Interval(None, None, None, 0)})
        found = interval_of_sums(self._share, _Rows(self._values, len(self._values) // n))
        mean, low, high = (
            None if value is None else self._shown(value) for value in (found.mean, found.low, found.high)
        )
        return Measured({self._name: Interval(mean, low, high, n)})


CHECKS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "corpus_bleu": bleu.check_bleu,
    "corpus_chrf": chrf.check_chrf,
}
"""What options of these are checked by, beside their types."""
