"""All whole-run metrics of one variant: measured in one pass over its answers, and kept as plain JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab.metrics.base import Answer, Confusion, ExpectedLabels
from promptlab.metrics.entries import BoundMetric
from promptlab.statistics.classification import AVERAGES
from promptlab.types import Interval

MAIN = ("accuracy", "f1_macro", "matthews_corrcoef")
"""Of a classification what is shown first."""


@dataclass(frozen=True, slots=True)
class WholeRun:
    """What the metrics of a variant came to.

    intervals: by name, in the suite's order, with 95% intervals; those of single labels too, such as `f1.positive`.
    confusions: one a classification. notes: what was left out, in words.
    """

    intervals: Mapping[str, Interval] = field(default_factory=dict)
    confusions: Sequence[Confusion] = ()
    notes: Sequence[str] = ()

    @property
    def averages(self) -> dict[str, Interval]:
        """The intervals without those of single labels."""
        of_labels = {name for confusion in self.confusions for name in confusion.metrics}
        return {name: interval for name, interval in self.intervals.items() if name not in of_labels}

    @property
    def main(self) -> dict[str, Interval]:
        """Of the averages those that people look at first: of a classification the usual ones, and all others."""
        seldom = {f"{confusion.prefix}{name}" for confusion in self.confusions for name in AVERAGES if name not in MAIN}
        return {name: interval for name, interval in self.averages.items() if name not in seldom}

    @property
    def shares(self) -> frozenset[str]:
        """The names of metrics that are shares, so that percent fits them."""
        names = [name for name in AVERAGES if name != "matthews_corrcoef"]
        return frozenset(
            one
            for confusion in self.confusions
            for one in (*(f"{confusion.prefix}{name}" for name in names), *confusion.metrics)
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, read again by `whole_run_from_json`.

        counts of a confusion matrix: [expected, predicted, how often], both as the place of a label; one beyond the
        last label is what was predicted and is none of them.
        """
        return {
            "metrics": {name: interval_json(interval) for name, interval in self.intervals.items()},
            "confusion_matrices": [
                {
                    "prefix": confusion.prefix,
                    "labels": list(confusion.labels),
                    "counts": [[expected, predicted, n] for (expected, predicted), n in confusion.counts.items()],
                }
                for confusion in self.confusions
            ],
            "notes": list(self.notes),
        }


def whole_run_from_json(content: Mapping[str, Any]) -> WholeRun:
    """What `to_json` wrote."""
    return WholeRun(
        {name: interval_from_json(item) for name, item in content.get("metrics", {}).items()},
        [
            Confusion(
                item["prefix"],
                tuple(item["labels"]),
                {(expected, predicted): count for expected, predicted, count in item["counts"]},
            )
            for item in content.get("confusion_matrices", ())
        ],
        content.get("notes", ()),
    )


def measure(metrics: Sequence[BoundMetric], answers: Iterable[Answer], *, seen: ExpectedLabels) -> WholeRun:
    """Every metric over all answers of a variant, gone through once. seen: labels that its data set expects."""
    at_work = [metric.collecting(seen) for metric in metrics]
    for answer in answers:
        for metric in at_work:
            metric.add(answer)
    found = [metric.measured() for metric in at_work]
    return WholeRun(
        {name: interval for item in found for name, interval in item.intervals.items()},
        [item.confusion for item in found if item.confusion is not None],
        [note for item in found for note in item.notes],
    )


def interval_json(interval: Interval) -> dict[str, Any]:
    """A mean with its interval as JSON has it everywhere: mean, low, high, n."""
    return {"mean": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n}


def interval_from_json(item: Mapping[str, Any]) -> Interval:
    """What `interval_json` wrote."""
    return Interval(item["mean"], item["low"], item["high"], item["n"])
