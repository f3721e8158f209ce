"""Statements: the dialect-neutral upsert, and statements that are compiled once and sent straight to the driver."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.compiler import SQLCompiler

from promptlab.errors import UsageError

MAX_IN_LIST = 500
MAX_AT_ONCE = 1000
"""Rows that one executemany gets, so that a stream of rows stays a stream."""
MAX_NAME_CHARACTERS = 250

T = TypeVar("T")


def upsert(
    dialect: str,
    table: sa.Table,
    *,
    keys: Sequence[str],
    update: Sequence[str] | Callable[[Any], Mapping[str, Any]] = (),
) -> sqlite.Insert | postgresql.Insert:
    """An insert that updates the row which has these keys already; one with nothing to update leaves that row alone.

    update: names of columns that take the new value, or a function of the new row's columns to what is set.
    """
    statement = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    if not update:
        return statement.on_conflict_do_nothing(index_elements=keys)
    new = statement.excluded
    changed = update(new) if callable(update) else {name: new[name] for name in update}
    return statement.on_conflict_do_update(index_elements=keys, set_=dict(changed))


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    binds: tuple[tuple[str, Callable[[Any], Any] | None], ...]
    positional: bool


@dataclass(slots=True)
class Prepared:
    """A statement that is compiled once a dialect: a tenth of the cost of executing it through Core each time.

    build: the statement for a dialect's name. names: the columns and bound parameters that it takes. Values go
    through the columns' types. What it returns is as the driver gives it, so let it return plain numbers only.
    """

    build: Callable[[str], sa.Executable]
    names: tuple[str, ...]
    _compiled: dict[str, _Compiled] = field(default_factory=dict)

    def one(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row that the statement returns, or None where it returns none."""
        statement = self._for(connection)
        cursor = connection.connection.cursor()
        try:
            cursor.execute(statement.sql, _arguments(statement, values))
            if cursor.description is None:
                return None
            rows = cursor.fetchall()
            return rows[0] if rows else None
        finally:
            cursor.close()

    def many(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> int:
        """How many rows of the database it changed, executed for every row.

        rows: may be an iterator of any length, of which a thousand are held at once.
        """
        statement = self._for(connection)
        cursor = connection.connection.cursor()
        changed = 0
        try:
            for some in _slices(rows, MAX_AT_ONCE):
                cursor.executemany(statement.sql, [_arguments(statement, row) for row in some])
                changed += cursor.rowcount
            return changed
        finally:
            cursor.close()

    def _for(self, connection: Connection) -> _Compiled:
        name = connection.dialect.name
        compiled = self._compiled.get(name)
        if compiled is None:
            compiled = self._compiled[name] = self._compile(connection)
        return compiled

    def _compile(self, connection: Connection) -> _Compiled:
        statement = self.build(connection.dialect.name)
        if not isinstance(statement, sa.ClauseElement):
            raise TypeError(f"{statement!r} cannot be compiled")
        compiled = statement.compile(dialect=connection.dialect, column_keys=list(self.names))
        if not isinstance(compiled, SQLCompiler):
            raise TypeError(f"{statement!r} takes no parameters")
        order = compiled.positiontup if compiled.positional and compiled.positiontup else list(compiled.binds)
        binds = tuple(
            (name, compiled.binds[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect))
            for name in order
        )
        return _Compiled(str(compiled), binds, compiled.positional)


def _arguments(statement: _Compiled, values: Mapping[str, Any]) -> Any:
    processed = [values[name] if process is None else process(values[name]) for name, process in statement.binds]
    if statement.positional:
        return processed
    return {name: value for (name, _), value in zip(statement.binds, processed, strict=True)}


def _slices(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    stream = iter(rows)
    while some := list(itertools.islice(stream, size)):
        yield some


def in_chunks(values: Iterable[T], size: int = MAX_IN_LIST) -> Iterator[list[T]]:
    """The distinct values in their order, in lists short enough for one IN."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), size):
        yield distinct[start : start + size]


def check_name(name: str, what: str) -> str:
    """The name itself; raises UsageError for an empty one and for one too long to be indexed everywhere."""
    if not name:
        raise UsageError(f"the name of a {what} is empty; give it one")
    if len(name) > MAX_NAME_CHARACTERS:
        raise UsageError(
            f"the {what} '{name[:40]}...' has a name of {len(name)} characters; use {MAX_NAME_CHARACTERS} at most"
        )
    return name
