"""What an estimator answers to rows: labels or numbers, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from promptlab.estimators.tasks import Task, classes_of, task_of


@dataclass(frozen=True, slots=True)
class Predicted:
    """The answers to some rows.

    answers: shape (n,), or (n, k) with several answers a row. probabilities: shape (n, classes), in the order of
    classes, None where it has none. decisions: what it decides by where it has no probabilities, shape (n,) for two
    classes.
    """

    task: Task
    answers: Any
    classes: list[Any] | None = None
    probabilities: Any = None
    decisions: Any = None

    def scores_of(self, place: int) -> Any:
        """How strongly each row is taken for the class at this place, shape (n,); None where it does not say."""
        if self.classes is None:
            return None
        if self.probabilities is not None:
            return self.probabilities[:, place]
        if self.decisions is None:
            return None
        if self.decisions.ndim == 1:
            return self.decisions if place == 1 else -self.decisions
        return self.decisions[:, place] if self.decisions.shape[1] == len(self.classes) else None


def predict(estimator: Any, rows: Any) -> Predicted:
    """The answers of a fitted estimator to rows; raises what its `predict` raises."""
    import numpy as np

    task = task_of(estimator)
    answers = flat(np.asarray(estimator.predict(rows)))
    if task not in ("binary", "multiclass"):
        return Predicted(task, answers)
    classes = classes_of(estimator)
    probabilities = _asked(estimator, "predict_proba", rows)
    if probabilities is not None and probabilities.ndim != 2:
        probabilities = None
    decisions = None if probabilities is not None else _asked(estimator, "decision_function", rows)
    return Predicted(task, answers, classes, probabilities, decisions)


def flat(values: Any) -> Any:
    """An array of shape (n,) for one of shape (n, 1); any other as it is."""
    return values.reshape(-1) if values.ndim == 2 and values.shape[1] == 1 else values


def _asked(estimator: Any, method: str, rows: Any) -> Any:
    import numpy as np

    ask = getattr(estimator, method, None)
    if ask is None:
        return None
    try:
        return np.asarray(ask(rows))
    except (AttributeError, NotImplementedError):  # it has the method for other losses only
        return None
