"""What changed between two versions: columns, distributions, categories, rows by a key."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from promptlab import Lab
from promptlab.errors import UsageError
from promptlab.profiles.differences import compare_profiles, ks_distance, psi
from promptlab.profiles.make import make_profile
from promptlab.profiles.rows import compare_rows
from promptlab.statistics.multiple import holm

ROWS = 2000


def sample(seed: int, rows: int = ROWS) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": random.normal(40, 10, rows),
            "income": random.lognormal(10, 0.5, rows),
            "level": random.choice(["a", "b", "c"], rows, p=[0.5, 0.3, 0.2]),
            "flag": random.random(rows) < 0.5,
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, rows), unit="D"),
        }
    )


def differences(before: pd.DataFrame, after: pd.DataFrame):
    return {item.name: item for item in compare_profiles(make_profile(before), make_profile(after))}


def test_two_samples_of_one_population_are_the_same() -> None:
    for rows in (60, 300, ROWS):
        found = differences(sample(0, rows), sample(1, rows))
        assert {name: item.word for name, item in found.items()} == dict.fromkeys(found, "same")


def test_a_shift_is_told_by_its_size_and_a_test() -> None:
    after = sample(1)
    after["age"] += 8
    after["income"] *= 1.02
    after["level"] = after["level"].replace({"c": "d"})
    after["when"] += pd.Timedelta(days=400)
    after["flag"] = after["flag"].astype("boolean").where(after.index >= 400)
    found = differences(sample(0), after)
    words = {name: item.word for name, item in found.items()}
    assert words == {
        "age": "shifted a lot",
        "income": "same",
        "level": "shifted a lot",
        "flag": "same",
        "when": "shifted a lot",
    }
    assert (found["level"].new, found["level"].vanished) == (("d",), ("c",))
    assert found["flag"].missing_after == 0.2
    assert found["flag"].is_changed
    assert {item.basis for item in found.values()} == {"samples", "categories"}
    assert {item.test for item in found.values()} == {"ks", "chi_squared"}


def test_histograms_tell_a_shift_where_no_values_were_kept() -> None:
    profiles = [make_profile(frame) for frame in (sample(0), sample(1), sample(1).assign(age=sample(1)["age"] + 8))]
    bare = [replace(item, columns=tuple(replace(column, sample=()) for column in item.columns)) for item in profiles]
    same, moved = ({item.name: item for item in compare_profiles(bare[0], other)} for other in bare[1:])
    assert (same["age"].word, moved["age"].word, same["income"].word) == ("same", "shifted a lot", "same")
    assert (moved["age"].basis, moved["age"].test) == ("histograms", None)


def test_tests_are_those_of_scipy_on_what_the_profiles_keep() -> None:
    before, after = sample(0, 400), sample(1, 400)
    after["age"] += 2
    after["level"] = np.random.default_rng(5).choice(["a", "b", "c"], 400)
    found = differences(before, after)
    distance = scipy.stats.ks_2samp(before["age"], after["age"])
    assert (found["age"].test, found["age"].basis) == ("ks", "values")
    assert found["age"].statistic == pytest.approx(distance.statistic, abs=1e-12)
    assert found["age"].p_value == pytest.approx(distance.pvalue, abs=0.02)
    table = pd.concat([before["level"].value_counts(), after["level"].value_counts()], axis=1).to_numpy().T
    test = scipy.stats.chi2_contingency(table, correction=False)
    assert found["level"].statistic == pytest.approx(test.statistic, rel=1e-12)
    assert found["level"].p_value == pytest.approx(test.pvalue, rel=1e-9)
    tested = [item for item in found.values() if item.p_value is not None]
    assert [item.adjusted_p for item in tested] == holm([item.p_value for item in tested])


def test_the_index_and_the_distance_are_those_of_their_definition() -> None:
    assert psi([50, 50], [50, 50]) == 0.0
    shares = (np.array([30.5, 70.5]) / 101, np.array([50.5, 50.5]) / 101)
    assert psi([30, 70], [50, 50]) == pytest.approx(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    assert np.isfinite(psi([0, 100], [100, 0]))
    a, b = sorted([1.0, 2.0, 2.0, 5.0]), sorted([2.0, 3.0])
    assert ks_distance(a, b) == scipy.stats.ks_2samp(a, b).statistic


def test_columns_of_other_types_and_hostile_ones_are_compared_without_a_fault() -> None:
    before = pd.DataFrame({"x": [1, 2, 3] * 10, "y": ["a"] * 30, "z": [None] * 30, "big": [1e308, -1e308, 0] * 10})
    after = pd.DataFrame({"x": ["1", "2", "x"] * 10, "y": [1.5, 2.5, np.inf] * 10, "z": range(30), "big": [0.0] * 30})
    found = differences(before, after)
    assert {name: item.word for name, item in found.items()} == dict.fromkeys(["x", "y", "z", "big"], "new type")
    assert differences(before.iloc[:0], after.iloc[:0]).keys() == found.keys()


def test_rows_are_compared_by_key_whatever_their_order_and_dtypes() -> None:
    before = pd.DataFrame({"id": [1, 2, 3, 4], "x": [1.0, 2.0, np.nan, 4.0], "s": ["a", "b", None, "d"], "gone": 1})
    after = pd.DataFrame({"id": [5.0, 4, 3, 2], "x": [9, 4, 7, 2], "s": ["e", "D", None, "b"], "new": 1})
    found = compare_rows(before, after, key=["id"])
    assert (found.added, found.removed, found.changed, found.unchanged) == (1, 1, 2, 1)
    assert (found.added_keys, found.removed_keys) == (("5",), ("1",))
    assert found.by_column == (("x", 1), ("s", 1))
    assert [(item.key, item.column, item.before, item.after) for item in found.changes] == [
        ("3", "x", "missing", "7.0") if found.changes[0].after == "7.0" else ("3", "x", "missing", "7"),
        ("4", "s", "d", "D"),
    ]
    same = compare_rows(before, before.iloc[::-1].astype({"id": "float64"}), key=["id"])
    assert (same.added, same.removed, same.changed, same.unchanged) == (0, 0, 0, 4)


def test_a_key_has_to_name_rows() -> None:
    frame = pd.DataFrame({"id": [1, 1], "part": ["a", "b"], "x": [1, 2]})
    assert compare_rows(frame, frame, key=["id", "part"]).unchanged == 2
    with pytest.raises(UsageError, match="the first version has several rows of the key '1' \\(id\\)"):
        compare_rows(frame, frame, key=["id"])
    with pytest.raises(UsageError, match="the second version has no column 'part'"):
        compare_rows(frame, frame.drop(columns="part"), key=["id", "part"])


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "promptlab.toml").write_text("")
    with Lab(workspace=tmp_path) as lab:
        yield lab


def test_versions_of_a_lab_are_compared_with_what_is_known_of_them(lab: Lab) -> None:
    before = sample(0).assign(id=range(ROWS))
    after = before.iloc[10:].assign(age=before["age"] + 8, extra=1).drop(columns="flag")
    after["level"] = after["level"].astype("category")
    with lab.run("r") as run:
        run.load(before, "one.parquet", name="d")
        run.load(after, "two.csv", name="d")
        run.log_data(before, name="unkept", profile=True)
        run.log_data(after, name="unkept")
    found = lab.compare_data("d@1", "d@2", key="id")
    assert (found.rows_before, found.rows_after, found.added, found.removed) == (2000, 1990, ("extra",), ("flag",))
    assert found.retyped == ()
    assert [item.name for item in found.changed] == ["age"]
    assert found.by_key is not None
    assert (found.by_key.removed, found.by_key.changed) == (10, 1990)
    assert found.sentence == (
        "From d@1 to d@2: 2,000 rows became 1,990; 1 column added; 1 column removed; 1 of 5 columns shifted."
    )
    json.dumps(found.to_json(), allow_nan=False)
    assert lab.compare_data("d@1", "unkept@1").sentence == "d@1 and unkept@1 have the same content."
    unkept = lab.compare_data("unkept@1", "unkept@2")
    assert (unkept.added, unkept.removed, unkept.columns) == (("extra",), ("flag",), ())
    assert unkept.notes[0].startswith("The rows of unkept@2 are not compared: the rows of 'unkept@2' are not kept")


def test_versions_of_cases_are_compared_by_their_ids(lab: Lab, tmp_path: Path) -> None:
    rows = [{"id": f"c{at}", "inputs": {"text": f"text {at}"}, "expected": "yes"} for at in range(30)]
    for cases in (rows, [*rows[2:29], {**rows[29], "expected": "no"}, {"id": "new", "inputs": {"text": "t"}}]):
        lab.evaluate(
            {
                "name": "s",
                "prompts": [],
                "models": [],
                "cases": {"rows": cases, "name": "reviews"},
                "evaluators": ["exact_match"],
            },
            models=[lab.model("constant", lambda inputs: ["yes" for _ in inputs])],
        )
    found = lab.compare_data("reviews@1", "reviews@2")
    assert found.by_key is not None
    assert (found.by_key.key, found.by_key.added, found.by_key.removed, found.by_key.changed) == (("id",), 1, 2, 1)
    assert [(item.key, item.column, item.before, item.after) for item in found.by_key.changes] == [
        ("c29", "expected", "yes", "no")
    ]
    assert {column.name for column in found.columns} == {"id", "inputs.text", "expected"}
