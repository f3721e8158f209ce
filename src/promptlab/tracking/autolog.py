"""`lab.autolog()`: scikit-learn estimators that a script fits are logged as it goes, without a line of its own.

A fit is a run. A script's later `score`, or a metric function of what the estimator predicted, tells its right
answers: the run then has all metrics, curves and cases of that part of the data.
"""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from promptlab.estimators.inputs import count_rows, fingerprint
from promptlab.store.database import Database
from promptlab.tracking.autolog_watch import Fit, Given, forget, observe
from promptlab.tracking.current import current_run
from promptlab.tracking.direction import infer_direction
from promptlab.tracking.estimator_batch import Batch
from promptlab.tracking.estimators import (
    MOST_DIGESTED_VALUES,
    Detail,
    claim,
    fit_steps,
    log_evaluation,
    run_title,
)
from promptlab.tracking.run import Run, RunOpener
from promptlab.types import Direction

_T = TypeVar("_T")

MOST_TRAIN_ROWS = 10_000
"""Metrics of training are measured on a sample of so many rows: predicting is slow for some estimators."""


_OURS = {
    "brier_score_loss": "brier_score",
    "mean_absolute_error": "mae",
    "mean_absolute_percentage_error": "mape",
    "median_absolute_error": "median_ae",
    "root_mean_squared_error": "rmse",
}
"""What metrics are called here that are logged anyway; the others have scikit-learn's name without `_score`."""


class AutologWarning(UserWarning):
    """A part of an estimator could not be logged; the script goes on as without promptlab."""


class Autolog:
    """Logs what is fitted from now on; `stop`, or leaving its `with` block, ends that. Safe to share between threads.

    Within a run's block the first estimator is that run's own, and each one after it a run within; elsewhere each fit
    is a run of `experiment`. What cannot be logged is in the run's tag `left_out`, and an AutologWarning.
    """

    def __init__(self, database: Database, open_run: RunOpener, *, experiment: str, detail: Detail) -> None:
        self._database = database
        self._open_run = open_run
        self._experiment = experiment
        self._detail = detail
        self._lock = threading.RLock()
        self._known: weakref.WeakKeyDictionary[Any, _Known] = weakref.WeakKeyDictionary()
        self._answers: dict[int, _Answers] = {}
        observe(self)

    def stop(self) -> None:
        """Logs no more; runs that are there stay. May be called again."""
        forget(self)
        with self._lock:
            self._known.clear()
            self._answers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- what scikit-learn's calls tell

    def fit_begins(self, estimator: Any, given: Given) -> Fit | None:
        """A run for an estimator that answers something; None for a transformer alone."""
        return _guarded(None, "its run", lambda: self._begin(estimator, given))

    def scored(self, estimator: Any, given: Given, result: Any) -> None:
        """Right answers for rows: all there is to say of this part of the data, and the score."""
        known = self._of(estimator)
        if known is not None and given.rows is not None and given.actual is not None:
            part = self._evaluated(known, estimator, given)
            if part is not None and isinstance(result, float):
                self._log_more(known, part, "score", float(result), as_ours=("accuracy", "r2"), direction="higher")

    def answered(self, estimator: Any, rows: Any, answers: Any) -> None:
        """Answers are known again when a metric function is given them, for as long as the script has them."""
        if rows is None or self._of(estimator) is None:
            return
        key = id(answers)

        def gone(_: Any) -> None:
            self._answers.pop(key, None)

        try:
            alive = weakref.ref(answers, gone)
        except TypeError:  # a list: nobody can tell when it is gone
            return
        self._answers[key] = _Answers(alive, weakref.ref(estimator), rows)

    def measured(self, name: str, actual: Any, answers: Any, options: Mapping[str, Any], result: Any) -> None:
        """A metric function: right answers for rows, and a metric that may not be among those logged anyway."""
        made = self._made(answers)
        estimator = None if made is None else made.estimator()
        known = None if estimator is None else self._of(estimator)
        if made is None or known is None or actual is None:
            return
        weight = options.get("sample_weight")
        part = self._evaluated(known, estimator, Given(made.rows, actual, weight))
        if part is not None and isinstance(result, float):
            simple = {key: value for key, value in options.items() if isinstance(value, str | int | float | bool)}
            label = "_".join([name, *(f"{key}_{value}" for key, value in sorted(simple.items()))])
            ours = _OURS.get(name, name.removesuffix("_score"))
            averaged = f"{ours}_{options.get('average')}"
            self._log_more(
                known, part, label, float(result), as_ours=(ours, averaged), direction=_direction_of_function(name)
            )

    # -- runs

    def _begin(self, estimator: Any, given: Given) -> _Fitting | None:
        if not hasattr(estimator, "predict") and not hasattr(estimator, "fit_predict"):
            return None
        around = current_run(self._database)
        if around is not None and around.kind == "train" and claim(around, estimator):
            return _Fitting(self, around, estimator, given, owned=False)
        title = run_title(estimator)
        run = (
            self._open_run(title, kind="train", params=None, tags=None, experiment=self._experiment)
            if around is None
            else around.run(title, kind="train")
        )
        _guarded(run, "params", lambda: claim(run, estimator))
        return _Fitting(self, run, estimator, given, owned=True)

    def log_fit(self, run: Run, estimator: Any, given: Given) -> None:
        """All that a fitted estimator says; a part that fails spares the others."""
        detail = self._detail
        steps = fit_steps(run, estimator, given.rows, given.actual, sample_weight=given.sample_weight, detail=detail)
        for what, step in steps.items():
            _guarded(run, what, step)
        known = _Known(run, _fingerprint(given))
        with self._lock:
            try:
                self._known[estimator] = known
            except TypeError:  # it has no hash, or nothing can point at it: its scores are not seen
                return

    def _of(self, estimator: Any) -> _Known | None:
        with self._lock:
            try:
                return self._known.get(estimator)
            except TypeError:
                return None

    def _made(self, answers: Any) -> _Answers | None:
        """Where answers come from; a column of them is known too."""
        while answers is not None:
            made = self._answers.get(id(answers))
            if made is not None and made.alive() is answers:
                return made
            answers = getattr(answers, "base", None)
        return None

    def _evaluated(self, known: _Known, estimator: Any, given: Given) -> str | None:
        """The part of the data that these rows are, logged when they are seen first; None where they do not fit."""
        if count_rows(given.rows) != len(given.actual):
            return None
        with self._lock:
            part, new = known.part(_fingerprint(given))
        if new:
            found = _guarded(
                known.run,
                f"metrics on {part}",
                lambda: log_evaluation(
                    known.run,
                    estimator,
                    given.rows,
                    given.actual,
                    part=part,
                    sample_weight=given.sample_weight,
                    detail=self._detail,
                ),
            )
            known.values[part] = {} if found is None else dict(found.measured.values)
        return part

    def _log_more(
        self, known: _Known, part: str, label: str, value: float, *, as_ours: tuple[str, ...], direction: Direction
    ) -> None:
        """Keeps a metric that the script measured, where it is not one that is there by another name."""
        if any(known.values.get(part, {}).get(name) == value for name in as_ours):
            return
        name = f"{part}_{label}"
        batch = Batch(metrics={name: value})
        if infer_direction(name) != direction:
            batch.directions[name] = direction
        _guarded(known.run, name, lambda: batch.write(known.run))


