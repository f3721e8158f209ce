"""Locks that a transaction holds to its end, on a server; on SQLite the beginning of a transaction took the only one.

The order that keeps writers of several processes from waiting for each other in a circle: the row of the run or the
prompt, or the name of the data set, before the rows that belong to it, those in the order of their keys.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.store.statements import Prepared
from promptlab.store.tables import RUN

_SCHEMA_NUMBER = 0x70726F6D
_DATASETS = 0x70726F64

# Not FOR UPDATE: rows that only refer to the run may be added meanwhile.
_LOCK_RUN = Prepared(
    lambda _: sa.select(RUN.c.id).where(RUN.c.id == sa.bindparam("run")).with_for_update(key_share=True), ()
)


def lock_run(connection: Connection, run_id: int) -> None:
    """Keeps other writers from what belongs to this run: its params, tags, metrics and summaries."""
    if connection.dialect.name == "postgresql":
        _LOCK_RUN.one(connection, {"run": run_id})


def lock_dataset(connection: Connection, name: str) -> None:
    """Keeps other writers from adding a version of the data set of this name: two would get the same number."""
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:4], "big", signed=True)
        connection.execute(
            sa.text("SELECT pg_advisory_xact_lock(:space, :number)"), {"space": _DATASETS, "number": number}
        )


def lock_schema(connection: Connection) -> None:
    """Keeps other processes from migrating."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": _SCHEMA_NUMBER})
