"""What an estimator tells of itself on its way into a run: all of it in one transaction."""

from __future__ import annotations

import json
import mimetypes
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from promptlab.estimators.metrics import direction_of
from promptlab.store import metrics, params
from promptlab.store.artifacts import record_artifact
from promptlab.store.database import Connection
from promptlab.tracking.direction import infer_direction
from promptlab.types import Direction

if TYPE_CHECKING:
    from promptlab.tracking.run import Run

LEFT_OUT = "left_out"
"""A run's tag: what was not logged, with the reason for each, as JSON."""


@dataclass(slots=True)
class Batch:
    """Params, tags, metrics, curves, files and what is left out, gathered and then written at once.

    Params that the run has already stay as they are: whoever opened it has said them. files: text by name.
    """

    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    curves: dict[str, Sequence[float]] = field(default_factory=dict)
    directions: dict[str, Direction] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add_metrics(self, values: Mapping[str, float], *, prefix: str = "") -> None:
        """Adds metrics, with their direction where their name does not tell."""
        for name, value in values.items():
            self.metrics[f"{prefix}{name}"] = value
            direction = direction_of(name)
            if infer_direction(f"{prefix}{name}") != direction:
                self.directions[f"{prefix}{name}"] = direction

    def write(self, run: Run) -> None:
        """Keeps all of it in the run."""
        kept = [
            (name, run.artifact_store.put_bytes(text.encode("utf-8", "backslashreplace")), _media_type(name))
            for name, text in self.files.items()
        ]
        at_ms = int(time.time() * 1000)
        points = [(name, value, 0, at_ms) for name, value in self.metrics.items()]
        for name, values in self.curves.items():
            points += [(name, value, step, at_ms) for step, value in enumerate(values)]

        def store(connection: Connection) -> None:
            self._store_words(connection, run.id)
            if points:
                metrics.log_metrics(connection, run.id, points)
            for name, direction in self.directions.items():
                metrics.set_direction(connection, name, direction)
            for name, file, media_type in kept:
                record_artifact(connection, run.id, name, file.digest, file.bytes, media_type)

        run.database.write_now(store)

    def claim(self, run: Run, tag: str) -> bool:
        """Writes params and tags where the run has not this tag yet, and says whether it did."""

        def store(connection: Connection) -> bool:
            if tag in params.tags(connection, run.id):
                return False
            self._store_words(connection, run.id)
            return True

        return run.database.write_now(store)

    def _store_words(self, connection: Connection, run_id: int) -> None:
        if self.params:
            known = params.params(connection, run_id)
            params.set_params(
                connection, run_id, {name: value for name, value in self.params.items() if name not in known}
            )
        tags: dict[str, str] = dict(self.tags)
        if self.left_out:
            before = json.loads(params.tags(connection, run_id).get(LEFT_OUT, "{}"))
            tags[LEFT_OUT] = json.dumps({**before, **self.left_out}, ensure_ascii=False)
        if tags:
            params.set_tags(connection, run_id, tags)


def _media_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "text/plain"
