"""The tables that plots are drawn from hold what scikit-learn's functions give."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from estimator_families import CLASSIFICATION_DATA, REGRESSORS, fitted, split
from promptlab.estimators.curves import (
    Table,
    calibration_table,
    confusion_table,
    precision_recall_table,
    residual_table,
    roc_table,
    thinned,
)
from promptlab.estimators.evaluation import csv_text, evaluate
from promptlab.estimators.predicted import Predicted, predict


def of_class(table: Table, label: Any) -> list[Any]:
    return [row for row in table.rows if row[0] == label]


@pytest.mark.parametrize("data", CLASSIFICATION_DATA)
@pytest.mark.parametrize("family", ["logreg", "forest", "svc"])
def test_the_confusion_matrix_is_scikit_learns(data: str, family: str) -> None:
    known, estimator = split(data), fitted(data, family)
    table = confusion_table(known.test_y, predict(estimator, known.test))
    assert table is not None
    labels = estimator.classes_.tolist()
    assert table.columns == ("expected \\ predicted", *map(str, labels))
    assert [row[0] for row in table.rows] == labels
    reference = metrics.confusion_matrix(known.test_y, estimator.predict(known.test), labels=labels)
    assert [list(row[1:]) for row in table.rows] == reference.tolist()


@pytest.mark.parametrize("data", CLASSIFICATION_DATA)
@pytest.mark.parametrize("family", ["logreg", "svc"])
def test_roc_and_precision_recall_of_every_class_are_scikit_learns(data: str, family: str) -> None:
    known, estimator = split(data), fitted(data, family)
    predicted = predict(estimator, known.test)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(known.test))
    scores = estimator.predict_proba(known.test) if family == "logreg" else estimator.decision_function(known.test)
    labels = estimator.classes_.tolist()
    for label in labels if len(labels) > 2 else labels[1:]:
        hits = (known.test_y == label).to_numpy()
        column = scores if scores.ndim == 1 else scores[:, labels.index(label)]
        for weights in (None, weight):
            false_rate, true_rate, thresholds = metrics.roc_curve(hits, column, sample_weight=weights)
            rows = of_class(roc_table(known.test_y, predicted, sample_weight=weights), label)
            assert [row[1:] for row in rows] == list(
                zip(thresholds.tolist(), false_rate.tolist(), true_rate.tolist(), strict=True)
            )
            precision, recall, cuts = metrics.precision_recall_curve(
                hits, column, sample_weight=weights, drop_intermediate=True
            )
            rows = of_class(precision_recall_table(known.test_y, predicted, sample_weight=weights), label)
            assert [row[1:] for row in rows] == list(
                zip([*cuts.tolist(), None], precision.tolist(), recall.tolist(), strict=True)
            )


def test_calibration_is_scikit_learns() -> None:
    known, estimator = split("breast_cancer"), fitted("breast_cancer", "forest")
    table = calibration_table(known.test_y, predict(estimator, known.test))
    assert table is not None
    observed, said = calibration_curve(known.test_y, estimator.predict_proba(known.test)[:, 1], n_bins=10)
    assert [(row[2], row[1]) for row in table.rows] == [
        (pytest.approx(right), pytest.approx(mean)) for right, mean in zip(observed, said, strict=True)
    ]
    assert sum(row[3] for row in table.rows) == len(known.test)


@pytest.mark.parametrize("family", REGRESSORS)
def test_residuals_are_predictions_beside_right_answers(family: str) -> None:
    known, estimator = split("diabetes"), fitted("diabetes", family)
    table = residual_table(known.test_y, predict(estimator, known.test))
    assert table is not None
    said = estimator.predict(known.test).tolist()
    assert list(table.rows) == list(zip(range(len(said)), known.test_y.astype(float), said, strict=True))


def test_residuals_of_many_rows_are_a_sample_that_is_the_same_each_time() -> None:
    actual = np.arange(20_000.0)
    table = residual_table(actual, Predicted("regression", actual + 1))
    again = residual_table(actual, Predicted("regression", actual + 1))
    assert table is not None
    assert table == again
    assert len(table.rows) == 5000
    assert all(row[0] == row[1] == row[2] - 1 for row in table.rows)


def test_a_long_curve_is_thinned_and_keeps_its_area() -> None:
    random = np.random.default_rng(0)
    hits = random.integers(0, 2, 60_000)
    scores = hits + random.normal(0, 1.2, len(hits))
    predicted = Predicted("binary", (scores > 0.5).astype(int), [0, 1], None, scores)
    for table, area in (
        (roc_table(hits, predicted), metrics.roc_auc_score(hits, scores)),
        (precision_recall_table(hits, predicted), metrics.auc(*metrics.precision_recall_curve(hits, scores)[1::-1])),
    ):
        assert len(table.rows) == 1000
        across, up = ("false_positive_rate", "true_positive_rate")
        if "recall" in table.columns:
            across, up = "recall", "precision"
        x = [row[table.columns.index(across)] for row in table.rows]
        y = [row[table.columns.index(up)] for row in table.rows]
        assert metrics.auc(x, y) == pytest.approx(area, abs=2e-4)


def test_a_corner_is_never_thinned_away() -> None:
    x = np.linspace(0, 1, 5000)
    y = np.where(x < 0.3141, 0.0, 1.0)
    kept = thinned(x, y, most=10)
    corner = int(np.argmax(y))
    assert {0, corner - 1, corner, 4999} <= set(kept)
    assert kept == sorted(kept)


def test_ten_thousand_classes_make_no_table_and_two_hundred_curves_make_fifty() -> None:
    many = np.arange(10_000)
    assert confusion_table(many, Predicted("multiclass", many, many.tolist())) is None
    answers = np.repeat(np.arange(200), 3)
    sure = np.random.default_rng(0).uniform(size=(600, 200))
    table = roc_table(answers, Predicted("multiclass", answers, list(range(200)), sure))
    assert len({row[0] for row in table.rows}) == 50


def test_a_table_is_csv_that_loses_no_digit() -> None:
    known, estimator = split("breast_cancer"), fitted("breast_cancer", "logreg")
    table = evaluate(estimator, known.test, known.test_y).tables["roc_curve.csv"]
    head, *rows = csv.reader(io.StringIO(csv_text(table)))
    assert tuple(head) == table.columns
    assert [float(row[1]) for row in rows] == [row[1] for row in table.rows]
