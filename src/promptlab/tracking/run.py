"""The handle of a classic run: params, metrics with steps, tags, artifacts, predictions."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from promptlab import portal
from promptlab.errors import UsageError
from promptlab.store import metrics, params, runs
from promptlab.store.artifacts import ArtifactStore, record_artifact
from promptlab.store.database import Connection, Database
from promptlab.store.rows import RunRow
from promptlab.types import Direction

HEARTBEAT_SECONDS = 5.0

Predictions = Callable[[RunRow, Any, Sequence[str]], None]
"""Scores texts against a suite's cases and stores them as the run's outputs; the façade hands it in."""


class Run:
    """A run that is being logged; leaving its `with` block ends it, `failed` where an exception leaves.

    Every call returns once the writer has it; `flush` (and the end) waits until all is committed.
    """

    def __init__(
        self, database: Database, row: RunRow, *, artifacts: ArtifactStore, score_predictions: Predictions
    ) -> None:
        self._database = database
        self._row = row
        self._artifacts = artifacts
        self._score_predictions = score_predictions
        self._heart = portal.submit(_beat(database, row.uid))

    @property
    def uid(self) -> str:
        """32 hex digits, unique."""
        return self._row.uid

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._row.name

    def log_params(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Keeps params, as text; one that has another value already raises UsageError that names it."""
        texts = {str(key): _text(value) for key, value in {**(values or {}), **more}.items()}
        self._database.write(lambda connection: params.set_params(connection, self._row.id, texts)).result()

    def log_metrics(self, values: Mapping[str, float] | None = None, /, *, step: int = 0, **more: float) -> None:
        """Keeps one value of each metric at `step`; NaN and the infinities are kept too. Does not wait."""
        at_ms = int(time.time() * 1000)
        points = [(str(key), _number(key, value), step, at_ms) for key, value in {**(values or {}), **more}.items()]
        self._database.write(lambda connection: metrics.log_metrics(connection, self._row.id, points))

    def set_tags(self, tags: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Sets tags, as text; an earlier value is replaced."""
        values = {str(key): _text(value) for key, value in {**(tags or {}), **more}.items()}
        self._database.write(lambda connection: params.set_tags(connection, self._row.id, values)).result()

    def set_direction(self, **directions: Direction) -> None:
        """Says for a metric whether `higher` or `lower` is better, where its name does not tell."""

        def store(connection: Connection) -> None:
            for name, direction in directions.items():
                metrics.set_direction(connection, name, direction)

        self._database.write(store).result()

    def log_artifact(self, path: str | Path, *, name: str | None = None) -> str:
        """Keeps a copy of a file under `name` (default: its own) and gives its SHA-256, hex."""
        source = Path(path)
        if not source.is_file():
            raise UsageError(f"artifact '{source}' is not a file")
        digest, size = self._artifacts.put_file(source)
        return self._record(name or source.name, digest, size)

    def log_text(self, text: str, name: str) -> str:
        """Keeps a text as an artifact and gives its SHA-256, hex."""
        digest, size = self._artifacts.put_bytes(text.encode("utf-8"))
        return self._record(name, digest, size)

    def log_predictions(self, suite: Any, outputs: Sequence[str]) -> None:
        """Scores predictions made elsewhere on a suite's cases, as this run's outputs, one text a case in order.

        suite: a path or a Suite. Raises UsageError where there are not as many outputs as cases.
        """
        self.flush()
        self._score_predictions(self._row, suite, outputs)

    def flush(self) -> None:
        """Waits until all that was logged is committed; raises what a write raised."""
        self._database.flush()

    def end(self, status: str = "finished", *, error: str | None = None) -> None:
        """Ends the run: `finished` or `failed`."""
        self.flush()
        self._heart.cancel()
        now = datetime.now(UTC)
        self._database.write(
            lambda connection: runs.finish_run(connection, self._row.uid, status, error=error, ended_at=now)
        ).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.end()
        elif isinstance(error, KeyboardInterrupt):
            self.end("interrupted", error="interrupted")
        else:
            self.end("failed", error=f"{type(error).__name__}: {error}")

    def _record(self, name: str, digest: str, size: int) -> str:
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self._database.write(
            lambda connection: record_artifact(connection, self._row.id, name, digest, size, media_type)
        ).result()
        return digest


async def _beat(database: Database, uid: str) -> None:
    """Says again and again that the run is alive, also while its script computes and logs nothing."""
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        await database.commit(lambda connection: runs.heartbeat(connection, [uid], datetime.now(UTC)))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def _number(key: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"metric '{key}' is {value!r}; it is a number") from error
