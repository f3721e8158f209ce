"""What kind of question an estimator answers, as scikit-learn's tags or its target say."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

Task: TypeAlias = Literal["binary", "multiclass", "multilabel", "regression", "clustering", "outliers", "other"]
"""multilabel: a classifier with several answers a row. other: what answers nothing that has a right answer."""

CLASSIFICATION: frozenset[str] = frozenset({"binary", "multiclass", "multilabel"})

_KINDS: dict[str, Task] = {
    "regressor": "regression",
    "clusterer": "clustering",
    "density_estimator": "other",
    "outlier_detector": "outliers",
}


def task_of(estimator: Any) -> Task:
    """The task of a fitted estimator; a pipeline and a search have that of the estimator in them.

    A classifier with two classes is `binary`. Anything with `predict` that says nothing of itself is a regressor where
    it has no `classes_`.
    """
    kind = _kind(estimator)
    if kind == "classifier" or (kind is None and hasattr(estimator, "classes_")):
        classes = classes_of(estimator)
        return "multilabel" if classes is None else "binary" if len(classes) == 2 else "multiclass"
    if kind is None:
        return "regression" if hasattr(estimator, "predict") and not hasattr(estimator, "labels_") else "other"
    return _KINDS.get(kind, "other")


def classes_of(estimator: Any) -> list[Any] | None:
    """The classes of a classifier in its order, as plain Python values; None where it has several answers a row."""
    import numpy as np

    classes = getattr(estimator, "classes_", None)
    if classes is None or isinstance(classes, list) or np.asarray(classes).ndim != 1:
        return None
    if type(answering(estimator)).__name__ in _SEVERAL_ANSWERS and _answers_several(estimator):
        return None
    plain: list[Any] = np.asarray(classes).tolist()
    return plain


def answering(estimator: Any) -> Any:
    """The estimator that answers in the end: the best one of a search, the last step of a pipeline."""
    seen = 0
    while seen < _DEEPEST:
        seen += 1
        inner = getattr(estimator, "best_estimator_", None)
        if inner is None and isinstance(getattr(estimator, "steps", None), list) and estimator.steps:
            inner = estimator.steps[-1][1]
        if inner is None or isinstance(inner, str):
            return estimator
        estimator = inner
    return estimator


_DEEPEST = 20
_SEVERAL_ANSWERS = frozenset({"OneVsRestClassifier", "MLPClassifier"})
"""They give plain `classes_` for several answers a row too."""


def _answers_several(estimator: Any) -> bool:
    inner = answering(estimator)
    binarizer = getattr(inner, "label_binarizer_", None) or getattr(inner, "_label_binarizer", None)
    return str(getattr(binarizer, "y_type_", "")).startswith("multilabel")


def _kind(estimator: Any) -> str | None:
    tags = getattr(estimator, "__sklearn_tags__", None)
    if callable(tags):
        try:
            kind = tags().estimator_type
        except AttributeError:  # a class that mixes its bases in an order scikit-learn has no tags for
            kind = None
        if kind is not None:
            return str(kind)
    kind = getattr(estimator, "_estimator_type", None)  # before scikit-learn 1.6
    return None if kind is None else str(kind)
