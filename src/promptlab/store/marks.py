"""How a writer knows whether a commit happened whose answer it never got: each transaction leaves a mark.

A server that dies during COMMIT may have committed or not, and running the transaction again could double its rows.
So each one also raises the writer's own number in `writer_mark`, in the same transaction: after reconnecting, the
number says which it was. PostgreSQL's own `pg_xact_status` cannot: after a crash the server gives the ids of lost
transactions out again, and so calls them committed (measured: ten of ten).

The table is bookkeeping of servers, like Alembic's own, and no part of the data: SQLite commits in this process.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.engine import Connection

KEPT_DAYS = 7
"""How long the mark of a writer that never came back is kept."""

_TURN = 0x70726F6E
"""The advisory lock that all transactions of writers share, and that one which must not be in a conflict has alone."""

_CREATE = sa.text(
    "CREATE TABLE IF NOT EXISTS writer_mark "
    "(writer TEXT PRIMARY KEY, mark BIGINT NOT NULL, marked_at TIMESTAMPTZ NOT NULL)"
)
_REGISTER = sa.text("INSERT INTO writer_mark VALUES (:writer, 0, now()) ON CONFLICT (writer) DO NOTHING")
_FORGET = sa.text(
    "DELETE FROM writer_mark WHERE writer IN (SELECT writer FROM writer_mark "
    "WHERE marked_at < now() - make_interval(days => :days) FOR UPDATE SKIP LOCKED)"
)
# The lock comes with the mark, so that it costs no round trip of its own.
_SHARED = sa.text(
    "UPDATE writer_mark SET mark = :mark, marked_at = now() WHERE writer = :writer "
    "RETURNING pg_advisory_xact_lock_shared(:turn)"
)
_ALONE = sa.text(
    "UPDATE writer_mark SET mark = :mark, marked_at = now() WHERE writer = :writer "
    "RETURNING pg_advisory_xact_lock(:turn)"
)
# FOR UPDATE waits where the lost transaction has not ended yet.
_READ = sa.text("SELECT mark FROM writer_mark WHERE writer = :writer FOR UPDATE")
_REMOVE = sa.text("DELETE FROM writer_mark WHERE writer = :writer")


def create_marks(connection: Connection) -> None:
    """Makes the table where it is missing; a migration does, with the schema locked."""
    if connection.dialect.name == "postgresql":
        connection.execute(_CREATE)


class Marks:
    """The marks of one writer; each transaction has a higher number than those before it."""

    def __init__(self) -> None:
        self._writer = uuid.uuid4().hex
        self._last = 0

    def register(self, connection: Connection) -> None:
        """Makes the writer's row where it is missing; waits for a transaction that may have made it."""
        connection.execute(_REGISTER, {"writer": self._writer})
        connection.execute(_FORGET, {"days": KEPT_DAYS})

    def leave(self, connection: Connection, *, alone: bool) -> int:
        """The number that the transaction leaves; with `alone` no other writer's transaction runs beside it."""
        self._last += 1
        values = {"writer": self._writer, "mark": self._last, "turn": _TURN}
        if connection.execute(_ALONE if alone else _SHARED, values).first() is None:
            self.register(connection)
            connection.execute(_ALONE if alone else _SHARED, values)
        return self._last

    def is_committed(self, connection: Connection, mark: int) -> bool:
        """Whether the transaction that left this mark was committed; waits until it has ended."""
        self.register(connection)
        return int(connection.execute(_READ, {"writer": self._writer}).scalar_one()) >= mark

    def remove(self, connection: Connection) -> None:
        """Takes the writer's row away."""
        connection.execute(_REMOVE, {"writer": self._writer})
