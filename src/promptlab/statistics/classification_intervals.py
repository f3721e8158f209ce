"""How sure metrics of classification are: 95% intervals over cases, repeats of a case as one.

Each metric is a smooth function of counts, so `effective` gives its interval. Its slopes are taken at counts with two
pseudo-cases a label more, half a case right and half a case wrong: without them a label that was always right would
have no variance, and an interval of no width. They decide how wide an interval is, never where its centre is, and
their own number is taken off the effective one again; without repeats the interval of accuracy, and that of each
label's precision and recall, is exactly Wilson's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from promptlab.statistics.classification import AVERAGES, PER_LABEL, LabelCounts, Pair, averages, label_scores
from promptlab.statistics.effective import effective_cases, effective_interval
from promptlab.types import Interval

Patterns: TypeAlias = Mapping[tuple[Pair, ...], int]
"""How many cases gave exactly these pairs, one pair a repeat."""

_STEP = 1e-4
_PSEUDO = 0.5
"""Of a case: how much is right and how much is wrong of each label in the smoothed counts."""


@dataclass(frozen=True, slots=True)
class _Slopes:
    """What one more cell adds to a metric: the sum of these for its expected and its predicted label, and if right."""

    right: Sequence[float]
    expected: Sequence[float]
    predicted: Sequence[float]

    def of(self, pair: Pair) -> float:
        one, other = pair
        slope = self.expected[one] + self.predicted[other]
        return slope + self.right[one] if one == other < len(self.right) else slope


@dataclass(frozen=True, slots=True)
class _Sample:
    """Cases with the pseudo-cases, each as its pairs and a weight. cells: of an average case, and of a pseudo-case."""

    patterns: Patterns
    labels: int
    counts: LabelCounts
    smooth: LabelCounts
    cases: int
    cells: float

    @classmethod
    def of(cls, patterns: Patterns, labels: int) -> _Sample:
        cases = sum(patterns.values())
        pairs: dict[Pair, float] = {}
        for pattern, count in patterns.items():
            for pair in pattern:
                pairs[pair] = pairs.get(pair, 0.0) + count
        counts = LabelCounts.of(pairs, labels=labels)
        cells = counts.total / cases
        for pair, weight in _pseudo(labels):
            pairs[pair] = pairs.get(pair, 0.0) + weight * cells
        return cls(patterns, labels, counts, LabelCounts.of(pairs, labels=labels), cases, cells)

    def variance(self, slopes: _Slopes) -> float:
        """The variance of the metric with these slopes, pseudo-cases included."""
        real = math.fsum(
            count * sum(slopes.of(pair) for pair in pattern) ** 2 for pattern, count in self.patterns.items()
        )
        return real + math.fsum(weight * (self.cells * slopes.of(pair)) ** 2 for pair, weight in _pseudo(self.labels))

    def real(self, per_label: Sequence[float], added: float) -> float:
        """The part of an effective number that is no pseudo-case's, for a mean over labels; per_label: cells of each.

        added: pseudo-cases that each label has. A mean over labels is as sure as the harmonic mean of their numbers.
        """
        sizes = [size / self.cells for size in per_label if size]
        return math.fsum(1 / (size + added) for size in sizes) / math.fsum(1 / size for size in sizes) if sizes else 0.0


def average_intervals(patterns: Patterns, *, labels: int) -> dict[str, Interval]:
    """Every metric of classification.AVERAGES with its interval; n counts cases. No bounds below two cases.

    Example: average_intervals({((0, 0),): 9, ((0, 1),): 1}, labels=2)["accuracy"] -> wilson(9, 10)
    """
    if not patterns:
        return {name: Interval(None, None, None, 0) for name in averages(LabelCounts.of({}, labels=labels))}
    sample = _Sample.of(patterns, labels)
    found = averages(sample.counts)
    smooth = averages(sample.smooth)
    every = sample.cases / (sample.cases + 2 * _PSEUDO * labels)
    counts = sample.counts
    expected, predicted = counts.expected[:-1], counts.predicted[:-1]
    either = [a + b - c for a, b, c in zip(expected, predicted, counts.right, strict=True)]
    real = {
        "precision_macro": sample.real(predicted, 2 * _PSEUDO),
        "recall_macro": sample.real(expected, 2 * _PSEUDO),
        "balanced_accuracy": sample.real(expected, 2 * _PSEUDO),
        "f1_macro": sample.real(either, 3 * _PSEUDO),
    }
    intervals: dict[str, Interval] = {}
    for name, slopes in _slopes(sample.smooth).items():
        correlation = name == "matthews_corrcoef"
        # From -1 to 1 a correlation is no share; half of it above one half is.
        value, centre = (0.5 + found[name] / 2, 0.5 + smooth[name] / 2) if correlation else (found[name], smooth[name])
        variance = sample.variance(slopes) / (4 if correlation else 1)
        interval = _interval(value, centre, variance, real=real.get(name, every), n=sample.cases)
        intervals[name] = _stretched(interval) if correlation else interval
    return intervals


def label_intervals(patterns: Patterns, *, labels: int) -> list[dict[str, Interval]]:
    """Precision, recall and F1 of each label with their intervals; a label that no cell has to do with has no bounds.

    F1 is 2 J / (1 + J) of J, the share that is right of all cells which expect or predict the label; so is its
    interval. n counts all cases.
    """
    if not patterns:
        return [dict.fromkeys(PER_LABEL, Interval(None, None, None, 0)) for _ in range(labels)]
    sample = _Sample.of(patterns, labels)
    variances = _label_variances(sample)
    counts, smooth = sample.counts, sample.smooth
    intervals: list[dict[str, Interval]] = []
    for label, scores in enumerate(label_scores(counts)):
        of_label: dict[str, Interval] = {}
        for name, size, added in (
            ("precision", counts.predicted[label], 2 * _PSEUDO),
            ("recall", counts.expected[label], 2 * _PSEUDO),
            ("f1", _either(counts, label), 3 * _PSEUDO),
        ):
            value = scores.f1 / (2 - scores.f1) if name == "f1" else getattr(scores, name)
            number = size / sample.cells
            interval = _interval(
                value,
                smooth.right[label] / _base(smooth, label, name),
                variances[label][name],
                real=number / (number + added),
                n=sample.cases,
            )
            of_label[name] = _f1_of_jaccard(interval) if name == "f1" else interval
        intervals.append(of_label)
    return intervals


def _pseudo(labels: int) -> Iterator[tuple[Pair, float]]:
    """The pseudo-cases, each a pair and its weight; what is wrong is shared by the other labels."""
    for label in range(labels):
        yield (label, label), _PSEUDO
        if labels == 1:
            yield (label, labels), _PSEUDO
        for other in range(labels):
            if other != label:
                yield (label, other), _PSEUDO / (labels - 1)


def _interval(value: float, centre: float, variance: float, *, real: float, n: int) -> Interval:
    """real: the part of the effective number that stands for cases, not for pseudo-cases."""
    effective = effective_cases(centre, variance)
    if n < 2 or effective is None or not real:
        return Interval(value, None, None, n)
    return effective_interval(value, effective * real, n=n)


def _stretched(interval: Interval) -> Interval:
    """From a share back to a correlation."""
    low, high = interval.low, interval.high
    return Interval(
        None if interval.mean is None else 2 * interval.mean - 1,
        None if low is None else 2 * low - 1,
        None if high is None else 2 * high - 1,
        interval.n,
    )


def _f1_of_jaccard(interval: Interval) -> Interval:
    mean, low, high = (None if x is None else 2 * x / (1 + x) for x in (interval.mean, interval.low, interval.high))
    return Interval(mean, low, high, interval.n)


def _either(counts: LabelCounts, label: int) -> float:
    return counts.expected[label] + counts.predicted[label] - counts.right[label]


def _base(counts: LabelCounts, label: int, name: str) -> float:
    """What a label's right cells are a share of."""
    if name == "f1":
        return _either(counts, label)
    return counts.predicted[label] if name == "precision" else counts.expected[label]


