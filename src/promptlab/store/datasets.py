"""Data sets and their cases, by content: the same case is stored once, whatever data sets it is in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.errors import UsageError
from promptlab.spelling import suggestion
from promptlab.store import locks
from promptlab.store.rows import DatasetKind, DatasetRow
from promptlab.store.statements import Prepared, check_name, upsert
from promptlab.store.tables import CASE_CONTENT, DATASET, DATASET_ITEM, RUN_DATASET
from promptlab.suites.digests import CasesDigest, case_digest, digest_cases, inputs_digest
from promptlab.suites.schema import Field
from promptlab.types import Case

__all__ = [
    "PlacedCase",
    "case_digest",
    "cases_with_evaluators",
    "dataset_cases",
    "dataset_digest",
    "dataset_page",
    "get_dataset",
    "inputs_digest",
    "keys_page",
    "link_dataset",
    "linked_datasets",
    "links",
    "list_datasets",
    "positions",
    "relink_dataset",
    "save_dataset",
    "store_cases",
    "store_dataset",
]

_ADD_CASE = Prepared(
    lambda dialect: upsert(dialect, CASE_CONTENT, keys=["digest"]),
    ("digest", "inputs_digest", "inputs", "expected", "metadata"),
)
_ADD_DATASET = Prepared(
    lambda dialect: upsert(dialect, DATASET, keys=["name", "digest"]),
    ("name", "number", "digest", "source", "rows", "schema", "created_at", "kind", "location"),
)
_ADD_ITEM = Prepared(
    lambda dialect: upsert(dialect, DATASET_ITEM, keys=["dataset_id", "position"]),
    ("dataset_id", "position", "key", "case_digest", "evaluators"),
)
_LINK = Prepared(
    lambda dialect: upsert(dialect, RUN_DATASET, keys=["run_id", "dataset_id", "context"]),
    ("run_id", "dataset_id", "context"),
)


_MOST_DIGITS = 9
"""More than any number of a version has; a reference is text that anyone may write."""


def dataset_digest(cases: Iterable[Case]) -> str:
    """SHA-256, hex, of cases with their keys and evaluators, in their order."""
    return digest_cases(cases).digest


def store_cases(connection: Connection, cases: Iterable[Case]) -> None:
    """Keeps what these cases say; those that are there already stay."""
    _ADD_CASE.many(connection, (_content(case, case_digest(case)) for case in cases))


def store_dataset(
    connection: Connection, *, name: str, source: str, cases: Iterable[Case], digests: CasesDigest | None = None
) -> DatasetRow:
    """The version of the data set that has exactly these cases; a new one where none has.

    cases: gone through up to three times, one held at a time. digests: theirs, where they are known already.
    source: where they came from, for people; that of the first time stays. Raises UsageError where the cases change
    while they are read.
    """
    reading = digests or digest_cases(cases)
    row, created = save_dataset(
        connection, name=name, digest=reading.digest, source=source, rows=reading.rows, schema=reading.schema
    )
    if not created:
        return row
    _ADD_CASE.many(connection, (_content(case, reading.case(place)) for place, case in _places(cases, reading, source)))
    _ADD_ITEM.many(
        connection,
        (
            {
                "dataset_id": row.id,
                "position": place,
                "key": check_name(case.key, "case"),
                "case_digest": reading.case(place),
                "evaluators": list(case.evaluators) or None,
            }
            for place, case in enumerate(cases)
        ),
    )
    return row


def save_dataset(
    connection: Connection,
    *,
    name: str,
    digest: str,
    source: str,
    rows: int,
    schema: Iterable[Field] = (),
    at: datetime | None = None,
    kind: DatasetKind = "cases",
    location: str | None = None,
) -> tuple[DatasetRow, bool]:
    """The version of a data set with this content, and whether it is new; its rows are not kept with it.

    digest: of the content, 64 hex digits. at: default: now. location: where its rows are; a version that is there
    already keeps its source and moves to the location, if one is given. Raises UsageError for a name that cannot be
    one.
    """
    find = sa.select(DATASET).where(DATASET.c.name == name, DATASET.c.digest == digest)
    stored = connection.execute(find).first()
    if stored is not None:
        return _dataset(_moved(connection, stored, location)), False
    check_name(name, "data set")
    locks.lock_dataset(connection, name)
    newest = connection.execute(sa.select(sa.func.max(DATASET.c.number)).where(DATASET.c.name == name)).scalar() or 0
    stored = connection.execute(find).first()
    if stored is not None:  # another process was faster
        return _dataset(_moved(connection, stored, location)), False
    values = {
        "name": name,
        "number": newest + 1,
        "digest": digest,
        "source": source,
        "rows": rows,
        "schema": [[field.name, list(field.types), field.rows] for field in schema],
        "created_at": at or datetime.now(UTC),
        "kind": kind,
        "location": location,
    }
    _ADD_DATASET.one(connection, values)
    return _dataset(connection.execute(find).one()), True


def _moved(connection: Connection, stored: sa.Row[Any], location: str | None) -> sa.Row[Any]:
    """The version where its rows were seen last."""
    if location is None or stored.location == location:
        return stored
    connection.execute(sa.update(DATASET).where(DATASET.c.id == stored.id).values(location=location))
    return connection.execute(sa.select(DATASET).where(DATASET.c.id == stored.id)).one()


def list_datasets(connection: Connection, *, name: str | None = None) -> list[DatasetRow]:
    """Every version of every data set, or of one, by name and the newest first."""
    query = sa.select(DATASET).order_by(DATASET.c.name, DATASET.c.number.desc())
    if name is not None:
        query = query.where(DATASET.c.name == name)
    return [_dataset(row) for row in connection.execute(query)]


def get_dataset(connection: Connection, reference: str) -> DatasetRow:
    """The version that `name@number` names; of a bare name the newest. Raises UsageError that says what there is."""
    name, at, number = reference.rpartition("@")
    found: list[DatasetRow] = []
    if at and number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS:
        versions = list_datasets(connection, name=name)
        found = [version for version in versions if version.number == int(number)]
        if versions and not found:
            raise UsageError(
                f"the data set {name!r} has no version {int(number)}; its newest is {versions[0].reference}"
            )
    found = found or list_datasets(connection, name=reference)
    if not found:
        names = sorted({version.name for version in list_datasets(connection)})
        raise UsageError(f"there is no data set {reference!r}{suggestion(reference, names)}")
    return found[0]


def _places(cases: Iterable[Case], reading: CasesDigest, source: str) -> Iterator[tuple[int, Case]]:
    """Each case with its place; the same ones as before, or this raises UsageError."""
    place = -1
    for place, case in enumerate(cases):
        if place >= reading.rows or case_digest(case) != reading.case(place):
            raise UsageError(f"the cases of {source or 'the suite'} changed while they were read; start again")
        yield place, case
    if place + 1 != reading.rows:
        raise UsageError(f"the cases of {source or 'the suite'} changed while they were read; start again")


def _content(case: Case, digest: str) -> dict[str, Any]:
    return {
        "digest": digest,
        "inputs_digest": inputs_digest(case),
        "inputs": dict(case.inputs),
        "expected": case.expected,
        "metadata": dict(case.metadata),
    }


@dataclass(frozen=True, slots=True)
class PlacedCase:
    """A case of a stored data set, with its place in it from 0 and the digest of its content."""

    place: int
    digest: str
    case: Case


def dataset_page(
    connection: Connection, dataset_id: int, *, after: int = -1, limit: int | None = None
) -> list[PlacedCase]:
    """The cases of a data set that come after the place `after`, at most `limit` of them."""
    query = (
        sa.select(DATASET_ITEM.c.position, DATASET_ITEM.c.key, DATASET_ITEM.c.evaluators, CASE_CONTENT)
        .join(CASE_CONTENT, CASE_CONTENT.c.digest == DATASET_ITEM.c.case_digest)
        .where(DATASET_ITEM.c.dataset_id == dataset_id, DATASET_ITEM.c.position > after)
        .order_by(DATASET_ITEM.c.position)
        .limit(limit)
    )
    return [
        PlacedCase(
            row.position,
            row.digest,
            Case(row.key, row.inputs, row.expected, row.metadata, tuple(row.evaluators or ())),
        )
        for row in connection.execute(query)
    ]


def dataset_cases(connection: Connection, dataset_id: int) -> list[Case]:
    """The cases of a data set, in their order."""
    return [placed.case for placed in dataset_page(connection, dataset_id)]


def cases_with_evaluators(connection: Connection, dataset_id: int) -> list[Case]:
    """The cases of a data set that have evaluators of their own."""
    query = (
        sa.select(DATASET_ITEM.c.key, DATASET_ITEM.c.evaluators, CASE_CONTENT)
        .join(CASE_CONTENT, CASE_CONTENT.c.digest == DATASET_ITEM.c.case_digest)
        .where(DATASET_ITEM.c.dataset_id == dataset_id, DATASET_ITEM.c.evaluators.is_not(None))
        .order_by(DATASET_ITEM.c.position)
    )
    return [
        Case(row.key, row.inputs, row.expected, row.metadata, tuple(row.evaluators))
        for row in connection.execute(query)
    ]


def link_dataset(connection: Connection, run_id: int, dataset_id: int, *, context: str = "evaluation") -> None:
    """Notes that a run used a data set, and what for; twice is fine."""
    _LINK.one(connection, {"run_id": run_id, "dataset_id": dataset_id, "context": context})


def relink_dataset(connection: Connection, run_id: int, old_id: int, new_id: int, *, context: str) -> None:
    """Has a run use another data set for what it used this one for."""
    connection.execute(
        sa.delete(RUN_DATASET).where(
            RUN_DATASET.c.run_id == run_id, RUN_DATASET.c.dataset_id == old_id, RUN_DATASET.c.context == context
        )
    )
    link_dataset(connection, run_id, new_id, context=context)


def linked_datasets(connection: Connection, run_id: int, *, context: str | None = None) -> list[DatasetRow]:
    """The data sets that a run used, for anything or for one context."""
    return [dataset for used_for, dataset in links(connection, run_id) if context in (None, used_for)]


def links(connection: Connection, run_id: int) -> list[tuple[str, DatasetRow]]:
    """What a run used data sets for, with each of them, in the order they were stored."""
    query = (
        sa.select(DATASET, RUN_DATASET.c.context)
        .join(RUN_DATASET, RUN_DATASET.c.dataset_id == DATASET.c.id)
        .where(RUN_DATASET.c.run_id == run_id)
        .order_by(DATASET.c.id, RUN_DATASET.c.context)
    )
    return [(row.context, _dataset(row)) for row in connection.execute(query)]


def keys_page(
    connection: Connection, run_id: int, *, context: str = "evaluation", after: int = -1, limit: int | None = None
) -> list[tuple[int, str]]:
    """Places and keys of the cases that a run used for `context`, those after the place `after`; few at a time."""
    query = (
        sa.select(DATASET_ITEM.c.position, DATASET_ITEM.c.key)
        .join(RUN_DATASET, RUN_DATASET.c.dataset_id == DATASET_ITEM.c.dataset_id)
        .where(RUN_DATASET.c.run_id == run_id, RUN_DATASET.c.context == context, DATASET_ITEM.c.position > after)
        .order_by(DATASET_ITEM.c.position)
        .limit(limit)
    )
    return [(row.position, row.key) for row in connection.execute(query)]


def positions(connection: Connection, run_id: int, *, context: str = "evaluation") -> dict[str, int]:
    """By a case's key its place in the data set that a run used for `context`; empty where it used none."""
    return {key: place for place, key in keys_page(connection, run_id, context=context)}


def _dataset(row: sa.Row[Any]) -> DatasetRow:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    schema = tuple(Field(name, tuple(types), rows) for name, types, rows in values["schema"])
    return DatasetRow(
        row.id,
        row.name,
        row.number,
        row.digest,
        row.source,
        row.rows,
        schema,
        created_at=row.created_at,
        kind=row.kind,
        location=row.location,
    )