@dataclass(slots=True)
class _Known:
    """The run of a fitted estimator. parts: what its data sets are called, by fingerprint. values: metrics."""

    run: Run
    trained_on: str
    parts: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, float]] = field(default_factory=dict)

    def part(self, digest: str) -> tuple[str, bool]:
        if digest == self.trained_on:
            return "train", False
        new = digest not in self.parts
        if new:
            self.parts[digest] = "test" if not self.parts else f"test_{len(self.parts) + 1}"
        return self.parts[digest], new


@dataclass(frozen=True, slots=True)
class _Answers:
    alive: weakref.ref[Any]
    estimator: weakref.ref[Any]
    rows: Any


@dataclass(slots=True)
class _Fitting:
    autolog: Autolog
    run: Run
    estimator: Any
    given: Given
    owned: bool

    def ended(self) -> None:
        self.autolog.log_fit(self.run, self.estimator, self.given)
        if self.owned:
            _guarded(None, "the end of its run", self.run.end)

    def failed(self, error: BaseException) -> None:
        if self.owned:
            _guarded(None, "the end of its run", lambda: self.run.end_with(error))


def _guarded(run: Run | None, what: str, step: Callable[[], _T]) -> _T | None:
    """What a step gives; where it fails the script goes on, and both it and the run are told what is missing."""
    try:
        return step()
    except Exception as error:  # noqa: BLE001 - logging never ends the script that it looks at
        reason = f"{type(error).__name__}: {error}"
        if run is not None:
            try:
                Batch(left_out={what: reason}).write(run)
            except Exception as again:  # noqa: BLE001 - the same; the warning says it
                reason = f"{reason}; nor could that be noted: {again}"
        warnings.warn(f"promptlab did not log {what} of an estimator: {reason}", AutologWarning, stacklevel=2)
        return None


def _fingerprint(given: Given) -> str:
    """By what the same data are known again; data too large for a digest by where they are."""
    size = 1
    for length in getattr(given.rows, "shape", None) or (0 if given.rows is None else count_rows(given.rows),):
        size *= int(length)
    if size > MOST_DIGESTED_VALUES:
        return f"{id(given.rows)} {id(given.actual)}"
    return fingerprint(given.rows, given.actual)


def _direction_of_function(name: str) -> Direction:
    """As scikit-learn names them: what ends in error, loss or deviance is better when lower."""
    return "lower" if name.endswith(("_error", "_loss", "_deviance")) else "higher"
