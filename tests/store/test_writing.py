"""The writer: grouped transactions in which one failure is one's own."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from promptlab.errors import DatabaseError, UsageError
from promptlab.store import runs
from promptlab.store.database import Database
from promptlab.store.tables import MEASURE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lab.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with Database.open(f"sqlite:///{path}") as opened:
        yield opened


def add(name: str):
    return lambda connection: runs.set_direction(connection, name, "lower")


def stored(database: Database) -> list[str]:
    with database.connect() as connection:
        return sorted(connection.execute(sa.select(MEASURE.c.name)).scalars())


def test_what_arrives_together_shares_a_transaction(database: Database) -> None:
    seen: list[object] = []
    gate = threading.Event()

    def transaction(connection: runs.Connection) -> None:
        seen.append(connection.get_transaction())

    first = database.write(lambda _: gate.wait())
    writes = [database.write(transaction) for _ in range(20)]
    gate.set()
    first.result()
    for write in writes:
        write.result()
    assert len(seen) == 20
    assert len(set(map(id, seen))) == 1


def test_only_the_function_that_fails_fails(database: Database) -> None:
    def fail(connection: runs.Connection) -> None:
        runs.set_direction(connection, "half-written", "lower")
        raise UsageError("no")

    gate = threading.Event()
    database.write(lambda _: gate.wait())
    good = [database.write(add(f"good-{number}")) for number in range(3)]
    bad = database.write(fail)
    late = database.write(add("late"))
    gate.set()
    with pytest.raises(UsageError, match="no"):
        bad.result()
    for write in (*good, late):
        write.result()
    assert stored(database) == ["good-0", "good-1", "good-2", "late"]


def test_an_error_of_the_database_is_told_in_one_line(database: Database) -> None:
    def duplicate(connection: runs.Connection) -> None:
        for _ in range(2):
            connection.execute(sa.insert(MEASURE), {"name": "twice", "direction": "lower"})

    with pytest.raises(DatabaseError, match="UNIQUE constraint failed") as raised:
        database.write(duplicate).result()
    assert "\n" not in str(raised.value)


def test_flush_raises_what_nobody_has_seen_once(database: Database) -> None:
    database.write(lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        database.flush()
    database.flush()
    seen = database.write(lambda _: 1 / 0)
    assert isinstance(seen.exception(), ZeroDivisionError)
    database.flush()


def test_a_busy_database_is_waited_for(path: Path, database: Database) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        write = database.write(add("patient"))
        time.sleep(0.2)
        assert not write.done()
        other.execute("COMMIT")
        write.result(timeout=20)
    assert stored(database) == ["patient"]


def test_a_coroutine_gets_what_its_function_gave_or_raised(database: Database) -> None:
    async def main() -> list[object]:
        many = await asyncio.gather(*(database.commit(lambda _, number=number: number * 2) for number in range(30)))
        with pytest.raises(UsageError, match="no"):
            await database.commit(lambda _: raise_usage_error())
        wrapped = await asyncio.wrap_future(database.write(lambda _: "wrapped"))
        return [*many, wrapped]

    assert asyncio.run(main()) == [*range(0, 60, 2), "wrapped"]


def raise_usage_error() -> None:
    raise UsageError("no")


@pytest.mark.parametrize("way", ["commit", "write"])
def test_what_a_cancelled_task_handed_in_is_written(database: Database, way: str) -> None:
    gate = threading.Event()

    async def main() -> None:
        database.write(lambda _: gate.wait())
        write = (
            database.commit(add("paid for"))
            if way == "commit"
            else asyncio.wrap_future(database.write(add("paid for")))
        )
        task = asyncio.ensure_future(write)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    gate.set()
    database.flush()
    assert stored(database) == ["paid for"]


def test_a_process_that_ends_writes_what_it_handed_in(path: Path, database: Database) -> None:
    script = """
import sys
from promptlab.store import runs
from promptlab.store.database import Database
database = Database.open(sys.argv[1])
for number in range(100):
    database.write(lambda connection, number=number: runs.set_direction(connection, f"m{number:03}", "lower"))
"""
    done = subprocess.run([sys.executable, "-c", script, f"sqlite:///{path}"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert stored(database) == [f"m{number:03}" for number in range(100)]


def test_what_was_committed_survives_a_kill(path: Path, database: Database) -> None:
    script = """
import os, signal, sys
from promptlab.store import runs
from promptlab.store.database import Database
database = Database.open(sys.argv[1])
database.write(lambda connection: runs.set_direction(connection, "committed", "lower")).result()
def die(connection):
    runs.set_direction(connection, "half", "lower")
    os.kill(os.getpid(), signal.SIGKILL)
database.write(die)
signal.pause()
"""
    done = subprocess.run([sys.executable, "-c", script, f"sqlite:///{path}"], capture_output=True, check=False)
    assert done.returncode == -9
    assert stored(database) == ["committed"]
    database.write(add("after")).result()


def test_writers_of_many_threads_and_readers_stay_apart(database: Database) -> None:
    def work(start: int) -> None:
        for number in range(start, start + 25):
            database.write(add(f"m{number:03}")).result()
            stored(database)

    threads = [threading.Thread(target=work, args=(25 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(database) == [f"m{number:03}" for number in range(100)]
