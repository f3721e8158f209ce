"""Figures of a profile equal numpy's, pandas' and scipy's on real data; hostile tables never raise; bounds hold."""

from __future__ import annotations

import datetime as dt
import json
import math
import time
import uuid
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import sklearn.datasets
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.profiles.associations import correlation_ratio, cramers_v
from promptlab.profiles.make import MOST_COLUMNS, PAIRED_ROWS, make_profile
from promptlab.profiles.profile import Profile

BUNDLED = ["load_iris", "load_wine", "load_breast_cancer", "load_diabetes", "load_digits"]


def bundled(name: str) -> pd.DataFrame:
    return getattr(sklearn.datasets, name)(as_frame=True).frame


def mixed_frame(rows: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": random.normal(10, 3, rows),
            "level": random.choice(["low", "mid", "high"], rows, p=[0.6, 0.3, 0.1]),
            "flag": random.random(rows) < 0.3,
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 1000, rows), unit="h"),
            "text": [f"some words about {at % 350} and {at % 7}" for at in range(rows)],
            "key": [f"k{at:05}" for at in range(rows)],
            "same": 1,
            "none": None,
        }
    )
    frame["y"] = frame["x"] * 2 + random.normal(0, 1, rows)
    frame.loc[random.random(rows) < 0.2, "x"] = np.nan
    frame["grade"] = frame["level"].where(random.random(rows) < 0.8, "mid")
    return frame


@pytest.mark.parametrize("name", BUNDLED)
def test_figures_of_numbers_equal_those_of_pandas_and_numpy(name: str) -> None:
    frame = bundled(name)
    profile = make_profile(frame)
    assert (profile.rows, profile.width) == frame.shape
    assert profile.duplicates == int(frame.duplicated().sum())
    for column in profile.columns:
        values = frame[column.name]
        if column.type == "constant":
            continue
        assert (column.count, column.missing, column.distinct) == (values.count(), 0, values.nunique())
        assert (column.minimum, column.maximum) == (values.min(), values.max())
        assert column.mean == pytest.approx(values.mean(), rel=1e-12, abs=1e-12)
        assert column.sd == pytest.approx(values.std(), rel=1e-12)
        for percent, found in column.quantiles.items():
            assert found == pytest.approx(values.quantile(int(percent) / 100), rel=1e-12, abs=1e-15)
        assert (column.zeros, column.negative) == ((values == 0).sum(), (values < 0).sum())
        assert column.histogram is not None
        counts, _ = np.histogram(values, bins=np.array(column.histogram.edges))
        assert list(column.histogram.counts) == counts.tolist()
        assert counts.sum() == len(values)
        for outliers in column.outliers:
            if outliers.rule == "iqr":
                low, high = values.quantile([0.25, 0.75])
                bounds = (low - 1.5 * (high - low), high + 1.5 * (high - low))
            else:
                spread = scipy.stats.median_abs_deviation(values, scale="normal")
                bounds = (values.median() - 3.5 * spread, values.median() + 3.5 * spread)
            assert (outliers.low, outliers.high) == pytest.approx(bounds, rel=1e-12)
            assert outliers.count == int(((values < outliers.low) | (values > outliers.high)).sum())


