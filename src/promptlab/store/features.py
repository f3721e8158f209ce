"""Features that runs made or used: by name, with their code and what a model made of them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.store.rows import FeatureRow
from promptlab.store.statements import Prepared, check_name, upsert
from promptlab.store.tables import FEATURE

_SAVE = Prepared(
    lambda dialect: upsert(dialect, FEATURE, keys=["run_id", "name"], update=["code", "note", "importance"]),
    ("run_id", "name", "position", "code", "note", "importance"),
)


def save_features(connection: Connection, run_id: int, features: Sequence[FeatureRow]) -> None:
    """Keeps features of a run, after those that it has; one of a name that it has already is replaced in its place."""
    query = sa.select(sa.func.max(FEATURE.c.position)).where(FEATURE.c.run_id == run_id)
    last = connection.execute(query).scalar()
    first = 0 if last is None else last + 1
    _SAVE.many(
        connection,
        (
            {
                "run_id": run_id,
                "name": check_name(feature.name, "feature"),
                "position": first + place,
                "code": feature.code,
                "note": feature.note,
                "importance": feature.importance,
            }
            for place, feature in enumerate(features)
        ),
    )


def list_features(connection: Connection, run_id: int) -> list[FeatureRow]:
    """The features of a run in the order in which they were logged."""
    query = sa.select(FEATURE).where(FEATURE.c.run_id == run_id).order_by(FEATURE.c.position)
    return [FeatureRow(row.name, row.code, row.note, row.importance) for row in connection.execute(query)]
