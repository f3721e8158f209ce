"""What a whole-run metric is given, one answer at a time, and what it gives in the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from promptlab.evaluators.normalising import accepted_texts
from promptlab.statistics.classification import PER_LABEL, Pair
from promptlab.types import Interval, Score

OTHER = "(other)"
"""How the column of a confusion matrix is called that counts predictions which are none of the labels."""
MOST_LABELS = 200
"""A confusion matrix of more is no table any more, and a data set with more has texts in place of labels."""
MOST_REASONS = 5

NO_EXPECTED = "no `expected`"
"""Why an answer is left out by a metric that compares."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a metric looks at of an answer. case: the same number for all repeats of a case."""

    case: int
    expected: Any
    output: str
    scores: Mapping[str, Score] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each label was expected and each predicted.

    prefix: of the metrics that come of it, such as `letters.`, empty for none. counts: by the places of the expected
    and the predicted label; a place beyond the labels is OTHER.
    """

    prefix: str
    labels: tuple[str, ...]
    counts: Mapping[Pair, int]

    @property
    def rows(self) -> list[list[int]]:
        """One row a label that was expected, one column a label that was predicted, and one for OTHER."""
        rows = [[0] * (len(self.labels) + 1) for _ in self.labels]
        for (expected, predicted), count in self.counts.items():
            rows[expected][predicted] = count
        return rows

    @property
    def columns(self) -> list[str]:
        """The titles of the columns; OTHER only where something was predicted that is no label."""
        other = any(predicted == len(self.labels) for _, predicted in self.counts)
        return [*self.labels, OTHER] if other else list(self.labels)

    def metric(self, name: str, label: str) -> str:
        """What a metric of one label is called: `letters.f1.positive`."""
        return f"{self.prefix}{name}.{label}"

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics of single labels."""
        return [self.metric(name, label) for label in self.labels for name in PER_LABEL]


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a metric: values with their 95% intervals by name, and what was left out, in words."""

    intervals: Mapping[str, Interval] = field(default_factory=dict)
    confusion: Confusion | None = None
    notes: Sequence[str] = ()


class Collector(Protocol):
    """A metric at work: it takes in the answers of one variant and keeps a few numbers of each."""

    def add(self, answer: Answer) -> None:
        """Takes in an answer. Raises ValueError that says why, in a few words, where it has to be left out."""

    def measured(self) -> Measured:
        """The metric over all answers so far."""


class ExpectedLabels:
    """The labels that a data set expects, as it writes them; it stops looking where they are no labels any more."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self._labels: dict[str, None] = {}
        for value in values:
            self.add(value)

    def add(self, expected: Any) -> None:
        """Takes note of what a case expects."""
        for text in accepted_texts(expected):
            if len(self._labels) > MOST_LABELS:
                return
            self._labels.setdefault(text)

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The labels in alphabetical order; None where there are too many."""
        return tuple(sorted(self._labels)) if len(self._labels) <= MOST_LABELS else None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a metric is made for. name: what its entry calls it with `as`, empty where it does not; seen: the labels."""

    name: str = ""
    seen: ExpectedLabels = field(default_factory=ExpectedLabels)


class LeftOut:
    """Answers that do not count, by the reason."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def note(self, reason: str) -> None:
        """One more answer that is left out."""
        known = reason if reason in self._counts or len(self._counts) < MOST_REASONS else "other reasons"
        self._counts[known] = self._counts.get(known, 0) + 1

    def said(self) -> list[str]:
        """One line a reason: `3 answers left out: no expected`."""
        return [
            f"{count:,} {'answer' if count == 1 else 'answers'} left out: {reason}"
            for reason, count in self._counts.items()
        ]


def is_known(name: str, evaluators: Collection[str]) -> bool:
    """Whether a score can have this name: that of an evaluator, or `name.key` of one that returns a mapping."""
    return name in evaluators or name.split(".", 1)[0] in evaluators
