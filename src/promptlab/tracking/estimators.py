"""A fitted estimator in a run: params, versions, metrics on train and test, curves, importance, predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promptlab.errors import UsageError
from promptlab.estimators.candidates import candidate_table, candidates
from promptlab.estimators.evaluation import Evaluation, csv_text, evaluate, json_text, own_account, own_curves
from promptlab.estimators.importance import importance_table, permutation_table
from promptlab.estimators.inputs import count_rows, sample_positions, take
from promptlab.estimators.params import class_path, flat_params, title, versions
from promptlab.estimators.signature import input_example, signature
from promptlab.estimators.tasks import task_of
from promptlab.store import datasets
from promptlab.tracking.estimator_batch import Batch
from promptlab.tracking.estimator_cases import can_be_cases, data_name, log_predictions

if TYPE_CHECKING:
    from promptlab.tracking.run import Run

ESTIMATOR = "estimator"
"""The tag with an estimator's class: a run has one estimator."""
MOST_DIGESTED_VALUES = 20_000_000
"""Larger training data are not recorded: a digest of them takes seconds."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is kept. name: what data sets are called, default: as the experiment. tables: curves, confusion
    matrices, residuals. train_rows: the most rows that metrics of training are measured on, None: all.
    permutations: how often each column is shuffled for its importance. candidates: of a search, runs within the run.
    """

    name: str | None = None
    tables: bool = True
    predictions: bool = True
    data: bool = True
    train_rows: int | None = None
    permutations: int = 0
    candidates: int = 100


def log_estimator(  # noqa: PLR0917 - X and y twice, as scikit-learn splits them
    run: Run,
    estimator: Any,
    X_train: Any = None,  # noqa: N803 - scikit-learn's names
    y_train: Any = None,
    X_test: Any = None,  # noqa: N803
    y_test: Any = None,
    *,
    sample_weight: Any = None,
    test_sample_weight: Any = None,
    detail: Detail,
) -> None:
    """Logs a fitted estimator into a run. Raises UsageError where the run has another one."""
    for rows, actual, part in ((X_train, y_train, "train"), (X_test, y_test, "test")):
        if rows is None and actual is not None:
            raise UsageError(f"y_{part} is given without X_{part}; give both")
        if rows is not None and actual is not None and count_rows(rows) != len(actual):
            raise UsageError(f"X_{part} has {count_rows(rows):,} rows and y_{part} {len(actual):,}; give one a row")
    claim_or_refuse(run, estimator)
    for step in fit_steps(run, estimator, X_train, y_train, sample_weight=sample_weight, detail=detail).values():
        step()
    if X_test is not None and y_test is not None:
        log_evaluation(run, estimator, X_test, y_test, part="test", sample_weight=test_sample_weight, detail=detail)
        if detail.permutations:
            table = permutation_table(
                estimator, X_test, y_test, repeats=detail.permutations, sample_weight=test_sample_weight
            )
            Batch(files={"model/permutation_importance.csv": csv_text(table)}).write(run)


def claim(run: Run, estimator: Any) -> bool:
    """Writes the estimator's params and tags where the run has none yet, and says whether it did."""
    batch = Batch(params=flat_params(estimator), tags={ESTIMATOR: class_path(estimator), "task": task_of(estimator)})
    batch.tags |= {f"version.{name}": version for name, version in versions(estimator).items()}
    return batch.claim(run, ESTIMATOR)


def claim_or_refuse(run: Run, estimator: Any) -> None:
    """The same; raises UsageError where the run has another estimator."""
    if claim(run, estimator):
        return
    known = _tags(run)
    if known[ESTIMATOR] != class_path(estimator):
        raise UsageError(
            f"run '{run.name}' has a {known[ESTIMATOR].rpartition('.')[2]} already, and a run has one estimator; "
            f"log this one within it: with run.run({type(estimator).__name__!r}) as inner: inner.log_estimator(...)"
        )


def fit_steps(
    run: Run, estimator: Any, rows: Any, actual: Any, *, sample_weight: Any, detail: Detail
) -> dict[str, Callable[[], None]]:
    """What is to be logged once an estimator is fitted, by what it is: a step that fails spares the others."""
    steps: dict[str, Callable[[], None]] = {"model": lambda: _log_model(run, estimator, rows, actual)}
    if rows is not None:
        steps["training metrics"] = lambda: _log_training(
            run, estimator, rows, actual, weight=sample_weight, detail=detail
        )
        if detail.data:
            steps["training data"] = lambda: _log_data(run, rows, actual, detail)
    steps["candidates"] = lambda: log_candidates(run, estimator, most=detail.candidates)
    return steps


