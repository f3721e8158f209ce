"""What an estimator says of itself: params, title, signature, an example of its input, the rows that it takes."""

from __future__ import annotations

import json
import math
from datetime import date
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from estimator_families import fitted, make, split
from promptlab.estimators.candidates import candidate_table, candidates
from promptlab.estimators.inputs import columns_of, fingerprint, json_cell, records, sample_positions, take
from promptlab.estimators.params import class_path, flat_params, title, versions
from promptlab.estimators.signature import input_example, signature
from promptlab.estimators.tasks import task_of


def test_params_are_flat_with_estimators_by_name_and_long_values_whole() -> None:
    estimator = make_pipeline(
        FunctionTransformer(np.log1p, kw_args={"where": list(range(500))}),
        LogisticRegression(C=0.5, class_weight={0: 2}),
    )
    found = flat_params(estimator)
    assert found["logisticregression"] == "LogisticRegression"
    assert found["logisticregression__C"] == "0.5"
    assert found["logisticregression__class_weight"] == '{"0": 2}'
    assert found["functiontransformer__func"].endswith("log1p")
    assert json.loads(found["functiontransformer__kw_args"]) == {"where": list(range(500))}
    assert found.keys() == estimator.get_params(deep=True).keys()


def test_equal_params_are_equal_texts_wherever_they_are_in_memory() -> None:
    def halved(rows: np.ndarray, by: int) -> np.ndarray:
        return rows / by

    def estimator() -> RandomizedSearchCV:
        steps = make_pipeline(FunctionTransformer(partial(halved, by=2)), LogisticRegression())
        wanted = {"logisticregression__C": stats.loguniform(0.1, 10), "logisticregression__tol": [1e-4]}
        return RandomizedSearchCV(steps, wanted, random_state=np.random.RandomState(0))

    found = flat_params(estimator())
    assert found == flat_params(estimator())
    assert found["random_state"] == "RandomState(MT19937)"
    assert "halved" in found["estimator__functiontransformer__func"]
    assert json.loads(found["param_distributions"])["logisticregression__C"] == {
        "distribution": "loguniform",
        "arguments": [0.1, 10, {}],
    }


def test_a_title_says_what_is_inside() -> None:
    assert title(make("svc")) == "Pipeline(StandardScaler, SVC)"
    assert title(fitted("iris", "forest")) == "RandomForestClassifier"
    assert title(GridSearchCV(make("svc"), {})) == "GridSearchCV(Pipeline(StandardScaler, SVC))"
    assert len(title(make_pipeline(*[StandardScaler() for _ in range(60)]))) == 100
    assert class_path(SVC()) == "sklearn.svm._classes.SVC"
    assert versions(SVC()) == {"scikit-learn": __import__("sklearn").__version__}


@pytest.mark.parametrize(
    ("data", "family", "task"),
    [("breast_cancer", "svc", "binary"), ("iris", "logreg", "multiclass"), ("diabetes", "linear", "regression")],
)
def test_the_task_is_known_through_pipelines_and_searches(data: str, family: str, task: str) -> None:
    known = split(data)
    assert task_of(fitted(data, family)) == task
    assert task_of(GridSearchCV(make(family), {}, cv=2).fit(known.train, known.train_y)) == task
    assert task_of(KMeans()) == "clustering"
    assert task_of(IsolationForest()) == "outliers"
    assert task_of(StandardScaler()) == "other"


def test_a_signature_says_what_goes_in_and_comes_out() -> None:
    known = split("wine")
    found = signature(fitted("wine", "logreg"), known.train, known.train_y)
    assert (found["rows"], found["columns"]) == known.train.shape
    assert found["inputs"][0] == {"name": "alcohol", "dtype": "float64"}
    assert found["output"] == {
        "task": "multiclass",
        "classes": [0, 1, 2],
        "probabilities": True,
        "name": "target",
        "dtype": "int64",
    }
    assert signature(fitted("wine", "svc"), known.train)["output"]["probabilities"] is False


def test_an_input_example_is_the_first_five_rows_as_json() -> None:
    known = split("diabetes")
    example = json.loads(json.dumps(input_example(known.train)))
    assert example == known.train.head(5).to_dict(orient="records")
    assert input_example(["some text", "another"]) == [{"text": "some text"}, {"text": "another"}]


