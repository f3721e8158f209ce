"""Data sets and their cases, by content: the same case is stored once, whatever data sets it is in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.prompts.digest import canonical_json
from promptlab.store.rows import DatasetRow
from promptlab.store.statements import Prepared, check_name, upsert
from promptlab.store.tables import CASE_CONTENT, DATASET, DATASET_ITEM, RUN_DATASET
from promptlab.types import Case

_ADD_CASE = Prepared(
    lambda dialect: upsert(dialect, CASE_CONTENT, keys=["digest"]),
    ("digest", "inputs_digest", "inputs", "expected", "metadata"),
)
_ADD_DATASET = Prepared(
    lambda dialect: upsert(dialect, DATASET, keys=["name", "digest"]), ("name", "digest", "source", "rows")
)
_ADD_ITEM = Prepared(
    lambda dialect: upsert(dialect, DATASET_ITEM, keys=["dataset_id", "position"]),
    ("dataset_id", "position", "key", "case_digest", "evaluators"),
)
_LINK = Prepared(
    lambda dialect: upsert(dialect, RUN_DATASET, keys=["run_id", "dataset_id", "context"]),
    ("run_id", "dataset_id", "context"),
)


def inputs_digest(case: Case) -> str:
    """SHA-256, hex, of a case's inputs: what cases pair and resume by."""
    return _digest(dict(case.inputs))


def case_digest(case: Case) -> str:
    """SHA-256, hex, of a case's inputs, expected and metadata; its key and its place are the data set's."""
    return _digest({"inputs": dict(case.inputs), "expected": case.expected, "metadata": dict(case.metadata)})


def dataset_digest(cases: Iterable[Case]) -> str:
    """SHA-256, hex, of cases with their keys and evaluators, in their order."""
    return _digest([[case.key, case_digest(case), list(case.evaluators)] for case in cases])


def store_cases(connection: Connection, cases: Iterable[Case]) -> None:
    """Keeps what these cases say; those that are there already stay."""
    _ADD_CASE.many(
        connection,
        (
            {
                "digest": case_digest(case),
                "inputs_digest": inputs_digest(case),
                "inputs": dict(case.inputs),
                "expected": case.expected,
                "metadata": dict(case.metadata),
            }
            for case in cases
        ),
    )


def store_dataset(connection: Connection, *, name: str, source: str, cases: Sequence[Case]) -> DatasetRow:
    """The data set of this name with exactly these cases; stored where it is not there yet.

    source: where the cases came from, for people; that of the first time stays.
    """
    digest = dataset_digest(cases)
    values = {"name": check_name(name, "data set"), "digest": digest, "source": source, "rows": len(cases)}
    find = sa.select(DATASET).where(DATASET.c.name == name, DATASET.c.digest == digest)
    stored = connection.execute(find).first()
    if stored is not None:
        return _dataset(stored)
    _ADD_DATASET.one(connection, values)
    row = _dataset(connection.execute(find).one())
    store_cases(connection, cases)
    _ADD_ITEM.many(
        connection,
        (
            {
                "dataset_id": row.id,
                "position": position,
                "key": check_name(case.key, "case"),
                "case_digest": case_digest(case),
                "evaluators": list(case.evaluators) or None,
            }
            for position, case in enumerate(cases)
        ),
    )
    return row


def dataset_cases(connection: Connection, dataset_id: int) -> list[Case]:
    """The cases of a data set, in their order: all that a run needs to be resumed without its suite's files."""
    query = (
        sa.select(DATASET_ITEM.c.key, DATASET_ITEM.c.evaluators, CASE_CONTENT)
        .join(CASE_CONTENT, CASE_CONTENT.c.digest == DATASET_ITEM.c.case_digest)
        .where(DATASET_ITEM.c.dataset_id == dataset_id)
        .order_by(DATASET_ITEM.c.position)
    )
    return [
        Case(row.key, row.inputs, row.expected, row.metadata, tuple(row.evaluators or ()))
        for row in connection.execute(query)
    ]


def link_dataset(connection: Connection, run_id: int, dataset_id: int, *, context: str = "evaluation") -> None:
    """Notes that a run used a data set, and what for; twice is fine."""
    _LINK.one(connection, {"run_id": run_id, "dataset_id": dataset_id, "context": context})


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


def positions(connection: Connection, run_id: int, *, context: str = "evaluation") -> dict[str, int]:
    """By a case's key its place in the data set that a run used for `context`; empty where it used none."""
    query = (
        sa.select(DATASET_ITEM.c.key, DATASET_ITEM.c.position)
        .join(RUN_DATASET, RUN_DATASET.c.dataset_id == DATASET_ITEM.c.dataset_id)
        .where(RUN_DATASET.c.run_id == run_id, RUN_DATASET.c.context == context)
    )
    return {row.key: row.position for row in connection.execute(query)}


def _dataset(row: sa.Row[Any]) -> DatasetRow:
    return DatasetRow(row.id, row.name, row.digest, row.source, row.rows)


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()
