"""Metrics of runs: every value kept, a summary beside it in the same transaction; and which direction is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.errors import UsageError
from promptlab.store.locks import lock_run
from promptlab.store.rows import MetricPoint, SummaryRow
from promptlab.store.statements import Prepared, check_name, in_chunks, upsert
from promptlab.store.tables import MEASURE, METRIC, SUMMARY
from promptlab.types import Direction

SYSTEM_PREFIX = "system/"
"""Metrics of this name say what the machine did during a run, not how good it was: lists leave them out."""


def _merge(new: Any) -> Mapping[str, Any]:
    """How a summary takes in a later batch, in SQL: so that two processes that log to one run lose nothing."""
    later = new.step >= SUMMARY.c.step
    return {
        "last": sa.case((later, new.last), else_=SUMMARY.c.last),
        "step": sa.case((later, new.step), else_=SUMMARY.c.step),
        "min": sa.case(
            (new.min.is_(None), SUMMARY.c.min),
            (sa.or_(SUMMARY.c.min.is_(None), new.min < SUMMARY.c.min), new.min),
            else_=SUMMARY.c.min,
        ),
        "max": sa.case(
            (new.max.is_(None), SUMMARY.c.max),
            (sa.or_(SUMMARY.c.max.is_(None), new.max > SUMMARY.c.max), new.max),
            else_=SUMMARY.c.max,
        ),
        "points": SUMMARY.c.points + new.points,
    }


_SUMMARISE = Prepared(
    lambda dialect: upsert(dialect, SUMMARY, keys=["run_id", "key"], update=_merge).returning(SUMMARY.c.points),
    ("run_id", "key", "last", "min", "max", "step", "points"),
)
_ADD = Prepared(lambda _: sa.insert(METRIC), ("run_id", "key", "step", "at_ms", "ordinal", "value"))
_SET_DIRECTION = Prepared(
    lambda dialect: upsert(dialect, MEASURE, keys=["name"], update=["direction"]), ("name", "direction")
)


def log_metrics(connection: Connection, run_id: int, points: Iterable[tuple[str, float, int, int]]) -> None:
    """Keeps (key, value, step, at_ms) points in their order, and updates the summaries of their keys.

    NaN and the infinities are kept; NaN enters neither min nor max. Equal points are kept as often as they come.
    """
    by_key: dict[str, list[tuple[float, int, int]]] = {}
    for key, value, step, at_ms in points:
        by_key.setdefault(check_name(key, "metric"), []).append((float(value), int(step), int(at_ms)))
    rows: list[dict[str, Any]] = []
    # First the run, then its summaries in one order: two processes never hold a row that the other one waits for.
    lock_run(connection, run_id)
    for key, values in sorted(by_key.items()):
        real = [value for value, _, _ in values if value == value]  # noqa: PLR0124 - NaN differs from itself
        step = max(step for _, step, _ in values)
        counted = _SUMMARISE.one(
            connection,
            {
                "run_id": run_id,
                "key": key,
                "last": [value for value, at_step, _ in values if at_step == step][-1],
                "min": min(real, default=None),
                "max": max(real, default=None),
                "step": step,
                "points": len(values),
            },
        )
        first = (counted[0] if counted else len(values)) - len(values)
        rows += [
            {"run_id": run_id, "key": key, "step": at_step, "at_ms": at_ms, "ordinal": first + place, "value": value}
            for place, (value, at_step, at_ms) in enumerate(values)
        ]
    if rows:
        _ADD.many(connection, rows)


def metric_history(connection: Connection, run_id: int, key: str) -> list[MetricPoint]:
    """Every value of a metric by step, then time, then the order of logging."""
    query = (
        sa.select(METRIC.c.step, METRIC.c.at_ms, METRIC.c.value, METRIC.c.ordinal)
        .where(METRIC.c.run_id == run_id, METRIC.c.key == key)
        .order_by(METRIC.c.step, METRIC.c.at_ms, METRIC.c.ordinal)
    )
    return [MetricPoint(*row) for row in connection.execute(query)]


def summaries(connection: Connection, run_ids: Sequence[int]) -> dict[int, dict[str, SummaryRow]]:
    """The summary of every metric of these runs: {run_id: {key: summary}}."""
    found: dict[int, dict[str, SummaryRow]] = {run_id: {} for run_id in run_ids}
    for chunk in in_chunks(run_ids):
        query = sa.select(SUMMARY).where(SUMMARY.c.run_id.in_(chunk)).order_by(SUMMARY.c.run_id, SUMMARY.c.key)
        for row in connection.execute(query):
            found[row.run_id][row.key] = SummaryRow(row.last, row.min, row.max, row.step, row.points)
    return found


def metric_names(connection: Connection) -> list[str]:
    """Every metric that any run has, in alphabetical order."""
    return list(connection.execute(sa.select(SUMMARY.c.key).distinct().order_by(SUMMARY.c.key)).scalars())


def set_direction(connection: Connection, name: str, direction: Direction) -> None:
    """Keeps whether a higher or a lower value of this metric or evaluator is better; replaces what was said before."""
    if direction not in ("higher", "lower"):
        raise UsageError(f"the direction of '{name}' is {direction!r}; it is 'higher' or 'lower'")
    _SET_DIRECTION.one(connection, {"name": check_name(name, "metric"), "direction": direction})


def directions(connection: Connection, names: Sequence[str]) -> dict[str, Direction]:
    """The stored directions of these names; a name nobody has set is left out."""
    found: dict[str, Direction] = {}
    for chunk in in_chunks(names):
        query = sa.select(MEASURE.c.name, MEASURE.c.direction).where(MEASURE.c.name.in_(chunk))
        found.update({name: direction for name, direction in connection.execute(query)})  # noqa: C416 - as above all pairs are Rows
    return found
