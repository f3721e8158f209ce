"""Cases of a SQL query: streamed, read-only, the same rows in every pass, no password anywhere."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import tracemalloc
from contextlib import closing

import pytest
import sqlalchemy as sa
from case_reading import cases_of, refusal, suite_of

from promptlab.errors import SuiteError
from promptlab.suites.readers.sql import find_database, read_sql
from promptlab.types import Case

URL = "sqlite:///data/reviews.db"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "reviews.db")) as connection:
        connection.executescript(
            """
            CREATE TABLE review (id INTEGER PRIMARY KEY, text TEXT, label INTEGER, stars REAL, source TEXT, raw BLOB);
            INSERT INTO review VALUES (3, 'good', 1, 4.5, 'me', X'74657874'), (4, 'bad', 0, NULL, NULL, X'FF');
            """
        )
    return tmp_path


def test_rows_of_a_query_keep_their_types_and_null_is_null(folder):
    sql = 'SELECT id, text, stars, label AS expected, source AS "metadata.source" FROM review ORDER BY id'
    suite = suite_of(folder, {"sql": sql, "url": URL})
    assert list(suite.cases) == [
        Case("3", {"text": "good", "stars": 4.5}, 1, {"source": "me"}),
        Case("4", {"text": "bad", "stars": None}, 0, {"source": None}),
    ]
    assert (suite.dataset_name, suite.dataset_source) == ("the-suite", f"{URL}: {sql}")


def test_columns_are_renamed_and_labels_told(folder):
    cases = {
        "sql": "SELECT id, text, label, source FROM review ORDER BY id",
        "url": URL,
        "columns": {"expected": "label", "inputs": ["text"], "metadata": {"from": "source"}},
        "labels": ["negative", "positive"],
        "name": "reviews",
    }
    suite = suite_of(folder, cases)
    assert list(suite.cases) == [
        Case("3", {"text": "good"}, "positive", {"from": "me"}),
        Case("4", {"text": "bad"}, "negative", {"from": None}),
    ]
    assert suite.dataset_name == "reviews"


def test_a_query_may_stand_in_a_file(folder):
    (folder / "data" / "q.sql").write_text("SELECT id, text\nFROM review -- 100% of them, at 12:30 :x\n")
    suite = suite_of(folder, {"sql": "data/q.sql", "url": URL})
    assert [case.key for case in suite.cases] == ["3", "4"]
    assert suite.dataset_source == f"{URL}: data/q.sql"
    assert "the file of the query 'none.sql' does not exist" in refusal(folder, {"sql": "none.sql", "url": URL})


def test_what_a_column_holds_that_json_cannot_say_is_named(folder):
    said = refusal(folder, {"sql": "SELECT text, raw FROM review ORDER BY id", "url": URL})
    assert said.startswith(f"the query on {URL} row 2: column 'raw' has 1 bytes that are no UTF-8 text")
    read = cases_of(folder, {"sql": "SELECT raw FROM review WHERE id = 3", "url": URL})
    assert read[0].inputs == {"raw": "text"}


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("DELETE FROM review", "attempt to write a readonly database"),
        ("DROP TABLE review", "attempt to write a readonly database"),
        ("ATTACH 'other.db' AS other; SELECT 1", "not authorized; cases are read only"),
        ("SELECT 1; DELETE FROM review", "one statement at a time"),
        ("ATTACH 'data/other.db' AS other", "not authorized"),
        ("VACUUM INTO 'data/other.db'", "authorization denied"),
        ("SELECT load_extension('other.so') AS text", "not authorized"),
        ("PRAGMA journal_mode = DELETE; SELECT 1", "one statement at a time"),
        ("SELECT words FROM review", "no such column: words"),
        ("SELEC 1", "syntax error"),
        ("SELECT 1 AS a, 2 AS a", "the column 'a' stands twice; rename one: `SELECT ... AS other_name`"),
        ("SELECT id, text FROM review WHERE id < 0", "has no cases"),
        ("SELECT 1 AS id, 'a' AS text UNION ALL SELECT 1, 'b'", "row 2: the id '1' is taken"),
        ("-- nothing", "gives no rows"),
    ],
)
def test_a_wrong_query_is_refused_in_one_line_and_writes_nothing(folder, sql, message):
    before = (folder / "data" / "reviews.db").read_bytes()
    assert message in refusal(folder, {"sql": sql, "url": URL})
    assert (folder / "data" / "reviews.db").read_bytes() == before
    assert sorted(path.name for path in (folder / "data").iterdir()) == ["reviews.db"]


def test_a_query_without_an_end_is_stopped(folder):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS text FROM n"
    query = find_database(endless, url=URL, url_env=None, folder=folder, where="suite.yaml:3")
    with pytest.raises(SuiteError, match=r"the query: gave no end within 0\.2 s; ask for less"):
        list(read_sql(query, "the query", seconds=0.2))


def test_a_query_is_interrupted_by_ctrl_c(folder):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS text FROM n"
    query = find_database(endless, url=URL, url_env=None, folder=folder, where="suite.yaml:3")
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(read_sql(query, "the query"))


def test_a_database_that_is_not_there_is_not_made(folder):
    said = refusal(folder, {"sql": "SELECT 1", "url": "sqlite:///data/none.db"})
    assert f"the database 'data/none.db' does not exist in '{folder}'" in said
    assert not (folder / "data" / "none.db").exists()
    assert "an SQLite database is a file" in refusal(folder, {"sql": "SELECT 1", "url": "sqlite://"})
    (folder / "data" / "reviews.db").write_text("no database at all, but a letter\n" * 100)
    assert "file is not a database" in refusal(folder, {"sql": "SELECT 1 FROM review", "url": URL})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "`sql` needs `url`, such as sqlite:///reviews.db, or `url_env: NAME_OF_A_VARIABLE`"),
        ({"url": "reviews.db"}, "the URL is no database URL; write sqlite:///reviews.db"),
        ({"url": "postgresql://ann:hunter22@db/x"}, "the URL has a password in it, and suites are shared"),
        ({"url": "postgresql://db/x?password=hunter22"}, "the URL has a password in it, and suites are shared"),
        ({"url_env": "NO_SUCH_URL"}, "the environment variable NO_SUCH_URL is not set"),
        ({"url": "oracledb2://db/x"}, "SQLAlchemy knows no database 'oracledb2' here"),
        ({"url": URL, "split": "test"}, "`split` goes with `huggingface`, not with `sql`"),
    ],
)
def test_a_wrong_url_is_refused_and_a_password_never_echoed(tmp_path, options, message):
    said = refusal(tmp_path, {"sql": "SELECT 1", **options})
    assert message in said
    assert "hunter22" not in said


def test_a_password_comes_from_the_environment_and_is_never_told(tmp_path, monkeypatch):
    monkeypatch.setenv("WAREHOUSE_URL", "postgresql://ann:hunter22@127.0.0.1:1/reviews")
    said = refusal(tmp_path, {"sql": "SELECT 1", "url_env": "WAREHOUSE_URL"})
    assert "the query on postgresql://ann:***@127.0.0.1:1/reviews: " in said
    assert "hunter22" not in said
    monkeypatch.setenv("WAREHOUSE_URL", "hunter22")
    said = refusal(tmp_path, {"sql": "SELECT 1", "url_env": "WAREHOUSE_URL"})
    assert "what WAREHOUSE_URL holds is no database URL" in said
    assert "hunter22" not in said


def test_every_pass_has_the_rows_of_the_first(folder):
    suite = suite_of(folder, {"sql": "SELECT id, text, random() AS dice FROM review", "url": URL})
    first = list(suite.cases)
    with closing(sqlite3.connect(folder / "data" / "reviews.db")) as connection, connection:
        connection.execute("DELETE FROM review")
    assert list(suite.cases) == first
    assert suite.cases[1] == first[1]
    assert suite.cases_digest.rows == 2


def test_a_long_result_is_never_held(folder):
    sql = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) "
        "SELECT i AS id, printf('%0200d', i) AS text FROM n"
    )
    suite_of(folder, {"sql": sql, "url": URL})
    tracemalloc.start()
    suite = suite_of(folder, {"sql": sql, "url": URL})
    assert suite.cases_digest.rows == 30_000
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 3_000_000


POSTGRES_ROWS = """
SELECT 7 AS id, 12.50::numeric AS price, 10::numeric AS whole, '2026-11-25 12:30+00'::timestamptz AS at,
       '2026-11-25'::date AS day, interval '90 minutes' AS span, '{"a": [1, null]}'::jsonb AS json,
       ARRAY['x', 'y'] AS tags, 'text'::bytea AS bytes, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS uid,
       '10.0.0.1'::inet AS address, 'NaN'::float8 AS nothing, true AS yes, NULL AS expected, 'a%sb %% :x' AS text
