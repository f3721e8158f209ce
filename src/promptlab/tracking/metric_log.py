"""Values of metrics on their way to the database: what is logged while the writer is busy goes there together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TypeAlias

from promptlab.store import metrics
from promptlab.store.database import Connection, Database
from promptlab.store.writer import Write

Point: TypeAlias = tuple[str, float, int, int]
"""Key, value, step, milliseconds since 1970."""

MOST_WAITING = 200_000
"""Points that may wait; who logs faster than the database takes waits for it then, and memory stays bounded."""


class MetricLog:
    """Points of one run, written in the order they came; safe to share between threads."""

    def __init__(self, database: Database, run_id: int) -> None:
        self._database = database
        self._run_id = run_id
        self._lock = threading.Lock()
        self._waiting: list[Point] = []
        self._write: Write[None] | None = None

    def add(self, points: Sequence[Point]) -> None:
        """Hands points over; they share a write with all that wait for the writer already. Does not wait itself."""
        with self._lock:
            self._waiting.extend(points)
            if self._write is None:
                self._write = self._database.write(_Batch(self))
            write, full = self._write, len(self._waiting) > MOST_WAITING
        if full:
            write.result()

    def take(self) -> list[Point]:
        """All that waits; what comes later makes a write of its own."""
        with self._lock:
            points, self._waiting, self._write = self._waiting, [], None
            return points

    def store(self, connection: Connection, points: Sequence[Point]) -> None:
        """Writes points."""
        metrics.log_metrics(connection, self._run_id, points)


class _Batch:
    """A write of all that waits when its turn comes. It may run again, with what it took the first time."""

    def __init__(self, log: MetricLog) -> None:
        self._log = log
        self._points: list[Point] | None = None

    def __call__(self, connection: Connection) -> None:
        if self._points is None:
            self._points = self._log.take()
        self._log.store(connection, self._points)
