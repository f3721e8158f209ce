"""Databases of the user's own: queries and tables read, in a transaction that reads only, and tables written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from promptlab.errors import UsageError
from promptlab.redact import redact
from promptlab.sources.dtypes import frame_from, plain
from promptlab.sources.options import Options
from promptlab.suites.document import read_text
from promptlab.suites.readers.sql import Query, find_database, open_result, writing_engine

if TYPE_CHECKING:
    import pandas as pd

Mode: TypeAlias = Literal["create", "replace", "append"]
"""What becomes of a table or file that is there: it is an error, it is replaced, rows are added to it."""
MOST_NAME = 60
"""Characters of a table's name; PostgreSQL cuts longer ones without a word."""
_AT_ONCE = 5000


def read_query(options: Options, *, folder: Path) -> pd.DataFrame:
    """The rows of a query, or of a file `*.sql` that holds it. Raises UsageError."""
    sql = options.main
    if sql.strip().lower().endswith(".sql") and len(sql.split()) == 1:
        path = folder / sql.strip()
        if not path.is_file():
            raise UsageError(f"{options.where}: the file of the query {sql!r} does not exist in {str(folder)!r}")
        sql = read_text(path, name=options.where, what="the file of the query")
    query = _query(sql, options, folder)
    return _read(query, f"the query on {query.shown}")


def read_whole(options: Options, *, folder: Path) -> pd.DataFrame:
    """The rows of a table. Raises UsageError."""
    query = _query("", options, folder)
    table = sa.table(options.main, schema=options.text("schema"))
    statement = sa.select(sa.text("*")).select_from(table)
    sql = str(statement.compile(dialect=query.url.get_dialect()()))
    return _read(Query(sql, query.url, query.shown), f"the table {options.main!r} of {query.shown}")


def said(options: Options, *, folder: Path) -> str:
    """A source or target in words, without a password."""
    query = _query("", options, folder, missing=True)
    if options.form == "table":
        schema = options.text("schema")
        return f"{query.shown}: table {schema + '.' if schema else ''}{options.main}"
    return f"{query.shown}: {' '.join(options.main.split())}"


def database_name(options: Options, *, folder: Path) -> str:
    """The database itself: its file's whole path, or its URL without a password."""
    query = _query("", options, folder, missing=True)
    if query.url.get_backend_name() == "sqlite":
        return str(Path(str(query.url.database)).resolve())
    return query.url.set(
        drivername="postgresql" if query.url.drivername == "postgresql+psycopg" else query.url.drivername
    ).render_as_string(hide_password=True)


def write_table(frame: pd.DataFrame, options: Options, *, folder: Path, mode: Mode) -> None:
    """Writes a table in one transaction: all of it is there afterwards, or all is as it was. Raises UsageError."""
    name, schema = options.main, options.text("schema")
    if len(name) > MOST_NAME:
        raise UsageError(f"{options.where}: the table's name has {len(name)} characters; use {MOST_NAME} at most")
    query = _query("", options, folder, missing=True)
    where = f"the table {name!r} of {query.shown}"
    with _explained(query, where), _opened(query, where) as connection:
        if mode == "create" and sa.inspect(connection).has_table(name, schema=schema):
            raise UsageError(f"{where} exists; replace it with mode='replace', or add to it with mode='append'")
        frame.to_sql(
            name,
            connection,
            schema=schema,
            if_exists="fail" if mode == "create" else mode,
            index=False,
            chunksize=_AT_ONCE,
        )


def _query(sql: str, options: Options, folder: Path, *, missing: bool = False) -> Query:
    return find_database(
        sql,
        url=options.text("url"),
        url_env=options.text("url_env"),
        folder=folder,
        where=options.where,
        missing=missing,
    )


def _read(query: Query, name: str) -> pd.DataFrame:
    with open_result(query, name) as result:
        rows = [tuple(values) for some in result.rows for values in some]
        found = list(zip(*rows, strict=True)) if rows else [()] * len(result.columns)
        frame = frame_from(dict(zip(result.columns, found, strict=True)), rows=len(rows))
    return plain(frame, texts=query.url.get_backend_name() == "sqlite")


@contextmanager
def _opened(query: Query, name: str) -> Iterator[Connection]:
    engine: Engine = writing_engine(query, name)
    try:
        # Begun here: pandas would begin one of its own, and commit it whatever happened.
        with engine.connect() as connection, connection.begin():
            if connection.dialect.name == "sqlite":
                # Python's driver begins a transaction only before an INSERT: a DROP before it would stay.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _explained(query: Query, where: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, ValueError, TypeError, OverflowError) as error:
        # What pandas raises wraps SQLAlchemy's error, and that the driver's.
        cause = error.__cause__ if isinstance(error.__cause__, SQLAlchemyError) else error
        text: Any = getattr(cause, "orig", None) or cause
        secrets = [query.url.password] if isinstance(query.url.password, str) else []
        raise UsageError(f"{where}: {redact(' '.join(str(text).split())[:300], secrets=secrets)}") from error