"""


def test_postgresql_gives_its_types_as_json_can_say_them(tmp_path, postgres_url):
    (case,) = cases_of(tmp_path, {"sql": POSTGRES_ROWS, "url": postgres_url})
    assert case == Case(
        "7",
        {
            "price": 12.5,
            "whole": 10,
            "at": "2026-11-25T12:30:00+00:00",
            "day": "2026-11-25",
            "span": 5400.0,
            "json": {"a": [1, None]},
            "bytes": "text",
            "uid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "address": "10.0.0.1",
            "nothing": None,
            "yes": True,
            "text": "a%sb %% :x",
        },
        None,
        {"tags": ["x", "y"]},
    )


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM review",
        "DELETE FROM review RETURNING text",
        "WITH gone AS (DELETE FROM review RETURNING text) SELECT * FROM gone",
        "SELECT 1 AS x; COMMIT; DELETE FROM review",
        "COMMIT; DELETE FROM review",
        "SELECT setval('s', 99)",
    ],
)
def test_postgresql_is_told_to_read_only(tmp_path, postgres_url, sql):
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE review (text TEXT)"))
        connection.execute(sa.text("CREATE SEQUENCE s"))
        connection.execute(sa.text("INSERT INTO review VALUES ('good')"))
    refusal(tmp_path, {"sql": sql, "url": postgres_url})
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM review")).scalar() == 1
        assert connection.execute(sa.text("SELECT last_value FROM s")).scalar() == 1


def test_a_long_result_of_postgresql_is_streamed(tmp_path, postgres_url):
    sql = "SELECT i AS id, repeat('x', 1000) AS text FROM generate_series(1, 20000) AS i"
    suite_of(tmp_path, {"sql": sql, "url": postgres_url})
    tracemalloc.start()
    suite = suite_of(tmp_path, {"sql": sql, "url": postgres_url, "sample": {"n": 50, "seed": 3}})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(suite.cases) == 50
    assert peak < 12_000_000  # the keys of all; the rows would take 20 MB and more
