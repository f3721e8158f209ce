"""Runs searched: filters and orders as SQL, the same on every database, paged by key.

Every condition is true or false, never NULL: of what a run has not, it is a look-up that finds nothing, or a column
that is tested for being there first. Texts compare by code point, on PostgreSQL by the collation "C".
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.errors import UsageError
from promptlab.filters.nodes import Among, And, Comparison, Field, Known, Like, Node, Not, Or
from promptlab.filters.order import Order
from promptlab.store.columns import AnyText, UtcTime
from promptlab.store.rows import RunRow
from promptlab.store.runs import SELECT, SILENT_SECONDS, read_run
from promptlab.store.statements import in_chunks
from promptlab.store.tables import (
    DATASET,
    EXPERIMENT,
    INDEXED_CHARACTERS,
    PARAM,
    PROMPT,
    PROMPT_VERSION,
    RUN,
    RUN_DATASET,
    SUMMARY,
    TAG,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARENT_UID = SELECT.selected_columns["parent_uid"]
_OPERATORS: dict[str, Callable[[Any, Any], sa.ColumnElement[bool]]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_NAN_OPERATORS = ("!=",)
"""What is true of NaN and any number."""

_Test = Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for. experiments: their names; None: in all that are not deleted."""

    node: Node | None = None
    order: tuple[Order, ...] = ()
    experiments: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    include_tries: bool = False
    parents_only: bool = False
    deleted: bool = False
    status: str | None = None
    name_contains: str | None = None


class Page(NamedTuple):
    """Runs that were found, and the token that goes on after them; None where there are no more."""

    rows: list[RunRow]
    next: str | None


def search_runs(
    connection: Connection, search: Search, *, limit: int, after: str | None = None, now: datetime | None = None
) -> Page:
    """The runs that fit, in their order, newest first where it leaves a choice; `after` is the token of the last page.

    now: what tells a silent run from a running one; default: the current time. Raises UsageError for another token.
    """
    moment = now or datetime.now(UTC)
    dialect = _Dialect(connection.dialect.name, moment)
    query, keys = _ordered(_selected(search, dialect), search.order, dialect)
    if after is not None:
        query = query.where(_later(keys, _read_token(after, len(keys))))
    rows = connection.execute(query.limit(limit + 1)).mappings().all()
    found = [read_run(row, moment) for row in rows[:limit]]
    token = None
    if len(rows) > limit and found:
        token = json.dumps([rows[limit - 1][f"key_{place}"] for place in range(len(keys))])
    return Page(found, token)


def values_of(connection: Connection, run_ids: Sequence[int]) -> tuple[list[Any], list[Any], list[Any]]:
    """What was logged into runs: (run id, name, value) of params, of metrics (the last value) and of tags."""
    params: list[Any] = []
    metrics: list[Any] = []
    tags: list[Any] = []
    for chunk in in_chunks(run_ids):
        whole = sa.func.coalesce(PARAM.c.whole_value, PARAM.c.value, type_=AnyText())
        params += connection.execute(sa.select(PARAM.c.run_id, PARAM.c.key, whole).where(PARAM.c.run_id.in_(chunk)))
        metrics += connection.execute(
            sa.select(SUMMARY.c.run_id, SUMMARY.c.key, SUMMARY.c.last).where(SUMMARY.c.run_id.in_(chunk))
        )
        tags += connection.execute(sa.select(TAG.c.run_id, TAG.c.key, TAG.c.value).where(TAG.c.run_id.in_(chunk)))
    return params, metrics, tags


def _selected(search: Search, dialect: _Dialect) -> sa.Select[Any]:
    query = SELECT.where(RUN.c.deleted_at.is_not(None) if search.deleted else RUN.c.deleted_at.is_(None))
    query = query.where(EXPERIMENT.c.deleted_at.is_(None))
    if search.kinds is not None:
        query = query.where(RUN.c.kind.in_(search.kinds))
    elif not search.include_tries:
        query = query.where(RUN.c.kind != "try")
    if search.experiments is not None:
        query = query.where(EXPERIMENT.c.name.in_(search.experiments))
    if search.parents_only:
        query = query.where(RUN.c.parent_id.is_(None))
    if search.status is not None:
        query = query.where(dialect.status == search.status)
    if search.name_contains:
        query = query.where(RUN.c.name.icontains(search.name_contains, autoescape=True))
    return query if search.node is None else query.where(_condition(search.node, dialect))


# -- conditions


