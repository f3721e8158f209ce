"""A server that goes away and comes back: what was handed in is written once, what is asked is answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from postgres_server import PostgresServer
from promptlab.errors import DatabaseError
from promptlab.store import metrics, runs
from promptlab.store.database import Connection, Database
from promptlab.store.engines import open_engine
from promptlab.store.marks import Marks
from promptlab.store.target import parse_target

THREADS = 4
EACH = 400
RESTARTS = 4


@pytest.fixture
def server(postgres_server: PostgresServer) -> PostgresServer:
    """A server that the test may restart."""
    if postgres_server.cluster is None:
        pytest.skip("the server of PROMPTLAB_TEST_POSTGRES is not restarted; unset it, and the tests start their own")
    return postgres_server


@pytest.fixture
def database(server: PostgresServer, postgres_url: str) -> Iterator[Database]:
    with Database.open(postgres_url) as opened:
        yield opened


def new_run(database: Database) -> int:
    return (
        database.write(
            lambda connection: runs.create_run(connection, kind="train", name="r", started_at=datetime.now(UTC))
        )
        .result()
        .id
    )


def test_writes_of_several_threads_through_restarts_are_there_once(server: PostgresServer, database: Database) -> None:
    run_id = new_run(database)
    told: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(EACH):
                point = (f"m{number % 2}", float(number), step, 0)
                database.write(lambda connection, p=point: metrics.log_metrics(connection, run_id, [p])).result()
        except BaseException as error:
            told.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for _ in range(RESTARTS):
        time.sleep(0.3)
        server.restart()
    for thread in threads:
        thread.join()
    assert told == []
    for key in ("m0", "m1"):
        history = database.read(lambda connection, key=key: metrics.metric_history(connection, run_id, key))
        summary = database.read(lambda connection: metrics.summaries(connection, [run_id]))[run_id]
        assert sorted(point.ordinal for point in history) == list(range(EACH * THREADS // 2))
        assert summary[key].points == EACH * THREADS // 2


def test_a_read_that_loses_its_connection_runs_again(server: PostgresServer, database: Database) -> None:
    run_id = new_run(database)
    seen: list[str] = []

    def interrupted(connection: Connection) -> str:
        seen.append(connection.execute(sa.text("SELECT pg_postmaster_start_time()::text")).scalar_one())
        if len(seen) == 1:
            server.restart()
        return runs.list_runs(connection)[0].name

    assert database.read(interrupted) == "r"
    assert len(set(seen)) == 2
    with database.connect() as connection:
        assert metrics.summaries(connection, [run_id]) == {run_id: {}}


def test_a_connection_waits_for_a_server_that_is_away(server: PostgresServer, database: Database) -> None:
    new_run(database)
    server.stop()
    back = threading.Timer(0.7, server.start)
    back.start()
    try:
        write = database.write(lambda connection: runs.set_direction(connection, "patient", "lower"))
        with database.connect() as connection:
            assert len(runs.list_runs(connection)) == 1
        write.result()
    finally:
        back.join()


def test_a_lost_connection_inside_a_read_block_is_told_in_one_line(server: PostgresServer, database: Database) -> None:
    def ask() -> None:
        with database.connect() as connection:
            server.restart()
            runs.list_runs(connection)

    with pytest.raises(DatabaseError, match=r"refuses the connection|cannot be reached") as raised:
        ask()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("committed", [True, False])
def test_a_mark_says_whether_a_transaction_was_committed_though_its_id_is_given_out_again(
    server: PostgresServer, database: Database, postgres_url: str, committed: bool
) -> None:
    """The reason for marks: after a crash the server itself calls a lost transaction committed."""
    engine = open_engine(parse_target(postgres_url), writes=True)
    xid = sa.text("SELECT pg_current_xact_id()::text")
    marks = Marks()
    try:
        with engine.begin() as connection:
            marks.register(connection)
        connection = engine.connect()
        transaction = connection.begin()
        mark = marks.leave(connection, alone=False)
        lost = connection.execute(xid).scalar_one()
        if committed:
            transaction.commit()
        server.restart()
        connection.invalidate()
        with engine.begin() as other:
            again = other.execute(xid).scalar_one()
        with engine.begin() as asking:
            assert marks.is_committed(asking, mark) is committed
            claimed = asking.execute(sa.text("SELECT pg_xact_status(CAST(:xid AS xid8))"), {"xid": lost}).scalar_one()
        assert claimed == "committed"
        assert (again == lost) is not committed
    finally:
        connection.close()
        engine.dispose()


def test_a_writer_that_ends_takes_its_mark_away(postgres_url: str) -> None:
    with Database.open(postgres_url) as database:
        new_run(database)
        assert database.read(lambda c: c.execute(sa.text("SELECT count(*) FROM writer_mark")).scalar_one()) == 1
    with Database.open(postgres_url) as database:
        assert database.read(lambda c: c.execute(sa.text("SELECT count(*) FROM writer_mark")).scalar_one()) == 0
