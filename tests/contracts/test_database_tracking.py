"""What is logged into runs, however odd: kept as it is or refused by name, the same on every database."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from promptlab.errors import UsageError
from promptlab.lab import Lab
from promptlab.store import curves, experiments, metrics, runs
from promptlab.store.database import Database
from promptlab.store.rows import RunRow

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)

NAMES = [
    "plain",
    "with space/and slash.v2",
    "é" * 150,  # 300 bytes
    "\U0001f9ea" * 250,  # 1,000 bytes
    "nul\x00inside",
    "lone \ud800 surrogate",
    "e\u0301",
    "\u00e9",  # the same to the eye
    "%2e%2e%2f",
    "'; DROP TABLE run; --",
    '"quoted" `ticked`',
    "\u202eright to left",
    "\x1b[31mred",
    "NaN",
    "\ufdd00000",
]
VALUES = [
    "",
    "plain",
    "nul\x00inside",
    "lone \udfff surrogate",
    "x" * 1_000_000,
    "\U0001f9ea" * 250_000,
    "NaN",
    "1e999",
    "=1+1",
]


@pytest.fixture
def lab(database_url: str, tmp_path: Path):
    with Lab(database_url, workspace=tmp_path) as opened:
        yield opened


def run_of(database: Database, **options: Any) -> RunRow:
    return database.write_now(
        lambda connection: runs.create_run(connection, kind="train", name="r", started_at=NOW, **options)
    )


def test_names_of_any_characters_are_kept_for_params_tags_metrics_and_artifacts(lab: Lab) -> None:
    with lab.run("odd") as run:
        run.log_params({name: place for place, name in enumerate(NAMES)})
        run.set_tags({name: place for place, name in enumerate(NAMES)})
        run.log_metrics({name: float(place) for place, name in enumerate(NAMES)})
        for place, name in enumerate(NAMES):
            run.log_text(str(place), name)
    detail = lab.run_detail(run.uid)
    numbered = {name: str(place) for place, name in enumerate(NAMES)}
    assert detail.params == numbered
    assert detail.tags == numbered
    assert {name: str(int(value.last)) for name, value in detail.metrics.items()} == numbered
    assert {item.name for item in detail.artifacts} == set(NAMES)
    for name, text in numbered.items():
        with lab.artifact(run.uid, name) as stream:
            assert stream.read().decode() == text


def test_values_of_any_text_and_length_are_kept_for_params_tags_and_notes(lab: Lab) -> None:
    for value in VALUES:
        with lab.run("odd", params={"p": value}, tags={"t": value}, note=value) as run:
            pass
        detail = lab.run_detail(run.uid)
        assert (detail.params["p"], detail.tags["t"], detail.run.note) == (value, value, value)


@pytest.mark.parametrize(
    "name", ["", "x" * 251, "\U0001f9ea" * 251, "x" * 100_000], ids=["empty", "251", "wide", "long"]
)
def test_a_name_that_cannot_be_one_is_refused_in_words_before_anything_is_written(lab: Lab, name: str) -> None:
    with lab.run("odd") as run:
        for refused in (
            lambda: run.log_params({name: 1}),
            lambda: run.set_tags({name: 1}),
            lambda: run.log_metrics({name: 1.0}),
            lambda: run.log_curve(name, [1.0]),
            lambda: run.log_text("x", name),
            lambda: run.rename(name),
            lambda: lab.run(name),
            lambda: lab.experiments.create(name),
        ):
            with pytest.raises(UsageError) as caught:
                refused()
            assert len(str(caught.value)) < 200
    detail = lab.run_detail(run.uid)
    assert (detail.params, detail.tags, detail.metrics, list(detail.artifacts)) == ({}, {}, {}, [])
    assert [row.name for row in lab.runs()] == ["odd"]


def test_ten_thousand_tags_are_kept(lab: Lab) -> None:
    wanted = {f"tag {place}": str(place) for place in range(10_000)}
    with lab.run("many", tags=wanted) as run:
        pass
    assert lab.run_detail(run.uid).tags == wanted


def test_every_float_comes_back_from_a_metric_and_from_a_curve(lab: Lab) -> None:
    # Not -0.0: SQLite gives 0.0 back, which is equal.
    values = [math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.1]
    with lab.run("floats") as run:
        run.log_curve("loss", values)
        for value in values:
            run.log_metrics(single=value)
    found = [value for _, value in lab.metric_history(run.uid, "loss")]
    assert [repr(value) for value in found] == [repr(value) for value in values]
    curve = lab.curve(run.uid, "single")
    assert (curve.axis, curve.total) == ("order", len(values))
    assert [repr(point.mean) for point in curve.points] == [repr(value) for value in values]


@pytest.mark.parametrize("step", [-(2**63), 2**63 - 1, -1, 0])
def test_steps_of_64_bits_are_kept(lab: Lab, step: int) -> None:
    with lab.run("steps") as run:
        run.log_metrics(loss=1.0, step=step)
    assert lab.metric_history(run.uid, "loss") == [(step, 1.0)]
    assert [point.place for point in lab.curve(run.uid, "loss").points] == [step]


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1, 0.5, "one", None, math.nan, math.inf])
def test_other_steps_are_refused_by_name(lab: Lab, step: Any) -> None:
    with lab.run("steps") as run:
        with pytest.raises(UsageError, match="step"):
            run.log_metrics(loss=1.0, step=step)
        with pytest.raises(UsageError, match="step"):
            run.log_curve("loss", [1.0], steps=[step])
    assert lab.run_detail(run.uid).metrics == {}


@pytest.mark.parametrize("points", [1, 7, 100, 999, 1000, 5000])
def test_a_curve_is_short_and_keeps_every_extreme_and_count(database: Database, points: int) -> None:
    run = run_of(database)
    values = [math.sin(place / 50) + (100 if place == 777 else 0) for place in range(1000)]
    logged = [("loss", value, 3 * place - 500, place) for place, value in enumerate(values)]
    database.write_now(lambda connection: metrics.log_metrics(connection, run.id, logged))
    with database.connect() as connection:
        curve = curves.curve(connection, run.id, "loss", points=points)
        by_time = curves.curve(connection, run.id, "loss", points=points, axis="time")
    for found in (curve, by_time):
        assert len(found.points) <= points
        assert found.total == sum(point.count for point in found.points) == 1000
        assert max(point.high for point in found.points) == max(values)
        assert min(point.low for point in found.points) == min(values)
        total = math.fsum(point.mean * point.count for point in found.points)
        assert total == pytest.approx(math.fsum(values), abs=1e-9)
        places = [point.place for point in found.points]
        assert places == sorted(set(places))
    assert curve.points[0].place >= -500


def test_a_curve_of_a_metric_that_is_not_there_is_empty_and_gaps_of_not_a_number_stay_gaps(database: Database) -> None:
    run = run_of(database)
    logged = [("loss", math.nan if place < 500 else 1.0, place, 0) for place in range(1000)]
    database.write_now(lambda connection: metrics.log_metrics(connection, run.id, logged))
    with database.connect() as connection:
        assert curves.curve(connection, run.id, "other").points == ()
        found = curves.curve(connection, run.id, "loss", points=10).points
    assert [math.isnan(point.mean) for point in found] == [True] * 5 + [False] * 5


def test_experiments_are_renamed_described_tagged_deleted_and_restored(database: Database) -> None:
    run_of(database, experiment="churn")
    run_of(database, experiment="churn", parent_uid=run_of(database, experiment="churn").uid)

    def change(function: Any, *arguments: Any) -> None:
        database.write_now(lambda connection: function(connection, *arguments))

    def names(*, deleted: bool = False) -> list[str]:
        with database.connect() as connection:
            return [row.name for row in experiments.list_experiments(connection, deleted=deleted)]

    change(experiments.rename_experiment, "churn", "who leaves")
    change(experiments.describe_experiment, "who leaves", "nul\x00")
    change(experiments.set_experiment_tags, "who leaves", {"team": "a", "other": 1})
    change(experiments.set_experiment_tags, "who leaves", {"other": None})
    with database.connect() as connection:
        row = experiments.get_experiment(connection, "who leaves")
        assert (row.runs, row.description, row.tags, row.active_at) == (2, "nul\x00", {"team": "a"}, NOW)
        assert len(runs.list_runs(connection, experiment="who leaves")) == 3
    change(experiments.delete_experiment, "who leaves")
    assert (names(), names(deleted=True)) == (["Default"], ["who leaves"])
    with database.connect() as connection:
        assert runs.list_runs(connection) == []
    with pytest.raises(UsageError, match="is deleted; restore it"):
        run_of(database, experiment="who leaves")
    change(experiments.restore_experiment, "who leaves")
    assert len(names()) == 2
    for refused in ("rename_experiment", "delete_experiment"):
        with pytest.raises(UsageError, match="runs go that name none"):
            change(getattr(experiments, refused), "Default", *(["x"] if refused.startswith("rename") else []))
    with pytest.raises(UsageError, match="there is an experiment 'Default' already"):
        change(experiments.rename_experiment, "who leaves", "Default")
    with pytest.raises(UsageError, match=r"no experiment 'who leavs'.*who leaves"):
        change(experiments.delete_experiment, "who leavs")


def test_deleting_a_run_takes_all_below_it_along_and_restoring_brings_just_those_back(database: Database) -> None:
    top = run_of(database)
    middle = run_of(database, parent_uid=top.uid)
    bottom = run_of(database, parent_uid=middle.uid)
    gone_before = run_of(database, parent_uid=middle.uid)
    database.write_now(lambda connection: runs.delete_run(connection, gone_before.uid, at=NOW - timedelta(days=1)))
    database.write_now(lambda connection: runs.delete_run(connection, top.uid))
    with database.connect() as connection:
        assert runs.list_runs(connection) == []
        assert len(runs.list_runs(connection, deleted=True)) == 4
    database.write_now(lambda connection: runs.restore_run(connection, top.uid))
    with database.connect() as connection:
        assert [row.uid for row in runs.list_runs(connection)] == [bottom.uid, middle.uid, top.uid]
