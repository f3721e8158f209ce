"""Runs, params, tags, metrics, leaderboards: one contract for every database."""

from __future__ import annotations

import math
import multiprocessing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from promptlab.errors import RunNotFoundError, UsageError
from promptlab.store import datasets, registry, runs
from promptlab.store.database import Database
from promptlab.store.rows import RunRow
from promptlab.types import Case, Message, PromptVersion

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def create(database: Database, name: str = "r", **options: Any) -> RunRow:
    options = {"kind": "train", "started_at": datetime.now(UTC), **options}
    return database.write(lambda connection: runs.create_run(connection, name=name, **options)).result()


def write(database: Database, function: Any, *arguments: Any, **options: Any) -> Any:
    return database.write(lambda connection: function(connection, *arguments, **options)).result()


def read(database: Database, function: Any, *arguments: Any, **options: Any) -> Any:
    with database.connect() as connection:
        return function(connection, *arguments, **options)


def names(database: Database, **filters: Any) -> list[str]:
    return [run.name for run in read(database, runs.list_runs, **filters)]


def test_a_run_comes_back_whole(database: Database) -> None:
    run = create(
        database,
        "fit",
        experiment="churn",
        user="ada",
        source="fit.py",
        git_sha="abc",
        host="h",
        pid=7,
        model="local:x",
        settings={"temperature": 0.5},
        suite_digest="s",
        cells_planned=60,
    )
    assert run == read(database, runs.get_run, run.uid)
    assert (run.experiment, run.user, run.settings, run.cells_planned) == ("churn", "ada", {"temperature": 0.5}, 60)
    assert (run.status, run.prompt_reference, run.parent_uid) == ("running", None, None)
    assert len(run.uid) == 32


def test_the_default_experiment_is_row_zero_and_new_ones_follow(database: Database) -> None:
    assert create(database).experiment == "Default"
    assert [create(database, experiment=name).experiment for name in ("a", "b", "a")] == ["a", "b", "a"]


def test_a_run_is_found_by_the_beginning_of_its_uid(database: Database) -> None:
    run = create(database)
    assert read(database, runs.get_run, run.uid[:12].upper()).id == run.id


@pytest.mark.parametrize("uid", ["", "abc", "zzzz", "%%%%", "ffffffffffff"])
def test_a_run_that_is_not_there_is_named(database: Database, uid: str) -> None:
    with pytest.raises(RunNotFoundError, match=f"no run '{uid}'"):
        read(database, runs.get_run, uid)


def test_a_beginning_that_fits_several_runs_names_them(database: Database) -> None:
    first = create(database)
    twin = first.uid[:20] + ("0" * 12 if first.uid[20:] != "0" * 12 else "1" * 12)

    def make_twin(connection: runs.Connection) -> None:
        from promptlab.store.tables import RUN

        connection.execute(RUN.update().where(RUN.c.id == create_second.id).values(uid=twin))

    create_second = create(database)
    database.write(make_twin).result()
    with pytest.raises(RunNotFoundError, match="fits several runs") as raised:
        read(database, runs.get_run, first.uid[:8])
    assert first.uid[:12] in str(raised.value)


def test_ending_a_run_keeps_status_error_and_time(database: Database) -> None:
    run = create(database)
    ended = run.started_at + timedelta(seconds=90)
    write(database, runs.finish_run, run.uid, "failed", error="boom", ended_at=ended)
    found = read(database, runs.get_run, run.uid)
    assert (found.status, found.error, found.seconds) == ("failed", "boom", 90.0)
    with pytest.raises(RunNotFoundError):
        write(database, runs.finish_run, "0" * 32, "finished")


def test_a_running_run_that_is_silent_is_shown_as_interrupted(database: Database) -> None:
    silent = create(database, "silent", started_at=LONG_AGO)
    alive = create(database, "alive", started_at=LONG_AGO)
    write(database, runs.heartbeat, [alive.uid], datetime.now(UTC))
    assert read(database, runs.get_run, silent.uid).status == "interrupted"
    assert read(database, runs.get_run, alive.uid).status == "running"
    assert names(database, status="interrupted") == ["silent"]
    assert names(database, status="running") == ["alive"]


def test_runs_are_paged_by_key_newest_first(database: Database) -> None:
    for number in range(7):
        create(database, str(number))
    page = read(database, runs.list_runs, limit=3)
    assert [run.name for run in page] == ["6", "5", "4"]
    create(database, "newer")
    assert names(database, limit=3, before_id=page[-1].id) == ["3", "2", "1"]