def log_evaluation(
    run: Run, estimator: Any, rows: Any, actual: Any, *, part: str, sample_weight: Any, detail: Detail
) -> Evaluation:
    """Logs metrics, curves and predictions on one part of the data, under `part_accuracy`, `evaluation/part/...`."""
    found = evaluate(estimator, rows, actual, sample_weight=sample_weight, with_tables=detail.tables)
    _batch_of(found, part).write(run)
    if detail.predictions:
        reason = can_be_cases(found.predicted, actual) or _has_predictions(run)
        said = Batch()
        if reason is None:
            name = f"{detail.name or run.experiment} {part}"
            said.tags["predictions"] = log_predictions(run, rows, actual, found.predicted, name=name)
        else:
            said.left_out[f"predictions on {part}"] = reason
        said.write(run)
    return found


def log_candidates(run: Run, search: Any, *, most: int) -> None:
    """A run within the run for each candidate of a search, the best ones first; all of them as a table."""
    table = candidate_table(search)
    if table is None:
        return
    found = candidates(search)
    batch = Batch(files={"model/candidates.csv": csv_text(table)})
    batch.tags["candidates"] = f"{len(found):,}" if len(found) <= most else f"{len(found):,}, runs of the best {most:,}"
    batch.write(run)
    for candidate in found[:most]:
        with run.run(f"candidate {candidate.place}", tags={"candidate": candidate.place}) as inner:
            one = Batch(params=dict(candidate.params), metrics=dict(candidate.metrics), curves=dict(candidate.folds))
            # A scorer is better when higher, whatever its name: neg_log_loss.
            one.directions = {
                name: "lower" if name.startswith("rank_") or name.endswith("_seconds") else "higher"
                for name in (*candidate.metrics, *candidate.folds)
            }
            one.write(inner)


def run_title(estimator: Any) -> str:
    """What a run of this estimator is called."""
    return title(estimator)


def _log_model(run: Run, estimator: Any, rows: Any, actual: Any) -> None:
    # The task of a classifier is known for sure once it has seen its classes.
    batch = Batch(tags={"task": task_of(estimator)}, curves=dict(own_curves(estimator)))
    batch.add_metrics(own_account(estimator))
    if rows is not None:
        batch.files["model/signature.json"] = json_text(signature(estimator, rows, actual))
        batch.files["model/input_example.json"] = json_text(input_example(rows))
        table = importance_table(estimator, rows)
        if table is not None:
            batch.files["model/feature_importance.csv"] = csv_text(table)
    batch.write(run)


def _log_training(run: Run, estimator: Any, rows: Any, actual: Any, *, weight: Any, detail: Detail) -> None:
    if not hasattr(estimator, "predict"):
        return
    if task_of(estimator) == "outliers":
        import numpy as np

        share = float(np.mean(np.asarray(estimator.predict(rows)) == -1))
        Batch(metrics={"train_outliers": share}).write(run)
        return
    if actual is None or task_of(estimator) in ("clustering", "other"):
        return
    count = count_rows(rows)
    chosen = sample_positions(count, detail.train_rows)
    if chosen is not None:
        rows, actual = take(rows, chosen), take(actual, chosen)
        weight = None if weight is None else take(weight, chosen)
    batch = _batch_of(evaluate(estimator, rows, actual, sample_weight=weight, with_tables=detail.tables), "train")
    if chosen is not None:
        batch.tags["train_metrics"] = f"of a sample of {len(chosen):,} of {count:,} rows, seed 0"
    batch.write(run)


def _log_data(run: Run, rows: Any, actual: Any, detail: Detail) -> None:
    shape = getattr(rows, "shape", None) or (count_rows(rows),)
    values = 1
    for size in shape:
        values *= int(size)
    if values > MOST_DIGESTED_VALUES:
        Batch(left_out={"training data": f"{values:,} values are too many for a digest"}).write(run)
        return
    name = data_name(f"{detail.name or run.experiment} train")
    try:
        run.log_data(rows, name=name, context="training", target=_target(rows, actual))
    except UsageError as error:  # what has no rows and columns, such as a sparse matrix
        Batch(left_out={"training data": str(error)}).write(run)


def _target(rows: Any, actual: Any) -> Any:
    """The right answers; without their name where a column of the rows has it too."""
    name = getattr(actual, "name", None)
    if name is None or name not in list(getattr(rows, "columns", ())):
        return actual
    import numpy as np

    return np.asarray(actual)


def _batch_of(found: Evaluation, part: str) -> Batch:
    batch = Batch()
    batch.add_metrics(found.measured.values, prefix=f"{part}_")
    batch.files = {f"evaluation/{part}/{name}": csv_text(table) for name, table in found.tables.items()}
    batch.files[f"evaluation/{part}/summary.json"] = json_text(found.summary())
    return batch


def _has_predictions(run: Run) -> str | None:
    linked = run.database.read(lambda connection: datasets.linked_datasets(connection, run.id, context="evaluation"))
    return f"the run has those on {linked[0].reference} already" if linked else None


def _tags(run: Run) -> dict[str, str]:
    from promptlab.store import params

    return run.database.read(lambda connection: params.tags(connection, run.id))