@pytest.mark.parametrize("name", BUNDLED[:4])
def test_associations_of_numbers_equal_those_of_scipy(name: str) -> None:
    frame = bundled(name)
    profile = make_profile(frame)
    assert len(profile.associations) >= min(300, frame.shape[1] * (frame.shape[1] - 1) // 2)
    for pair in profile.associations[:40]:
        a, b = frame[pair.a], frame[pair.b]
        assert pair.value == pytest.approx(scipy.stats.pearsonr(a, b).statistic, abs=1e-12)
        assert pair.spearman == pytest.approx(scipy.stats.spearmanr(a, b).statistic, abs=1e-12)
        assert pair.n == len(frame)
    strengths = [pair.strength for pair in profile.associations]
    assert strengths == sorted(strengths, reverse=True)


def test_pairs_leave_out_rows_that_miss_one_of_both() -> None:
    frame = mixed_frame()
    pair = next(item for item in make_profile(frame).associations if {item.a, item.b} == {"x", "y"})
    both = frame[["x", "y"]].dropna()
    assert pair.n == len(both)
    assert pair.value == pytest.approx(scipy.stats.pearsonr(both["x"], both["y"]).statistic, abs=1e-12)
    assert pair.spearman == pytest.approx(scipy.stats.spearmanr(both["x"], both["y"]).statistic, abs=1e-12)


def test_cramers_v_is_corrected_for_bias() -> None:
    frame = mixed_frame()
    table = pd.crosstab(frame["level"], frame["grade"]).to_numpy()
    n, (rows, columns) = table.sum(), table.shape
    phi = scipy.stats.chi2_contingency(table, correction=False).statistic / n
    corrected = max(0, phi - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    assert cramers_v(table) == pytest.approx(math.sqrt(corrected / least), abs=1e-12)
    pair = next(item for item in make_profile(frame).associations if {item.a, item.b} == {"level", "grade"})
    assert (pair.method, pair.value) == ("cramers_v", pytest.approx(cramers_v(table), abs=1e-12))
    assert cramers_v(np.array([[50, 0], [0, 50]])) == pytest.approx(1.0, abs=1e-12)
    assert cramers_v(np.array([[25, 25], [25, 25]])) == 0.0
    assert cramers_v(np.array([[5, 5]])) is None
    uncorrected = scipy.stats.contingency.association(table, method="cramer")
    assert cramers_v(table) < uncorrected


def test_the_correlation_ratio_is_that_of_an_analysis_of_variance() -> None:
    frame = sklearn.datasets.load_wine(as_frame=True).frame
    groups = [group["alcohol"].to_numpy() for _, group in frame.groupby("target")]
    f = scipy.stats.f_oneway(*groups).statistic
    between, within = len(groups) - 1, len(frame) - len(groups)
    eta_squared = f * between / (f * between + within)
    assert correlation_ratio(frame["target"].to_numpy(), frame["alcohol"].to_numpy()) ** 2 == pytest.approx(eta_squared)


def test_every_column_has_its_type() -> None:
    types = {column.name: column.type for column in make_profile(mixed_frame()).columns}
    assert types == {
        "x": "number",
        "level": "category",
        "flag": "boolean",
        "when": "time",
        "text": "text",
        "key": "identifier",
        "same": "constant",
        "none": "missing",
        "y": "number",
        "grade": "category",
    }


def test_texts_times_and_categories_have_their_figures() -> None:
    frame = mixed_frame()
    profile = make_profile(frame)
    level, when, text, flag = (profile.column(name) for name in ("level", "when", "text", "flag"))
    assert dict(level.top) == frame["level"].value_counts().to_dict()
    assert level.is_complete
    assert (when.minimum, when.maximum) == (frame["when"].min().isoformat(), frame["when"].max().isoformat())
    assert sum(when.histogram.counts) == len(frame)
    lengths = frame["text"].str.len()
    assert text.lengths == (lengths.min(), lengths.mean(), lengths.max())
    assert dict(flag.top) == {"false": int((~frame["flag"]).sum()), "true": int(frame["flag"].sum())}
    assert profile.column("nothing") is None
    assert profile.missing == int(frame.isna().sum().sum())


def test_a_profile_goes_to_json_and_back() -> None:
    profile = make_profile(mixed_frame(), target="flag")
    text = json.dumps(profile.to_json(), allow_nan=False)
    assert Profile.from_json(json.loads(text)) == profile


class Stubborn:
    """Says nothing, compares with nothing, cannot be hashed."""

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise ValueError

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        raise ValueError


def hostile_frame() -> pd.DataFrame:
    circle: list[Any] = []
    circle.append(circle)
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    rows = 40
    columns: dict[str, Any] = {
        "mixed": [1, "a", None, 2.5, b"x", [1], {"a": 1}, object()] * 5,
        "infinite": np.array([np.inf, -np.inf, np.nan, 1.0] * 10),
        "only infinite": np.full(rows, np.inf),
        "huge": [10**400, -(10**400), 1, 2] * 10,
        "large": np.array([1e308, -1e308, 1.0, 2.0] * 10),
        "long": np.array([2**63 - 1, 1] * 20),
        "unsigned": np.array([2**64 - 1, 1] * 20, dtype=np.uint64),
        "nested": [{"a": [1, {"b": 2}]}] * rows,
        "circle": [circle] * rows,
        "deep": [deep] * rows,
        "bytes": [b"\xff\x00"] * rows,
        "nat": [pd.NaT] * rows,
        "a\x00b": [None] * rows,
        "zone": pd.date_range("2024-01-01", periods=rows, tz="Europe/Paris"),
        "fine": pd.date_range("2024-01-01", periods=rows, unit="ns") + pd.Timedelta(7, unit="ns"),
        "span": pd.timedelta_range("1D", periods=rows),
        "period": pd.period_range("2024-01", periods=rows, freq="M"),
        "interval": pd.interval_range(0, rows),
        "category": pd.Categorical(["a", None] * 20),
        "whole category": pd.Categorical([1, 2] * 20),
        "sparse": pd.arrays.SparseArray([0.0] * 39 + [1.0]),
        "Int64": pd.array([1, None] * 20, dtype="Int64"),
        "boolean": pd.array([True, None] * 20, dtype="boolean"),
        "complex": [1 + 2j] * rows,
        "uuid": [uuid.UUID(int=at) for at in range(rows)],
        "stubborn": [Stubborn() for _ in range(rows)],
        "old": [dt.date(1, 1, 1), dt.date(9999, 12, 31)] * 20,
        "decimal": [Decimal("1.10"), Decimal("sNaN")] * 20,
        "exact": [Decimal("0.1000000000000000000000001")] * rows,
        "surrogate": ["\ud800\x00", "</script><img src=x onerror=alert(1)>"] * 20,
        "endless": ["x" * 100_000, "y"] * 20,
        "tiny": [1.0, np.nextafter(1.0, 2)] * 20,
        "no day": ["0000-13-99"] * rows,
        "sets": [{1, 2}] * rows,
    }
    return pd.DataFrame(
        {
            name: pd.Series(values, dtype=object) if isinstance(values, list) else values
            for name, values in columns.items()
        }
    )


def test_a_hostile_table_has_a_profile_with_any_target_and_a_page() -> None:
    frame = hostile_frame()
    twice = pd.concat([frame, frame[["infinite", "infinite", "mixed"]]], axis=1)
    twice.columns = [*twice.columns[:-1], ("a", 1)]
    for some in (frame, twice, frame.iloc[:0], frame.iloc[:1], pd.DataFrame(), pd.DataFrame(index=range(3))):
        profile = make_profile(some)
        assert Profile.from_json(json.loads(json.dumps(profile.to_json(), allow_nan=False))) == profile
        assert (profile.rows, profile.width) == some.shape
        for name in [name for name in some.columns if isinstance(name, str)]:
            make_profile(some, target=name)
        check_page(profile.to_html(title="<script>alert(1)</script>\x00\ud800"))
    assert not [column for column in make_profile(frame).columns if column.problem]


class Tags(HTMLParser):
    """Collects tags and what they point to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        assert not [name for name, _ in attrs if name.startswith("on")]


def check_page(page: str) -> None:
    page.encode("utf-8")
    tags = Tags()
    tags.feed(page)
    assert not tags.found & {"script", "img", "iframe", "link", "object", "form", "image"}
    assert all(link.startswith("#") for link in tags.links)


def test_a_page_has_plots_hints_and_tables() -> None:
    frame = mixed_frame()
    frame["copy"] = frame["flag"]
    page = make_profile(frame, target="flag").to_html(title="mixed@1")
    check_page(page)
    assert page.count("<svg") >= 6
    for text in ("mixed@1", "it is a copy", "Pearson", "Distributions", "k00000"):
        assert (text in page) == (text != "k00000"), text


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=4),
        st.lists(
            st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=3), st.booleans()), min_size=5, max_size=5
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=100, deadline=None)
def test_any_table_has_a_profile(columns: dict[str, list[Any]]) -> None:
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    for target in (None, frame.columns[0]):
        profile = make_profile(frame, target=target)
        assert Profile.from_json(json.loads(json.dumps(profile.to_json(), allow_nan=False))) == profile
        assert [column.count + column.missing for column in profile.columns] == [5] * frame.shape[1]


def test_a_wide_and_a_long_table_stay_within_bounds_and_say_so() -> None:
    random = np.random.default_rng(0)
    wide = pd.DataFrame(random.normal(size=(50, MOST_COLUMNS + 5))).rename(columns=lambda at: f"c{at}")
    profile = make_profile(wide, target=f"c{MOST_COLUMNS + 4}")
    assert (len(profile.columns), profile.width) == (MOST_COLUMNS, MOST_COLUMNS + 5)
    assert profile.columns[-1].name == profile.target
    assert profile.notes[0] == "2,000 of 2,005 columns are profiled, the first ones."
    long = pd.DataFrame({"a": random.normal(size=PAIRED_ROWS * 5), "b": random.normal(size=PAIRED_ROWS * 5)})
    began = time.perf_counter()
    profile = make_profile(long)
    assert time.perf_counter() - began < 5
    assert (profile.rows, profile.sampled, profile.associations[0].n) == (100_000, PAIRED_ROWS, PAIRED_ROWS)
    assert profile.notes == ("Associations and hints are of 20,000 of the 100,000 rows, taken by a fixed seed.",)
    assert make_profile(long) == profile
