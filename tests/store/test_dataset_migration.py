"""Databases of the release before: their data sets become versions, with the fields that their cases have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from postgres_server import PostgresServer
from promptlab.store import datasets, engines, migrate
from promptlab.store.columns import encode_text
from promptlab.store.database import Database
from promptlab.store.target import parse_target
from promptlab.suites.schema import Field
from promptlab.types import Case

FIRST_RUN = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def older_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind as the release before left it, with data sets in it."""
    if request.param == "sqlite":
        engines.prepare_file(tmp_path / "lab.db")
        _fill(f"sqlite:///{tmp_path / 'lab.db'}")
        yield f"sqlite:///{tmp_path / 'lab.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database(migrated=False) as url:
        _fill(url)
        yield url


def _fill(url: str) -> None:
    engine = engines.open_engine(parse_target(url), writes=True, foreign_keys=False)
    with engine.begin() as connection:
        command.upgrade(migrate._config(migrate.SCHEMA, connection), "0002")

        def add(table: str, **values: object) -> None:
            names = ", ".join(values)
            marks = ", ".join(f":{name}" for name in values)
            connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)

        for number in range(3):
            inputs = {"text": f"w{number}\x00", "n": number, **({"odd \x00": None} if number == 2 else {})}
            add(
                "case_content",
                digest=f"c{number}",
                inputs_digest=f"i{number}",
                inputs=encode_text(json.dumps(inputs, ensure_ascii=False)),
                expected=None if number == 1 else json.dumps("x" if number else 1.5),
                metadata=json.dumps({"level": bool(number)} if number else {}),
            )
        for dataset_id, name, rows in ((1, "sst2", (0, 1, 2)), (2, "other", (1,)), (3, "sst2", (0,)), (4, "sst2", ())):
            add("dataset", id=dataset_id, name=name, digest=f"d{dataset_id}", source="a.jsonl", rows=len(rows))
            for position, case in enumerate(rows):
                add("dataset_item", dataset_id=dataset_id, position=position, key=f"k{case}", case_digest=f"c{case}")
        if connection.dialect.name == "postgresql":  # ids given by hand leave its counter where it was
            connection.execute(sa.text("SELECT setval(pg_get_serial_sequence('dataset', 'id'), 4)"))
        for run_id, uses, days in ((1, 1, 1), (2, 1, 0), (3, 3, 9)):
            moment = FIRST_RUN + timedelta(days=days)
            at = moment if connection.dialect.name == "postgresql" else moment.strftime("%Y-%m-%d %H:%M:%S.%f")
            add(
                "run",
                id=run_id,
                uid=f"{run_id:032x}",
                experiment_id=0,
                kind="eval",
                name="r",
                status="finished",
                user_name="",
                cancel_requested=False,
                started_at=at,
            )
            add("run_dataset", run_id=run_id, dataset_id=uses, context="evaluation")
    engine.dispose()


def test_data_sets_of_the_release_before_are_numbered_in_their_order_and_have_their_fields(older_url: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    with Database.open(older_url) as database:
        found = {row.id: row for row in database.read(datasets.list_datasets)}
        assert {row.id: row.reference for row in found.values()} == {
            1: "sst2@1",
            2: "other@1",
            3: "sst2@2",
            4: "sst2@3",
        }
        assert found[1].schema == (
            Field("inputs.text", ("string",), 3),
            Field("inputs.n", ("integer",), 3),
            Field("inputs.odd \x00", ("null",), 1),
            Field("expected", ("number", "string"), 2),
            Field("metadata.level", ("boolean",), 2),
        )
        assert found[4].schema == ()
        assert (found[1].created_at, found[3].created_at) == (FIRST_RUN, FIRST_RUN + timedelta(days=9))
        assert found[2].created_at == found[4].created_at > before
        cases = database.read(lambda connection: datasets.dataset_cases(connection, 1))
        assert cases[2] == Case("k2", {"text": "w2\x00", "n": 2, "odd \x00": None}, "x", {"level": True})
        added = database.write(
            lambda connection: datasets.store_dataset(connection, name="sst2", source="b", cases=cases)
        ).result()
        assert added.reference == "sst2@4"


def test_the_way_back_keeps_the_data_sets(older_url: str) -> None:
    Database.open(older_url).close()
    engine = engines.open_engine(parse_target(older_url), writes=True, foreign_keys=False)
    with engine.begin() as connection:
        command.downgrade(migrate._config(migrate.SCHEMA, connection), "0002")
        query = sa.text("SELECT id, name, digest, source, rows FROM dataset ORDER BY id")
        rows = [tuple(row) for row in connection.execute(query)]
    engine.dispose()
    assert rows[0] == (1, "sst2", "d1", "a.jsonl", 3)
    assert len(rows) == 4
    with Database.open(older_url) as database:
        assert [row.number for row in database.read(datasets.list_datasets)] == [1, 3, 2, 1]