def _condition(node: Node, dialect: _Dialect) -> sa.ColumnElement[bool]:
    if isinstance(node, And):
        return sa.and_(*(_condition(inner, dialect) for inner in node.nodes))
    if isinstance(node, Or):
        return sa.or_(*(_condition(inner, dialect) for inner in node.nodes))
    if isinstance(node, Not):
        return sa.not_(_condition(node.node, dialect))
    if isinstance(node, Comparison):
        return _compared(node, dialect)
    if isinstance(node, Among):
        return _among(node, dialect)
    if isinstance(node, Like):
        return _among_texts(node.field, dialect, lambda column: dialect.like(column, node), node.pattern)
    return _known(node, dialect)


def _compared(node: Comparison, dialect: _Dialect) -> sa.ColumnElement[bool]:
    value, operator = node.value, _OPERATORS[node.operator]
    if isinstance(value, str):
        if node.field.subject == "param" and node.operator == "=":
            return _of_param(node.field, _is_text(value))
        return _among_texts(node.field, dialect, lambda column: operator(dialect.ordered(column), value), value)
    if math.isnan(value):
        # NaN differs from every number there is, and fits no other comparison.
        never = node.operator not in _NAN_OPERATORS
        return _numbers(node.field, dialect, lambda _: sa.false() if never else sa.true(), nan=not never)
    return _numbers(node.field, dialect, lambda column: operator(column, value), nan=node.operator in _NAN_OPERATORS)


