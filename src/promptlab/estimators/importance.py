"""How much each feature counts, by the estimator's own account or by permutation; names through pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptlab.estimators.curves import Table
from promptlab.estimators.inputs import columns_of

MOST_FEATURES = 1000
"""Features that are listed, the most important ones: a vocabulary has fifty thousand."""
COLUMNS = ("feature", "importance", "signed", "deviation", "kind")


def importance_table(estimator: Any, rows: Any) -> Table | None:
    """What the answering estimator says of its features, the most important first; None where it says nothing.

    feature, importance, signed, deviation, kind. kind: `feature_importances` as it has them, or `coefficients`:
    importance is their size, over several classes the Euclidean norm, and signed the coefficient of the only one.
    """
    import numpy as np

    names, leaf = names_into(estimator, [column.name for column in columns_of(rows)])
    importances = _array(leaf, "feature_importances_")
    if importances is not None and importances.ndim == 1 and len(importances):
        sizes, signed, kind = importances, None, "feature_importances"
    else:
        coefficients = _array(leaf, "coef_")
        if coefficients is None or coefficients.ndim not in (1, 2) or not coefficients.size:
            return None
        matrix = np.atleast_2d(coefficients)
        sizes = np.abs(matrix[0]) if len(matrix) == 1 else np.sqrt((matrix**2).sum(axis=0))
        signed, kind = (matrix[0] if len(matrix) == 1 else None), "coefficients"
    if not np.isfinite(sizes).all():
        return None
    return ranked(_as_many(names, len(sizes)), sizes, signed=signed, kind=kind)


def permutation_table(estimator: Any, rows: Any, actual: Any, *, repeats: int, sample_weight: Any = None) -> Table:
    """How much the estimator's score drops where a column is shuffled: the mean over repeats, and its deviation.

    Columns are those of the rows as given. Source: Breiman, "Random Forests" (2001);
    sklearn.inspection.permutation_importance, seed 0.
    """
    from sklearn.inspection import permutation_importance

    found = permutation_importance(
        estimator, rows, actual, n_repeats=repeats, random_state=0, sample_weight=sample_weight
    )
    names = _as_many([column.name for column in columns_of(rows)], len(found.importances_mean))
    return ranked(names, found.importances_mean, deviations=found.importances_std, kind=f"permutation x{repeats}")


def ranked(names: Sequence[str], sizes: Any, *, signed: Any = None, deviations: Any = None, kind: str) -> Table:
    """Such a table of importances that are known: one a name, the largest first."""
    import numpy as np

    order = np.argsort(-np.asarray(sizes), kind="stable")[:MOST_FEATURES].tolist()
    rows = [
        (
            names[at],
            float(sizes[at]),
            None if signed is None else float(signed[at]),
            None if deviations is None else float(deviations[at]),
            kind,
        )
        for at in order
    ]
    return Table(COLUMNS, rows)


def names_into(estimator: Any, names: Sequence[str]) -> tuple[Sequence[str] | None, Any]:
    """The names of what goes into the answering estimator, and that estimator itself.

    Through searches, pipelines and transformers within them; None where a step does not say what it gives.
    """
    known: Sequence[str] | None = list(names)
    for _ in range(20):
        best = getattr(estimator, "best_estimator_", None)
        if best is None:
            best = getattr(estimator, "regressor_", None)  # TransformedTargetRegressor
        if best is not None:
            estimator = best
            continue
        steps = getattr(estimator, "steps", None)
        if not isinstance(steps, list) or not steps:
            return known, estimator
        for _, step in steps[:-1]:
            known = _names_out(step, known)
        estimator = steps[-1][1]
    return known, estimator


def _names_out(step: Any, names: Sequence[str] | None) -> Sequence[str] | None:
    if step is None or step == "passthrough":
        return names
    say = getattr(step, "get_feature_names_out", None)
    if say is None:
        return None
    import numpy as np

    # Vectorizers take no names, others want those that they were fitted with, or none where there were none.
    for given in ([] if names is None else [np.asarray(names, dtype=object)]), []:
        try:
            return [str(name) for name in say(*given)]
        except (ValueError, TypeError, AttributeError, NotImplementedError):
            continue
    return None


def _as_many(names: Sequence[str] | None, count: int) -> Sequence[str]:
    return names if names is not None and len(names) == count else [f"x{at}" for at in range(count)]


def _array(leaf: Any, attribute: str) -> Any:
    import numpy as np

    try:
        value = getattr(leaf, attribute, None)
    except (ValueError, NotImplementedError):  # xgboost's linear and tree boosters each have only one of them
        return None
    if value is None:
        return None
    if hasattr(value, "toarray"):
        value = value.toarray()
    array = np.asarray(value)
    return array.astype(float) if np.issubdtype(array.dtype, np.number) else None
