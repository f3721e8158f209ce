"""Metrics of predictions by their task: scikit-learn's own, to the digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab.estimators.predicted import Predicted, flat
from promptlab.types import Direction

LOWER: frozenset[str] = frozenset(
    {"log_loss", "brier_score", "mae", "rmse", "median_ae", "max_error", "mape", "hamming_loss", "inertia"}
)
SAFE_SHARE = 1e-3
"""A percentage error says nothing where a right answer is smaller than this share of the mean one."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Metrics by name. left_out: by name why it was not measured. positive: the class that precision, recall, f1,
    roc_auc and brier_score are about, None where there are not two.
    """

    values: Mapping[str, float]
    left_out: Mapping[str, str] = field(default_factory=dict)
    positive: Any = None


def direction_of(metric: str) -> Direction:
    """Whether a higher or a lower value is better, of a name with or without `train_` or `test_`."""
    return "lower" if any(metric == name or metric.endswith(f"_{name}") for name in LOWER) else "higher"


def measure(actual: Any, predicted: Predicted, *, sample_weight: Any = None) -> Measured:
    """The metrics of predictions against the right answers; none for a task that has no right answers.

    Binary and multiclass: accuracy, balanced_accuracy, precision, recall and f1 (macro, weighted, for two classes of
    the second one), matthews_corrcoef, log_loss, roc_auc (macro, one against the rest), for two classes
    average_precision and brier_score. Regression: r2, mae, rmse, median_ae, max_error, mape. What predicts nothing of
    a class has precision 0. Source: sklearn.metrics.
    """
    import numpy as np

    answers = flat(np.asarray(actual))
    if not len(answers):
        return Measured({}, {"all": "there is no row"})
    if predicted.task == "regression":
        return _regression(answers, predicted.answers, sample_weight)
    if predicted.task == "multilabel":
        return _multilabel(answers, predicted.answers, sample_weight)
    if predicted.task in ("binary", "multiclass"):
        return _classification(answers, predicted, sample_weight)
    return Measured({})


def confusion_counts(actual: Any, answers: Any, labels: Any, *, sample_weight: Any = None) -> Any:
    """How many rows of each label were taken for each, shape (labels, labels), right answers in rows.

    labels: sorted, with every label that occurs.
    """
    import numpy as np

    size = len(labels)
    places = np.searchsorted(labels, actual) * size + np.searchsorted(labels, answers)
    return np.bincount(places, weights=sample_weight, minlength=size * size).reshape(size, size)


def _classification(actual: Any, predicted: Predicted, weight: Any) -> Measured:
    import numpy as np
    from sklearn import metrics

    answers, classes = predicted.answers, predicted.classes or []
    labels = np.unique(np.concatenate([np.unique(actual), np.unique(answers)]))
    values = {
        "accuracy": metrics.accuracy_score(actual, answers, sample_weight=weight),
        "balanced_accuracy": _balanced_accuracy(actual, answers, labels, weight),
        "matthews_corrcoef": (
            metrics.matthews_corrcoef(actual, answers, sample_weight=weight) if len(labels) > 1 else 0.0
        ),
    }
    averages: list[tuple[str, dict[str, Any]]] = [(f"_{name}", {"average": name}) for name in ("macro", "weighted")]
    positive = None
    if predicted.task == "binary":
        positive = classes[1]
        # A label beyond the two classes would have no place in an average of the positive one alone.
        averages.append(("", {"average": "macro", "labels": [positive]}))
    for suffix, options in averages:
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            actual, answers, sample_weight=weight, zero_division=0, **options
        )
        values |= {f"precision{suffix}": precision, f"recall{suffix}": recall, f"f1{suffix}": f1}
    more, left_out = _ranked(actual, predicted, weight)
    return Measured(_plain({**values, **more}), left_out, positive)


def _ranked(actual: Any, predicted: Predicted, weight: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The metrics of how sure it was, and why some of them are left out."""
    import numpy as np
    from sklearn import metrics

    classes = np.asarray(predicted.classes)
    present = np.isin(classes, actual)
    values: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    known = bool(np.isin(actual, classes).all())
    unknown = "a row has a class that it was not trained on"
    if predicted.probabilities is None:
        left_out["log_loss"] = "it gives no probabilities"
    elif not known:
        left_out["log_loss"] = unknown
    elif len(classes) < 2:
        left_out["log_loss"] = "it was trained on one class only"
    elif not np.isfinite(predicted.probabilities).all():
        left_out["log_loss"] = "a probability is no finite number"
    else:
        values["log_loss"] = metrics.log_loss(
            actual, predicted.probabilities, sample_weight=weight, labels=predicted.classes
        )
    reason = (
        "it gives neither probabilities nor decisions"
        if any(predicted.scores_of(place) is None for place in range(len(classes)))
        else unknown
        if not known
        else "the rows have one class only"
        if present.sum() < 2
        else "the rows do not have all classes"
        if not present.all()
        else "a score is no finite number"
        if not all(np.isfinite(predicted.scores_of(place)).all() for place in range(len(classes)))
        else None
    )
    if reason is not None:
        left_out |= dict.fromkeys(("roc_auc",), reason)
        return values, left_out
    if predicted.task == "binary":
        hits = actual == classes[1]
        scores = predicted.scores_of(1)
        values["roc_auc"] = metrics.roc_auc_score(hits, scores, sample_weight=weight)
        values["average_precision"] = metrics.average_precision_score(hits, scores, sample_weight=weight)
        if predicted.probabilities is not None:
            values["brier_score"] = metrics.brier_score_loss(hits, scores, sample_weight=weight)
    else:
        hits = actual[:, None] == classes[None, :]
        scores = np.column_stack([predicted.scores_of(place) for place in range(len(classes))])
        values["roc_auc"] = metrics.roc_auc_score(hits, scores, average="macro", sample_weight=weight)
    return values, left_out


