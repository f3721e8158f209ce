"""Connections: where a database is, how it is opened, what a failure means in words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import QueuePool

from promptlab.errors import DatabaseError

BUSY_SECONDS = 30.0
_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg")

_READ_ONLY, _CANNOT_OPEN, _NO_DATABASE, _CORRUPT, _FULL = 8, 14, 26, 11, 13
_BUSY = (5, 6)
_BUSY_SQLSTATES = ("40001", "40P01", "55P03")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a database is. path: its file, None for a server. name: how messages call it, without a password."""

    url: URL
    path: Path | None
    name: str


def parse_target(url: str) -> Target:
    """The target of a database URL; raises DatabaseError for one that promptlab cannot use."""
    if url.startswith(_SQLITE):
        # All of the rest is the path, as it is: a folder may have `?` or `%` in its name.
        file = url.removeprefix(_SQLITE)
        if not file or file == ":memory:" or file.startswith("file:"):
            raise DatabaseError(f"'{url}' is a database in memory, which threads cannot share; name a file")
        return Target(URL.create("sqlite", database=file), Path(file), file)
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseError(f"'{url}' is no database URL; write sqlite:///path/to/lab.db") from error
    name = parsed.render_as_string(hide_password=True)
    if parsed.drivername in _POSTGRESQL:
        return Target(parsed.set(drivername="postgresql+psycopg"), None, name)
    raise DatabaseError(f"'{name}' cannot be used; databases are sqlite:///path/to/lab.db or postgresql://...")


def open_engine(target: Target, *, writes: bool, frozen: bool = False, foreign_keys: bool = True) -> Engine:
    """An engine whose transactions write (and lock at once) or only read.

    frozen: nothing at all is written, not even what is left in the write-ahead log. foreign_keys=False is for
    migrations, which rebuild tables. Raises DatabaseError where the driver is missing.
    """
    if target.path is not None:
        return _open_sqlite(target.path, writes=writes, frozen=frozen, foreign_keys=foreign_keys)
    try:
        engine = sa.create_engine(target.url, pool_pre_ping=True, pool_size=4, max_overflow=28)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise DatabaseError(
            f"'{target.name}' needs a PostgreSQL driver; install it: pip install 'psycopg[binary]'"
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
        connection.execute("PRAGMA synchronous = NORMAL")
        if not writes:
            connection.execute("PRAGMA query_only = ON")
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=4, max_overflow=60)
    # A transaction that will write takes the lock when it begins: taken later, it could find that what it
    # has read is out of date, and SQLite would refuse it at once instead of waiting.
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


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
        # The mode stays with the file; asking first avoids a lock that each process would have to take.
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


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


def lock_schema(connection: Connection) -> None:
    """Keeps other processes from migrating until the transaction ends; on SQLite its beginning already did."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": 0x70726F6D})


def stored_bytes(connection: Connection, target: Target) -> int:
    """How many bytes the database takes on disk."""
    if target.path is None:
        return int(connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one())
    files = (target.path, target.path.with_name(f"{target.path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def is_busy(error: BaseException) -> bool:
    """Whether another process or transaction was in the way, so that trying again may help."""
    code = _sqlite_code(error)
    if code is not None:
        return code in _BUSY
    return getattr(_driver_error(error), "sqlstate", None) in _BUSY_SQLSTATES


def is_driver_error(error: BaseException) -> bool:
    """Whether the error comes from the database rather than from the code that used it."""
    return isinstance(error, DBAPIError | sqlite3.Error)


def explain(error: BaseException, target: Target) -> DatabaseError:
    """The failure of a database in one line that says what to do."""
    driver = _driver_error(error)
    detail = (str(driver).strip() or type(driver).__name__).splitlines()[0]
    code = _sqlite_code(error)
    said: Callable[[str], DatabaseError] = lambda text: DatabaseError(f"the database {target.name} {text}")  # noqa: E731 - a prefix
    if code == _READ_ONLY:
        return said("cannot be written: it is read-only; make the file and its folder writable")
    if code == _CANNOT_OPEN:
        return said("cannot be opened; check that it is there and that you may read it and write its folder")
    if code == _NO_DATABASE:
        return said("is no database: the file holds something else; name another with --db")
    if code == _CORRUPT:
        return said(f"is damaged ({detail}); restore a backup")
    if code == _FULL:
        return said("cannot grow: the disk is full; make room and try again")
    if code in _BUSY:
        return said("is locked by another process; end that one or try again")
    if target.path is None and getattr(driver, "sqlstate", None) is None:
        return said(f"cannot be reached: {detail}; is the server running?")
    return said(f"failed: {detail}")


def _driver_error(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _sqlite_code(error: BaseException) -> int | None:
    code = getattr(_driver_error(error), "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None
