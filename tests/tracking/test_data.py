"""Data of runs: read, written, recorded in hand; versions by content, lineage by context, nothing written over."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from promptlab import Lab
from promptlab.errors import UsageError

RAW = pd.DataFrame(
    {
        "id": [1, 2, 2, 3, 4],
        "age": [31.0, 42.5, 42.5, None, 29.0],
        "city": ["Oslo", "Rome", "Rome", None, 'Sant "Ana"; DROP TABLE x'],
        "active": [True, False, False, True, True],
        "joined": pd.to_datetime(
            ["2024-01-01 10:00", "2024-02-01", "2024-02-01", None, "2024-03-01"], format="ISO8601"
        ),
    }
)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "promptlab.toml").write_text("")
    RAW.to_csv(tmp_path / "raw.csv", index=False)
    with Lab(workspace=tmp_path) as lab:
        yield lab


def refused(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        call(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert "hunter22" not in message
    return message


def test_a_small_etl_is_one_tracked_run(lab: Lab) -> None:
    with lab.run("prepare", kind="pipeline") as run:
        raw = run.extract("raw.csv", name="churn-raw")
        made = run.load(raw.drop_duplicates(), "data/clean.parquet", name="churn")
    detail = lab.run_detail(run.uid)
    assert [(context, row.reference, row.rows) for context, row in detail.datasets] == [
        ("input", "churn-raw@1", 5),
        ("output", "churn@1", 4),
    ]
    version = lab.dataset("churn")
    assert (version.kind, version.source, version.location) == (
        "table",
        "data/clean.parquet",
        {"file": "data/clean.parquet"},
    )
    assert (version.digest, made.reference) == (made.digest, "churn@1")
    pd.testing.assert_frame_equal(
        version.to_pandas().reset_index(drop=True), raw.drop_duplicates().reset_index(drop=True)
    )
    assert [(context, used.uid) for context, used in version.runs] == [("output", run.uid)]
    with lab.run("train") as later:
        later.extract("data/clean.parquet", name="churn", context="training")
    assert [(context, used.uid) for context, used in version.runs] == [("training", later.uid), ("output", run.uid)]
    assert lab.dataset_uses(lab.datasets()) == {version.id: 2, lab.dataset("churn-raw").id: 1}


def test_what_is_written_is_read_again_as_the_same_version(lab: Lab, tmp_path: Path) -> None:
    with lab.run("etl") as run:
        frame = run.extract("raw.csv", name="d")
        for target in (
            "a.parquet",
            tmp_path / "b" / "a.csv",
            {"table": "some rows", "url": "sqlite:///w.db"},
            {"table": 'odd "name"', "url": f"sqlite:///{tmp_path}/w.db"},
        ):
            assert run.load(frame, target, name="d").reference == "d@1"
            run.extract(target if isinstance(target, dict) else str(target), name="d")
    assert [version.reference for version in lab.datasets()] == ["d@1"]


def test_a_table_of_postgresql_is_written_and_read_again(lab: Lab, postgres_url: str, monkeypatch) -> None:
    monkeypatch.setenv("WAREHOUSE", postgres_url)
    target = {"table": "clean rows", "url_env": "WAREHOUSE"}
    with lab.run("etl") as run:
        frame = run.extract("raw.csv", name="d")
        assert run.load(frame, target, name="d").reference == "d@1"
        assert "exists; replace it with mode='replace'" in refused(run.load, frame, target, name="d")
        again = run.extract(target, name="d")
        run.extract({"sql": 'SELECT * FROM "clean rows" ORDER BY id', "url_env": "WAREHOUSE"}, name="d")
        run.load(frame.iloc[:2], target, name="d", mode="replace")
        assert len(run.extract(target, name="d")) == 2
    assert str(again["active"].dtype) == "bool"
    assert {version.reference for version in lab.datasets()} == {"d@1", "d@2"}
    assert postgres_url not in json.dumps([version.to_json() for version in lab.datasets()])


def test_a_failed_replacement_leaves_the_table_as_it_was(
    lab: Lab, tmp_path: Path, postgres_url: str, monkeypatch
) -> None:
    monkeypatch.setenv("WAREHOUSE", postgres_url)
    good, bad = pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": [1, object()]})
    with lab.run("etl") as run:
        for target in ({"table": "t", "url": "sqlite:///w.db"}, {"table": "t", "url_env": "WAREHOUSE"}):
            run.load(good, target, name="d")
            refused(run.load, bad, target, name="d", mode="replace")
            assert run.extract(target, name="d")["x"].tolist() == [1, 2]
    assert [version.reference for version in lab.datasets()] == ["d@1"]


def test_nothing_is_written_over_unless_told(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "there.parquet").write_bytes(b"precious")
    with closing(sqlite3.connect(tmp_path / "w.db")) as connection:
        connection.execute("CREATE TABLE there (x)")
        connection.execute("INSERT INTO there VALUES (7)")
        connection.commit()
    place = {"table": "there", "url": "sqlite:///w.db"}
    with lab.run("etl") as run:
        assert "exists; replace it" in refused(run.load, RAW, "there.parquet", name="d")
        assert "exists; replace it" in refused(run.load, RAW, place, name="d")
        assert (tmp_path / "there.parquet").read_bytes() == b"precious"
        assert run.extract(place, name="kept")["x"].tolist() == [7]
        run.load(RAW, "there.parquet", name="d", mode="replace")
        run.load(RAW, place, name="d", mode="replace")
        assert len(run.extract(place, name="d")) == len(run.extract("there.parquet", name="d")) == 5
        added = run.load(RAW.iloc[:2], place, name="more", mode="append")
        assert (added.rows, added.location) == (2, None)
        assert len(run.extract(place, name="d")) == 7
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_a_target_that_cannot_be_is_told(lab: Lab, tmp_path: Path) -> None:
    nested = pd.DataFrame({"x": [1, "a", b"c"]})
    with lab.run("etl") as run:
        for frame, target, options, said in [
            (RAW, "a.xlsx", {}, "ends in .parquet or .csv"),
            (RAW, "a.parquet", {"mode": "append"}, "a file is written whole"),
            (RAW, "a.parquet", {"mode": "over"}, "mode='over' is not known"),
            (RAW, "sqlite:///w.db", {}, "write {'table': 'NAME'"),
            (RAW, {"table": "x"}, {}, "needs `url`"),
            (RAW, {"tabel": "x", "url": "sqlite:///w.db"}, {}, "did you mean 'table'"),
            (RAW, {"table": "x" * 64, "url": "sqlite:///w.db"}, {}, "60 at most"),
            (RAW, {"table": "x", "url": "postgresql://me:hunter22@h/d"}, {}, "the URL has a password"),
            (RAW, {"table": "x", "url": "sqlite:///none/w.db"}, {}, "unable to open"),
            (pd.concat([RAW, RAW], axis=1), "a.parquet", {}, "stands twice"),
            (RAW.rename(columns={"id": "a\x00"}), "a.parquet", {}, "name it with text"),
            (pd.DataFrame(), "a.parquet", {}, "has no columns"),
            (nested, "a.parquet", {}, "cannot be written as Parquet"),
            ("text", "a.parquet", {}, "is str; give a data frame"),
            (RAW, "a.parquet", {"name": ""}, "the name of a data set is empty"),
            (RAW, "a.parquet", {"target": "agee"}, "did you mean 'age'"),
            (RAW, {"table": "run", "url": "sqlite:///.promptlab/lab.db"}, {"mode": "replace"}, "the runs themselves"),
        ]:
            message = refused(run.load, frame, target, **{"name": "d", **options})
            assert said in message, message
    assert lab.datasets() == []
    assert not (tmp_path / "a.parquet").exists()


def test_the_database_of_the_runs_is_no_target_on_a_server_either(
    postgres_url: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("WAREHOUSE", postgres_url)
    with Lab(postgres_url, workspace=tmp_path) as lab, lab.run("etl") as run:
        for mode in ("create", "replace", "append"):
            said = refused(run.load, RAW, {"table": "run", "url_env": "WAREHOUSE"}, name="d", mode=mode)
            assert "is the database of the runs themselves" in said


def test_nested_values_are_kept_as_json_text_in_a_database(lab: Lab) -> None:
    frame = pd.DataFrame({"x": [{"a": [1, 2]}, None], "y": [[1], [2]], "level": pd.Categorical(["a", "b"])})
    place = {"table": "t", "url": "sqlite:///w.db"}
    with lab.run("etl") as run:
        run.load(frame, place, name="d")
        assert run.extract(place, name="d").astype(object).where(lambda x: x.notna(), None).to_dict("list") == {
            "x": ['{"a": [1, 2]}', None],
            "y": ["[1]", "[2]"],
            "level": ["a", "b"],
        }


@pytest.mark.parametrize(
    ("data", "columns"),
    [
        (RAW, list(RAW)),
        (RAW["age"], ["age"]),
        (np.zeros((3, 2)), ["x0", "x1"]),
        (np.zeros(3), ["value"]),
        ({"a": [1], "b": ["x"]}, ["a", "b"]),
        ([{"a": 1}, {"b": 2}], ["a", "b"]),
        (["one text", "another"], ["value"]),
        ({"url": [1, 2]}, ["url"]),
    ],
)
def test_data_in_hand_is_recorded_whatever_holds_it(data: Any, columns: list[str], lab: Lab) -> None:
    with lab.run("fit") as run:
        version = run.log_data(data, name="d", source="made by hand")
    assert list(version.schema) == columns
    assert (version.source, version.location, version.kind) == ("made by hand", None, "table")
    assert [(context, row.reference) for context, row in lab.run_detail(run.uid).datasets] == [("training", "d@1")]


def test_a_target_is_a_column_or_becomes_one(lab: Lab) -> None:
    with lab.run("fit") as run:
        one = run.log_data(RAW, name="d", target="active")
        other = run.log_data(RAW.drop(columns=["active", "joined"]), name="e", target=RAW["active"])
        third = run.log_data(np.zeros((5, 1)), name="f", target=[1, 2, 3, 4, 5])
        assert "did you mean 'active'" in refused(run.log_data, RAW, name="d", target="activ")
        assert "2 values for 5 rows" in refused(run.log_data, RAW, name="d", target=[1, 2])
        assert "is in the data already" in refused(run.log_data, RAW, name="d", target=RAW["active"])
        assert "an array of 3 dimensions" in refused(run.log_data, np.zeros((2, 2, 2)), name="d")
        assert "give a data frame" in refused(run.log_data, 7, name="d")
    assert list(one.schema) == list(RAW)
    assert list(other.schema) == ["id", "age", "city", "active"]
    assert list(third.schema) == ["x0", "target"]


def test_rows_that_are_others_now_are_not_taken_for_the_version(lab: Lab, tmp_path: Path) -> None:
    with lab.run("fit") as run:
        run.extract("raw.csv", name="d")
        run.log_data(RAW, name="unkept")
    RAW.iloc[:2].to_csv(tmp_path / "raw.csv", index=False)
    said = refused(lab.dataset("d").to_pandas)
    assert "raw.csv holds other rows now (2, digest" in said
    (tmp_path / "raw.csv").unlink()
    assert "the file does not exist" in refused(lab.dataset("d").to_pandas)
    assert "are not kept" in refused(lab.dataset("unkept").to_pandas)
    assert "is a table and has no cases" in refused(lambda: lab.dataset("d").cases)


def test_a_file_is_found_from_the_current_folder_and_its_version_from_anywhere(
    lab: Lab, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "sub").mkdir()
    RAW.to_csv(tmp_path / "sub" / "own.csv", index=False)
    RAW.to_csv(tmp_path / "sub" / "twin.csv", index=False)
    with closing(sqlite3.connect(tmp_path / "sub" / "w.db")) as connection:
        RAW.to_sql("t", connection, index=False)
    monkeypatch.chdir(tmp_path / "sub")
    with lab.run("r") as run:
        run.extract("own.csv", name="own")
        assert lab.dataset("own").location == {"file": "sub/own.csv"}
        run.extract({"table": "t", "url": "sqlite:///w.db"}, name="t")
        assert lab.dataset("t").location == {"table": "t", "url": "sqlite:///sub/w.db"}
        run.extract("raw.csv", name="raw")
    monkeypatch.chdir("/")
    assert all(len(version.to_pandas()) == 5 for version in lab.datasets())


def test_a_query_cannot_write(lab: Lab, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "w.db")) as connection:
        RAW.to_sql("t", connection, index=False)
    with lab.run("r") as run:
        for sql in ("DELETE FROM t", "DROP TABLE t", "ATTACH 'x.db' AS x"):
            refused(run.extract, {"sql": sql, "url": "sqlite:///w.db"}, name="d")
        assert len(run.extract({"table": "t", "url": "sqlite:///w.db"}, name="d")) == 5
    engine = sa.create_engine(f"sqlite:///{tmp_path}/w.db")
    assert sa.inspect(engine).get_table_names() == ["t"]
    engine.dispose()


def test_a_profile_is_kept_with_the_version_and_as_files_of_the_run(lab: Lab) -> None:
    with lab.run("look") as run:
        run.extract("raw.csv", name="d", profile=True, target="active")
        run.load(RAW, "o.parquet", name="o", profile=True)
        given = run.log_profile(RAW, name="p", target="active")
    assert lab.dataset("p").profile == given
    assert lab.dataset("d").profile == given  # the same values
    assert (given.target, given.rows, given.duplicates) == ("active", 5, 1)
    names = [item.name for item in lab.run_detail(run.uid).artifacts]
    assert names == sorted(f"profiles/{name}@1.{end}" for name in "dop" for end in ("html", "json"))
    with lab.artifact(run.uid, "profiles/p@1.json") as file:
        assert json.load(file) == json.loads(json.dumps(given.to_json()))
    assert lab.profile_data("d@1") == given
    assert lab.profile_data("raw.csv", target="active") == given
    assert lab.profile_data("d@1", target="city").target == "city"


def scaled(frame: pd.DataFrame) -> pd.Series:
    return frame["age"] / 100


def test_features_are_kept_with_code_note_and_importance(lab: Lab) -> None:
    from promptlab.tracking.features import Feature

    with lab.run("features") as run:
        run.log_features({"scaled": scaled, "log_age": "np.log(age)"}, importances={"scaled": 0.75})
        run.log_features([Feature("root", np.sqrt, note="of age"), "plain"])
        run.log_features({"log_age": "np.log1p(age)"})
        said = [
            refused(run.log_features, {"a": [1]}),
            refused(run.log_features, [7]),
            refused(run.log_features, ["a", "b"], importances=[1]),
            refused(run.log_features, ["a"], importances=["x"]),
            refused(run.log_features, ["a"], importances=object()),
            refused(run.log_features, ["x" * 300]),
        ]
    assert [message.split(";")[0] for message in said] == [
        "the feature 'a' is list",
        "a feature is int",
        "there are 1 importances for 2 features",
        "the importance of 'a' is 'x'",
        "importances are of a object, which has no feature_importances_ and no coef_",
        f"the feature '{'x' * 40}...' has a name of 300 characters",
    ]
    found = {
        item.name: (item.code.splitlines()[:1], item.note, item.importance) for item in lab.run_detail(run.uid).features
    }
    assert list(found) == ["scaled", "log_age", "root", "plain"]
    assert found["scaled"] == (["def scaled(frame: pd.DataFrame) -> pd.Series:"], "", 0.75)
    assert found["log_age"][0] == ["np.log1p(age)"]
    assert found["root"] == (["numpy.sqrt"], "of age", None) or found["root"][1:] == ("of age", None)


def test_importances_come_from_estimators_by_the_names_that_they_know(lab: Lab) -> None:
    from sklearn.datasets import load_wine
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = load_wine(as_frame=True)
    forest = RandomForestClassifier(n_estimators=5, random_state=0).fit(data.data, data.target)
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(data.data, data.target)
    with lab.run("features") as run:
        one = run.log_features(list(reversed(data.feature_names)), importances=forest)
        other = run.log_features(data.feature_names, importances=linear)
    assert [row.importance for row in reversed(one)] == forest.feature_importances_.tolist()
    assert [row.importance for row in other] == pytest.approx(np.abs(linear[-1].coef_).mean(axis=0).tolist())
