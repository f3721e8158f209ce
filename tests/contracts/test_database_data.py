"""Tables as data sets, their profiles, features of runs: one contract for every database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from promptlab.errors import UsageError
from promptlab.profiles.make import make_profile
from promptlab.profiles.profile import Profile
from promptlab.store import dataset_use, datasets, details, features, profiles, runs
from promptlab.store.database import Database
from promptlab.store.rows import DatasetRow, FeatureRow
from promptlab.suites.schema import Field

TABLE: dict[str, Any] = {
    "name": "churn",
    "digest": "d" * 64,
    "source": "data/churn \x00\ud800.parquet",
    "rows": 150,
    "schema": (Field("age \x00", ("number",), 149),),
    "kind": "table",
    "location": '{"file": "data/churn.parquet"}',
}


def write(database: Database, function: Any, *arguments: Any, **options: Any) -> Any:
    return database.write_now(lambda connection: function(connection, *arguments, **options))


def new_run(database: Database, name: str = "r") -> Any:
    return write(database, runs.create_run, kind="pipeline", name=name, started_at=datetime.now(UTC))


def save(database: Database, **options: Any) -> DatasetRow:
    row: DatasetRow = write(database, datasets.save_dataset, **{**TABLE, **options})[0]
    return row


def test_a_table_keeps_its_kind_and_moves_to_where_it_was_seen_last(database: Database) -> None:
    row = save(database)
    assert (row.kind, row.location, row.source, row.schema) == (
        "table",
        TABLE["location"],
        TABLE["source"],
        TABLE["schema"],
    )
    assert save(database) == row
    assert save(database, location=None) == row
    moved = save(database, location='{"table": "churn"}', source="elsewhere")
    assert (moved.id, moved.location, moved.source) == (row.id, '{"table": "churn"}', TABLE["source"])
    assert database.read(datasets.list_datasets) == [moved]


def test_a_profile_comes_back_whole_and_is_replaced(database: Database) -> None:
    row = save(database)
    columns = {"a": ["\x00a", "\ud800"], "x": [float("inf"), 1e308], "y": [True, False]}
    frame = pd.DataFrame({name: pd.Series(values * 20, dtype=object) for name, values in columns.items()})
    frame.columns = pd.Index(["\x00\ud800", "x", "y"], dtype=object)
    profile = make_profile(frame, target="y")
    assert database.read(lambda connection: profiles.get_profile(connection, row.id)) is None
    write(database, profiles.save_profile, row.id, make_profile(frame).to_json())
    write(database, profiles.save_profile, row.id, profile.to_json())
    stored = database.read(lambda connection: profiles.get_profile(connection, row.id))
    assert Profile.from_json(stored) == profile
    assert database.read(lambda connection: profiles.profiled(connection, [row.id, row.id + 1])) == {row.id}


def test_runs_that_used_a_version_are_found_the_newest_first(database: Database) -> None:
    row, other = save(database), save(database, digest="e" * 64)
    used = [new_run(database, f"r{at}") for at in range(3)]
    for run in used:
        write(database, datasets.link_dataset, run.id, row.id, context="input")
    write(database, datasets.link_dataset, used[0].id, row.id, context="training")
    write(database, datasets.link_dataset, used[0].id, row.id, context="training")
    write(database, runs.delete_run, used[1].uid)

    def users(**options: Any) -> list[tuple[str, str]]:
        found = database.read(lambda connection: dataset_use.users(connection, row.id, **options))
        return [(context, run.name) for context, run in found]

    assert users() == [("input", "r2"), ("input", "r0"), ("training", "r0")]
    assert users(limit=1) == [("input", "r2")]
    assert users(before_id=used[2].id) == [("input", "r0"), ("training", "r0")]
    counts = database.read(lambda connection: dataset_use.use_counts(connection, [row.id, other.id]))
    assert counts == {row.id: 2}


def test_features_keep_their_order_and_any_text(database: Database) -> None:
    run = new_run(database)
    rows = [FeatureRow(f"f{at}", "code \x00\ud800", "note", at / 7) for at in range(3)]
    write(database, features.save_features, run.id, rows)
    write(
        database, features.save_features, run.id, [FeatureRow("f1", "new", "", None), FeatureRow("\x00", "", "", 1e300)]
    )
    found = database.read(lambda connection: details.run_detail(connection, run.uid)).features
    assert found == [rows[0], FeatureRow("f1", "new", "", None), rows[2], FeatureRow("\x00", "", "", 1e300)]
    with pytest.raises(UsageError, match="the name of a feature is empty"):
        write(database, features.save_features, run.id, [FeatureRow("", "", "", None)])
