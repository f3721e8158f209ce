"""Classification over all answers: accuracy, precision, recall, F1, Matthews correlation, the confusion matrix."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from promptlab.evaluators.normalising import accepted_texts, as_text, normalise
from promptlab.metrics.base import MOST_LABELS, NO_EXPECTED, OTHER, Answer, Collector, Confusion, Measured, Scope
from promptlab.statistics.classification import PER_LABEL, Pair
from promptlab.statistics.classification_intervals import average_intervals, label_intervals


def check_classification(options: Mapping[str, Any]) -> None:
    """Raises ValueError for options that contradict one another."""
    labels = options.get("labels")
    if labels is not None:
        if not 1 <= len(labels) <= MOST_LABELS:
            raise ValueError(f"option `labels` has {len(labels):,}; it has from 1 to {MOST_LABELS}")
        _Places(labels, ignore_case=options.get("ignore_case", True), strip=options.get("strip", True))
    if options.get("of") is not None and options.get("transform") is not None:
        raise ValueError("`transform` is of the output, and `of` takes the label of a score; leave one out")


def classification(
    scope: Scope,
    *,
    labels: list[str | int | float | bool] | None = None,
    of: str | None = None,
    ignore_case: bool = True,
    strip: bool = True,
) -> Collector:
    """How well the outputs name the expected labels: accuracy, balanced_accuracy, precision, recall and f1 (_macro,
    _micro and _weighted), matthews_corrcoef, each label's own as `f1.positive`, and the confusion matrix; higher is
    better.

    labels: what can be predicted; default, what the data set expects. of: an evaluator whose score has the predicted
    label, such as choice; default, the output. ignore_case: compare case-folded. strip: leave out white space around
    both. An output that is none of the labels counts as (other), wrong for all of them. Every repeat counts. Left out
    are cells without an answer, and cases that expect none of the labels. Of several expected labels, the predicted one
    counts where it is among them, else the first. A label that is never predicted or never expected has 0.
    Source: Sokolova and Lapalme, "A systematic analysis of performance measures for classification tasks" (2009);
    Gorodkin (2004); equal to scikit-learn.
    Example: 9 of 10 outputs right -> accuracy 0.9
    """
    known = scope.seen.labels if labels is None else tuple(as_text(label) for label in labels)
    return _Classification(scope.name, known, of, ignore_case=ignore_case, strip=strip)


class _Places:
    """Labels found by the text of an output."""

    def __init__(self, labels: Sequence[Any], *, ignore_case: bool, strip: bool) -> None:
        self._ignore_case = ignore_case
        self._strip = strip
        self._places: dict[str, int] = {}
        for place, label in enumerate(labels):
            text = as_text(label)
            key = self._key(text)
            if not key or key == OTHER:
                raise ValueError(f"option `labels` has {text!r}; a label is a text other than {OTHER}")
            if key in self._places:
                first = as_text(labels[self._places[key]])
                hint = "; write `ignore_case: false` to tell them apart" if ignore_case and first != text else ""
                raise ValueError(f"option `labels` has {first!r} and {text!r}, which are compared as one{hint}")
            self._places[key] = place

    def of(self, text: str) -> int | None:
        """The place of the label that a text is; None for no label."""
        return self._places.get(self._key(text))

    def _key(self, text: str) -> str:
        return normalise(text, strip=self._strip, ignore_case=self._ignore_case)


class _Classification:
    def __init__(
        self, name: str, labels: Sequence[str] | None, of: str | None, *, ignore_case: bool, strip: bool
    ) -> None:
        self._name = name
        self._of = of
        self._too_many = labels is None
        self._labels = _distinct(labels or (), ignore_case=ignore_case, strip=strip)
        self._places = _Places(self._labels, ignore_case=ignore_case, strip=strip)
        self._labelled = False
        self._cases = array("Q")
        self._pairs = array("l")

    def add(self, answer: Answer) -> None:
        if self._too_many:
            return
        accepted = accepted_texts(answer.expected)
        expected = [place for text in accepted if (place := self._places.of(text)) is not None]
        if not expected:
            raise ValueError("`expected` is none of the labels" if accepted else NO_EXPECTED)
        predicted = self._predicted(answer)
        other = len(self._labels)
        place = other if predicted is None else self._places.of(predicted)
        if place is None:
            place = other
        wanted = place if place in expected else expected[0]
        self._cases.append(answer.case)
        self._pairs.append(wanted * (other + 1) + place)

    def _predicted(self, answer: Answer) -> str | None:
        if self._of is None:
            return answer.output
        score = answer.scores.get(self._of)
        if score is None:
            raise ValueError(f"no score of {self._of}")
        if score.error is not None:
            raise ValueError(f"{self._of} failed")
        self._labelled = self._labelled or score.label is not None
        return score.label

    def measured(self) -> Measured:
        if self._too_many:
            return Measured(
                notes=[f"the data set expects more than {MOST_LABELS} different texts; name those that are `labels:`"]
            )
        size = len(self._labels)
        prefix = f"{self._name}." if self._name else ""
        patterns = self._patterns()
        intervals = {f"{prefix}{name}": interval for name, interval in average_intervals(patterns, labels=size).items()}
        confusion = Confusion(prefix, tuple(self._labels), self._counts())
        for label, of_label in zip(self._labels, label_intervals(patterns, labels=size), strict=True):
            intervals |= {confusion.metric(name, label): of_label[name] for name in PER_LABEL}
        return Measured(intervals, confusion, notes=self._unlabelled())

    def _unlabelled(self) -> list[str]:
        """Says so where `of` names an evaluator that knows no labels: every answer would quietly be a wrong one."""
        if self._of is None or self._labelled or not self._pairs:
            return []
        return [f"no score of {self._of} has a label, so every answer counts as {OTHER}; name one such as choice"]

    def _counts(self) -> dict[Pair, int]:
        counts: dict[Pair, int] = {}
        for code in self._pairs:
            pair = divmod(code, len(self._labels) + 1)
            counts[pair] = counts.get(pair, 0) + 1
        return dict(sorted(counts.items()))

    def _patterns(self) -> dict[tuple[Pair, ...], int]:
        """How many cases gave exactly these pairs."""
        patterns: dict[tuple[Pair, ...], int] = {}
        order = sorted(range(len(self._cases)), key=self._cases.__getitem__)
        for _, places in groupby(order, key=self._cases.__getitem__):
            pattern = tuple(sorted(divmod(self._pairs[place], len(self._labels) + 1) for place in places))
            patterns[pattern] = patterns.get(pattern, 0) + 1
        return patterns


def _distinct(labels: Sequence[str], *, ignore_case: bool, strip: bool) -> list[str]:
    """The labels without those that are compared as one with an earlier one, and without what no label can be."""
    found: dict[str, str] = {}
    for label in labels:
        key = normalise(label, strip=strip, ignore_case=ignore_case)
        if key and key != OTHER:
            found.setdefault(key, label)
    return list(found.values())


def confusion_lines(confusion: Confusion) -> list[list[str | int]]:
    """A confusion matrix as rows of a table, the titles first; what was expected stands in the first column."""
    columns = confusion.columns
    lines: list[list[str | int]] = [["expected \\ predicted", *columns]]
    for label, row in zip(confusion.labels, confusion.rows, strict=True):
        lines.append([label, *row[: len(columns)]])
    return lines
