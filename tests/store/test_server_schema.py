"""The schema on a server: migrated once by whoever comes first, up and down again, and refused where it must be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from postgres_server import PostgresServer
from promptlab.errors import DatabaseError, NewerDatabaseError
from promptlab.store import engines, migrate, tables
from promptlab.store.database import Database
from promptlab.store.target import Target, parse_target


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind that holds nothing yet."""
    if request.param == "sqlite":
        engines.prepare_file(tmp_path / "lab.db")
        yield f"sqlite:///{tmp_path / 'lab.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database(migrated=False) as url:
        yield url


def differences(target: Target) -> list[object]:
    """What alembic's check would say of this database."""
    engine = engines.open_engine(target, writes=False)
    options = {
        "compare_type": True,
        # Bookkeeping of servers, no data: see marks.py.
        "include_name": lambda name, kind, _: not (kind == "table" and name == "writer_mark"),
    }
    try:
        with engine.connect() as connection:
            return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables.METADATA))
    finally:
        engine.dispose()


def test_migrations_go_up_down_and_up_again_and_make_what_the_models_say(empty_url: str) -> None:
    target = parse_target(empty_url)
    assert migrate.upgrade(target).before is None
    assert differences(target) == []
    engine = engines.open_engine(target, writes=True, foreign_keys=False)
    with engine.begin() as connection:
        command.downgrade(migrate._config(migrate.SCHEMA, connection), "base")
    with engine.connect() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version", "writer_mark"}
    engine.dispose()
    assert migrate.upgrade(target).after == migrate.HEAD
    assert differences(target) == []
    with Database.open(empty_url) as database:
        assert database.stats().rows["experiment"] == 1


def test_processes_that_open_an_empty_database_at_once_migrate_it_once(empty_url: str) -> None:
    script = "import sys; from promptlab.store.database import Database; Database.open(sys.argv[1]).close()"
    processes = [
        subprocess.Popen([sys.executable, "-c", script, empty_url], stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 4
    with Database.open(empty_url) as database:
        assert database.stats().rows["experiment"] == 1


def test_a_newer_database_is_refused(postgres_url: str) -> None:
    engine = engines.open_engine(parse_target(postgres_url), writes=True)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(NewerDatabaseError, match="has schema 9999"):
        Database.open(postgres_url)


def test_a_database_that_is_not_there_is_named_with_the_command_that_makes_it(postgres_server: PostgresServer) -> None:
    url = postgres_server.url.set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(DatabaseError, match="is not on its server; create it: createdb nowhere"):
        Database.open(url)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_scheme_works_and_no_message_names_the_password(postgres_url: str, scheme: str) -> None:
    url = sa.make_url(postgres_url).set(drivername=scheme, password="hush-hush").render_as_string(hide_password=False)
    with Database.open(url) as database:
        stats = database.stats()
        assert "hush-hush" not in database.name
        with pytest.raises(DatabaseError, match="is a server's; back it up with pg_dump") as raised:
            database.backup(Path("copy.db"))
    assert "hush-hush" not in str(raised.value)
    assert stats.revision == migrate.HEAD
    assert stats.bytes > 1_000_000
