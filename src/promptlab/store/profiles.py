"""Profiles of data sets: one a version, the last that was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.store.statements import Prepared, in_chunks, upsert
from promptlab.store.tables import DATASET_PROFILE

_SAVE = Prepared(
    lambda dialect: upsert(dialect, DATASET_PROFILE, keys=["dataset_id"], update=["content"]),
    ("dataset_id", "content"),
)


def save_profile(connection: Connection, dataset_id: int, content: Mapping[str, Any]) -> None:
    """Keeps the profile of a data set in place of an earlier one."""
    _SAVE.one(connection, {"dataset_id": dataset_id, "content": content})


def get_profile(connection: Connection, dataset_id: int) -> Mapping[str, Any] | None:
    """The profile of a data set; None where it has none."""
    query = sa.select(DATASET_PROFILE.c.content).where(DATASET_PROFILE.c.dataset_id == dataset_id)
    found = connection.execute(query).scalar()
    return None if found is None else dict(found)


def profiled(connection: Connection, dataset_ids: Iterable[int]) -> set[int]:
    """Of some data sets those that have a profile."""
    found: set[int] = set()
    for some in in_chunks(dataset_ids):
        query = sa.select(DATASET_PROFILE.c.dataset_id).where(DATASET_PROFILE.c.dataset_id.in_(some))
        found.update(connection.execute(query).scalars())
    return found
