"""An estimator measured on one part of the data: metrics, and the tables and texts to keep beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptlab.estimators import curves
from promptlab.estimators.curves import Table
from promptlab.estimators.inputs import count_rows
from promptlab.estimators.metrics import Measured, measure
from promptlab.estimators.predicted import Predicted, predict
from promptlab.estimators.tasks import answering, task_of
from promptlab.spreadsheets import csv_line


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an estimator is worth on some rows. tables: by file name, such as `roc_curve.csv`."""

    predicted: Predicted
    rows: int
    measured: Measured
    tables: Mapping[str, Table]

    def summary(self) -> dict[str, Any]:
        """The metrics with what they are about: rows, task, classes, the positive one, what was left out and why."""
        return {
            "task": self.predicted.task,
            "rows": self.rows,
            "classes": self.predicted.classes,
            "positive_class": self.measured.positive,
            "metrics": dict(self.measured.values),
            "left_out": dict(self.measured.left_out),
        }


def evaluate(
    estimator: Any, rows: Any, actual: Any, *, sample_weight: Any = None, with_tables: bool = True
) -> Evaluation:
    """The estimator's answers to the rows held against the right ones; raises what its `predict` raises."""
    predicted = predict(estimator, rows)
    measured = measure(actual, predicted, sample_weight=sample_weight)
    tables = _tables(actual, predicted, sample_weight) if with_tables and measured.values else {}
    return Evaluation(predicted, count_rows(rows), measured, tables)


def own_account(estimator: Any) -> dict[str, float]:
    """What a fitted estimator says of itself without right answers: inertia, clusters, share of noise or outliers,
    iterations, out-of-bag and cross-validation score.
    """
    import numpy as np

    found: dict[str, float] = {}
    inner = answering(estimator)
    for name, attribute in (
        ("inertia", "inertia_"),
        ("oob_score", "oob_score_"),
        ("best_cv_score", "best_score_"),
        ("lower_bound", "lower_bound_"),
    ):
        value = getattr(estimator, attribute, getattr(inner, attribute, None))
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = float(value)
    iterations = getattr(inner, "n_iter_", None)
    if iterations is not None and np.size(iterations) and np.issubdtype(np.asarray(iterations).dtype, np.number):
        found["iterations"] = float(np.max(iterations))
    labels = getattr(inner, "labels_", None)
    if task_of(estimator) == "clustering" and labels is not None and len(labels):
        found["clusters"] = float(len(set(np.asarray(labels).tolist()) - {-1}))
        found["noise"] = float(np.mean(np.asarray(labels) == -1))
    return found


def own_curves(estimator: Any) -> dict[str, list[float]]:
    """How the training went, of those that note it: loss an epoch, and the score on what they held out."""
    inner = answering(estimator)
    # Gradient boosting calls its loss a score; the one by histograms means a score.
    noted = "loss" if any(base.__name__ == "BaseGradientBoosting" for base in type(inner).__mro__) else "train_score"
    found = {}
    for name, attribute in (
        ("loss", "loss_curve_"),
        (noted, "train_score_"),
        ("validation_score", "validation_scores_"),
        ("validation_score", "validation_score_"),
    ):
        values = getattr(inner, attribute, None)
        if values is not None and not callable(values) and len(values):
            found[name] = [float(value) for value in values]
    return found


def csv_text(table: Table) -> str:
    """The table as CSV; a number as Python writes it, so that none loses a digit; what is missing is empty."""
    return "".join(csv_line(line) for line in (table.columns, *table.rows))


def json_text(value: Any) -> str:
    """The value as JSON; what JSON has not is written as text."""
    return json.dumps(_finite(value), ensure_ascii=False, indent=1, default=str)


def _tables(actual: Any, predicted: Predicted, weight: Any) -> dict[str, Table]:
    found: dict[str, Table | None] = {}
    if predicted.task in ("binary", "multiclass"):
        found["confusion_matrix.csv"] = curves.confusion_table(actual, predicted)
        found["roc_curve.csv"] = curves.roc_table(actual, predicted, sample_weight=weight)
        found["precision_recall_curve.csv"] = curves.precision_recall_table(actual, predicted, sample_weight=weight)
        found["calibration.csv"] = curves.calibration_table(actual, predicted)
    elif predicted.task == "regression":
        found["residuals.csv"] = curves.residual_table(actual, predicted)
    return {name: table for name, table in found.items() if table is not None and table.rows}


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0.0 else str(value)
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
