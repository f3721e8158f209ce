"""One run or one cell, with all that belongs to it: what a page of the app shows."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from promptlab.errors import UsageError
from promptlab.store import artifacts, cells, datasets, features, metrics, params, runs
from promptlab.store.rows import CellDetail, RunDetail


def run_detail(connection: Connection, uid: str) -> RunDetail:
    """A run with all that belongs to it, parent and children too. Raises RunNotFoundError."""
    run = runs.get_run(connection, uid)
    return RunDetail(
        run=run,
        parent=runs.parent(connection, run),
        children=runs.children(connection, run.uid),
        params=params.params(connection, run.id),
        tags=params.tags(connection, run.id),
        metrics=metrics.summaries(connection, [run.id])[run.id],
        artifacts=artifacts.list_artifacts(connection, run.id),
        datasets=datasets.links(connection, run.id),
        features=features.list_features(connection, run.id),
    )


def cell_detail(connection: Connection, run_uid: str, key: str, *, repeat: int = 0) -> CellDetail:
    """A cell with its rendered prompt and its attempts.

    Raises RunNotFoundError, and UsageError for a case or repeat that the run has no output for.
    """
    run = runs.get_run(connection, run_uid)
    found = [cell for cell in cells.cells(connection, [run.id], keys=[key]) if cell.repeat == repeat]
    if not found:
        raise UsageError(f"run {run.uid[:8]} has no output for case '{key}', repeat {repeat}")
    cell = found[0]
    return CellDetail(
        run=run,
        cell=cell,
        messages=cells.rendered(connection, cell.rendered_digest) if cell.rendered_digest else (),
        attempts=cells.attempts_of(connection, run.id, key=key, repeat=repeat),
    )
