"""Tests of hypotheses that runs made. One is written once and never changed: what was looked at stays looked at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from promptlab.store.rows import HypothesisTestRow
from promptlab.store.tables import DATASET, EXPERIMENT, HYPOTHESIS_TEST, RUN

_FROM = (
    HYPOTHESIS_TEST.join(RUN, RUN.c.id == HYPOTHESIS_TEST.c.run_id)
    .join(EXPERIMENT, EXPERIMENT.c.id == RUN.c.experiment_id)
    .outerjoin(DATASET, DATASET.c.id == HYPOTHESIS_TEST.c.dataset_id)
)


def save_test(
    connection: Connection,
    run_id: int,
    *,
    dataset_id: int | None,
    hypothesis: str,
    method: str,
    statistic: float,
    p_value: float,
    alpha: float,
    content: Mapping[str, Any],
    logged_at: datetime,
) -> int:
    """The number under which a test is kept."""
    values = {
        "run_id": run_id,
        "dataset_id": dataset_id,
        "hypothesis": hypothesis,
        "method": method,
        "statistic": statistic,
        "p_value": p_value,
        "alpha": alpha,
        "content": dict(content),
        "logged_at": logged_at,
    }
    insert = sa.insert(HYPOTHESIS_TEST).values(values).returning(HYPOTHESIS_TEST.c.id)
    number: int = connection.execute(insert).scalar_one()
    return number


def p_values(connection: Connection, experiment: str) -> list[tuple[int, float, float]]:
    """(number, p-value, alpha) of every test of an experiment's runs, in the order made; deleted runs are left out."""
    query = (
        sa.select(HYPOTHESIS_TEST.c.id, HYPOTHESIS_TEST.c.p_value, HYPOTHESIS_TEST.c.alpha)
        .select_from(_FROM)
        .where(EXPERIMENT.c.name == experiment, RUN.c.deleted_at.is_(None))
        .order_by(HYPOTHESIS_TEST.c.id)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def count_deleted(connection: Connection, experiment: str) -> int:
    """How many tests an experiment's deleted runs made."""
    query = (
        sa.select(sa.func.count())
        .select_from(_FROM)
        .where(EXPERIMENT.c.name == experiment, RUN.c.deleted_at.is_not(None))
    )
    return connection.execute(query).scalar_one()


def list_tests(
    connection: Connection,
    *,
    experiment: str | None = None,
    run_uid: str | None = None,
    number: int | None = None,
    limit: int | None = None,
    before_id: int | None = None,
) -> list[HypothesisTestRow]:
    """Tests, the newest first: of an experiment, of one run, the one of a number, or all; deleted runs are left out."""
    query = (
        sa.select(
            HYPOTHESIS_TEST,
            RUN.c.uid,
            RUN.c.name.label("run_name"),
            EXPERIMENT.c.name.label("experiment"),
            DATASET.c.name.label("dataset_name"),
            DATASET.c.number.label("dataset_number"),
        )
        .select_from(_FROM)
        .where(RUN.c.deleted_at.is_(None))
        .order_by(HYPOTHESIS_TEST.c.id.desc())
        .limit(limit)
    )
    for column, value in ((EXPERIMENT.c.name, experiment), (RUN.c.uid, run_uid), (HYPOTHESIS_TEST.c.id, number)):
        if value is not None:
            query = query.where(column == value)
    if before_id is not None:
        query = query.where(HYPOTHESIS_TEST.c.id < before_id)
    return [_read(row) for row in connection.execute(query).mappings()]


def _read(row: RowMapping) -> HypothesisTestRow:
    named = row["dataset_name"]
    return HypothesisTestRow(
        id=row["id"],
        run_uid=row["uid"],
        run_name=row["run_name"],
        experiment=row["experiment"],
        dataset=None if named is None else f"{named}@{row['dataset_number']}",
        hypothesis=row["hypothesis"],
        method=row["method"],
        p_value=row["p_value"],
        alpha=row["alpha"],
        content=row["content"],
        logged_at=row["logged_at"],
    )
