"""One suite for every database: each test gets a current one of its own, first SQLite, then PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from promptlab.store.database import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database.open(database_url) as opened:
        yield opened
