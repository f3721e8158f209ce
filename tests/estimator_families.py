"""The bundled data sets of scikit-learn, each split once, and the model families that are fitted on them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from sklearn import datasets
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

CLASSIFICATION_DATA = ("iris", "wine", "breast_cancer", "digits")
CLASSIFIERS = ("logreg", "forest", "svc", "boosting", "knn")
REGRESSORS = ("linear", "ridge", "forest_regressor", "knn_regressor")
PAIRS = [(data, family) for data in CLASSIFICATION_DATA for family in CLASSIFIERS]


@dataclass(frozen=True)
class Split:
    train: Any
    train_y: Any
    test: Any
    test_y: Any


@functools.cache
def split(data: str) -> Split:
    rows, answers = getattr(datasets, f"load_{data}")(return_X_y=True, as_frame=True)
    stratify = None if data == "diabetes" else answers
    train, test, train_y, test_y = train_test_split(rows, answers, test_size=0.3, random_state=0, stratify=stratify)
    return Split(train, train_y, test, test_y)


def make(family: str) -> Any:
    return {
        "logreg": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        "forest": lambda: RandomForestClassifier(n_estimators=25, random_state=0),
        "svc": lambda: make_pipeline(StandardScaler(), SVC()),
        "boosting": lambda: GradientBoostingClassifier(n_estimators=5, max_depth=2, random_state=0),
        "knn": lambda: make_pipeline(StandardScaler(), KNeighborsClassifier()),
        "linear": LinearRegression,
        "ridge": lambda: make_pipeline(StandardScaler(), Ridge(alpha=2.0)),
        "forest_regressor": lambda: RandomForestRegressor(n_estimators=25, random_state=0),
        "knn_regressor": KNeighborsRegressor,
    }[family]()


@functools.cache
def fitted(data: str, family: str) -> Any:
    known = split(data)
    return make(family).fit(known.train, known.train_y)
