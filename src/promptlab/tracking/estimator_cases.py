"""Test rows as the cases of a data set, and an estimator's predictions as the run's outputs on them.

So that two models are compared case by case, and with a prompt that answered the same rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from promptlab.estimators.inputs import count_rows, json_cell, records, sample_positions
from promptlab.estimators.predicted import Predicted, flat

if TYPE_CHECKING:
    from promptlab.tracking.run import Run

MOST_CASES = 10_000
COPY = "(copy)"
"""An input that tells a row from an equal one before it: cases pair by their inputs."""

_NO_NAME = re.compile(r"[^A-Za-z0-9_. -]+")


def log_predictions(run: Run, rows: Any, actual: Any, predicted: Predicted, *, name: str) -> str:
    """Stores predictions with their scores as the run's outputs, and says what of them was stored.

    name: of the data set. Classes are scored by exact_match, numbers by numeric_diff, the absolute difference.
    """
    import numpy as np

    answers = flat(np.asarray(actual))
    count = count_rows(rows)
    chosen = sample_positions(count, MOST_CASES)
    positions = list(range(count)) if chosen is None else chosen
    expected = [json_cell(value) for value in answers[positions].tolist()]
    texts = [_text(value) for value in predicted.answers[positions].tolist()]
    cases = [
        {"id": str(place), "inputs": inputs, "expected": value}
        for place, inputs, value in zip(positions, _distinct(records(rows, chosen)), expected, strict=True)
    ]
    run.log_predictions(
        {"name": data_name(name), "cases": cases, "evaluators": [_evaluator(predicted, [*expected, *texts])]}, texts
    )
    return "all" if chosen is None else f"a sample of {len(positions):,} of {count:,} rows, seed 0"


def data_name(name: str) -> str:
    """The name with what names of data sets may have: letters, digits, spaces, `-`, `_`, `.`."""
    plain = _NO_NAME.sub("-", name).strip(" -._")[:200].strip()
    return plain if plain[:1].isalnum() else f"data {plain}".strip()


def can_be_cases(predicted: Predicted, actual: Any) -> str | None:
    """Why these predictions are not stored as outputs; None where they can be."""
    import numpy as np

    answers = flat(np.asarray(actual))
    if predicted.task not in ("binary", "multiclass", "regression"):
        return f"a task of the kind {predicted.task} has no one right answer a row"
    if answers.ndim != 1 or predicted.answers.ndim != 1:
        return "there are several answers a row"
    return None


def _evaluator(predicted: Predicted, texts: Sequence[Any]) -> Any:
    if predicted.task == "regression":
        return "numeric_diff"
    # Labels that differ in white space alone are different ones.
    spaced = any(isinstance(text, str) and text != text.strip() for text in texts)
    return {"exact_match": {"strip": False}} if spaced else "exact_match"


def _text(value: Any) -> str:
    plain = json_cell(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _distinct(inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: dict[str, int] = {}
    found = []
    for record in inputs:
        text = json.dumps(record, sort_keys=True)
        seen[text] = seen.get(text, 0) + 1
        found.append(record if seen[text] == 1 else {**record, COPY: seen[text]})
    return found
