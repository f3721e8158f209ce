"""Metrics of classification from a table of counts: accuracy, precision, recall, F1, Matthews correlation.

They equal scikit-learn's, `labels=` and `zero_division=` included; `tests/statistics/test_classification.py` holds
them side by side. `classification_intervals` says how sure they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Pair: TypeAlias = tuple[int, int]
"""(expected, predicted), each the place of a label; the number of labels stands for none of them."""

AVERAGES = (
    "accuracy",
    "balanced_accuracy",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "precision_micro",
    "recall_micro",
    "f1_micro",
    "precision_weighted",
    "recall_weighted",
    "f1_weighted",
    "matthews_corrcoef",
)
"""The metrics of all labels together."""
PER_LABEL = ("precision", "recall", "f1")
"""The metrics of each label."""


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """A table of counts by its margins: how many of each label were expected, predicted, and both at once.

    expected, predicted: one more entry than labels; the last one counts what is none of them. total: all cells.
    """

    right: Sequence[float]
    expected: Sequence[float]
    predicted: Sequence[float]
    total: float

    @property
    def labels(self) -> int:
        """How many labels there are."""
        return len(self.right)

    @classmethod
    def of(cls, pairs: Mapping[Pair, float], *, labels: int) -> LabelCounts:
        """The margins of these counts. Raises ValueError for a pair beyond the labels."""
        right = [0.0] * labels
        expected = [0.0] * (labels + 1)
        predicted = [0.0] * (labels + 1)
        for (one, other), count in pairs.items():
            if not (0 <= one <= labels and 0 <= other <= labels):
                raise ValueError(f"the pair {(one, other)} is beyond {labels} labels")
            expected[one] += count
            predicted[other] += count
            if one == other < labels:
                right[one] += count
        return cls(right, expected, predicted, math.fsum(expected))


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Precision, recall and F1 of one label, and how many of it were expected."""

    precision: float
    recall: float
    f1: float
    support: float


def label_scores(counts: LabelCounts, *, zero_division: float = 0.0) -> list[LabelScores]:
    """Precision, recall and F1 of each label, in order.

    zero_division: what stands where nothing was predicted, or nothing expected: 0, 1 or NaN.
    Source: van Rijsbergen, "Information Retrieval" (1979); scikit-learn's precision_recall_fscore_support.
    """
    return [
        LabelScores(
            precision=_divided(right, predicted, zero_division),
            recall=_divided(right, expected, zero_division),
            f1=_divided(2 * right, expected + predicted, zero_division),
            support=expected,
        )
        for right, expected, predicted in zip(counts.right, counts.expected, counts.predicted, strict=False)
    ]


def averages(counts: LabelCounts, *, zero_division: float = 0.0) -> dict[str, float]:
    """The metrics named in AVERAGES; NaN for no cell.

    macro: the mean over labels, each as heavy as the others. weighted: by how many were expected. micro: over the sums
    of all labels. balanced_accuracy: the mean recall of the labels that were expected. What is none of the labels is
    wrong for all of them, and a further class for the Matthews correlation, which is 0 where it is not defined.
    Source: Sokolova and Lapalme, "A systematic analysis of performance measures for classification tasks" (2009);
    Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient" (2004); scikit-learn.
    Example: averages(LabelCounts.of({(0, 0): 3, (0, 1): 1, (1, 1): 2}, labels=2))["accuracy"] -> 0.8333...
    """
    if not counts.total:
        return dict.fromkeys(AVERAGES, math.nan)
    found = label_scores(counts, zero_division=zero_division)
    supports = [scores.support for scores in found]
    everyone = [1.0] * counts.labels
    right = math.fsum(counts.right)
    expected, predicted = math.fsum(counts.expected[:-1]), math.fsum(counts.predicted[:-1])
    seen = [1.0 if support else 0.0 for support in supports]
    by_name = {name: [getattr(scores, name) for scores in found] for name in PER_LABEL}
    return {
        "accuracy": right / counts.total,
        "balanced_accuracy": _mean(by_name["recall"], seen),
        **{f"{name}_macro": _mean(values, everyone) for name, values in by_name.items()},
        "precision_micro": _divided(right, predicted, zero_division),
        "recall_micro": _divided(right, expected, zero_division),
        "f1_micro": _divided(2 * right, expected + predicted, zero_division),
        **{f"{name}_weighted": _mean(values, supports) for name, values in by_name.items()},
        "matthews_corrcoef": matthews_corrcoef(counts),
    }


def matthews_corrcoef(counts: LabelCounts) -> float:
    """The correlation of what was expected with what was predicted, from -1 to 1; 0 where either is always the same.

    Source: Gorodkin (2004); scikit-learn's matthews_corrcoef.
    Example: matthews_corrcoef(LabelCounts.of({(0, 0): 5, (1, 1): 5}, labels=2)) -> 1.0
    """
    total = counts.total
    covariance = math.fsum(counts.right) * total - _dot(counts.expected, counts.predicted)
    of_expected = total * total - _dot(counts.expected, counts.expected)
    of_predicted = total * total - _dot(counts.predicted, counts.predicted)
    if of_expected <= 0 or of_predicted <= 0:
        return 0.0
    return covariance / math.sqrt(of_expected * of_predicted)


def _divided(numerator: float, denominator: float, zero_division: float) -> float:
    return numerator / denominator if denominator else zero_division


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    """The weighted mean of the values that are not NaN; without weight, their plain mean; NaN for none."""
    real = [(value, weight) for value, weight in zip(values, weights, strict=True) if not math.isnan(value)]
    total = math.fsum(weight for _, weight in real)
    if not real:
        return math.nan
    if not total:
        return math.fsum(value for value, _ in real) / len(real)
    return math.fsum(value * weight for value, weight in real) / total


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))
