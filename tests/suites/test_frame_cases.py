"""Cases of pandas data frames and of lists in Python: numpy and pandas values as JSON has them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from case_reading import cases_of, refusal, suite_of

from promptlab.suites.json_values import json_value
from promptlab.types import Case


def test_a_data_frame_is_a_table_without_its_index(tmp_path):
    frame = pd.DataFrame(
        {
            "id": np.array([3, 4], dtype="int16"),
            "text": ["good", None],
            "n": [1.5, np.nan],
            "whole": pd.array([1, None], dtype="Int64"),
            "yes": np.array([True, False]),
            "maybe": pd.array([True, None], dtype="boolean"),
            "kind": pd.Categorical(["a", None]),
            "when": pd.to_datetime(["2026-11-25 12:30", None]),
            "span": pd.to_timedelta(["90min", None]),
            "vector": [np.array([1, 2]), np.array([], dtype="float32")],
            "expected": np.array([1, 0], dtype="uint8"),
            "metadata.level": pd.array(["hard", pd.NA], dtype="string"),
            "tags": [["a", "b"], None],
        },
        index=["x", "x"],
    )
    suite = suite_of(tmp_path, frame)
    assert list(suite.cases) == [
        Case(
            "3",
            {
                "text": "good",
                "n": 1.5,
                "whole": 1,
                "yes": True,
                "maybe": True,
                "kind": "a",
                "when": "2026-11-25T12:30:00",
                "span": 5400.0,
                "vector": [1, 2],
            },
            1,
            {"level": "hard", "tags": ["a", "b"]},
        ),
        Case(
            "4",
            {
                "text": None,
                "n": None,
                "whole": None,
                "yes": False,
                "maybe": None,
                "kind": None,
                "when": None,
                "span": None,
                "vector": [],
            },
            0,
            {"level": None},
        ),
    ]
    first = suite.cases[0]
    assert [type(value) for value in (first.inputs["whole"], first.inputs["yes"], first.expected)] == [int, bool, int]
    assert (suite.dataset_name, suite.dataset_source) == ("the-suite", "pandas")


def test_an_index_called_id_is_the_id(tmp_path):
    frame = pd.DataFrame({"text": ["a", "b"]}, index=pd.Index(["x", "y"], name="id"))
    assert [case.key for case in cases_of(tmp_path, frame)] == ["x", "y"]
    assert [case.key for case in cases_of(tmp_path, frame.rename_axis("other"))] == ["1", "2"]


def test_columns_of_a_data_frame_are_named_as_those_of_a_file(tmp_path):
    frame = pd.DataFrame({"sentence": ["a", "b"], "label": [1, 0], 5: ["x", "y"]})
    cases = {"rows": frame, "columns": {"inputs": {"text": "sentence"}, "expected": "label", "metadata": {"more": "5"}}}
    assert cases_of(tmp_path, {**cases, "labels": ["negative", "positive"], "where": {"metadata.more": "y"}}) == [
        Case("2", {"text": "b"}, "negative", {"more": "y"})
    ]


def test_many_rows_of_a_data_frame_keep_their_order_and_numbers(tmp_path):
    frame = pd.DataFrame({"text": [f"w{number}" for number in range(2500)]})
    cases = cases_of(tmp_path, frame)
    assert [(case.key, case.inputs["text"]) for case in cases[998:1002]] == [
        (str(number + 1), f"w{number}") for number in range(998, 1002)
    ]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"text": []}), "the data frame: has no cases"),
        (pd.DataFrame({"text": ["a", "b"], "n": [1, np.inf]}), "the data frame row 2: column 'n' is inf"),
        (pd.DataFrame({"text": ["a"], "n": [object()]}), "row 1: column 'n' is of type object, which JSON cannot say"),
        (pd.DataFrame({"text": ["a"], "n": [{1, 2}]}), "row 1: column 'n' is of type set, which JSON cannot say"),
        (pd.DataFrame({"text": ["a"], "n": [1 + 2j]}), "row 1: column 'n' is of type complex, which JSON cannot say"),
        (pd.DataFrame({"text": ["a"], "n": [pd.Interval(1, 2)]}), "is of type Interval, which JSON cannot say"),
        (pd.DataFrame([["a", "b"]], columns=["text", "text"]), "the column 'text' stands twice"),
        (pd.DataFrame([["a", "b"]], columns=["5", 5]), "the column '5' stands twice"),
        (pd.DataFrame([["a"]], columns=[None]), "column None has the key null; keys are text"),
        (pd.DataFrame({"id": ["x", "x"], "text": ["a", "b"]}), "row 2: the id 'x' is taken"),
        (pd.DataFrame({"inputs": ["x"], "text": ["a"]}), "row 1: unknown key 'text'"),
    ],
)
def test_what_cannot_be_a_case_is_named_by_row_and_column(tmp_path, frame, message):
    assert message in refusal(tmp_path, frame)


def test_given_cases_replace_those_of_the_suite(tmp_path):
    frame = pd.DataFrame({"text": ["a", "b"], "expected": ["x", "y"]})
    read = [Case("1", {"text": "a"}, "x"), Case("2", {"text": "b"}, "y")]
    own = [{"inputs": {"text": "own"}}]
    nested = [{"inputs": case.inputs, "expected": case.expected} for case in read]
    for given in (frame, read, tuple(read), nested, frame.to_dict("records"), {"rows": frame}):
        assert cases_of(tmp_path, own, cases=given) == read
    assert [case.key for case in cases_of(tmp_path, own, cases=frame, where={"expected": "y"})] == ["2"]
    suite = suite_of(tmp_path, own, cases=[Case("k", {"n": np.int64(1)}, np.nan, {"m": 2}, ("is_json",))])
    assert list(suite.cases) == [Case("k", {"n": 1}, None, {"m": 2}, ("is_json",))]
    assert [item.name for item in suite.case_evaluators["k"]] == ["is_json"]
    assert refusal(tmp_path, own, cases=[]) == "the cases given: has no cases; write one an entry: `- inputs: {...}`"
    assert "the cases given row 1: a case is a mapping with `inputs`, not 5" in refusal(tmp_path, own, cases=[5])
    assert refusal(tmp_path, own, cases=frame, tags=("x",)) == "the data frame: no case has tags"


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (np.float32(0.5), 0.5),
        (np.float64("nan"), None),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.datetime64("2026-11-25"), "2026-11-25"),
        (np.datetime64("2026-11-25T12:30:00.123456789"), "2026-11-25T12:30:00.123456789"),
        (np.datetime64("NaT"), None),
        (np.timedelta64(90, "s"), 90.0),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(["2026-11-25T12:30:00.000000001"], dtype="datetime64[ns]"), ["2026-11-25T12:30:00.000000001"]),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Timestamp("2026-11-25", tz="UTC"), "2026-11-25T00:00:00+00:00"),
        (pd.Period("2026-11"), "2026-11"),
        (pd.Series([1, None]), [1.0, None]),
        (Decimal(10), 10),
        (Decimal("1e3"), 1000),
        (Decimal("1e300"), 1e300),
        (Decimal("0.1"), 0.1),
        (Decimal("NaN"), None),
        (datetime(2026, 11, 25, tzinfo=UTC), "2026-11-25T00:00:00+00:00"),
        (date(2026, 11, 25), "2026-11-25"),
        (b"text", "text"),
        (memoryview(b"text"), "text"),
        ({"a": (1, {2: np.int8(3)})}, {"a": [1, {"2": 3}]}),
        ("\ud800\x00", "\ud800\x00"),
    ],
)
def test_values_as_json_has_them(value, json):
    found = json_value(value)
    assert found == json
    assert type(found) is type(json)


def test_values_that_hold_themselves_or_are_too_long_are_refused():
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="is nested too deeply"):
        json_value(loop)
    with pytest.raises(ValueError, match="has 50,000,001 characters; 50,000,000 are allowed"):
        json_value("x" * 50_000_001)
    with pytest.raises(ValueError, match="has the key null; keys are text"):
        json_value({None: 1})
