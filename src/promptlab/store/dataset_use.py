"""Which runs used a data set, and for what."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.store.rows import RunRow
from promptlab.store.runs import SELECT, read_run
from promptlab.store.statements import in_chunks
from promptlab.store.tables import RUN, RUN_DATASET


def users(
    connection: Connection, dataset_id: int, *, limit: int = 200, before_id: int | None = None
) -> list[tuple[str, RunRow]]:
    """What runs used a data set for, with each of them, the newest first; deleted ones are left out."""
    query = (
        SELECT.add_columns(RUN_DATASET.c.context.label("context"))
        .join(RUN_DATASET, RUN_DATASET.c.run_id == RUN.c.id)
        .where(RUN_DATASET.c.dataset_id == dataset_id, RUN.c.deleted_at.is_(None))
        .order_by(RUN.c.id.desc(), RUN_DATASET.c.context)
        .limit(limit)
    )
    if before_id is not None:
        query = query.where(RUN.c.id < before_id)
    now = datetime.now(UTC)
    return [(row["context"], read_run(row, now)) for row in connection.execute(query).mappings()]


def use_counts(connection: Connection, dataset_ids: Iterable[int]) -> dict[int, int]:
    """By data set how many runs used it that are not deleted; those that none did are left out."""
    counts: dict[int, int] = {}
    for some in in_chunks(dataset_ids):
        query = (
            sa.select(RUN_DATASET.c.dataset_id, sa.func.count(sa.distinct(RUN_DATASET.c.run_id)))
            .join(RUN, RUN.c.id == RUN_DATASET.c.run_id)
            .where(RUN_DATASET.c.dataset_id.in_(some), RUN.c.deleted_at.is_(None))
            .group_by(RUN_DATASET.c.dataset_id)
        )
        counts.update({row[0]: row[1] for row in connection.execute(query)})
    return counts