def test_lists_filter_by_what_a_run_is(database: Database) -> None:
    create(database, "Sentiment 100%", kind="eval")
    create(database, "playing", kind="try")
    create(database, "forest", experiment="churn", model="python:forest")
    assert names(database) == ["forest", "Sentiment 100%"]
    assert names(database, include_tries=True) == ["forest", "playing", "Sentiment 100%"]
    assert names(database, kinds=["try", "eval"]) == ["playing", "Sentiment 100%"]
    assert names(database, experiment="churn") == ["forest"]
    assert names(database, name_contains="SENTI") == ["Sentiment 100%"]
    assert names(database, name_contains="100%") == ["Sentiment 100%"]
    assert names(database, name_contains="1_0") == []
    assert names(database, model="python:forest") == ["forest"]


def test_a_parent_is_found_by_what_its_variants_have(database: Database) -> None:
    version = PromptVersion("kind", 0, "d1", (Message("user", "hi"),))
    saved, _ = write(database, registry.save_version, version)
    version_id = read(database, registry.version_id, "kind", saved.number)
    parent = create(database, "suite", kind="eval")
    child = create(
        database, "variant", kind="prompt", parent_uid=parent.uid, prompt_version_id=version_id, model="fake:echo"
    )
    create(database, "other", kind="eval")
    assert child.prompt_reference == "kind@1"
    assert (child.parent_uid, read(database, runs.parent, child).id) == (parent.uid, parent.id)
    assert [run.id for run in read(database, runs.children, parent.uid)] == [child.id]
    assert names(database, parents_only=True) == ["other", "suite"]
    assert names(database, parents_only=True, model="fake:echo", prompt="kind") == ["suite"]
    assert names(database, prompt="kind@1") == ["variant"]
    assert names(database, prompt="kind@2") == []


def test_deleting_hides_a_run_with_its_children_until_it_is_restored(database: Database) -> None:
    parent = create(database, "suite", kind="eval")
    create(database, "early", kind="prompt", parent_uid=parent.uid)
    early = read(database, runs.children, parent.uid)[0]
    create(database, "late", kind="prompt", parent_uid=parent.uid)
    write(database, runs.delete_run, early.uid, at=LONG_AGO)
    write(database, runs.delete_run, parent.uid)
    assert names(database) == []
    assert names(database, deleted=True) == ["late", "early", "suite"]
    write(database, runs.restore_run, parent.uid)
    assert names(database) == ["late", "suite"]


def test_params_are_kept_whole_and_set_once(database: Database) -> None:
    run = create(database)
    long = "x" * 20_000 + "end"
    given: dict[str, Any] = {
        "long": long,
        "depth": 3,
        "rate": 0.1,
        "bagging": True,
        "classes": ["a", "b"],
        "none": None,
    }
    write(database, runs.set_params, run.id, given)
    write(database, runs.set_params, run.id, given)
    assert read(database, runs.params, run.id) == {
        "bagging": "True",
        "classes": '["a", "b"]',
        "depth": "3",
        "long": long,
        "none": "None",
        "rate": "0.1",
    }
    with pytest.raises(UsageError, match="param 'depth' of this run is '3' already and cannot become '4'"):
        write(database, runs.set_params, run.id, {"new": 1, "depth": 4})
    with pytest.raises(UsageError, match="param 'long'"):
        write(database, runs.set_params, run.id, {"long": long[:-1]})
    assert "new" not in read(database, runs.params, run.id)


def test_tags_are_replaced_and_deleted(database: Database) -> None:
    run = create(database)
    write(database, runs.set_tags, run.id, {"stage": "draft", "owner": "ada"})
    write(database, runs.set_tags, run.id, {"stage": "final"})
    assert read(database, runs.tags, run.id) == {"owner": "ada", "stage": "final"}
    write(database, runs.delete_tag, run.id, "owner")
    with pytest.raises(UsageError, match="no tag 'owner'; it has: stage"):
        write(database, runs.delete_tag, run.id, "owner")


@pytest.mark.parametrize("name", ["", "n" * 251])
def test_a_name_that_cannot_be_indexed_is_refused(database: Database, name: str) -> None:
    run = create(database)
    for function, values in (
        (runs.set_params, {name: 1}),
        (runs.set_tags, {name: 1}),
        (runs.log_metrics, [(name, 1.0, 0, 0)]),
    ):
        with pytest.raises(UsageError, match=r"is empty|251 characters"):
            write(database, function, run.id, values)


