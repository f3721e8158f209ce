from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from promptlab.store.database import Database

SERVER = os.environ.get("PROMPTLAB_TEST_POSTGRES", "")
"""A PostgreSQL server whose user may create databases: the contract then runs on it as well."""


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A current SQLite database, migrated once and copied for each test."""
    path = tmp_path_factory.mktemp("empty") / "lab.db"
    Database.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", *(["postgresql"] if SERVER else [])])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> Iterator[str]:
    if request.param == "sqlite":
        shutil.copy(empty_database, tmp_path / "lab.db")
        yield f"sqlite:///{tmp_path / 'lab.db'}"
        return
    name = f"promptlab_test_{uuid.uuid4().hex}"
    server = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT")
    try:
        with server.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        yield sa.make_url(SERVER).set(database=name).render_as_string(hide_password=False)
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        server.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database.open(database_url) as opened:
        yield opened
