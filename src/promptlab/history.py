"""A metric over time: each run that has it, how sure its value is, and whether it beats the best before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promptlab.compare import CaseValues, case_difference, case_values
from promptlab.reports import interval_of
from promptlab.statistics.paired import PairedDifference
from promptlab.statistics.verdict import Verdict, verdict
from promptlab.store import aggregates, datasets, metrics
from promptlab.store.database import Connection, Database
from promptlab.store.rows import RunRow
from promptlab.tracking.direction import infer_direction
from promptlab.types import Direction, Interval

PER_CASE = {"test_accuracy": "exact_match", "test_mae": "numeric_diff"}
"""Metrics that are the mean of a score that each case has, under another name."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A run's place in the history of a metric.

    value: the metric's last. interval: 95%, where the run was scored on cases. data: the data sets that it used.
    against: the best run before it that it shares cases with; difference: this run's mean less that one's, paired case
    by case, with the verdict. None where nothing pairs. best: whether no run before it had a better value.
    """

    run: RunRow
    value: float
    interval: Interval | None
    data: tuple[str, ...]
    against: RunRow | None
    difference: PairedDifference | None
    verdict: Verdict | None
    best: bool


@dataclass(frozen=True, slots=True)
class History:
    """The moments of a metric, oldest first."""

    metric: str
    direction: Direction
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database has of one run: the metric, its data sets, and how sure the metric is, where it was scored."""

    last: float
    data: tuple[str, ...]
    interval: Interval | None


def history(database: Database, rows: Sequence[RunRow], metric: str) -> History:
    """The history of a metric over these runs; those that have it not are left out."""
    measure = PER_CASE.get(metric, metric)

    def read(connection: Connection) -> tuple[Direction, dict[int, _Known]]:
        direction = metrics.directions(connection, [metric]).get(metric) or infer_direction(metric)
        summaries = metrics.summaries(connection, [row.id for row in rows])
        known = {
            run_id: _known(connection, run_id, of_run[metric].last, measure)
            for run_id, of_run in summaries.items()
            if metric in of_run
        }
        return direction, known

    direction, known = database.read(read)
    moments: list[Moment] = []
    best: tuple[RunRow, CaseValues | None] | None = None
    for row in sorted((row for row in rows if row.id in known), key=lambda row: (row.started_at, row.id)):
        of_run = known[row.id]
        values = case_values(database, row.uid) if of_run.interval is not None else None
        difference = None
        if best is not None and best[1] is not None and values is not None:
            paired = case_difference(best[1], values, measure)
            difference = paired if paired.n else None
        first = best is None or _better(of_run.last, known[best[0].id].last, direction)
        moments.append(
            Moment(
                row,
                of_run.last,
                of_run.interval,
                of_run.data,
                against=None if difference is None or best is None else best[0],
                difference=difference,
                verdict=None
                if difference is None or best is None
                else verdict(difference, measure=metric, direction=direction, names=(best[0].name, row.name)),
                best=first,
            )
        )
        if first and of_run.last == of_run.last:
            best = (row, values)
    return History(metric, direction, tuple(moments))


def _known(connection: Connection, run_id: int, last: float, measure: str) -> _Known:
    data = tuple(sorted({data.reference for _, data in datasets.links(connection, run_id)}))
    means = aggregates.case_means(connection, run_id).get(measure)
    return _Known(last, data, None if means is None else interval_of(means))


def _better(value: float, other: float, direction: Direction) -> bool:
    return value > other if direction == "higher" else value < other
