"""Features that were engineered: by name, with the code that makes them and what a model made of them."""

from __future__ import annotations

import inspect
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promptlab.errors import UsageError
from promptlab.store import features
from promptlab.store.rows import FeatureRow

if TYPE_CHECKING:
    from promptlab.tracking.run import Run

LONGEST_CODE = 100_000


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature. code: the function that makes it, or text. importance: what a model makes of it."""

    name: str
    code: Callable[..., Any] | str = ""
    note: str = ""
    importance: float | None = None


def log_features(
    run: Run, given: Mapping[str, Any] | Iterable[Feature | str], *, importances: Any = None
) -> tuple[FeatureRow, ...]:
    """Keeps features of a run, and gives them as they are stored. Raises UsageError for what is none."""
    items = [_feature(name, value) for name, value in given.items()] if isinstance(given, Mapping) else list(given)
    items = [Feature(item) if isinstance(item, str) else item for item in items]
    for item in items:
        if not isinstance(item, Feature):
            raise UsageError(f"a feature is {type(item).__name__}; give names, Feature values, or code by name")
    known = importances_of(importances, [item.name for item in items])
    rows = tuple(
        FeatureRow(item.name, code_of(item.code), item.note, _number(item.name, known.get(item.name, item.importance)))
        for item in items
    )
    run.database.write_now(lambda connection: features.save_features(connection, run.id, rows))
    return rows


def code_of(code: Callable[..., Any] | str) -> str:
    """The source of a function or class, else how it is called; a text as it is; cut where it is very long."""
    if isinstance(code, str):
        return code[:LONGEST_CODE]
    try:
        return textwrap.dedent(inspect.getsource(code))[:LONGEST_CODE]
    except (OSError, TypeError):  # built in, or typed at a prompt
        name = getattr(code, "__qualname__", None) or type(code).__name__
        return f"{getattr(code, '__module__', None) or '?'}.{name}"


def importances_of(given: Any, names: Sequence[str]) -> dict[str, float]:
    """Importance by feature, of a mapping, of numbers in the order of the features, or of a fitted estimator.

    Of an estimator: `feature_importances_`, else the absolute `coef_`, averaged over classes; by the names that it was
    fitted with, where it knows them. Raises UsageError for another number of them than there are features.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {str(name): value for name, value in given.items()}
    values, known = _of_estimator(given)
    if values is None:
        values = list(given) if isinstance(given, Iterable) else None
    if values is None:
        raise UsageError(
            f"importances are of a {type(given).__name__}, which has no feature_importances_ and no coef_; "
            "give numbers by name"
        )
    order = known if known is not None and len(known) == len(values) else list(names)
    if len(order) != len(values):
        raise UsageError(f"there are {len(values)} importances for {len(order)} features; give numbers by name")
    return dict(zip(order, values, strict=True))


def _of_estimator(estimator: Any) -> tuple[list[float] | None, list[str] | None]:
    steps = getattr(estimator, "steps", None)
    last = steps[-1][1] if steps else estimator
    known = getattr(last, "feature_names_in_", None)
    names = None if known is None else [str(name) for name in known]
    found = getattr(last, "feature_importances_", None)
    if found is not None:
        return [float(value) for value in found], names
    coefficients = getattr(last, "coef_", None)
    if coefficients is None:
        return None, names
    import numpy as np

    values = np.abs(np.atleast_2d(np.asarray(coefficients, dtype=np.float64))).mean(axis=0)
    return [float(value) for value in values], names


def _feature(name: Any, value: Any) -> Feature:
    """What stands under a name: code, or a feature that is given its name; a number is its importance."""
    if isinstance(value, Feature):
        return Feature(str(name), value.code, value.note, value.importance)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Feature(str(name), importance=value)
    if isinstance(value, str) or callable(value):
        return Feature(str(name), value)
    raise UsageError(f"the feature {str(name)!r} is {type(value).__name__}; give its function, its code or a Feature")


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"the importance of {name!r} is {value!r:.60}; it is a number") from error
    return number if math.isfinite(number) else None
