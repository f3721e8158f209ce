"""Tables that plots draw from: the confusion matrix, ROC, precision-recall, calibration, residuals.

All of plain values, as CSV takes them; a curve of any length comes in at most about a thousand points.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.estimators.inputs import sample_positions
from promptlab.estimators.metrics import confusion_counts
from promptlab.estimators.predicted import Predicted, flat

MOST_POINTS = 1000
MOST_RESIDUALS = 5000
MOST_CURVES = 50
"""Classes that get a curve of their own, the most frequent ones; a page of more is no picture."""
MOST_LABELS = 200
"""Labels of a confusion matrix."""
CALIBRATION_BINS = 10


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name, and rows of plain values."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


def confusion_table(actual: Any, predicted: Predicted) -> Table | None:
    """How many rows of each label were taken for each; right answers stand in the first column.

    The form of the whole-run metrics. None for more than 200 labels.
    """
    import numpy as np

    answers = flat(np.asarray(actual))
    labels = np.unique(np.concatenate([np.unique(answers), np.unique(predicted.answers), _classes(predicted)]))
    if len(labels) > MOST_LABELS:
        return None
    counts = confusion_counts(answers, predicted.answers, labels).tolist()
    names = labels.tolist()
    return Table(
        ("expected \\ predicted", *map(str, names)), [[name, *row] for name, row in zip(names, counts, strict=True)]
    )


def roc_table(actual: Any, predicted: Predicted, *, sample_weight: Any = None) -> Table:
    """The ROC curve of each class against the rest; of the second one alone where there are two.

    class, threshold, false_positive_rate, true_positive_rate. Source: sklearn.metrics.roc_curve, corners only.
    """
    from sklearn.metrics import roc_curve

    rows: list[Sequence[Any]] = []
    for label, hits, scores in _one_against_the_rest(actual, predicted):
        false_rate, true_rate, thresholds = roc_curve(hits, scores, sample_weight=sample_weight)
        rows += [
            (label, float(thresholds[at]), float(false_rate[at]), float(true_rate[at]))
            for at in thinned(false_rate, true_rate)
        ]
    return Table(("class", "threshold", "false_positive_rate", "true_positive_rate"), rows)


def precision_recall_table(actual: Any, predicted: Predicted, *, sample_weight: Any = None) -> Table:
    """The precision-recall curve of each class against the rest; of the second one alone where there are two.

    class, threshold, precision, recall; the last point of a curve has no threshold. Source:
    sklearn.metrics.precision_recall_curve, corners only.
    """
    from sklearn.metrics import precision_recall_curve

    rows: list[Sequence[Any]] = []
    for label, hits, scores in _one_against_the_rest(actual, predicted):
        precision, recall, thresholds = precision_recall_curve(
            hits, scores, sample_weight=sample_weight, drop_intermediate=True
        )
        for at in thinned(recall, precision):
            threshold = float(thresholds[at]) if at < len(thresholds) else None
            rows.append((label, threshold, float(precision[at]), float(recall[at])))
    return Table(("class", "threshold", "precision", "recall"), rows)


def calibration_table(actual: Any, predicted: Predicted, *, bins: int = CALIBRATION_BINS) -> Table | None:
    """Of two classes: by tenths of the predicted probability its mean, the share that was right, and how many rows.

    class, predicted, observed, rows; empty tenths are left out. None without probabilities.
    Source: sklearn.calibration.calibration_curve, strategy uniform.
    """
    import numpy as np

    if predicted.task != "binary" or predicted.probabilities is None or predicted.classes is None:
        return None
    answers = flat(np.asarray(actual))
    scores = predicted.probabilities[:, 1]
    hits = (answers == predicted.classes[1]).astype(float)
    if not np.isfinite(scores).all():
        return None
    places = np.searchsorted(np.linspace(0.0, 1.0, bins + 1)[1:-1], scores)
    counts = np.bincount(places, minlength=bins)
    sums = np.bincount(places, weights=scores, minlength=bins)
    right = np.bincount(places, weights=hits, minlength=bins)
    label = predicted.classes[1]
    rows = [
        (label, float(sums[at] / counts[at]), float(right[at] / counts[at]), int(counts[at]))
        for at in np.flatnonzero(counts).tolist()
    ]
    return Table(("class", "predicted", "observed", "rows"), rows)


def residual_table(actual: Any, predicted: Predicted, *, most: int = MOST_RESIDUALS) -> Table | None:
    """Right answers beside predictions, by the place of the row; a seeded sample where there are more rows.

    row, actual, predicted. None for several answers a row.
    """
    import numpy as np

    answers = flat(np.asarray(actual))
    if answers.ndim != 1 or predicted.answers.ndim != 1:
        return None
    chosen = sample_positions(len(answers), most)
    places = range(len(answers)) if chosen is None else chosen
    right, said = answers.astype(float).tolist(), predicted.answers.astype(float).tolist()
    return Table(("row", "actual", "predicted"), [(at, right[at], said[at]) for at in places])


def thinned(x: Any, y: Any, *, most: int = MOST_POINTS) -> list[int]:
    """The places of at most so many points of a line: first and last, then again and again the point that is
    furthest from the line between those on either side of it that are kept already. No corner is lost before a
    smaller one.

    Source: Douglas and Peucker, "Algorithms for the reduction of the number of points" (1973), the largest first.
    """
    import numpy as np

    count = len(x)
    if count <= most:
        return list(range(count))
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)

    def furthest(first: int, last: int) -> tuple[float, int, int, int] | None:
        if last - first < 2:
            return None
        dx, dy = x[last] - x[first], y[last] - y[first]
        within = slice(first + 1, last)
        length = float(np.hypot(dx, dy))
        if length == 0.0:
            away = np.hypot(x[within] - x[first], y[within] - y[first])
        else:
            away = np.abs(dy * (x[within] - x[first]) - dx * (y[within] - y[first])) / length
        at = int(np.argmax(away))
        return (-float(away[at]), first + 1 + at, first, last)

    kept = [0, count - 1]
    waiting = [found for found in (furthest(0, count - 1),) if found is not None]
    while waiting and len(kept) < most:
        _, middle, first, last = heapq.heappop(waiting)
        kept.append(middle)
        for found in (furthest(first, middle), furthest(middle, last)):
            if found is not None:
                heapq.heappush(waiting, found)
    return sorted(kept)


def _one_against_the_rest(actual: Any, predicted: Predicted) -> Iterator[tuple[Any, Any, Any]]:
    """A class, which rows have it, and their scores, for every class that some rows have and others have not."""
    import numpy as np

    answers = flat(np.asarray(actual))
    classes = predicted.classes or []
    places = [1] if len(classes) == 2 else list(range(len(classes)))
    if len(places) > MOST_CURVES:
        counts = [int((answers == classes[place]).sum()) for place in places]
        places = sorted(sorted(places, key=lambda place: -counts[place])[:MOST_CURVES])
    for place in places:
        scores = predicted.scores_of(place)
        hits = answers == classes[place]
        if scores is not None and np.isfinite(scores).all() and hits.any() and not hits.all():
            yield classes[place], hits, scores


def _classes(predicted: Predicted) -> Any:
    import numpy as np

    return np.asarray(predicted.classes) if predicted.classes is not None else predicted.answers[:0]
