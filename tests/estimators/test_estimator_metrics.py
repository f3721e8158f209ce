"""Metrics of estimators are scikit-learn's own, to the digit, on its five bundled data sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from estimator_families import CLASSIFICATION_DATA, PAIRS, REGRESSORS, fitted, split
from promptlab.estimators.evaluation import evaluate, own_account, own_curves
from promptlab.estimators.metrics import direction_of, measure
from promptlab.estimators.predicted import Predicted, predict
from promptlab.tracking.direction import infer_direction


def classification_reference(estimator: Any, rows: Any, actual: Any, weight: Any = None) -> dict[str, float]:
    """What somebody would write with scikit-learn at hand."""
    said = estimator.predict(rows)
    kept: dict[str, Any] = {"sample_weight": weight}
    found = {
        "accuracy": metrics.accuracy_score(actual, said, **kept),
        "balanced_accuracy": metrics.balanced_accuracy_score(actual, said, **kept),
        "matthews_corrcoef": metrics.matthews_corrcoef(actual, said, **kept),
    }
    for name in ("precision", "recall", "f1"):
        score = getattr(metrics, f"{name}_score")
        for average in ("macro", "weighted"):
            found[f"{name}_{average}"] = score(actual, said, average=average, zero_division=0, **kept)
        if len(estimator.classes_) == 2:
            found[name] = score(actual, said, pos_label=estimator.classes_[1], **kept)
    sure = hasattr(estimator, "predict_proba")
    scores = estimator.predict_proba(rows) if sure else estimator.decision_function(rows)
    if sure:
        found["log_loss"] = metrics.log_loss(actual, scores, **kept)
    if len(estimator.classes_) == 2:
        scores = scores[:, 1] if sure else scores
        found["roc_auc"] = metrics.roc_auc_score(actual, scores, **kept)
        positive = estimator.classes_[1]
        found["average_precision"] = metrics.average_precision_score(actual, scores, pos_label=positive, **kept)
        if sure:
            found["brier_score"] = metrics.brier_score_loss(actual, scores, pos_label=positive, **kept)
    elif sure:
        found["roc_auc"] = metrics.roc_auc_score(actual, scores, multi_class="ovr", average="macro", **kept)
    else:
        found["roc_auc"] = np.mean(
            [
                metrics.roc_auc_score(actual == label, scores[:, place], **kept)
                for place, label in enumerate(estimator.classes_)
            ]
        )
    return found


def regression_reference(actual: Any, said: Any, weight: Any = None) -> dict[str, float]:
    return {
        "r2": metrics.r2_score(actual, said, sample_weight=weight),
        "mae": metrics.mean_absolute_error(actual, said, sample_weight=weight),
        "rmse": metrics.root_mean_squared_error(actual, said, sample_weight=weight),
        "median_ae": metrics.median_absolute_error(actual, said, sample_weight=weight),
        "max_error": metrics.max_error(actual, said),
        "mape": metrics.mean_absolute_percentage_error(actual, said, sample_weight=weight),
    }


@pytest.mark.parametrize(("data", "family"), PAIRS)
def test_a_classifier_is_measured_as_scikit_learn_does(data: str, family: str) -> None:
    known, estimator = split(data), fitted(data, family)
    for rows, actual in ((known.train, known.train_y), (known.test, known.test_y)):
        assert dict(measure(actual, predict(estimator, rows)).values) == classification_reference(
            estimator, rows, actual
        )


@pytest.mark.parametrize("data", CLASSIFICATION_DATA)
@pytest.mark.parametrize("family", ["logreg", "svc"])
def test_a_classifier_is_measured_with_weights_as_scikit_learn_does(data: str, family: str) -> None:
    known, estimator = split(data), fitted(data, family)
    weight = np.random.default_rng(3).uniform(0.1, 4.0, len(known.test))
    found = measure(known.test_y, predict(estimator, known.test), sample_weight=weight).values
    reference = classification_reference(estimator, known.test, known.test_y, weight)
    assert found.keys() == reference.keys()
    # Sums of weights are taken in another order in one of them, the balanced accuracy: a last bit may differ.
    assert {name for name in found if found[name] != reference[name]} <= {"balanced_accuracy"}
    assert found["balanced_accuracy"] == pytest.approx(reference["balanced_accuracy"], rel=1e-14)


@pytest.mark.parametrize("family", REGRESSORS)
def test_a_regressor_is_measured_as_scikit_learn_does(family: str) -> None:
    known, estimator = split("diabetes"), fitted("diabetes", family)
    weight = np.random.default_rng(3).uniform(0.1, 4.0, len(known.test))
    for rows, actual, weights in (
        (known.train, known.train_y, None),
        (known.test, known.test_y, None),
        (known.test, known.test_y, weight),
    ):
        found = measure(actual, predict(estimator, rows), sample_weight=weights).values
        assert dict(found) == regression_reference(actual, estimator.predict(rows), weights)


def test_labels_of_text_have_the_second_one_as_the_positive_class() -> None:
    known = split("breast_cancer")
    names = np.array(["malignant", "benign"])
    train, test = names[known.train_y], names[known.test_y]
    estimator = LogisticRegression(max_iter=5000).fit(known.train, train)
    found = evaluate(estimator, known.test, test)
    assert found.summary()["classes"] == ["benign", "malignant"]
    assert found.measured.positive == "malignant"
    assert dict(found.measured.values) == classification_reference(estimator, known.test, test)


def test_an_svc_without_probabilities_says_why_it_has_no_log_loss() -> None:
    known = split("breast_cancer")
    left_out = measure(known.test_y, predict(fitted("breast_cancer", "svc"), known.test)).left_out
    assert left_out["log_loss"] == "it gives no probabilities"


def test_what_cannot_be_measured_is_left_out_with_its_reason() -> None:
    known, estimator = split("iris"), fitted("iris", "logreg")
    one_class = known.test_y == 1
    found = measure(known.test_y[one_class], predict(estimator, known.test[one_class]))
    assert found.left_out["roc_auc"] == "the rows have one class only"
    assert "roc_auc" not in found.values
    strange = measure(np.where(known.test_y == 2, 7, known.test_y), predict(estimator, known.test))
    assert strange.left_out["log_loss"] == "a row has a class that it was not trained on"
    assert measure(known.test_y[:0], Predicted("multiclass", np.array([]), [0, 1, 2])).left_out == {
        "all": "there is no row"
    }


def test_a_percentage_error_is_left_out_where_a_right_answer_is_zero() -> None:
    rows = np.arange(20.0).reshape(-1, 1)
    found = measure(rows[:, 0], predict(LinearRegression().fit(rows, rows[:, 0]), rows))
    assert "mape" not in found.values
    assert found.left_out["mape"] == "a right answer is 0 or next to it"


def test_several_answers_a_row_are_measured_as_scikit_learn_does() -> None:
    rows, answers = make_multilabel_classification(n_samples=120, random_state=0)
    for estimator in (RandomForestClassifier(n_estimators=10, random_state=0), MLPClassifier(max_iter=60)):
        if isinstance(estimator, MLPClassifier):
            estimator.set_params(early_stopping=True, n_iter_no_change=1, tol=1.0, random_state=0)
        said = estimator.fit(rows, answers).predict(rows)
        found = measure(answers, predict(estimator, rows)).values
        assert found["accuracy"] == metrics.accuracy_score(answers, said)
        assert found["hamming_loss"] == metrics.hamming_loss(answers, said)
        assert found["f1_macro"] == metrics.f1_score(answers, said, average="macro", zero_division=0)


def test_regression_of_several_targets_is_measured_as_scikit_learn_does() -> None:
    known = split("diabetes")
    answers = np.column_stack([known.train_y, np.sqrt(known.train_y)])
    estimator = LinearRegression().fit(known.train, answers)
    found = measure(answers, predict(estimator, known.train))
    said = estimator.predict(known.train)
    assert found.values["r2"] == metrics.r2_score(answers, said)
    assert found.values["rmse"] == metrics.root_mean_squared_error(answers, said)
    assert found.left_out["max_error"] == "there are several answers a row"


def test_clusterers_and_outlier_detectors_say_what_they_can() -> None:
    rows = split("iris").train
    means = KMeans(3, n_init=2, random_state=0).fit(rows)
    assert own_account(means) == {
        "inertia": means.inertia_,
        "iterations": float(means.n_iter_),
        "clusters": 3.0,
        "noise": 0.0,
    }
    scan = DBSCAN(eps=0.5).fit(rows)
    assert own_account(scan)["noise"] == np.mean(scan.labels_ == -1)
    outliers = predict(IsolationForest(random_state=0).fit(rows.to_numpy()), rows.to_numpy())
    assert outliers.task == "outliers"
    assert dict(measure(rows, outliers).values) == {}


def test_training_that_notes_its_own_curve_has_it_also_within_a_pipeline() -> None:
    known, boosting = split("iris"), fitted("iris", "boosting")
    assert own_curves(boosting) == {"loss": boosting.train_score_.tolist()}
    assert own_curves(fitted("iris", "logreg")) == {}
    by_histogram = HistGradientBoostingClassifier(max_iter=3, early_stopping=True, random_state=0)
    by_histogram.fit(known.train, known.train_y)
    assert own_curves(by_histogram) == {
        "train_score": by_histogram.train_score_.tolist(),
        "validation_score": by_histogram.validation_score_.tolist(),
    }
    network = make_pipeline(StandardScaler(), MLPClassifier((4,), early_stopping=True, n_iter_no_change=1, tol=1.0))
    network.fit(known.train, known.train_y)
    assert own_curves(network) == {
        "loss": network[-1].loss_curve_,
        "validation_score": network[-1].validation_scores_,
    }
    assert own_account(network)["iterations"] == network[-1].n_iter_


@pytest.mark.parametrize("data", ["breast_cancer", "diabetes"])
def test_every_metric_says_whether_higher_or_lower_is_better(data: str) -> None:
    known = split(data)
    estimator = fitted(data, "linear" if data == "diabetes" else "forest")
    lower = {"log_loss", "brier_score", "mae", "rmse", "median_ae", "max_error", "mape"}
    for name in measure(known.test_y, predict(estimator, known.test)).values:
        assert direction_of(name) == direction_of(f"test_{name}") == ("lower" if name in lower else "higher")
        if infer_direction(f"test_{name}") != direction_of(name):
            assert name in {"median_ae", "max_error", "mape", "brier_score"}
