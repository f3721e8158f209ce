"""`Database`: one open database, safe to share between threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from promptlab.errors import DatabaseError
from promptlab.store import engines, failures, migrate, tables
from promptlab.store.target import Target, parse_target
from promptlab.store.transactions import Patience
from promptlab.store.writer import Write, Writer

T = TypeVar("T")

__all__ = ["Connection", "Database", "DatabaseStats"]


@dataclass(frozen=True, slots=True)
class DatabaseStats:
    """How large a database is. rows: by table, in the order of their names. before: its schema when it was opened.

    before is None for one that was empty, and the revision itself for one that was current.
    """

    name: str
    revision: str
    bytes: int
    rows: Mapping[str, int]
    before: str | None


class Database:
    """An open database: many readers, one writing thread. Open it with `Database.open`."""

    def __init__(
        self, target: Target, reader: Engine, writer: Writer | None, writing: Engine | None, *, before: str | None
    ) -> None:
        self._target = target
        self._before = before
        self._reader = reader
        self._writer = writer
        self._writing = writing

    @classmethod
    def open(cls, url: str, *, read_only: bool = False) -> Database:
        """The database at a URL, made where it is missing and migrated (after a backup) where it is older.

        With read_only nothing is made, migrated or written. Raises DatabaseError, and NewerDatabaseError where a
        newer promptlab has migrated it.
        """
        target = parse_target(url)
        try:
            return cls._open(target, read_only=read_only)
        except Exception as error:
            if failures.is_driver_error(error):
                raise failures.explain(error, target) from error
            raise

    @classmethod
    def _open(cls, target: Target, *, read_only: bool) -> Database:
        if target.path is not None:
            if not read_only:
                engines.prepare_file(target.path)
            elif not target.path.is_file():
                raise DatabaseError(f"there is no database {target.name}; name another with --db")
        reader = engines.open_engine(target, writes=False, frozen=read_only)
        try:
            with _first_connection(reader) as connection:
                revision = migrate.current_revision(connection, target)
            if revision != migrate.HEAD:
                _bring_up_to_date(target, revision, read_only=read_only)
            if read_only:
                return cls(target, reader, None, None, before=revision)
            writing = engines.open_engine(target, writes=True)
            return cls(target, reader, Writer(writing, target), writing, before=revision)
        except BaseException:
            reader.dispose()
            raise

    @property
    def name(self) -> str:
        """How messages call it: its path, or its URL without the password."""
        return self._target.name

    @property
    def path(self) -> Path | None:
        """Its file; None where a server holds it."""
        return self._target.path

    def write(self, function: Callable[[Connection], T]) -> Write[T]:
        """The write of `function(connection)`: a Future, done once what it wrote is committed.

        Functions that arrive together share a transaction, and one may run twice when another of its group fails, so
        it does nothing but use its connection, and never waits for another write. It cannot be cancelled. Raises
        DatabaseError where the database is read-only or closed.
        """
        return self._writes().submit(function)

    def write_now(self, function: Callable[[Connection], T]) -> T:
        """What `function(connection)` gave, committed at once with all that was handed in before: for who waits."""
        return self._writes().submit(function, urgent=True).result()

    async def commit(self, function: Callable[[Connection], T]) -> T:
        """What `function(connection)` gave, once it is committed: `write` for coroutines, at half the cost.

        A caller that is cancelled stops waiting; what it handed in is written all the same.
        """
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writes().submit(function, waiter=waiter)
        return await waiter

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection that reads, in a transaction that sees one state of the database; keep it short.

        A server that is away is waited for when this begins. Raises DatabaseError where the database cannot be read
        any more, or the connection is lost in between: `read` goes on then.
        """
        try:
            with self._reading(Patience()) as connection:
                yield connection
        except Exception as error:
            if failures.is_driver_error(error):
                raise failures.explain(error, self._target) from error
            raise

    def read(self, function: Callable[[Connection], T]) -> T:
        """What `function(connection)` gave, in a transaction that sees one state of the database.

        It runs again when the connection is lost, so it does nothing but use it. Raises DatabaseError where the
        database cannot be read any more, or stays away for RECONNECT_SECONDS.
        """
        patience = Patience()
        try:
            while True:
                try:
                    with self._reading(patience) as connection:
                        return function(connection)
                except Exception as error:
                    if not failures.is_lost(error):
                        raise
                    patience.pause(error)
        except Exception as error:
            if failures.is_driver_error(error):
                raise failures.explain(error, self._target) from error
            raise

    @contextmanager
    def _reading(self, patience: Patience) -> Iterator[Connection]:
        while True:
            try:
                connection = self._reader.connect()
                break
            except Exception as error:
                if not failures.is_lost(error):
                    raise
                patience.pause(error)
        with connection, connection.begin():
            yield connection

    def flush(self) -> None:
        """Waits until all writes are committed; raises the first failure of a write that nobody asked about."""
        if self._writer is not None:
            self._writer.flush()

    def check(self) -> None:
        """Raises the first failure of a write that nobody asked about, without waiting."""
        if self._writer is not None:
            self._writer.check()

    def close(self) -> None:
        """Commits what is queued and closes every connection; twice is fine."""
        if self._writer is not None:
            self._writer.close()
        self._reader.dispose()
        if self._writing is not None:
            self._writing.dispose()

    def backup(self, to: Path) -> Path:
        """The path of a copy, consistent also while others write; a folder gets a file with a time in its name.

        Raises DatabaseError for a file that is there already and for a server's database.
        """
        if self._target.path is None:
            raise DatabaseError(f"the database {self.name} is a server's; back it up with pg_dump")
        self.flush()
        if to.is_dir():
            from datetime import UTC, datetime

            to = to / f"{self._target.path.stem}-{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}.db"
        if to.exists():
            raise DatabaseError(f"the backup {to} is there already; name another file")
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            engines.backup_file(self._target.path, to)
        except OSError as error:
            raise DatabaseError(f"the backup {to} cannot be written: {error.strerror}") from error
        except Exception as error:
            if failures.is_driver_error(error):
                raise DatabaseError(f"the backup {to} cannot be written: {error}") from error
            raise
        return to

    def stats(self) -> DatabaseStats:
        """Rows a table and bytes on disk."""
        with self.connect() as connection:
            rows = {
                name: int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
                for name, table in sorted(tables.METADATA.tables.items())
            }
            size = engines.stored_bytes(connection, self._target)
            return DatabaseStats(self.name, migrate.HEAD, size, rows, self._before)

    def _writes(self) -> Writer:
        if self._writer is None:
            raise DatabaseError(f"the database {self.name} was opened to read only")
        return self._writer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _first_connection(engine: Engine) -> Connection:
    """A connection; waits for a server that is starting, but not for one that is not there."""
    patience = Patience()
    while True:
        try:
            return engine.connect()
        except Exception as error:
            if not failures.is_starting(error):
                raise
            patience.pause(error)


def _bring_up_to_date(target: Target, revision: str | None, *, read_only: bool) -> None:
    if read_only:
        raise DatabaseError(
            f"the database {target.name} has schema {revision or 'none'}, older than this promptlab's {migrate.HEAD}; "
            "migrate it first: promptlab db upgrade"
        )
    migrate.upgrade(target)
