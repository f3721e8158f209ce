"""Connections: how a database is opened."""

from __future__ import annotations

import logging
import os
import random
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

from promptlab.errors import DatabaseError
from promptlab.store.failures import is_busy
from promptlab.store.target import Target

BUSY_SECONDS = 30.0
"""How long SQLite's lock is waited for."""

POLL_SECONDS = 0.001
"""How long a writer that found SQLite locked sleeps, on average, before it asks again."""

SHARED_SECONDS = 0.2
"""How long a writer that had to wait takes it that others still want their turn."""

_SERVER_OPTIONS = {"connect_timeout": 10, "application_name": "promptlab", "tcp_user_timeout": 60_000}
"""Seconds and milliseconds: without them a server that vanished silently would be waited for without end."""


def open_engine(target: Target, *, writes: bool, frozen: bool = False, foreign_keys: bool = True) -> Engine:
    """An engine whose transactions write (and lock at once) or only read.

    frozen: nothing at all is written, not even what is left in the write-ahead log. foreign_keys=False is for
    migrations, which rebuild tables. Raises DatabaseError where the driver is missing.
    """
    if target.path is not None:
        return _open_sqlite(target.path, writes=writes, frozen=frozen, foreign_keys=foreign_keys)
    return _open_server(target, writes=writes)


def _open_server(target: Target, *, writes: bool) -> Engine:
    # What the driver says of a connection that was lost is told by whoever used it, if it comes to that.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    options = {name: value for name, value in _SERVER_OPTIONS.items() if name not in target.url.query}
    try:
        # Readers ask whether a pooled connection still lives: who reads in a `with` block cannot read again. The
        # writer asks nothing, since it runs again what was lost.
        engine = sa.create_engine(
            target.url, pool_pre_ping=not writes, pool_size=4, max_overflow=12, connect_args=options
        )
    except ImportError as error:
        raise DatabaseError(
            f"'{target.name}' needs a PostgreSQL driver; install it: pip install 'promptlab-workbench[postgres]'"
        ) from error
    if writes:
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _open_sqlite(path: Path, *, writes: bool, frozen: bool, foreign_keys: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        # isolation_level None: the driver begins nothing by itself; the listener below begins as it should.
        connection = sqlite3.connect(
            _file_uri(path, frozen=frozen),
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        # On the disk with every commit: what was paid for is known also after a power cut. With group commits that
        # costs a tenth of a run's CPU (design/store.md).
        connection.execute("PRAGMA synchronous = FULL")
        if not writes:
            connection.execute("PRAGMA query_only = ON")
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=4, max_overflow=60)
    if not writes:
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        return engine
    turns = _Turns()
    sa.event.listen(engine, "begin", turns.begin)
    sa.event.listen(engine, "commit", turns.end)
    sa.event.listen(engine, "rollback", turns.end)
    return engine


class _Turns:
    """Begins the transactions that write, and leaves other processes their turn.

    The lock is taken when the transaction begins: taken later, it could find that what was read is out of date, and
    SQLite would refuse it at once. SQLite's own waiting sleeps up to 0.1 s between two tries, so that whoever comes
    late finds the lock taken again and again, for seconds where others have much to write. So this one sleeps
    shortly and never twice the same, and whoever had to wait lately lets the others try first.
    """

    def __init__(self) -> None:
        self._shared_until = 0.0
        self._ended = 0.0

    def end(self, _: Connection) -> None:
        """Notes when the last transaction ended."""
        self._ended = time.monotonic()

    def begin(self, connection: Connection) -> None:
        """Begins; raises the driver's error where the lock is not to be had within BUSY_SECONDS."""
        raw = raw_connection(connection)
        start = time.monotonic()
        if start < self._shared_until:
            time.sleep(max(0.0, self._ended + 2 * POLL_SECONDS - start))
        raw.execute("PRAGMA busy_timeout = 0")
        try:
            while not self._try(connection, start + BUSY_SECONDS):
                self._shared_until = time.monotonic() + SHARED_SECONDS
                time.sleep(random.uniform(0.5, 1.5) * POLL_SECONDS)  # noqa: S311 - no secret
        finally:
            raw.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")

    def _try(self, connection: Connection, deadline: float) -> bool:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except Exception as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            return False
        return True


def _file_uri(path: Path, *, frozen: bool) -> str:
    uri = f"file:{quote(str(path))}?mode={'ro' if frozen else 'rw'}"
    if not frozen or writable(path.parent):
        return uri
    # A reader of a write-ahead log needs a file beside the database. In a folder where it may make none and
    # nobody else can write either, the database is as good as frozen.
    log = path.with_name(f"{path.name}-wal")
    return uri if log.exists() and log.stat().st_size else f"{uri}&immutable=1"


def writable(path: Path) -> bool:
    """Whether this process may write the file or folder; false also on a read-only disk."""
    if os.access in os.supports_effective_ids:
        return os.access(path, os.W_OK, effective_ids=True)
    return os.access(path, os.W_OK)


def prepare_file(path: Path) -> None:
    """Makes the folder and the file of an SQLite database, with a write-ahead log.

    Raises DatabaseError for what cannot be written, and OperationalError or sqlite3.Error for what is no database.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"the folder {path.parent} cannot be made ({error.strerror}); name another database with --db"
        ) from error
    if path.is_dir():
        raise DatabaseError(f"{path} is a folder; a database is a file: {path / 'lab.db'}")
    for kind, needed in (("file", path), ("folder", path.parent)):
        if needed.exists() and not writable(needed):
            raise DatabaseError(
                f"the database {path} cannot be written: its {kind} is read-only; make it writable, or name another "
                "database with --db"
            )
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        _log_ahead(connection)
    finally:
        connection.close()


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Switches the file to a write-ahead log, which stays with it."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            # Asking first avoids a lock that each process would have to take.
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Who switches while another one does is refused at once, whatever the timeout says.
            if not is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(0.5, 1.5) * POLL_SECONDS)  # noqa: S311 - no secret


def raw_connection(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection behind a Core one on SQLite."""
    raw = connection.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        raise DatabaseError("this is not an SQLite database")
    return raw


def backup_file(path: Path, to: Path) -> None:
    """Copies an SQLite database, consistent also while others write."""
    source = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY_SECONDS)
    try:
        copy = sqlite3.connect(to)
        try:
            source.backup(copy)
        finally:
            copy.close()
    finally:
        source.close()


def stored_bytes(connection: Connection, target: Target) -> int:
    """How many bytes the database takes on disk."""
    if target.path is None:
        return int(connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one())
    files = (target.path, target.path.with_name(f"{target.path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
