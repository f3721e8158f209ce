"""One digest for equal values, whatever file, database or dtype they come from; another for anything else."""

from __future__ import annotations

import datetime as dt
import sqlite3
import time
from contextlib import closing
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.sources.digest import table_digest
from promptlab.sources.read import read_table
from promptlab.sources.table import make_table

FRAME = pd.DataFrame(
    {
        "whole": [1, 2, 3],
        "number": [0.1, float("nan"), -2e-9],
        "text": ["a", "0012", None],
        "truth": [True, False, True],
        "moment": pd.to_datetime(["2024-01-01 10:00", None, "2024-02-03 01:02:03.5"], format="ISO8601"),
        "day": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
        "empty": [None, None, None],
        'ünïcode, "quoted"': ["x,y", 'say "no"', "two\nlines"],
    }
)


def write_all(folder):
    FRAME.to_csv(folder / "d.csv", index=False)
    FRAME.to_csv(folder / "d.tsv", index=False, sep="\t")
    FRAME.to_json(folder / "d.json", orient="records", date_format="iso")
    FRAME.to_json(folder / "d.jsonl", orient="records", lines=True, date_format="iso")
    FRAME.to_parquet(folder / "d.parquet")
    FRAME.to_feather(folder / "d.arrow")
    FRAME.to_excel(folder / "d.xlsx", index=False)
    with closing(sqlite3.connect(folder / "d.db")) as connection:
        FRAME.to_sql("some rows", connection, index=False)


@pytest.mark.parametrize(
    "source",
    [
        "d.csv",
        "d.tsv",
        "d.json",
        "d.jsonl",
        "d.parquet",
        "d.arrow",
        "d.xlsx",
        {"table": "some rows", "url": "sqlite:///d.db"},
        {"sql": 'SELECT * FROM "some rows"', "url": "sqlite:///d.db"},
    ],
    ids=str,
)
def test_the_same_values_have_one_digest_in_every_format(source, tmp_path):
    write_all(tmp_path)
    table = read_table(source, folder=tmp_path)
    assert table.digest == table_digest(FRAME)
    assert (table.rows, list(table.frame.columns)) == (3, list(FRAME.columns))
    assert {field.name: field.rows for field in table.schema} == dict(FRAME.notna().sum())
    assert read_table(table.location, folder=tmp_path).digest == table.digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 0], [1.0, -0.0]),
        ([1, 0], [True, False]),
        ([1, None], [1.0, float("nan")]),
        ([1, 2], pd.array([1, 2], dtype="Int8")),
        ([0.5, None], pd.array([0.5, None], dtype="Float64")),
        ([0.5, 2], [Decimal("0.50"), Decimal(2)]),
        (["a", None], pd.Categorical(["a", None])),
        (["a", None], pd.array(["a", None], dtype="string[python]")),
        (["a", None], np.array(["a", np.nan], dtype=object)),
        ([1, 2], pd.Categorical([1, 2])),
        (["2024-01-01", "2024-01-02"], pd.to_datetime(["2024-01-01", "2024-01-02"])),
        (["2024-01-01T10:00:00Z"], pd.to_datetime(["2024-01-01 11:00+01:00"])),
        ([dt.date(2024, 1, 1), None], pd.to_datetime(["2024-01-01", None])),
        (pd.to_datetime(["2024-01-01"]).as_unit("s"), pd.to_datetime(["2024-01-01"]).as_unit("ns")),
        ([dt.timedelta(seconds=1.5)], [1.5]),
        ([0.0, 1.0], pd.arrays.SparseArray([0.0, 1.0])),
        ([{"a": 1, "b": [2]}], [{"b": (2,), "a": 1.0}]),
        ([[1, 2]], [np.array([1, 2])]),
        ([None, None], [float("nan"), pd.NaT]),
        ([2**63, 1, "x"], np.array([2**63, 1, "x"], dtype=object)),
        (np.array([2**60 + 1, 1]), [2**60 + 1, 1]),
    ],
)
def test_equal_values_of_other_types_are_equal(one, other):
    assert table_digest(pd.DataFrame({"x": one})) == table_digest(pd.DataFrame({"x": other}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [2, 1]),
        ([1, 2], ["1", "2"]),
        (["1", 2], [1, 2]),
        (["", "a"], [None, "a"]),
        (["ab", "c"], ["a", "bc"]),
        (["a\x00"], ["a"]),
        (["\ud800"], ["?"]),
        ([0.1], [np.float32(0.1)]),
        ([2**60 + 1], [2**60]),
        ([2**60 + 1, None], [2**60, None]),
        (pd.to_datetime(["2024-01-01"]), pd.to_datetime(["2024-01-01"]).tz_localize("UTC")),
        (pd.to_datetime(["2024-01-01"]), pd.to_datetime(["2024-01-01"]).as_unit("ns") + pd.Timedelta(1, unit="ns")),
        ([Decimal("0.1000000000000000000001")], [0.1]),
        ([b"a"], ["a"]),
        ([[1, 2]], [[2, 1]]),
        (["[1, 2]"], [[1, 2]]),
        ([np.inf], [-np.inf]),
        ([np.inf], [np.nan]),
    ],
)
def test_other_values_are_others(one, other):
    frames = [pd.DataFrame({"x": pd.Series(list(values), dtype=object)}) for values in (one, other)]
    assert table_digest(frames[0]) != table_digest(frames[1])


def test_names_order_and_number_of_columns_count_and_the_index_does_not():
    frame = pd.DataFrame({"a": [1, 2], "b": [1, 2]})
    others = [frame[["b", "a"]], frame.rename(columns={"a": "c"}), frame[["a"]], frame.iloc[:1], frame.iloc[::-1]]
    digests = [table_digest(some) for some in (frame, *others)]
    assert len(set(digests)) == len(digests)
    assert table_digest(frame.set_axis([7, 7], axis=0)) == digests[0]
    assert table_digest(pd.DataFrame({"a": [1], "b": [2]})) != table_digest(pd.DataFrame([[1, 2]], columns=["a", "a"]))


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(max_size=5),
    st.datetimes(),
    st.dates(),
    st.decimals(allow_nan=True),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=2), st.floats(), max_size=2),
)


@given(st.lists(VALUES, max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_values_have_a_digest_which_is_the_same_again(values):
    frame = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    table = make_table(frame, source="a test")
    assert table.digest == table_digest(frame.copy())
    assert len(table.digest) == 64
    assert [field.name for field in table.schema] == ["x"]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_floats_keep_their_last_digit_in_csv(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("floats") / "f.csv"
    frame = pd.DataFrame({"x": values, "n": range(len(values))})
    frame.to_csv(path, index=False)
    assert read_table(path, folder=path.parent).digest == table_digest(frame)


def test_a_million_rows_take_seconds():
    rows, random = 1_000_000, np.random.default_rng(0)
    frame = pd.DataFrame({f"x{at}": random.normal(size=rows) for at in range(8)})
    frame["text"] = random.integers(0, rows, rows).astype(str)
    frame["level"] = pd.Categorical(random.choice(["a", "b"], rows))
    began = time.perf_counter()
    table_digest(frame)
    assert time.perf_counter() - began < 10  # 0.6 s on two cores with nothing else to do