def _among(node: Among, dialect: _Dialect) -> sa.ColumnElement[bool]:
    texts = [value for value in node.values if isinstance(value, str)]
    if texts:
        if node.field == Field("attribute", "prompt"):
            # A value with a version means one, a value without means all versions.
            either = sa.or_(*(_compared(Comparison(node.field, "=", text), dialect) for text in dict.fromkeys(texts)))
            known = _known(Known(node.field), dialect)
            return sa.and_(known, sa.not_(either)) if node.negated else either

        def test(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
            return column.not_in(texts) if node.negated else column.in_(texts)

        return _among_texts(node.field, dialect, test, "")
    numbers = [value for value in node.values if not isinstance(value, str) and not math.isnan(value)]
    return _numbers(
        node.field,
        dialect,
        lambda column: column.not_in(numbers) if node.negated else column.in_(numbers),
        nan=node.negated,
    )


def _known(node: Known, dialect: _Dialect) -> sa.ColumnElement[bool]:
    def nothing(_: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        return sa.true()

    if node.nan:
        is_nan = (
            _of_metric(node.field, lambda column: column.is_(None)) if node.field.subject == "metric" else sa.false()
        )
        if not node.negated:
            return is_nan
        return sa.and_(_known(Known(node.field), dialect), sa.not_(is_nan))
    field = node.field
    found: sa.ColumnElement[bool]
    if field.subject == "attribute" and field.kind != "text":
        found = dialect.number(field.key).is_not(None)
    elif field.subject == "metric":
        found = _of_metric(field, nothing)
    else:
        found = _among_texts(field, dialect, nothing, "@")
    return sa.not_(found) if node.negated else found


def _numbers(field: Field, dialect: _Dialect, test: _Test, *, nan: bool) -> sa.ColumnElement[bool]:
    """nan: whether the test is true of NaN, which is stored as NULL."""
    if field.subject == "metric":
        return _of_metric(field, lambda column: sa.or_(column.is_(None), test(column)) if nan else test(column))
    if field.subject == "param":
        return _of_param(field, sa.and_(PARAM.c.number.is_not(None), test(PARAM.c.number)))
    number = dialect.number(field.key)
    return sa.and_(number.is_not(None), test(number))


def _among_texts(field: Field, dialect: _Dialect, test: _Test, value: str) -> sa.ColumnElement[bool]:
    """value: what is compared with, which says whether a prompt is meant with its version."""
    if field.subject == "param":
        return _of_param(field, test(sa.func.coalesce(PARAM.c.whole_value, PARAM.c.value, type_=AnyText())))
    if field.subject == "tag":
        return _exists(TAG.c.run_id, TAG.c.key == field.key, test(TAG.c.value))
    if field.subject == "dataset":
        named: dict[str, sa.ColumnElement[Any]] = {
            "name": DATASET.c.name,
            "reference": _REFERENCE,
            "digest": DATASET.c.digest,
            "context": RUN_DATASET.c.context,
        }
        used = (
            sa.select(sa.literal(1))
            .select_from(RUN_DATASET.join(DATASET, DATASET.c.id == RUN_DATASET.c.dataset_id))
            # A variant uses what its evaluation does.
            .where(RUN_DATASET.c.run_id.in_([RUN.c.id, RUN.c.parent_id]), test(named[field.key]))
        )
        return used.exists()
    column = dialect.text(field.key, value)
    return sa.and_(column.is_not(None), test(column))


def _of_metric(field: Field, test: _Test) -> sa.ColumnElement[bool]:
    column: sa.ColumnElement[Any] = sa.type_coerce(SUMMARY.c[field.statistic], sa.Double())
    return _exists(SUMMARY.c.run_id, SUMMARY.c.key == field.key, test(column))


def _of_param(field: Field, test: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return _exists(PARAM.c.run_id, PARAM.c.key == field.key, test)


def _is_text(value: str) -> sa.ColumnElement[bool]:
    """Whether a param is this text: by the index on its beginning."""
    whole = PARAM.c.whole_value
    rest = whole == value if len(value) > INDEXED_CHARACTERS else whole.is_(None)
    return sa.and_(PARAM.c.value == value[:INDEXED_CHARACTERS], rest)


def _exists(run_id: sa.ColumnElement[int], *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    # An IN and not a correlated EXISTS: the database may begin with the condition's index, or look the run up.
    return RUN.c.id.in_(sa.select(run_id).where(*conditions))


_REFERENCE: sa.ColumnElement[Any] = sa.type_coerce(
    DATASET.c.name.concat("@").concat(sa.cast(DATASET.c.number, sa.Text)), AnyText()
)
_PROMPT_REFERENCE: sa.ColumnElement[Any] = sa.type_coerce(
    PROMPT.c.name.concat("@").concat(sa.cast(PROMPT_VERSION.c.number, sa.Text)), AnyText()
)


class _Dialect:
    """What SQLite and PostgreSQL say differently, and the columns that depend on the time."""

    def __init__(self, name: str, now: datetime) -> None:
        self._sqlite = name == "sqlite"
        cutoff = sa.bindparam(None, now - timedelta(seconds=SILENT_SECONDS), type_=UtcTime())
        heard = sa.func.coalesce(RUN.c.heartbeat_at, RUN.c.started_at)
        silent = sa.and_(RUN.c.status == "running", heard < cutoff)
        self.status: sa.ColumnElement[Any] = sa.type_coerce(
            sa.case((silent, "interrupted"), else_=RUN.c.status), AnyText()
        )

    def text(self, key: str, value: str) -> sa.ColumnElement[Any]:
        """The column of an attribute that is a text."""
        if key == "prompt":
            return _PROMPT_REFERENCE if "@" in value else PROMPT.c.name
        named: dict[str, Any] = {
            "id": RUN.c.uid,
            "status": self.status,
            "experiment": EXPERIMENT.c.name,
            "user": RUN.c.user_name,
            "parent": _PARENT_UID,
        }
        return named[key] if key in named else RUN.c[key]

    def number(self, key: str) -> sa.ColumnElement[Any]:
        """An attribute as a number: milliseconds since 1970, or seconds to the millisecond."""
        if key == "seconds":
            return self._since(RUN.c.ended_at, RUN.c.started_at)
        return self._since(RUN.c[key], None)

    def ordered(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """A text that compares by code point."""
        return column if self._sqlite else sa.type_coerce(sa.collate(column, "C"), AnyText())

    def like(self, column: sa.ColumnElement[Any], node: Like) -> sa.ColumnElement[bool]:
        """Whether a text is of a pattern."""
        if self._sqlite and not node.ignore_case:
            found: sa.ColumnElement[bool] = column.bool_op("GLOB")(_glob(node.pattern))
        elif self._sqlite:
            # SQLite's LIKE takes A to Z and a to z for the same, and no other letters.
            found = column.like(_escaped(node.pattern), escape="\\")
        elif node.ignore_case:
            plain = sa.func.lower(sa.collate(column, "C"))
            found = plain.like(
                sa.func.lower(sa.collate(sa.literal(_escaped(node.pattern), AnyText()), "C")), escape="\\"
            )
        else:
            found = column.like(_escaped(node.pattern), escape="\\")
        return sa.not_(found) if node.negated else found

    def _since(self, column: sa.ColumnElement[Any], start: sa.ColumnElement[Any] | None) -> sa.ColumnElement[Any]:
        if self._sqlite:
            # Whole seconds and the fraction apart: a day number with a fraction holds no microseconds.
            moment = _sqlite_microseconds(column)
            micro = moment if start is None else moment - _sqlite_microseconds(start)
        else:
            base = sa.bindparam(None, _EPOCH, type_=UtcTime()) if start is None else start
            micro = sa.func.round(sa.extract("epoch", column - base) * 1_000_000)
        if start is None:
            return sa.type_coerce(sa.cast(micro, sa.Double) / 1000.0, sa.Double())
        milli = sa.cast(sa.func.round(sa.cast(micro, sa.Double) / 1000.0), sa.Double)
        return sa.type_coerce(milli / 1000.0, sa.Double())


def _sqlite_microseconds(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    text = sa.cast(column, sa.Text)
    whole = sa.cast(sa.func.strftime("%s", sa.func.substr(text, 1, 19)), sa.BigInteger)
    fraction = sa.func.substr(sa.func.substr(text, 21, 6).concat("000000"), 1, 6)
    return whole * 1_000_000 + sa.cast(fraction, sa.BigInteger)


def _pieces(pattern: str) -> list[tuple[str, bool]]:
    """The characters of a pattern, each with whether it stands for others; a backslash makes the next one plain."""
    found: list[tuple[str, bool]] = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            found.append((next(characters, "\\"), False))
        else:
            found.append((character, character in "%_"))
    return found


def _glob(pattern: str) -> str:
    wild = {"%": "*", "_": "?"}
    return "".join(
        wild[character] if special else f"[{character}]" if character in "*?[" else character
        for character, special in _pieces(pattern)
    )


def _escaped(pattern: str) -> str:
    return "".join(
        character if special or character not in "%_\\" else f"\\{character}" for character, special in _pieces(pattern)
    )


# -- order and pages


class _Key(NamedTuple):
    """A column to sort by. absent: whether it may be NULL, which comes last."""

    column: sa.ColumnElement[Any]
    descending: bool
    absent: bool


def _ordered(query: sa.Select[Any], order: Sequence[Order], dialect: _Dialect) -> tuple[sa.Select[Any], list[_Key]]:
    keys: list[_Key] = []
    for place, term in enumerate(order):
        query, columns = _joined(query, term.field, dialect, place)
        for column in columns:
            missing = sa.case((column.is_(None), 1), else_=0)
            keys += [_Key(missing, descending=False, absent=False), _Key(column, term.descending, absent=True)]
    keys.append(_Key(RUN.c.id, descending=True, absent=False))
    query = query.add_columns(*(key.column.label(f"key_{place}") for place, key in enumerate(keys)))
    return query.order_by(*(key.column.desc() if key.descending else key.column for key in keys)), keys


def _joined(
    query: sa.Select[Any], field: Field, dialect: _Dialect, place: int
) -> tuple[sa.Select[Any], list[sa.ColumnElement[Any]]]:
    """The query with what it is sorted by, and those columns: of a param the number first, then the text."""
    if field.subject == "attribute":
        if field.kind == "text":
            return query, [dialect.ordered(dialect.text(field.key, "@"))]
        return query, [dialect.number(field.key)]
    table = {"metric": SUMMARY, "param": PARAM, "tag": TAG}[field.subject].alias(f"by_{place}")
    query = query.outerjoin(table, sa.and_(table.c.run_id == RUN.c.id, table.c.key == field.key))
    if field.subject == "metric":
        return query, [sa.type_coerce(table.c[field.statistic], sa.Double())]
    if field.subject == "param":
        # By the beginning of a text: what is indexed of it.
        return query, [table.c.number, dialect.ordered(table.c.value)]
    return query, [dialect.ordered(table.c.value)]


def _later(keys: Sequence[_Key], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Whether a row comes after the one with these values."""
    same: list[sa.ColumnElement[bool]] = []
    later: list[sa.ColumnElement[bool]] = []
    for key, value in zip(keys, values, strict=True):
        if value is None:
            # All that have nothing here are the same; what tells them apart from others is the key before.
            same.append(key.column.is_(None))
            continue
        beyond = key.column < value if key.descending else key.column > value
        later.append(sa.and_(*same, beyond))
        same.append(key.column == value)
    return sa.or_(*later)


def _read_token(token: str, length: int) -> list[Any]:
    try:
        values = json.loads(token)
    except (ValueError, RecursionError):
        values = None
    plain = isinstance(values, list) and all(value is None or isinstance(value, str | int | float) for value in values)
    if not plain or len(values) != length:
        raise UsageError(f"{token[:40]!r} goes on with no search like this one; give the `next` of its last page")
    return list(values)
