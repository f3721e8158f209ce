"""A fitted estimator in a run: what is kept of it, and two of them held against each other row by row."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.datasets import make_multilabel_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import IsolationForest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from estimator_families import CLASSIFICATION_DATA, CLASSIFIERS, REGRESSORS, fitted, make, split
from promptlab import Lab
from promptlab.errors import UsageError
from promptlab.estimators.metrics import measure
from promptlab.estimators.params import flat_params
from promptlab.estimators.predicted import predict
from promptlab.tracking.run import Run


@pytest.fixture
def lab(tmp_path: Path):
    with Lab(workspace=tmp_path) as lab:
        yield lab


def logged(lab: Lab, data: str, family: str, **options: Any) -> Run:
    known = split(data)
    with lab.run(family, experiment=data) as run:
        run.log_estimator(fitted(data, family), known.train, known.train_y, known.test, known.test_y, **options)
    return run


def values(lab: Lab, run: Run) -> dict[str, float]:
    return {name: value.last for name, value in lab.run_detail(run.uid).metrics.items()}


def text(lab: Lab, run: Run, name: str) -> str:
    with lab.artifact(run.uid, name) as file:
        return file.read().decode()


def table(lab: Lab, run: Run, name: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text(lab, run, name)))


@pytest.mark.parametrize(
    ("data", "family"),
    [
        ("iris", "knn"),
        ("wine", "boosting"),
        ("breast_cancer", "svc"),
        ("digits", "logreg"),
        ("diabetes", "forest_regressor"),
    ],
)
def test_a_run_has_the_params_and_the_metrics_of_its_estimator(lab: Lab, data: str, family: str) -> None:
    known, estimator = split(data), fitted(data, family)
    run = logged(lab, data, family)
    detail = lab.run_detail(run.uid)
    assert dict(detail.params) == flat_params(estimator)
    assert detail.tags["version.scikit-learn"] == __import__("sklearn").__version__
    assert detail.tags["estimator"].endswith(type(estimator).__name__)
    expected = {}
    for part, rows, actual in (("train", known.train, known.train_y), ("test", known.test, known.test_y)):
        measured = dict(measure(actual, predict(estimator, rows)).values)
        expected |= {f"{part}_{name}": value for name, value in measured.items()}
    found = values(lab, run)
    assert {name: value for name, value in found.items() if name.startswith(("train_", "test_"))} == expected
    assert detail.tags["task"] == {"diabetes": "regression", "breast_cancer": "binary"}.get(data, "multiclass")


def test_plots_have_their_data_in_files_of_the_run(lab: Lab) -> None:
    known, estimator = split("breast_cancer"), fitted("breast_cancer", "logreg")
    run = logged(lab, "breast_cancer", "logreg")
    scores = estimator.predict_proba(known.test)[:, 1]
    false_rate, true_rate, _ = metrics.roc_curve(known.test_y, scores)
    roc = table(lab, run, "evaluation/test/roc_curve.csv")
    assert roc["false_positive_rate"].tolist() == false_rate.tolist()
    assert roc["true_positive_rate"].tolist() == true_rate.tolist()
    confusion = table(lab, run, "evaluation/test/confusion_matrix.csv").set_index("expected \\ predicted")
    assert (
        confusion.to_numpy().tolist() == metrics.confusion_matrix(known.test_y, estimator.predict(known.test)).tolist()
    )
    importance = table(lab, run, "model/feature_importance.csv")
    largest = np.argmax(np.abs(estimator[-1].coef_[0]))
    assert importance["feature"][0] == known.train.columns[largest]
    assert importance["signed"][0] == estimator[-1].coef_[0][largest]
    assert json.loads(text(lab, run, "model/input_example.json")) == known.train.head(5).to_dict(orient="records")
    signature = json.loads(text(lab, run, "model/signature.json"))
    assert (signature["columns"], signature["output"]["classes"]) == (30, [0, 1])
    summary = json.loads(text(lab, run, "evaluation/test/summary.json"))
    assert (summary["rows"], summary["positive_class"]) == (len(known.test), 1)
    names = {item.name for item in lab.run_detail(run.uid).artifacts}
    assert {"evaluation/train/roc_curve.csv", "evaluation/test/calibration.csv"} <= names


def test_a_regression_has_its_residuals(lab: Lab) -> None:
    known, estimator = split("diabetes"), fitted("diabetes", "ridge")
    run = logged(lab, "diabetes", "ridge")
    residuals = table(lab, run, "evaluation/test/residuals.csv")
    assert residuals["actual"].tolist() == known.test_y.tolist()
    assert residuals["predicted"].tolist() == estimator.predict(known.test).tolist()


@pytest.mark.parametrize("data", CLASSIFICATION_DATA)
def test_two_classifiers_compare_as_mcnemars_test_says(lab: Lab, data: str) -> None:
    known = split(data)
    runs = {family: logged(lab, data, family) for family in CLASSIFIERS}
    right = {family: (fitted(data, family).predict(known.test) == known.test_y).to_numpy() for family in CLASSIFIERS}
    for family in CLASSIFIERS[1:]:
        (pair,) = lab.compare(runs["logreg"].uid, runs[family].uid).pairs
        assert (pair.shared, pair.unpaired) == (len(known.test), 0)
        exact = pair.measures[0]
        assert (exact.measure, exact.direction) == ("exact_match", "higher")
        fixed = int((right[family] & ~right["logreg"]).sum())
        regressed = int((~right[family] & right["logreg"]).sum())
        assert (exact.difference.fixed, exact.difference.regressed) == (fixed, regressed)
        assert exact.difference.mean == pytest.approx(right[family].mean() - right["logreg"].mean(), abs=1e-15)
        p_value = stats.binomtest(fixed, fixed + regressed).pvalue if fixed + regressed else 1.0
        assert exact.difference.p_value == pytest.approx(p_value, rel=1e-12)
        assert exact.difference.low is not None
        assert exact.difference.low <= exact.difference.mean


def test_two_regressors_compare_as_the_paired_t_test_of_their_errors_says(lab: Lab) -> None:
    known = split("diabetes")
    runs = {family: logged(lab, "diabetes", family) for family in REGRESSORS}
    errors = {
        family: np.abs(fitted("diabetes", family).predict(known.test) - known.test_y.to_numpy())
        for family in REGRESSORS
    }
    comparison = lab.compare(*(run.uid for run in runs.values()))
    assert [pair.other.name for pair in comparison.pairs] == list(REGRESSORS[1:])
    for pair in comparison.pairs:
        (difference,) = [measure for measure in pair.measures if measure.measure == "numeric_diff"]
        assert difference.direction == "lower"
        change = errors[pair.other.name] - errors["linear"]
        assert difference.difference.mean == pytest.approx(change.mean(), rel=1e-12)
        reference = stats.ttest_rel(errors[pair.other.name], errors["linear"])
        assert difference.difference.p_value == pytest.approx(reference.pvalue, rel=1e-9)
        interval = reference.confidence_interval()
        assert (difference.difference.low, difference.difference.high) == (
            pytest.approx(interval.low, rel=1e-9),
            pytest.approx(interval.high, rel=1e-9),
        )
    assert values(lab, runs["ridge"])["numeric_diff"] == pytest.approx(
        metrics.mean_absolute_error(known.test_y, fitted("diabetes", "ridge").predict(known.test)), rel=1e-12
    )


def test_metrics_with_weights_are_scikit_learns(lab: Lab) -> None:
    known = split("breast_cancer")
    random = np.random.default_rng(5)
    train_weight, test_weight = random.uniform(0.5, 3, len(known.train)), random.uniform(0.5, 3, len(known.test))
    estimator = make("forest").fit(known.train, known.train_y, sample_weight=train_weight)
    with lab.run("weights") as run:
        run.log_estimator(
            estimator,
            known.train,
            known.train_y,
            known.test,
            known.test_y,
            sample_weight=train_weight,
            test_sample_weight=test_weight,
        )
    found = values(lab, run)
    said = estimator.predict(known.test)
    assert found["test_accuracy"] == metrics.accuracy_score(known.test_y, said, sample_weight=test_weight)
    assert found["train_log_loss"] == metrics.log_loss(
        known.train_y, estimator.predict_proba(known.train), sample_weight=train_weight
    )


def test_the_training_and_the_test_rows_are_versions_of_data_sets(lab: Lab) -> None:
    one, other = logged(lab, "iris", "knn"), logged(lab, "iris", "forest")
    for run in (one, other):
        found = {context: row.reference for context, row in lab.run_detail(run.uid).datasets}
        assert found == {"training": "iris train@1", "evaluation": "iris test@1"}
    train, test = lab.dataset("iris train"), lab.dataset("iris test")
    assert (train.kind, train.rows) == ("table", len(split("iris").train))
    assert (test.kind, test.rows) == ("cases", len(split("iris").test))
    case = next(iter(test.cases))
    assert case.inputs["petal length (cm)"] == split("iris").test.iloc[0, 2]


def test_predictions_of_many_rows_are_those_of_a_sample_and_two_models_have_the_same_one(lab: Lab) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(11_000, 2))
    answers = (rows[:, 0] + random.normal(size=11_000) > 0).astype(int)
    runs = []
    for estimator in (DummyClassifier(), DecisionTreeClassifier(max_depth=2)):
        with lab.run("large") as run:
            run.log_estimator(estimator.fit(rows, answers), X_test=rows, y_test=answers)
        runs.append(run)
    assert lab.run_detail(run.uid).tags["predictions"] == "a sample of 10,000 of 11,000 rows, seed 0"
    (pair,) = lab.compare(*(run.uid for run in runs)).pairs
    assert (pair.shared, pair.unpaired) == (10_000, 0)
    assert values(lab, run)["test_accuracy"] == metrics.accuracy_score(answers, estimator.predict(rows))


def test_a_run_has_one_estimator_and_takes_another_within_it(lab: Lab) -> None:
    known = split("iris")
    with lab.run("two") as run:
        run.log_estimator(fitted("iris", "knn"), known.train, known.train_y)
        with pytest.raises(UsageError, match="run 'two' has a Pipeline already, and a run has one estimator"):
            run.log_estimator(fitted("iris", "forest"), known.train, known.train_y)
        with run.run("forest") as inner:
            inner.log_estimator(fitted("iris", "forest"), known.train, known.train_y)
    assert [child.name for child in lab.run_detail(run.uid).children] == ["forest"]


def test_what_does_not_fit_together_is_refused_before_anything_is_kept(lab: Lab) -> None:
    known = split("iris")
    with lab.run("wrong") as run:
        with pytest.raises(UsageError, match="y_test is given without X_test; give both"):
            run.log_estimator(fitted("iris", "knn"), y_test=known.test_y)
        with pytest.raises(UsageError, match="X_train has 105 rows and y_train 45; give one a row"):
            run.log_estimator(fitted("iris", "knn"), known.train, known.test_y)
    assert dict(lab.run_detail(run.uid).params) == {}


def test_params_that_the_run_has_already_stay(lab: Lab) -> None:
    known = split("iris")
    with lab.run("mine", params={"verbose": "my own"}) as run:
        run.log_estimator(fitted("iris", "knn"), known.train, known.train_y)
    assert lab.run_detail(run.uid).params["verbose"] == "my own"


def test_a_search_is_a_run_with_its_candidates_within_it(lab: Lab) -> None:
    known = split("wine")
    search = GridSearchCV(make("logreg"), {"logisticregression__C": [1e-4, 1.0, 10.0, 100.0]}, cv=3)
    search.fit(known.train, known.train_y)
    with lab.run("search") as run:
        run.log_estimator(search, known.train, known.train_y, known.test, known.test_y)
    detail = lab.run_detail(run.uid)
    assert detail.tags["candidates"] == "4"
    assert values(lab, run)["best_cv_score"] == search.best_score_
    children = {child.name: child for child in detail.children}
    assert set(children) == {f"candidate {place}" for place in range(4)}
    for place in range(4):
        child = lab.run_detail(children[f"candidate {place}"].uid)
        assert child.params["logisticregression__C"] == str(
            search.cv_results_["params"][place]["logisticregression__C"]
        )
        assert child.metrics["mean_test_score"].last == search.cv_results_["mean_test_score"][place]
        assert lab.metric_history(child.run.uid, "split_test_score") == [
            (fold, search.cv_results_[f"split{fold}_test_score"][place]) for fold in range(3)
        ]
    assert len(table(lab, run, "model/candidates.csv")) == 4


def test_texts_and_sparse_rows_and_labels_of_text_are_taken(lab: Lab) -> None:
    texts = ["good food", "bad wine", "good wine", "bad food", "very good", "very bad"] * 5
    labels = ["fine " if "good" in words else "poor" for words in texts]
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, labels)
    with lab.run("texts") as run:
        run.log_estimator(estimator, texts, labels, texts, labels)
    found = values(lab, run)
    assert (found["test_accuracy"], found["exact_match"]) == (1.0, 1.0)
    matrix = sparse.random(60, 2000, density=0.01, random_state=0, format="csr")
    answers = np.arange(60) % 2
    with lab.run("sparse") as run:
        run.log_estimator(LogisticRegression().fit(matrix, answers), matrix, answers, matrix, answers)
    detail = lab.run_detail(run.uid)
    assert "test_accuracy" in detail.metrics
    assert "training data" in json.loads(detail.tags["left_out"])


def test_what_has_no_right_answers_says_what_it_can(lab: Lab) -> None:
    rows = split("iris").train
    with lab.run("clusters") as run:
        run.log_estimator(KMeans(3, n_init=1, random_state=0).fit(rows), rows)
    assert values(lab, run)["clusters"] == 3.0
    with lab.run("outliers") as run:
        run.log_estimator(IsolationForest(random_state=0).fit(rows.to_numpy()), rows.to_numpy())
    assert 0 < values(lab, run)["train_outliers"] < 1
    rows, answers = make_multilabel_classification(n_samples=50, random_state=0)
    with lab.run("several") as run:
        run.log_estimator(DecisionTreeClassifier().fit(rows, answers), rows, answers, rows, answers)
    assert values(lab, run)["test_accuracy"] == 1.0
    assert json.loads(lab.run_detail(run.uid).tags["left_out"])["predictions on test"] == (
        "a task of the kind multilabel has no one right answer a row"
    )


def test_importance_by_permutation_comes_on_request(lab: Lab) -> None:
    run = logged(lab, "iris", "knn", permutations=2, keep_predictions=False)
    found = table(lab, run, "model/permutation_importance.csv")
    assert set(found["feature"]) == set(split("iris").train.columns)
    assert found["kind"].unique().tolist() == ["permutation x2"]
    with pytest.raises(Exception, match="no scores on cases"):
        lab.compare(run.uid, logged(lab, "iris", "forest", keep_predictions=False).uid)


def test_directions_of_metrics_are_known(lab: Lab) -> None:
    logged(lab, "diabetes", "linear")
    logged(lab, "breast_cancer", "logreg")
    for name in ("test_rmse", "train_mape", "test_max_error", "test_log_loss", "test_brier_score", "numeric_diff"):
        assert lab.direction(name) == "lower", name
    for name in ("test_r2", "test_roc_auc", "train_f1", "exact_match"):
        assert lab.direction(name) == "higher", name


def test_columns_with_hostile_names_and_values_are_kept(lab: Lab) -> None:
    frame = pd.DataFrame({"a\x00b": [1.0, 2.0, 3.0, 4.0], "=cmd()": [0.5, np.nan, np.inf, -np.inf], "x" * 5000: 1.0})
    rows = frame.replace([np.inf, -np.inf], 9.0).fillna(0.0)
    estimator = LinearRegression().fit(rows, [1.0, 2.0, 3.0, 5.0])
    with lab.run("hostile") as run:
        run.log_estimator(estimator, rows, [1.0, 2.0, 3.0, 5.0], rows, [1.0, 2.0, 3.0, 5.0])
    assert "test_r2" in values(lab, run)
    assert lab.run_detail(run.uid).run.status == "finished"
