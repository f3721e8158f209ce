"""Several processes write at once: nothing is lost, nothing is double, and nobody is told that a database is locked."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import sqlalchemy as sa

from promptlab.errors import UsageError
from promptlab.store import params, registry, runs
from promptlab.store.database import Connection, Database
from promptlab.types import Message, PromptVersion
from writing_load import PROCESSES, write_from_processes


def new_run(database: Database) -> runs.RunRow:
    return database.write(
        lambda connection: runs.create_run(connection, kind="train", name="shared", started_at=datetime.now(UTC))
    ).result()


def at_once(*functions) -> None:
    """Runs functions in threads of their own, to their ends."""
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_eight_processes_that_read_and_change_the_same_rows_lose_nothing(database_url: str) -> None:
    outcome = write_from_processes(database_url, each=25)
    assert outcome.losses(writes=25 * PROCESSES) == []
    assert len(outcome.waits) == 2 * 25 * PROCESSES


def test_writers_that_touch_rows_in_opposite_orders_both_get_through(database_url: str) -> None:
    with Database.open(database_url) as one, Database.open(database_url) as two:
        first, second = new_run(one), new_run(one)

        def log(database: Database, order: list[runs.RunRow]) -> None:
            def both(connection: Connection) -> None:
                for run in order:
                    runs.log_metrics(connection, run.id, [("loss", 1.0, 0, 0)])

            for _ in range(30):
                database.write(both).result()

        at_once(lambda: log(one, [first, second]), lambda: log(two, [second, first]))
        found = one.read(lambda connection: runs.summaries(connection, [first.id, second.id]))
    assert [found[run.id]["loss"].points for run in (first, second)] == [60, 60]


def test_one_of_two_who_set_a_param_differently_is_told(database_url: str) -> None:
    with Database.open(database_url) as one, Database.open(database_url) as two:
        run = new_run(one)
        refused: list[str] = []

        def set_all(database: Database, value: str, keys: list[str]) -> None:
            try:
                database.write(
                    lambda connection: params.set_params(connection, run.id, dict.fromkeys(keys, value))
                ).result()
            except UsageError as error:
                refused.append(str(error))

        keys = [f"k{number}" for number in range(40)]
        at_once(lambda: set_all(one, "a", keys), lambda: set_all(two, "b", keys[::-1]))
        kept = one.read(lambda connection: params.params(connection, run.id))
    assert len(refused) == 1
    assert len(kept) == 40
    assert len(set(kept.values())) == 1


def test_an_experiment_an_alias_and_a_tag_that_several_make_at_once_are_there_once(database_url: str) -> None:
    with Database.open(database_url) as one, Database.open(database_url) as two:
        run = new_run(one)
        version = PromptVersion("kind", 0, "d1", (Message("user", "hi"),))

        def work(database: Database, name: str) -> None:
            for number in range(20):

                def step(connection: Connection, number: int = number) -> None:
                    runs.create_run(
                        connection, kind="train", name=name, started_at=datetime.now(UTC), experiment=f"e{number}"
                    )
                    saved, _ = registry.save_version(connection, version)
                    registry.set_alias(connection, "kind", "production", saved.number)
                    runs.set_tags(connection, run.id, {"by": name, f"t{number}": name})

                database.write(step).result()

        at_once(lambda: work(one, "one"), lambda: work(two, "two"))

        def counts(connection: Connection) -> list[int]:
            tables = ("experiment", "prompt_version", "prompt_alias", "tag")
            return [connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables]

        assert one.read(counts) == [21, 1, 1, 21]
