"""The handle of a run: params, metrics with steps, tags, notes, artifacts, data, tests, models, runs within it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from promptlab.errors import UsageError
from promptlab.store import metrics, params, runs
from promptlab.store.artifacts import ArtifactStore
from promptlab.store.database import Connection, Database
from promptlab.store.rows import FeatureRow, RunRow
from promptlab.store.statements import check_name
from promptlab.tracking import artifacts
from promptlab.tracking.current import enter, leave
from promptlab.tracking.metric_log import MetricLog
from promptlab.tracking.open_runs import HEARTBEAT_SECONDS, OPEN_RUNS
from promptlab.types import Direction

if TYPE_CHECKING:
    import pandas as pd

    from promptlab.hypotheses.result import TestedHypothesis
    from promptlab.profiles.profile import Profile
    from promptlab.tracking.dataset import Dataset
    from promptlab.tracking.features import Feature

__all__ = ["HEARTBEAT_SECONDS", "Predictions", "Run", "RunOpener"]

Predictions = Callable[[RunRow, Any, Sequence[str]], None]
"""Scores texts against a suite's cases and stores them as the run's outputs; the façade hands it in."""

RunOpener = Callable[..., "Run"]
"""Opens another run of the same lab; the façade hands it in."""


class Run:
    """A run that is being logged; leaving its `with` block ends it, `failed` where an exception leaves.

    A script that never ends its run has it ended with the process. Safe to share between threads. What is logged is
    written in the order of the calls; `flush` (and the end) waits until all is committed.
    """

    def __init__(
        self,
        database: Database,
        row: RunRow,
        *,
        artifacts: ArtifactStore,
        score_predictions: Predictions,
        open_run: RunOpener,
        owned: bool = True,
        system_metrics: bool = False,
        folder: Path | None = None,
    ) -> None:
        self.database = database
        self.folder = folder or Path()
        self.artifact_store = artifacts
        self.system_metrics = system_metrics
        self._row = row
        self._score_predictions = score_predictions
        self._open_run = open_run
        self._owned = owned
        self._metrics = MetricLog(database, row.id)
        self._before_end: list[Callable[[], None]] = []
        if owned:
            OPEN_RUNS.add(self)

    def __repr__(self) -> str:
        return f"Run({self.name!r}, {self.uid[:8]})"

    @property
    def uid(self) -> str:
        """32 hex digits, unique."""
        return self._row.uid

    @property
    def id(self) -> int:
        """Its number in the database."""
        return self._row.id

    @property
    def name(self) -> str:
        """The name it was given when it was opened."""
        return self._row.name

    @property
    def kind(self) -> str:
        """What it is a run of: `train`, `prompt`, ..."""
        return self._row.kind

    @property
    def experiment(self) -> str:
        """The experiment that it was opened in."""
        return self._row.experiment

    @property
    def started_at(self) -> datetime:
        """When it was started."""
        return self._row.started_at

    # -- params, metrics, tags, note

    def log_params(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Keeps params, as text; one that has another value already raises UsageError that names it."""
        texts = {str(key): params.as_text(value) for key, value in {**(values or {}), **more}.items()}
        self.database.write_now(lambda connection: params.set_params(connection, self.id, texts))

    def log_metrics(
        self,
        values: Mapping[str, float] | None = None,
        /,
        *,
        step: int = 0,
        at: datetime | None = None,
        **more: float,
    ) -> None:
        """Keeps one value of each metric at `step`; NaN and the infinities are kept too. Does not wait.

        at: when it was measured; default: now. Raises UsageError for what is no number and for a step beyond 64 bits.
        """
        at_ms = _milliseconds(at)
        place = _step(step)
        self._metrics.add(
            [(_metric(key), _number(key, value), place, at_ms) for key, value in {**(values or {}), **more}.items()]
        )

    def log_curve(
        self,
        name: str,
        values: Sequence[float],
        *,
        steps: Sequence[int] | None = None,
        at: datetime | None = None,
    ) -> None:
        """Keeps many values of one metric at once, at `steps` (default: 0, 1, 2, ...). Does not wait."""
        at_ms = _milliseconds(at)
        key = _metric(name)
        numbers = [_number(key, value) for value in values]
        places = range(len(numbers)) if steps is None else [_step(step) for step in steps]
        if len(places) != len(numbers):
            raise UsageError(f"metric '{key}' has {len(numbers)} values at {len(places)} steps; give one step a value")
        self._metrics.add([(key, value, step, at_ms) for value, step in zip(numbers, places, strict=True)])

    def set_direction(self, **directions: Direction) -> None:
        """Says for a metric whether `higher` or `lower` is better, where its name does not tell."""

        def store(connection: Connection) -> None:
            for name, direction in directions.items():
                metrics.set_direction(connection, name, direction)

        self.database.write_now(store)

    def set_tags(self, tags: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Sets tags, as text; an earlier value is replaced."""
        values = {str(key): params.as_text(value) for key, value in {**(tags or {}), **more}.items()}
        self.database.write_now(lambda connection: params.set_tags(connection, self.id, values))

    def delete_tag(self, key: str) -> None:
        """Takes a tag away. Raises UsageError where there is none."""
        self.database.write_now(lambda connection: params.delete_tag(connection, self.id, key))

    def set_note(self, text: str) -> None:
        """Replaces the run's note: what somebody who opens it should know."""
        self.database.write_now(lambda connection: runs.set_note(connection, self.uid, text))

    def rename(self, name: str) -> None:
        """Gives the run another name; its id stays."""
        self.database.write_now(lambda connection: runs.rename_run(connection, self.uid, name))

    # -- artifacts

    def log_artifact(self, path: str | Path, *, name: str | None = None) -> str:
        """Keeps a copy of a file of any size under `name` (default: its own) and gives its SHA-256, hex."""
        return artifacts.log_file(self, Path(path), name=name)

    def log_artifacts(self, folder: str | Path, *, prefix: str = "") -> Mapping[str, str]:
        """Keeps every file below a folder under its relative path, after `prefix`; gives SHA-256 by name."""
        return artifacts.log_folder(self, Path(folder), prefix=prefix)

    def log_text(self, text: str, name: str) -> str:
        """Keeps a text as an artifact and gives its SHA-256, hex."""
        return artifacts.log_bytes(self, text.encode("utf-8", "surrogatepass"), name)

    def log_json(self, value: Any, name: str) -> str:
        """Keeps a JSON value as an artifact and gives its SHA-256, hex."""
        return artifacts.log_json(self, value, name)

    def log_table(self, table: pd.DataFrame | Mapping[str, Any] | Sequence[Mapping[str, Any]], name: str) -> str:
        """Keeps a table as CSV, JSON or Parquet, as the end of `name` says; gives its SHA-256, hex.

        table: a data frame, columns by name, or rows as mappings.
        """
        return artifacts.log_table(self, table, name)

    def log_figure(self, figure: Any, name: str) -> str:
        """Keeps a figure of matplotlib, Plotly, Altair or Pillow in the format that the end of `name` says."""
        return artifacts.log_figure(self, figure, name)

    # -- data: what was read, made, used

    def extract(
        self, source: Any, *, name: str, context: str = "input", profile: bool = False, target: str | None = None
    ) -> pd.DataFrame:
        """Reads rows, recorded as a version of the data set `name` that this run read.

        source: a path (CSV, TSV, JSON, JSONL, Parquet, XLSX), an http URL, or a mapping: {"sql": query, "url": ... or
        "url_env": ...}, {"table": ..., "url": ...}, {"url": ..., "rows": ...}, {"mongodb": collection, ...}. profile:
        keeps a profile too; target: the column that is to be predicted, for its hints. Raises UsageError.
        """
        from promptlab.tracking.data import extract

        return extract(self, source, name=name, context=context, profile=profile, target=target)

    def load(
        self,
        data: Any,
        to: Any,
        *,
        name: str,
        mode: str = "create",
        context: str = "output",
        profile: bool = False,
        target: str | None = None,
    ) -> Dataset:
        """Writes rows, recorded as a version of the data set `name` that this run made; `extract` reads them again.

        to: a path ending in .parquet or .csv, or {"table": name, "url": ... or "url_env": ...}. mode: `create`
        never writes over what is there; `replace` does, and `append` adds to a table.
        """
        from promptlab.tracking.data import load

        return load(self, data, to, name=name, mode=mode, context=context, profile=profile, target=target)

    def log_data(
        self,
        data: Any,
        *,
        name: str,
        context: str = "training",
        source: str = "",
        target: Any = None,
        profile: bool = False,
    ) -> Dataset:
        """Records data in hand as a version of the data set `name` that this run used; its rows are not kept.

        data: a data frame, an array, columns by name, records. context: what for. source: where it is from, in words.
        target: the target's column, or its values, which become one. profile: keeps a profile too, see `log_profile`.
        """
        from promptlab.tracking.data import log_data

        return log_data(self, data, name=name, context=context, source=source, target=target, profile=profile)

    def log_profile(self, data: Any, *, name: str, target: Any = None, context: str = "profiled") -> Profile:
        """Gives the profile of data in hand, kept with a version of the data set `name`, as JSON and as a page.

        target: the column that is to be predicted, or its values: the profile has hints of what gives it away.
        """
        from promptlab.tracking.profiles import log_profile

        return log_profile(self, data, name=name, target=target, context=context)

    def log_features(
        self, features: Mapping[str, Any] | Iterable[Feature | str], *, importances: Any = None
    ) -> tuple[FeatureRow, ...]:
        """Keeps features by name with the code that makes them, and gives them as they are stored.

        features: by name the function, its code as text, or a Feature; or names or Features. importances: numbers by
        name or in their order, or a fitted estimator. A feature of a name that the run has already is replaced.
        """
        from promptlab.tracking.features import log_features

        return log_features(self, features, importances=importances)

    def log_test(
        self, test: Any, /, *samples: Any, hypothesis: str = "", dataset: Dataset | str | None = None, **options: Any
    ) -> TestedHypothesis:
        """Makes a hypothesis test, keeps it with the run for good, and gives what it found; `print` shows it.

        test: the name of a test and then its samples or counts (`"welch", a, b`), or a result of scipy or statsmodels.
        hypothesis: in words, best written before the test is made. dataset: the version that was tested. options: as
        `promptlab.run_test` has them (alpha, alternative, data, x, by, missing, ...); of a result method, n, effect,
        estimate, alpha. Raises UsageError that names what is wrong; then nothing is kept.
        """
        from promptlab.tracking.hypothesis_tests import log_test

        return log_test(self, test, samples, hypothesis=hypothesis, dataset=dataset, options=options)

    # -- estimators, predictions, runs within this one

    def log_estimator(
        self,
        estimator: Any,
        X_train: Any = None,  # noqa: N803 - scikit-learn's names
        y_train: Any = None,
        X_test: Any = None,  # noqa: N803
        y_test: Any = None,
        *,
        name: str | None = None,
        sample_weight: Any = None,
        test_sample_weight: Any = None,
        keep_predictions: bool = True,
        permutations: int = 0,
    ) -> None:
        """Logs a fitted estimator of scikit-learn's kind: params, metrics on train and test, curves, importance.

        Predictions on the test rows become the run's outputs, so that `lab.compare` holds two models against each
        other. name: what its data sets are called; default: as the experiment. permutations: how often each column is
        shuffled to see what it is worth. Raises UsageError where the run has another estimator.
        """
        from promptlab.tracking.estimators import Detail, log_estimator

        log_estimator(
            self,
            estimator,
            X_train,
            y_train,
            X_test,
            y_test,
            sample_weight=sample_weight,
            test_sample_weight=test_sample_weight,
            detail=Detail(name=name, predictions=keep_predictions, permutations=permutations),
        )

    def log_predictions(self, suite: Any, outputs: Sequence[str]) -> None:
        """Scores predictions made elsewhere on a suite's cases, as this run's outputs, one text a case in order.

        suite: a path, a mapping or a Suite. Raises UsageError where there are not as many outputs as cases.
        """
        self.flush()
        self._score_predictions(self._row, suite, outputs)

    def run(
        self,
        name: str,
        *,
        kind: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> Run:
        """A run within this one: a fold, a trial, a repeat, a step. It ends by itself, as this one does."""
        return self._open_run(
            name,
            kind=kind or self.kind,
            params=params,
            tags=tags,
            experiment=self._row.experiment,
            parent=self.uid,
            system_metrics=False,
        )

    # -- its end

    def flush(self) -> None:
        """Waits until all that was logged is committed; raises what a write raised."""
        self.database.flush()

    def before_end(self, action: Callable[[], None]) -> None:
        """Has `action` called once before the run ends, however it ends: for what is known only then."""
        self._before_end.append(action)

    def end(self, status: str = "finished", *, error: str | None = None) -> None:
        """Ends the run: `finished` or `failed`. A handle of `lab.reopen` leaves the run as it is.

        Waits until all that was logged is committed, and raises what a write raised; the run has ended then too.
        """
        actions, self._before_end = self._before_end, []
        with contextlib.ExitStack() as ending:
            ending.callback(self._end, status, error)
            for action in actions:
                ending.callback(action)

    def _end(self, status: str, error: str | None) -> None:
        if not self._owned:
            self.flush()
            return
        OPEN_RUNS.remove(self)
        now = datetime.now(UTC)
        self.database.write_now(
            lambda connection: runs.finish_run(connection, self.uid, status, error=error, ended_at=now)
        )
        self.database.check()

    def end_with(self, error: BaseException) -> None:
        """Ends the run as an exception that leaves its script says."""
        if isinstance(error, KeyboardInterrupt):
            self.end("interrupted", error="interrupted")
        elif isinstance(error, SystemExit) and not error.code:
            self.end()
        else:
            self.end("failed", error=f"{type(error).__name__}: {error}")

    def __enter__(self) -> Self:
        enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leave(self)
        if error is None:
            self.end()
        else:
            self.end_with(error)


def _milliseconds(at: datetime | None) -> int:
    if at is None:
        return int(time.time() * 1000)
    if at.tzinfo is None:
        raise UsageError(f"the time {at.isoformat()} has no time zone; use datetime.now(UTC)")
    return int(at.timestamp() * 1000)


def _metric(key: Any) -> str:
    return check_name(str(key), "metric")


def _number(key: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"metric '{key}' is {value!r:.80}; it is a number") from error
    except OverflowError as error:
        raise UsageError(f"metric '{key}' is a whole number beyond the range of floats") from error


def _step(step: Any) -> int:
    try:
        whole = int(step)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"step {step!r:.80} is no whole number") from error
    if whole != step or not -(2**63) <= whole < 2**63:
        raise UsageError(f"step {step!r:.80} is no whole number of 64 bits")
    return whole
