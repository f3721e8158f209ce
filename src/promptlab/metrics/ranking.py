"""Ranking over all answers: ROC AUC of a score."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable

from promptlab.evaluators.normalising import accepted_texts, as_text, normalise
from promptlab.metrics.base import NO_EXPECTED, Answer, Collector, Measured, Scope
from promptlab.statistics.ranking import Scored, roc_auc_interval
from promptlab.types import Interval


def roc_auc(
    scope: Scope,
    *,
    score: str,
    positive: str | float | bool,
    ignore_case: bool = True,
    strip: bool = True,
) -> Collector:
    """How often a case of the positive class scores higher than one of another, ties half: 0.5 is chance, 1 perfect;
    higher is better.

    score: the name of an evaluator's score, such as the probability of the positive class. positive: the value of
    `expected` of that class; all others are negative. ignore_case, strip: as for classification. Every repeat counts.
    Left out are cells without an answer, and those without the score or without `expected`.
    Source: Hanley and McNeil (1982), Radiology 143:29; equal to scikit-learn's roc_auc_score.
    Example: scores 0.9 and 0.4 of positives, 0.4 of a negative -> 0.75
    """

    def compared(text: str) -> str:
        return normalise(text, strip=strip, ignore_case=ignore_case)

    return _Ranking(scope.name or "roc_auc", score, compared(as_text(positive)), compared)


class _Ranking:
    def __init__(self, name: str, score: str, positive: str, compared: Callable[[str], str]) -> None:
        self._name = name
        self._score = score
        self._positive = positive
        self._compared = compared
        self._cases = array("Q")
        self._scores = array("d")
        self._classes = array("b")

    def add(self, answer: Answer) -> None:
        accepted = accepted_texts(answer.expected)
        if not accepted:
            raise ValueError(NO_EXPECTED)
        score = answer.scores.get(self._score)
        if score is None or score.error is not None:
            raise ValueError(f"no score of {self._score}" if score is None else f"{self._score} failed")
        value = score.value
        if value is None or math.isnan(value):
            raise ValueError(f"{self._score} is no number")
        self._cases.append(answer.case)
        self._scores.append(value)
        self._classes.append(any(self._compared(text) == self._positive for text in accepted))

    def measured(self) -> Measured:
        scored = [
            Scored(score, bool(positive), case)
            for score, positive, case in zip(self._scores, self._classes, self._cases, strict=True)
        ]
        interval = roc_auc_interval(scored)
        if interval.mean is None:
            what = "no answer is" if not any(self._classes) else "every answer is"
            return Measured(
                {self._name: Interval(None, None, None, interval.n)}, notes=[f"{what} of the positive class"]
            )
        return Measured({self._name: interval})
