"""The traps of the data model: each has bitten somebody."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from promptlab.store import migrate
from promptlab.store.columns import decode_text, encode_text
from promptlab.store.database import Database
from promptlab.store.tables import METADATA

TABLES = list(METADATA.tables.values())


def test_models_and_migrations_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert migrate.main(["check"]) == 0
    assert "agree at schema" in capsys.readouterr().out
    assert migrate.main(["chekc"]) == 2


def test_migrations_make_exactly_what_the_models_say_also_where_alembic_does_not_look(tmp_path: Path) -> None:
    Database.open(f"sqlite:///{tmp_path / 'lab.db'}").close()
    connection = sqlite3.connect(tmp_path / "lab.db")
    stored = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    connection.close()

    def parts(sql: str) -> set[str]:
        body, _, tail = sql.partition("(")[2].rpartition(")")
        # A column that was added to a table stands on the line of the one before it.
        columns = re.split(r",\s*\n|, (?=[a-z_]+ [A-Z])", body)
        return {re.sub(r"\s+", " ", part).strip() for part in columns} | {tail.strip()}

    for table in TABLES:
        assert parts(stored[table.name]) == parts(str(CreateTable(table).compile(dialect=sqlite.dialect())))


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_names_are_snake_case_and_no_reserved_word(table: sa.Table) -> None:
    reserved: set[str] = set()
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        reserved |= set(dialect.identifier_preparer.reserved_words)
    for name in (table.name, *table.columns.keys()):
        assert re.fullmatch("[a-z]+(_[a-z]+)*", name)
        assert name not in reserved - {"key"}  # which both databases take unquoted


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_table_found_by_a_composite_key_is_that_keys_tree(table: sa.Table) -> None:
    composite = len(table.primary_key.columns) > 1
    assert ("WITHOUT ROWID" in str(CreateTable(table).compile(dialect=sqlite.dialect()))) is composite


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_ids_are_64_bits_on_a_server_and_number_themselves_on_sqlite(table: sa.Table) -> None:
    if "id" not in table.columns:
        return
    assert "id BIGSERIAL NOT NULL" in str(CreateTable(table).compile(dialect=postgresql.dialect()))
    assert "id INTEGER NOT NULL" in str(CreateTable(table).compile(dialect=sqlite.dialect()))


def test_every_moment_has_a_zone_on_a_server() -> None:
    for table in TABLES:
        assert "TIMESTAMP WITHOUT TIME ZONE" not in str(CreateTable(table).compile(dialect=postgresql.dialect()))


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("plain", "plain"),
        ("ü💥", "ü💥"),
        ("a\x00b", "a\ufdd00000b"),
        ("\ud800", "\ufdd0d800"),
        ("\ufdd0d800", "\ufdd0fdd0d800"),
    ],
)
def test_what_no_database_can_hold_is_escaped_and_nothing_else(text: str, stored: str) -> None:
    assert encode_text(text) == stored
    assert decode_text(stored) == text


@pytest.mark.parametrize(
    ("order", "direction"), [("last DESC, run_id DESC", "higher"), ("last, run_id", "lower")], ids=["higher", "lower"]
)
def test_a_leaderboard_reads_its_index_in_order_and_sorts_nothing(tmp_path: Path, order: str, direction: str) -> None:
    from promptlab.store import runs

    seen: list[str] = []
    with Database.open(f"sqlite:///{tmp_path / 'lab.db'}") as database, database.connect() as connection:
        sa.event.listen(connection, "before_cursor_execute", lambda *given: seen.append(given[2]))
        runs.leaderboard(connection, metric="accuracy", direction="higher" if direction == "higher" else "lower")
        plan = "\n".join(
            str(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {seen[0]}", ("accuracy", 50, 0))
        )
    assert "ix_summary_key_last_run_id" in plan, order
    assert "TEMP B-TREE" not in plan