def test_rows_of_any_kind_are_records_by_column() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "at": pd.to_datetime(["2020-01-01", None])})
    assert records(frame) == [
        {"a": 1, "b": "x", "at": "2020-01-01T00:00:00"},
        {"a": 2, "b": None, "at": None},
    ]
    assert records(np.array([[1.0, np.nan], [np.inf, 2.0]])) == [{"x0": 1.0, "x1": None}, {"x0": "inf", "x1": 2.0}]
    assert records(sparse.csr_matrix([[0.0, 3.0], [0.0, 0.0]])) == [{"x1": 3.0}, {}]
    assert records([{"color": "red"}, {"color": "blue"}]) == [{"color": "red"}, {"color": "blue"}]
    assert records([[1, 2], [3, 4]], [1]) == [{"x0": 3, "x1": 4}]
    assert records([[1], [2]]) == [{"x0": 1}, {"x0": 2}]
    assert records(pd.Series(["a", "b"], name="word")) == [{"word": "a"}, {"word": "b"}]
    wide = records(np.zeros((1, 5000)))[0]
    assert wide["values"] == 5000
    assert len(wide["sha256"]) == 64
    assert [column.name for column in columns_of(np.zeros((2, 8, 8)))] == ["array"]


def test_a_cell_is_json_whatever_it_is() -> None:
    cells = [math.nan, math.inf, 2**80, date(2020, 1, 2), np.float32(0.5), np.array([1, 2]), pd.NA, {1: (2,)}, object]
    found = [json_cell(cell) for cell in cells]
    assert found[:7] == [None, "inf", str(2**80), "2020-01-02", 0.5, [1, 2], None]
    assert found[7] == {"1": [2]}
    json.dumps(found, allow_nan=False)


def test_equal_rows_have_one_fingerprint_and_others_another() -> None:
    known = split("iris")
    assert fingerprint(known.train, known.train_y) == fingerprint(known.train.copy(), known.train_y.copy())
    assert fingerprint(known.train, known.train_y) != fingerprint(known.test, known.test_y)
    assert fingerprint(known.train, None) != fingerprint(known.train, known.train_y)
    matrix = sparse.csr_matrix(known.train.to_numpy())
    assert fingerprint(matrix) == fingerprint(matrix.tocsc())
    assert fingerprint(["a", "b"]) != fingerprint(["a", "c"])


def test_rows_are_taken_by_place_from_whatever_holds_them() -> None:
    frame = pd.DataFrame({"a": [10, 20, 30]}, index=[7, 8, 9])
    assert take(frame, [0, 2])["a"].tolist() == [10, 30]
    assert take(np.array([1, 2, 3]), [2]).tolist() == [3]
    assert take(["x", "y"], [1]) == ["y"]
    assert take(sparse.csc_matrix(np.eye(3)), [1]).toarray().tolist() == [[0.0, 1.0, 0.0]]
    assert sample_positions(10, 10) is None
    chosen = sample_positions(1000, 10)
    assert chosen == sorted(set(chosen or []))
    assert chosen == sample_positions(1000, 10)


def test_a_search_says_what_it_tried_the_best_first() -> None:
    known = split("wine")
    search = GridSearchCV(
        make("logreg"), {"logisticregression__C": [1e-4, 1.0, 100.0]}, cv=3, return_train_score=True, scoring="accuracy"
    ).fit(known.train, known.train_y)
    found = candidates(search)
    results = search.cv_results_
    assert [one.rank for one in found] == sorted(results["rank_test_score"].tolist())
    assert found[0].place == search.best_index_
    for one in found:
        assert one.params == {"logisticregression__C": str(results["params"][one.place]["logisticregression__C"])}
        assert one.metrics["mean_test_score"] == results["mean_test_score"][one.place]
        assert one.metrics["std_test_score"] == results["std_test_score"][one.place]
        folds = [results[f"split{fold}_test_score"][one.place] for fold in range(3)]
        assert one.folds["split_test_score"] == folds
        assert set(one.folds) == {"split_test_score", "split_train_score"}
    assert found[0].metrics["mean_test_score"] == search.best_score_


def test_a_search_by_several_scorers_over_several_grids_has_a_table() -> None:
    known = split("breast_cancer")
    search = RandomizedSearchCV(
        make("svc"),
        [{"svc__kernel": ["linear"]}, {"svc__kernel": ["rbf"], "svc__gamma": [0.1, 0.01]}],
        n_iter=3,
        cv=2,
        scoring=["accuracy", "roc_auc"],
        refit="roc_auc",
        random_state=0,
    ).fit(known.train, known.train_y)
    found = candidates(search)
    assert {"mean_test_accuracy", "mean_test_roc_auc"} <= found[0].metrics.keys()
    table = candidate_table(search)
    assert table is not None
    gammas = [row[table.columns.index("param_svc__gamma")] for row in table.rows]
    assert sorted(gammas, key=str) == [0.01, 0.1, None]


def test_what_is_no_search_tried_nothing() -> None:
    assert candidates(LinearRegression()) == []
    assert candidate_table(GridSearchCV(LinearRegression(), {})) is None
    assert candidates(VotingClassifier([])) == []
