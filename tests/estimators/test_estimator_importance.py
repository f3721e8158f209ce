"""How much each feature counts, under the names that it has after pipelines and column transformers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from estimator_families import fitted, make, split
from promptlab.estimators.curves import Table
from promptlab.estimators.importance import importance_table, permutation_table


def by_name(table: Table | None) -> dict[str, float]:
    assert table is not None
    assert table.columns == ("feature", "importance", "signed", "deviation", "kind")
    sizes = [row[1] for row in table.rows]
    assert sizes == sorted(sizes, reverse=True)
    return {row[0]: row[1] for row in table.rows}


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer", "digits"])
def test_a_forest_has_its_importances_by_column(data: str) -> None:
    known, forest = split(data), fitted(data, "forest")
    names = [str(column) for column in known.train.columns]
    assert by_name(importance_table(forest, known.train)) == dict(
        zip(names, forest.feature_importances_.tolist(), strict=True)
    )


def test_coefficients_of_a_pipeline_have_their_size_and_their_sign() -> None:
    known, pipeline = split("breast_cancer"), fitted("breast_cancer", "logreg")
    table = importance_table(pipeline, known.train)
    coefficients = dict(zip(known.train.columns, pipeline[-1].coef_[0].tolist(), strict=True))
    assert by_name(table) == {name: abs(value) for name, value in coefficients.items()}
    assert table is not None
    assert {row[0]: row[2] for row in table.rows} == coefficients
    assert {row[4] for row in table.rows} == {"coefficients"}


def test_coefficients_of_several_classes_are_their_norm() -> None:
    known, pipeline = split("wine"), fitted("wine", "logreg")
    expected = np.linalg.norm(pipeline[-1].coef_, axis=0)
    found = by_name(importance_table(pipeline, known.train))
    assert [found[name] for name in known.train.columns] == pytest.approx(expected.tolist(), rel=1e-15)


def test_names_come_through_a_column_transformer() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 90, 200).astype(float),
            "city": random.choice(["Bern", "Graz", "Ulm"], 200),
            "text": random.choice(["good food", "bad wine", "good wine"], 200),
        }
    )
    frame.loc[3, "age"] = np.nan
    answers = ((frame["city"] == "Ulm") ^ (random.uniform(size=200) < 0.1)).astype(int)
    pipeline = make_pipeline(
        ColumnTransformer(
            [
                ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
                ("kinds", OneHotEncoder(), ["city"]),
                ("words", TfidfVectorizer(), "text"),
            ]
        ),
        SelectKBest(k=5),
        RandomForestClassifier(n_estimators=20, random_state=0),
    ).fit(frame, answers)
    found = by_name(importance_table(pipeline, frame))
    assert set(found) == set(pipeline[:-1].get_feature_names_out().tolist())
    assert next(iter(found)) == "kinds__city_Ulm"
    assert sum(found.values()) == pytest.approx(1.0)


def test_names_come_through_a_search_and_a_transformed_target() -> None:
    known = split("diabetes")
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LinearRegression()), {"linearregression__fit_intercept": [True]}
    )
    search.fit(known.train, known.train_y)
    best = search.best_estimator_[-1]
    expected = dict(zip(known.train.columns, np.abs(best.coef_).tolist(), strict=True))
    assert by_name(importance_table(search, known.train)) == expected
    target = TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1)
    target.fit(known.train, known.train_y)
    assert set(by_name(importance_table(target, known.train))) == set(known.train.columns)


def test_columns_of_an_array_and_of_a_step_that_names_nothing_are_numbered() -> None:
    known = split("iris")
    array = known.train.to_numpy()
    assert set(by_name(importance_table(make("forest").fit(array, known.train_y), array))) == {"x0", "x1", "x2", "x3"}
    nameless = make_pipeline(FunctionTransformer(lambda rows: rows[:, :2]), LogisticRegression())
    assert set(by_name(importance_table(nameless.fit(array, known.train_y), array))) == {"x0", "x1"}
    turned = make_pipeline(PCA(2), LogisticRegression()).fit(known.train, known.train_y)
    assert set(by_name(importance_table(turned, known.train))) == {"pca0", "pca1"}


def test_an_estimator_that_says_nothing_of_its_features_has_no_table() -> None:
    known = split("iris")
    assert importance_table(fitted("iris", "knn"), known.train) is None
    assert importance_table(fitted("iris", "svc"), known.train) is None


def test_importance_by_permutation_is_scikit_learns() -> None:
    known, estimator = split("wine"), fitted("wine", "svc")
    table = permutation_table(estimator, known.test, known.test_y, repeats=3)
    reference = permutation_importance(estimator, known.test, known.test_y, n_repeats=3, random_state=0)
    names = known.test.columns
    assert by_name(table) == dict(zip(names, reference.importances_mean.tolist(), strict=True))
    assert {row[0]: row[3] for row in table.rows} == dict(zip(names, reference.importances_std.tolist(), strict=True))
