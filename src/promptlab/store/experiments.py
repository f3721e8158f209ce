"""Experiments: drawers of runs, made when first named; hidden with all their runs, and brought back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.errors import UsageError
from promptlab.spelling import suggestion
from promptlab.store.params import as_text
from promptlab.store.rows import ExperimentRow
from promptlab.store.statements import Prepared, check_name, in_chunks, upsert
from promptlab.store.tables import EXPERIMENT, EXPERIMENT_TAG, RUN

DEFAULT_ID = 0
"""The experiment of runs that name none; it stays."""

_ADD = Prepared(lambda dialect: upsert(dialect, EXPERIMENT, keys=["name"]), ("name", "description", "created_at"))
_FIND = Prepared(
    lambda _: sa.select(EXPERIMENT.c.id, EXPERIMENT.c.deleted_at.is_not(None)).where(
        EXPERIMENT.c.name == sa.bindparam("named")
    ),
    ("named",),
)
_SET_TAG = Prepared(
    lambda dialect: upsert(dialect, EXPERIMENT_TAG, keys=["experiment_id", "key"], update=["value"]),
    ("experiment_id", "key", "value"),
)


def experiment_id(connection: Connection, name: str) -> int:
    """The id of the experiment with this name, made where it is missing. Raises UsageError for a deleted one."""
    found = _FIND.one(connection, {"named": name})
    if found is None:
        values = {"name": check_name(name, "experiment"), "description": "", "created_at": datetime.now(UTC)}
        _ADD.one(connection, values)
        found = _FIND.one(connection, {"named": name}) or (None, False)
    row_id, deleted = found
    if deleted:
        raise UsageError(f"the experiment '{name}' is deleted; restore it, or name another one")
    return int(row_id)


def list_experiments(connection: Connection, *, deleted: bool = False) -> list[ExperimentRow]:
    """Every experiment, the one with the newest run first; deleted: those that are, instead of the others."""
    counted = (
        sa.select(
            RUN.c.experiment_id,
            sa.func.count().label("runs"),
            sa.func.max(RUN.c.started_at, type_=RUN.c.started_at.type).label("active_at"),
        )
        .where(RUN.c.deleted_at.is_(None), RUN.c.parent_id.is_(None), RUN.c.kind != "try")
        .group_by(RUN.c.experiment_id)
        .subquery()
    )
    query = (
        sa.select(EXPERIMENT, counted.c.runs, counted.c.active_at)
        .outerjoin(counted, counted.c.experiment_id == EXPERIMENT.c.id)
        .where(EXPERIMENT.c.deleted_at.is_not(None) if deleted else EXPERIMENT.c.deleted_at.is_(None))
    )
    rows = connection.execute(query).all()
    tags = _tags(connection, [row.id for row in rows])
    found = [_experiment(row, tags[row.id]) for row in rows]
    return sorted(found, key=lambda row: (row.active_at or row.created_at, row.id), reverse=True)


def get_experiment(connection: Connection, name: str) -> ExperimentRow:
    """The experiment with this name, also a deleted one. Raises UsageError that says what there is."""
    for deleted in (False, True):
        for row in list_experiments(connection, deleted=deleted):
            if row.name == name:
                return row
    names = [row.name for row in list_experiments(connection)]
    raise UsageError(f"there is no experiment '{name}'{suggestion(name, names)}")


def rename_experiment(connection: Connection, name: str, to: str) -> None:
    """Gives an experiment another name. Raises UsageError for the default one and for a name that is taken."""
    row = _changeable(connection, name, "renamed")
    if to != name and connection.execute(sa.select(EXPERIMENT.c.id).where(EXPERIMENT.c.name == to)).first():
        raise UsageError(f"there is an experiment '{to}' already; choose another name")
    _change(connection, row.id, {"name": check_name(to, "experiment")})


def describe_experiment(connection: Connection, name: str, description: str) -> None:
    """Replaces the description of an experiment."""
    _change(connection, get_experiment(connection, name).id, {"description": description})


def set_experiment_tags(connection: Connection, name: str, values: Mapping[str, Any]) -> None:
    """Sets tags of an experiment; None takes one away."""
    row = get_experiment(connection, name)
    for key, value in values.items():
        if value is None:
            connection.execute(
                sa.delete(EXPERIMENT_TAG).where(
                    EXPERIMENT_TAG.c.experiment_id == row.id, EXPERIMENT_TAG.c.key == check_name(key, "tag")
                )
            )
        else:
            _SET_TAG.one(connection, {"experiment_id": row.id, "key": check_name(key, "tag"), "value": as_text(value)})


def delete_experiment(connection: Connection, name: str, *, at: datetime | None = None) -> None:
    """Hides an experiment with its runs; nothing is lost. Raises UsageError for the default one."""
    row = _changeable(connection, name, "deleted")
    if row.deleted_at is None:
        _change(connection, row.id, {"deleted_at": at or datetime.now(UTC)})


def restore_experiment(connection: Connection, name: str) -> None:
    """Brings a deleted experiment back; runs that were deleted by themselves stay so."""
    _change(connection, get_experiment(connection, name).id, {"deleted_at": None})


def _changeable(connection: Connection, name: str, how: str) -> ExperimentRow:
    row = get_experiment(connection, name)
    if row.id == DEFAULT_ID:
        raise UsageError(f"the experiment '{name}' is where runs go that name none; it cannot be {how}")
    return row


def _change(connection: Connection, row_id: int, values: Mapping[str, Any]) -> None:
    connection.execute(sa.update(EXPERIMENT).where(EXPERIMENT.c.id == row_id).values(**values))


def _tags(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {row_id: {} for row_id in ids}
    for chunk in in_chunks(ids):
        query = sa.select(EXPERIMENT_TAG).where(EXPERIMENT_TAG.c.experiment_id.in_(chunk))
        for row in connection.execute(query.order_by(EXPERIMENT_TAG.c.key)):
            found[row.experiment_id][row.key] = row.value
    return found


def _experiment(row: sa.Row[Any], tags: Mapping[str, str]) -> ExperimentRow:
    return ExperimentRow(
        id=row.id,
        name=row.name,
        description=row.description,
        created_at=row.created_at,
        deleted_at=row.deleted_at,
        tags=tags,
        runs=row.runs or 0,
        active_at=row.active_at,
    )
