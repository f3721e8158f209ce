"""Curves of metrics, short enough to draw: a million values become some hundred, and none of their peaks is lost.

Values are gathered into intervals of equal width along the axis; each keeps its mean, its lowest and its highest
value, and how many there were, so that a band can be drawn about the line.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.store.rows import Curve, CurvePoint
from promptlab.store.tables import METRIC, SUMMARY

Axis: TypeAlias = Literal["step", "time"]

_OF_RUN = (METRIC.c.run_id == sa.bindparam("of_run"), METRIC.c.key == sa.bindparam("of_key"))


def curve(connection: Connection, run_id: int, key: str, *, points: int = 500, axis: Axis = "step") -> Curve:
    """The curve of a metric in at most `points` points; all of them where there are no more, NaN left out of means.

    axis: `step`, or `time` in milliseconds since 1970. Values that all have one step are laid out in the order of
    logging: the curve's axis says `order` then.
    """
    total = connection.execute(
        sa.select(SUMMARY.c.points).where(SUMMARY.c.run_id == run_id, SUMMARY.c.key == key)
    ).scalar()
    chosen = METRIC.c.at_ms if axis == "time" else METRIC.c.step
    first, last = _ends(connection, run_id, key, chosen)
    name: Literal["step", "time", "order"] = axis
    if first == last and (total or 0) > 1:
        chosen, name = METRIC.c.ordinal, "order"
        first, last = _ends(connection, run_id, key, chosen)
    if not total or first is None or last is None:
        return Curve(key, name, 0, ())
    if total <= points:
        every = _every(connection, run_id, key, chosen)
        return Curve(key, name, total, every)
    return Curve(key, name, total, _gathered(connection, run_id, key, chosen, first=first, last=last, points=points))


def _ends(connection: Connection, run_id: int, key: str, x: sa.ColumnElement[int]) -> tuple[int | None, int | None]:
    # Two questions: SQLite looks up the lowest or the highest of a key, but reads all to find both.
    ends = [
        connection.execute(sa.select(end(x)).where(*_OF_RUN), {"of_run": run_id, "of_key": key}).scalar()
        for end in (sa.func.min, sa.func.max)
    ]
    return ends[0], ends[1]


def _every(connection: Connection, run_id: int, key: str, x: sa.ColumnElement[int]) -> tuple[CurvePoint, ...]:
    query = sa.select(x, METRIC.c.value).where(*_OF_RUN).order_by(x, METRIC.c.step, METRIC.c.at_ms, METRIC.c.ordinal)
    rows = connection.execute(query, {"of_run": run_id, "of_key": key})
    return tuple(CurvePoint(place, value, value, value, 1) for place, value in rows)


def _gathered(
    connection: Connection, run_id: int, key: str, x: sa.ColumnElement[int], *, first: int, last: int, points: int
) -> tuple[CurvePoint, ...]:
    width = max(1, -(-(last - first + 1) // points))
    # Whole numbers are divided downwards on every database, since no place is before the first.
    interval: sa.ColumnElement[Any] = (x - first) // width
    plain: sa.ColumnElement[float] = sa.type_coerce(METRIC.c.value, sa.Double())
    query = (
        sa.select(
            sa.func.min(x),
            sa.func.max(x),
            sa.func.avg(plain),
            sa.func.min(plain),
            sa.func.max(plain),
            sa.func.count(),
        )
        .where(*_OF_RUN)
        .group_by(interval)
        .order_by(sa.func.min(x))
    )
    nan = float("nan")
    return tuple(
        CurvePoint(
            (low_x + high_x) // 2 if count > 1 else low_x,
            nan if mean is None else mean,
            nan if low is None else low,
            nan if high is None else high,
            count,
        )
        for low_x, high_x, mean, low, high, count in connection.execute(query, {"of_run": run_id, "of_key": key})
    )