def _balanced_accuracy(actual: Any, answers: Any, labels: Any, weight: Any) -> float:
    """Sklearn's warns of each label that is predicted and never right; this one is quiet, and the same number."""
    import numpy as np

    counts = confusion_counts(actual, answers, labels, sample_weight=weight)
    totals = counts.sum(axis=1)
    seen = totals > 0
    return float(np.mean(np.diag(counts)[seen] / totals[seen])) if seen.any() else float("nan")


def _multilabel(actual: Any, answers: Any, weight: Any) -> Measured:
    from sklearn import metrics
    from sklearn.utils.multiclass import type_of_target

    if actual.shape != answers.shape:
        return Measured({}, {"all": f"answers have the shape {answers.shape}, right answers {actual.shape}"})
    if type_of_target(actual) != "multilabel-indicator":
        return Measured({}, {"all": "several classes a row have no metrics here"})
    values = {
        "accuracy": metrics.accuracy_score(actual, answers, sample_weight=weight),
        "hamming_loss": metrics.hamming_loss(actual, answers, sample_weight=weight),
    }
    for average in ("macro", "weighted"):
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            actual, answers, average=average, sample_weight=weight, zero_division=0
        )
        values |= {f"precision_{average}": precision, f"recall_{average}": recall, f"f1_{average}": f1}
    return Measured(_plain(values))


def _regression(actual: Any, answers: Any, weight: Any) -> Measured:
    import numpy as np
    from sklearn import metrics

    values: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    if actual.shape != answers.shape:
        return Measured({}, {"all": f"answers have the shape {answers.shape}, right answers {actual.shape}"})
    if not np.issubdtype(actual.dtype, np.number):
        actual = actual.astype(float)
    if not np.isfinite(answers).all():
        return Measured({}, {"all": "an answer is no finite number"})
    if len(actual) > 1:
        values["r2"] = metrics.r2_score(actual, answers, sample_weight=weight)
    else:
        left_out["r2"] = "there is one row only"
    values["mae"] = metrics.mean_absolute_error(actual, answers, sample_weight=weight)
    values["rmse"] = metrics.root_mean_squared_error(actual, answers, sample_weight=weight)
    values["median_ae"] = metrics.median_absolute_error(actual, answers, sample_weight=weight)
    if actual.ndim == 1:
        values["max_error"] = metrics.max_error(actual, answers)
    else:
        left_out["max_error"] = "there are several answers a row"
    sizes = np.abs(actual)
    if sizes.min() > SAFE_SHARE * sizes.mean():
        values["mape"] = metrics.mean_absolute_percentage_error(actual, answers, sample_weight=weight)
    else:
        left_out["mape"] = "a right answer is 0 or next to it"
    return Measured(_plain(values), left_out)


def _plain(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}
