"""What goes into an estimator and what comes out, with an example of the first rows."""

from __future__ import annotations

from typing import Any

from promptlab.estimators.inputs import columns_of, count_rows, records
from promptlab.estimators.tasks import classes_of, task_of

EXAMPLE_ROWS = 5
WIDEST_EXAMPLE = 2000
MOST_COLUMNS = 2000


def signature(estimator: Any, rows: Any, actual: Any = None) -> dict[str, Any]:
    """The columns that go in with their dtypes, and what comes out: task, dtype, classes, probabilities or not.

    columns: how many there are; of more than 2,000 the first ones are listed. rows: how many it was fitted on.
    """
    import numpy as np

    columns = columns_of(rows)
    task = task_of(estimator)
    output: dict[str, Any] = {"task": task}
    if task in ("binary", "multiclass"):
        output |= {"classes": classes_of(estimator), "probabilities": hasattr(estimator, "predict_proba")}
    if actual is not None:
        target = getattr(actual, "name", None)
        output |= {"name": None if target is None else str(target), "dtype": str(np.asarray(actual).dtype)}
    return {
        "rows": count_rows(rows),
        "columns": len(columns),
        "inputs": [{"name": column.name, "dtype": column.dtype} for column in columns[:MOST_COLUMNS]],
        "output": output,
    }


def input_example(rows: Any) -> list[dict[str, Any]]:
    """The first five rows as JSON values by column."""
    return records(rows, range(min(EXAMPLE_ROWS, count_rows(rows))), widest=WIDEST_EXAMPLE)
