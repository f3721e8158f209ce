"""Rows of a SQL query on somebody's database, through SQLAlchemy: streamed, and read-only where it can be told so."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from promptlab.errors import MissingPackageError, SuiteError
from promptlab.redact import redact
from promptlab.suites.json_values import json_record
from promptlab.suites.rows import Row

ROWS_AT_ONCE = 500
CONNECT_SECONDS = 10
QUERY_SECONDS = 600
"""How long a query may take; one that recurses without an end gives no row ever."""
_STEPS = 100_000
"""After how many steps of SQLite's machine the clock is looked at, and Ctrl-C is heard."""
_WRITING = (sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY)
_SECRETS = ("password", "sslpassword", "passwd", "pwd", "token")


@dataclass(frozen=True, slots=True)
class Query:
    """A query and where it is asked. shown: the database as messages and lists call it, without a password."""

    sql: str
    url: URL
    shown: str


def find_database(
    sql: str, *, url: str | None, url_env: str | None, folder: Path, where: str, missing: bool = False
) -> Query:
    """The query on the database at `url`, or at the one that the environment variable `url_env` holds.

    folder: what the path of an SQLite file is relative to. missing: whether that file may be missing. Raises
    SuiteError, also for a password that stands in `url`.
    """
    given = url
    if url_env is not None:
        given = os.environ.get(url_env)
        if not given:
            raise SuiteError(f"{where}: the environment variable {url_env} is not set; it holds the database's URL")
    if given is None:
        raise SuiteError(f"{where}: `sql` needs `url`, such as sqlite:///reviews.db, or `url_env: NAME_OF_A_VARIABLE`")
    try:
        parsed = make_url(given)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        what = "the URL" if url_env is None else f"what {url_env} holds"
        raise SuiteError(
            f"{where}: {what} is no database URL; write sqlite:///reviews.db or postgresql://user@host:5432/name"
        ) from error
    secret = parsed.password is not None or any(name.lower() in _SECRETS for name in parsed.query)
    if url is not None and secret:
        raise SuiteError(
            f"{where}: the URL has a password in it, and suites are shared; put the URL into an environment variable "
            "and name that: `url_env: WAREHOUSE_URL`"
        )
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        return Query(sql, _sqlite_url(parsed, folder, where, missing=missing), f"sqlite:///{parsed.database}")
    hidden = parsed.set(query={}).render_as_string(hide_password=True)
    return Query(sql, parsed, hidden.replace("postgresql+psycopg:", "postgresql:"))


def read_sql(query: Query, name: str, *, seconds: float = QUERY_SECONDS) -> Iterator[Row]:
    """The rows that the query gives, streamed; NULL is null. Raises SuiteError, also after so many seconds.

    On PostgreSQL the time is that of every few hundred rows.
    """
    with open_result(query, name, seconds=seconds) as result:
        number = 0
        for some in result.rows:
            for values in some:
                number += 1
                where = f"{name} row {number}"
                yield Row(json_record(dict(zip(result.columns, values, strict=True)), where=where), where)


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gives, as the driver has it: rows a few hundred at a time, to be read once."""

    columns: list[str]
    rows: Iterator[Sequence[Sequence[Any]]]


@contextlib.contextmanager
def open_result(query: Query, name: str, *, seconds: float = QUERY_SECONDS) -> Iterator[Result]:
    """The result of the query while the block runs. Raises SuiteError as `read_sql` does."""
    with _explained(query, name, seconds), _connect(query, name, seconds) as connection:
        result = connection.execution_options(stream_results=True, no_parameters=True).exec_driver_sql(query.sql)
        if not result.returns_rows:
            raise SuiteError(f"{name}: gives no rows; write a query that begins with SELECT or WITH")
        columns = list(result.keys())
        for column in columns:
            if columns.count(column) > 1:
                raise SuiteError(f"{name}: the column {column!r} stands twice; rename one: `SELECT ... AS other_name`")
        yield Result(columns, result.yield_per(ROWS_AT_ONCE).partitions())


def _sqlite_url(url: URL, folder: Path, where: str, *, missing: bool) -> URL:
    file = url.database
    if not file or file == ":memory:" or file.startswith("file:"):
        raise SuiteError(f"{where}: an SQLite database is a file: sqlite:///reviews.db")
    path = folder / file
    if not missing and not path.is_file():
        raise SuiteError(f"{where}: the database {file!r} does not exist in {str(folder)!r}")
    return URL.create("sqlite", database=str(path))


@contextlib.contextmanager
def _connect(query: Query, name: str, seconds: float) -> Iterator[Connection]:
    """A connection in a transaction that reads only, rolled back in the end."""
    engine = _engine(query, name, seconds)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def writing_engine(query: Query, name: str, *, seconds: float = QUERY_SECONDS) -> Engine:
    """An engine on a database that is to be written; every connection is one of its own, closed after its use."""
    if query.url.get_backend_name() == "sqlite":
        return sa.create_engine(query.url, poolclass=sa.NullPool, connect_args={"isolation_level": None})
    return _engine(query, name, seconds, reads=False)


def _engine(query: Query, name: str, seconds: float, *, reads: bool = True) -> Engine:
    if query.url.get_backend_name() == "sqlite":
        return sa.create_engine(
            "sqlite://", creator=lambda: _open_sqlite(str(query.url.database), seconds), poolclass=sa.NullPool
        )
    server = query.url.drivername == "postgresql+psycopg"
    options = {"connect_timeout": CONNECT_SECONDS, "application_name": "promptlab"} if server else {}
    if server and "options" not in query.url.query:
        # For the session too: a text of several statements could end the transaction that reads only.
        read_only = "-c default_transaction_read_only=on " if reads else ""
        options["options"] = f"{read_only}-c statement_timeout={int(seconds * 1000)}"
    options = {key: value for key, value in options.items() if key not in query.url.query}
    try:
        engine = sa.create_engine(query.url, poolclass=sa.NullPool, connect_args=options)
    except NoSuchModuleError as error:
        kind = query.url.get_backend_name()
        raise MissingPackageError(
            f"{name}: SQLAlchemy knows no database {kind!r} here; install the package of its dialect"
        ) from error
    except ImportError as error:
        remedy = "pip install 'promptlab-workbench[postgres]'" if server else f"pip install {error.name}"
        raise MissingPackageError(f"{name}: needs the driver {error.name}; install it: {remedy}") from error
    if not server or not reads:
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _open_sqlite(file: str, seconds: float) -> sqlite3.Connection:
    """A connection that reads only, ATTACH and VACUUM INTO would make a file, and for so many seconds."""
    until = time.monotonic() + seconds
    connection = sqlite3.connect(f"file:{quote(file)}?mode=ro", uri=True, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    connection.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK
    )
    connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    return connection


@contextlib.contextmanager
def _explained(query: Query, name: str, seconds: float) -> Iterator[None]:
    """What a database says of a query or a connection that failed, in one line and without its password."""
    until = time.monotonic() + seconds
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, sqlite3.Warning) as error:
        code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_INTERRUPT:
            if time.monotonic() < until:  # Ctrl-C, which SQLite turns into an error of its own
                raise KeyboardInterrupt from error
            raise SuiteError(
                f"{name}: gave no end within {seconds:g} s; ask for less, or keep its result in a table"
            ) from error
        said = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
        secrets = [query.url.password] if isinstance(query.url.password, str) else []
        remedy = "; cases are read only: begin with SELECT or WITH" if code in _WRITING else ""
        raise SuiteError(f"{name}: {redact(said, secrets=secrets)}{remedy}") from error
