"""Versions of data sets: one contract for every database."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from promptlab.errors import UsageError
from promptlab.store import datasets, details, runs
from promptlab.store.database import Database
from promptlab.store.rows import DatasetRow
from promptlab.suites.digests import digest_cases
from promptlab.suites.schema import MOST_FIELDS, OTHERS, Field
from promptlab.types import Case

CASES = [
    Case("a", {"text": "good", "n": 1}, "positive", {"level": "hard", "tags": ["x"]}),
    Case("b", {"text": None, "n": 1.5}, None, {"level": True}),
    Case("c", {"text": "\x00\ud800", "odd \x00 name": {"a": [1]}}, ["y"]),
]


def write(database: Database, function: Any, *arguments: Any, **options: Any) -> Any:
    return database.write(lambda connection: function(connection, *arguments, **options)).result()


def store(database: Database, cases: list[Case], name: str = "reviews") -> DatasetRow:
    row: DatasetRow = write(database, datasets.store_dataset, name=name, source="a.jsonl", cases=cases)
    return row


def test_a_version_is_numbered_within_its_name_and_says_what_it_has(database: Database) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    first = store(database, CASES)
    assert (first.name, first.number, first.reference) == ("reviews", 1, "reviews@1")
    assert (first.rows, first.source, first.digest) == (3, "a.jsonl", digest_cases(CASES).digest)
    assert before < first.created_at <= datetime.now(UTC)
    assert first.schema == (
        Field("inputs.text", ("null", "string"), 3),
        Field("inputs.n", ("integer", "number"), 2),
        Field("inputs.odd \x00 name", ("object",), 1),
        Field("expected", ("array", "string"), 2),
        Field("metadata.level", ("boolean", "string"), 2),
        Field("metadata.tags", ("array",), 1),
    )
    assert store(database, CASES) == first
    assert [store(database, CASES[:number]).number for number in (2, 1, 3, 2)] == [2, 3, 1, 2]
    assert store(database, CASES, name="others").reference == "others@1"


def test_versions_are_found_by_reference_the_newest_by_name(database: Database) -> None:
    first, second = store(database, CASES), store(database, CASES[:1])
    other = store(database, CASES, name="data@2x")
    odd = store(database, CASES, name="reviews@7")

    def get(reference: str) -> DatasetRow:
        return database.read(lambda connection: datasets.get_dataset(connection, reference))

    assert [get(text) for text in ("reviews", "reviews@1", "reviews@2")] == [second, first, second]
    assert [get(text) for text in ("data@2x", "data@2x@1", "reviews@7@1")] == [other, other, odd]
    with pytest.raises(UsageError, match="the data set 'reviews' has no version 3; its newest is reviews@2"):
        get("reviews@3")
    with pytest.raises(UsageError, match="there is no data set 'reviewz'; did you mean 'reviews'"):
        get("reviewz")
    with pytest.raises(UsageError, match="there is no data set 'nothing@1'"):
        get("nothing@1")
    assert database.read(datasets.list_datasets) == [other, second, first, odd]
    assert database.read(lambda connection: datasets.list_datasets(connection, name="reviews")) == [second, first]


def test_a_run_says_which_version_it_used(database: Database) -> None:
    store(database, CASES)
    row = store(database, CASES[1:])
    run = write(database, runs.create_run, kind="eval", name="r", started_at=datetime.now(UTC))
    write(database, datasets.link_dataset, run.id, row.id)
    detail = database.read(lambda connection: details.run_detail(connection, run.uid))
    assert detail.datasets == [("evaluation", row)]
    assert detail.datasets[0][1].reference == "reviews@2"


def test_a_data_set_may_be_known_by_its_content_alone(database: Database) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    fields = [Field("age", ("number",), 150), Field("species", ("string",), 150)]
    options = {"name": "iris", "digest": "d" * 64, "source": "iris.csv", "rows": 150, "schema": fields}
    row, created = write(database, datasets.save_dataset, **options, at=at)
    assert (row.reference, row.schema, row.created_at, created) == ("iris@1", tuple(fields), at, True)
    assert write(database, datasets.save_dataset, **options) == (row, False)
    other, _ = write(database, datasets.save_dataset, **{**options, "digest": "e" * 64, "schema": ()})
    assert (other.reference, other.schema) == ("iris@2", ())
    assert database.read(lambda connection: datasets.dataset_cases(connection, row.id)) == []
    with pytest.raises(UsageError, match="the name of a data set is empty"):
        write(database, datasets.save_dataset, **{**options, "name": ""})


def test_several_who_store_versions_of_one_name_get_numbers_of_their_own(database_url: str) -> None:
    opened = [Database.open(database_url) for _ in range(4)]
    errors: list[BaseException] = []
    # Each stores ten of its own and ten that all store, in an order of its own.
    lists = [
        [[Case(f"{who}-{n}", {"x": n})] for n in range(10)] + [[Case(f"all-{n}", {"x": n})] for n in range(10)]
        for who in range(4)
    ]

    def work(database: Database, cases: list[list[Case]]) -> None:
        try:
            for some in cases:
                store(database, some)
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=work, args=(database, cases[who * 5 :] + cases[: who * 5]))
        for who, (database, cases) in enumerate(zip(opened, lists, strict=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = opened[0].read(datasets.list_datasets)
    for database in opened:
        database.close()
    assert errors == []
    assert [row.number for row in found] == list(range(50, 0, -1))
    assert len({row.digest for row in found}) == 50


def test_a_schema_of_very_many_fields_is_bounded(database: Database) -> None:
    cases = [Case(str(n), {"x": 1}, None, {f"m{n}.{i}": i for i in range(100)}) for n in range(30)]
    row = store(database, cases)
    assert len(row.schema) == MOST_FIELDS + 1
    assert row.schema[0] == Field("inputs.x", ("integer",), 30)
    assert row.schema[-1] == Field(OTHERS, ("integer",), 3001 - MOST_FIELDS)