def _label_variances(sample: _Sample) -> list[dict[str, float]]:
    """By label the variance of each metric; a case counts only for the labels that its cells expect or predict."""
    variances = [dict.fromkeys(PER_LABEL, 0.0) for _ in range(sample.labels)]
    bases = [{name: _base(sample.smooth, label, name) for name in PER_LABEL} for label in range(sample.labels)]
    shares = [
        {name: sample.smooth.right[label] / base for name, base in of_label.items()}
        for label, of_label in enumerate(bases)
    ]

    def add(pairs: Sequence[Pair], weight: float, cells: float) -> None:
        for label in {place for pair in pairs for place in pair if place < sample.labels}:
            for name in PER_LABEL:
                influence = 0.0
                for one, other in pairs:
                    if (one == label and name != "precision") or (other == label and name != "recall"):
                        influence += (float(one == other) - shares[label][name]) / bases[label][name]
                variances[label][name] += weight * (cells * influence) ** 2

    for pattern, count in sample.patterns.items():
        add(pattern, count, 1.0)
    for pair, weight in _pseudo(sample.labels):
        add([pair], weight, sample.cells)
    return variances


def _slopes(counts: LabelCounts) -> dict[str, _Slopes]:
    """The slopes of every average by each margin, taken over a small step."""
    right = [_slope(counts, "right", label) for label in range(counts.labels)]
    expected = [_slope(counts, "expected", place) for place in range(counts.labels + 1)]
    predicted = [_slope(counts, "predicted", place) for place in range(counts.labels + 1)]
    return {
        name: _Slopes([of[name] for of in right], [of[name] for of in expected], [of[name] for of in predicted])
        for name in AVERAGES
    }


def _slope(counts: LabelCounts, margin: str, place: int) -> dict[str, float]:
    """By how much every average changes with one entry of a margin, the other entries as they are."""
    values = list(getattr(counts, margin))
    step = _STEP * max(values[place], 1.0)

    def moved(by: float) -> dict[str, float]:
        changed = [*values[:place], values[place] + by, *values[place + 1 :]]
        total = counts.total + (by if margin == "expected" else 0.0)
        return averages(replace(counts, total=total, **{margin: changed}))

    above, below = moved(step), moved(-step)
    return {name: (above[name] - below[name]) / (2 * step) for name in AVERAGES}