def test_every_point_of_a_metric_is_kept_in_order(database: Database) -> None:
    run = create(database)
    write(database, runs.log_metrics, run.id, [("loss", 0.5, 1, 10), ("loss", 0.5, 1, 10), ("loss", 0.9, 0, 5)])
    write(database, runs.log_metrics, run.id, [("loss", 0.4, 1, 10), ("acc", 1.0, 0, 0)])
    history = read(database, runs.metric_history, run.id, "loss")
    assert [(point.step, point.value, point.ordinal) for point in history] == [
        (0, 0.9, 2),
        (1, 0.5, 0),
        (1, 0.5, 1),
        (1, 0.4, 3),
    ]
    assert read(database, runs.metric_names) == ["acc", "loss"]
    assert read(database, runs.metric_history, run.id, "missing") == []


def test_a_summary_follows_the_highest_step_and_no_nan_poisons_it(database: Database) -> None:
    run = create(database)
    write(database, runs.log_metrics, run.id, [("loss", math.nan, 0, 0)])
    only_nan = read(database, runs.summaries, [run.id])[run.id]["loss"]
    assert all(math.isnan(value) for value in (only_nan.last, only_nan.min, only_nan.max))
    write(database, runs.log_metrics, run.id, [("loss", 3.0, 2, 0), ("loss", 5.0, 5, 0), ("loss", -math.inf, 3, 0)])
    write(database, runs.log_metrics, run.id, [("loss", 4.0, 1, 0), ("loss", math.nan, 4, 0)])
    summary = read(database, runs.summaries, [run.id])[run.id]["loss"]
    assert (summary.last, summary.min, summary.max, summary.step, summary.points) == (5.0, -math.inf, 5.0, 5, 6)
    write(database, runs.log_metrics, run.id, [("loss", math.nan, 6, 0)])
    assert math.isnan(read(database, runs.summaries, [run.id])[run.id]["loss"].last)


def test_a_leaderboard_is_best_first_and_nan_leads_nothing(database: Database) -> None:
    for name, value in (("low", 0.1), ("nan", math.nan), ("high", 0.9), ("infinite", math.inf), ("mid", 0.5)):
        run = create(database, name, kind="prompt" if name == "high" else "train")
        write(database, runs.log_metrics, run.id, [("accuracy", value, 0, 0)])

    def board(**options: Any) -> list[str]:
        return [row.run.name for row in read(database, runs.leaderboard, metric="accuracy", **options)]

    assert board(direction="higher") == ["infinite", "high", "mid", "low"]
    assert board(direction="lower") == ["low", "mid", "high", "infinite"]
    assert board(direction="higher", limit=2) == ["infinite", "high"]
    assert board(direction="higher", kinds=["prompt"]) == ["high"]
    assert board(direction="higher", experiment="other") == []
    best = read(database, runs.leaderboard, metric="accuracy", direction="lower")[0]
    assert (best.value, best.summary.last, best.run.kind) == (0.1, 0.1, "train")
    write(database, runs.delete_run, best.run.uid)
    assert board(direction="lower")[0] == "mid"


def test_a_leaderboard_of_a_data_set_has_the_runs_and_variants_that_used_it(database: Database) -> None:
    used = write(database, datasets.store_dataset, name="sst2", source="f", cases=[Case("1", {"x": 1})])
    parent = create(database, "suite", kind="eval")
    child = create(database, "variant", kind="prompt", parent_uid=parent.uid)
    other = create(database, "elsewhere")
    write(database, datasets.link_dataset, parent.id, used.id, context="evaluation")
    for run in (child, other):
        write(database, runs.log_metrics, run.id, [("accuracy", 0.5, 0, 0)])
    found = read(database, runs.leaderboard, metric="accuracy", direction="higher", dataset_digest=used.digest)
    assert [row.run.name for row in found] == ["variant"]


def test_a_direction_is_kept_until_it_is_set_again(database: Database) -> None:
    write(database, runs.set_direction, "latency", "higher")
    write(database, runs.set_direction, "latency", "lower")
    assert read(database, runs.directions, ["latency", "accuracy"]) == {"latency": "lower"}
    with pytest.raises(UsageError, match="'up'; it is 'higher' or 'lower'"):
        write(database, runs.set_direction, "latency", "up")


def log_many(url: str, run_id: int, start: int) -> None:
    with Database.open(url) as database:
        for step in range(start, start + 50):
            database.write(
                lambda connection, step=step: runs.log_metrics(connection, run_id, [("loss", float(step), step, step)])
            ).result()


def test_four_processes_that_log_to_one_run_lose_nothing(database: Database, database_url: str) -> None:
    run = create(database)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=log_many, args=(database_url, run.id, 50 * number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    history = read(database, runs.metric_history, run.id, "loss")
    assert [point.value for point in history] == [float(step) for step in range(200)]
    assert sorted(point.ordinal for point in history) == list(range(200))
    summary = read(database, runs.summaries, [run.id])[run.id]["loss"]
    assert (summary.points, summary.min, summary.max, summary.last) == (200, 0.0, 199.0, 199.0)
