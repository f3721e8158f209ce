"""What a list of runs shows beside each row: how far it came, of what, and its main metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promptlab.reports import EVALUATORS_TAG
from promptlab.store import runs
from promptlab.store.database import Database
from promptlab.store.metrics import SYSTEM_PREFIX
from promptlab.store.rows import RunRow, SummaryRow
from promptlab.tracking.direction import infer_direction
from promptlab.types import Direction

COUNTED = frozenset({"latency_seconds", "input_tokens", "output_tokens", "cost_usd", "errors"})
"""Metrics that every run with outputs has; they say what it took, not how good it was."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A run in a list, in short.

    ended, errors: cells so far, of planned; None where the run has no cells. metrics: last values, a suite's
    evaluators first; of an evaluation the best of its variants. prompts, models: of its variants, in order.
    """

    variants: int
    planned: int | None
    ended: int | None
    errors: int
    prompts: Sequence[str]
    models: Sequence[str]
    metrics: Mapping[str, float]

    @property
    def partial(self) -> bool:
        """Whether cells are missing."""
        return self.planned is not None and (self.ended or 0) < self.planned


def overviews(database: Database, rows: Sequence[RunRow]) -> dict[int, Overview]:
    """The overview of each run, by run id; reads no output of a run that has finished."""
    with database.connect() as connection:
        columns = {row.id: _columns(connection, row) for row in rows}
        everyone = [column for some in columns.values() for column in some]
        metrics = runs.summaries(connection, [column.id for column in everyone])
        counts = runs.output_counts(connection, [column.id for column in everyone if column.status != "finished"])
        evaluators = {
            row.id: json.loads(runs.tags(connection, row.id).get(EVALUATORS_TAG, "[]"))
            for row in rows
            if row.kind == "eval"
        }
        names = sorted({name for values in metrics.values() for name in values})
        stored = runs.directions(connection, names)
    directions = {name: stored.get(name) or infer_direction(name) for name in names}
    return {
        row.id: _overview(
            row,
            columns[row.id],
            metrics=metrics,
            counts=counts,
            directions=directions,
            evaluators=evaluators.get(row.id, []),
        )
        for row in rows
    }


def _columns(connection: runs.Connection, row: RunRow) -> list[RunRow]:
    children = runs.children(connection, row.uid) if row.kind == "eval" else []
    return [child for child in children if child.kind == "prompt"] or [row]


def _overview(
    row: RunRow,
    columns: Sequence[RunRow],
    *,
    metrics: Mapping[int, Mapping[str, SummaryRow]],
    counts: Mapping[int, Mapping[str, int]],
    directions: Mapping[str, Direction],
    evaluators: Sequence[str],
) -> Overview:
    values: dict[str, list[float]] = {}
    ended, errors = 0, 0
    for column in columns:
        of_column = metrics.get(column.id, {})
        for name, summary in of_column.items():
            values.setdefault(name, []).append(summary.last)
        if column.id in counts:
            ended += sum(counts[column.id].values())
            errors += counts[column.id]["errors"]
        else:
            ended += column.cells_planned or 0
            errors += int(of_column["errors"].last) if "errors" in of_column and column.cells_planned else 0
    best = {name: (min if directions[name] == "lower" else max)(some) for name, some in values.items()}
    ranks = {name: rank for rank, name in enumerate(evaluators)}
    scored = [name for name in best if name in ranks or name.split(".", 1)[0] in ranks]
    scored.sort(key=lambda name: ranks.get(name, ranks.get(name.split(".", 1)[0], 0)))
    own = [name for name in best if not name.startswith(SYSTEM_PREFIX)]
    rest = [] if row.kind == "eval" else [name for name in own if row.cells_planned is None or name not in COUNTED]
    return Overview(
        variants=len(columns) if columns[0] is not row else 0,
        planned=row.cells_planned,
        ended=None if row.cells_planned is None else ended,
        errors=errors,
        prompts=list(dict.fromkeys(column.prompt_reference for column in columns if column.prompt_reference)),
        models=list(dict.fromkeys(column.model for column in columns if column.model)),
        metrics={name: best[name] for name in scored or rest},
    )
