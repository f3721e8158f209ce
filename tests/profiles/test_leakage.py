"""Leakage is found where it was put, and in well-known clean data there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets

from promptlab.profiles.make import make_profile

ROWS = 1000


def hints(frame: pd.DataFrame, target: str = "y") -> dict[str, tuple[str, float]]:
    return {hint.column: (hint.kind, hint.value) for hint in make_profile(frame, target=target).hints}


@pytest.fixture
def clean() -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{at}": random.normal(size=ROWS) for at in range(5)})
    frame["group"] = random.choice(list("abcd"), ROWS)
    score = frame["x0"] + frame["x1"] + random.normal(size=ROWS)
    frame["y"] = np.where(score > 0, "yes", "no")
    frame["amount"] = score * 100
    return frame


@pytest.mark.parametrize("name", ["load_iris", "load_wine", "load_breast_cancer", "load_diabetes", "load_digits"])
def test_well_known_data_gives_nothing_away(name: str) -> None:
    assert hints(getattr(sklearn.datasets, name)(as_frame=True).frame, "target") == {}


def test_clean_data_gives_nothing_away(clean: pd.DataFrame) -> None:
    assert hints(clean.drop(columns="amount")) == {}
    assert hints(clean.drop(columns="y"), "amount") == {}


@pytest.mark.parametrize("kind", ["classes", "three classes", "truth"])
def test_copies_and_columns_that_tell_a_class_are_found(clean: pd.DataFrame, kind: str) -> None:
    random = np.random.default_rng(1)
    frame = clean.drop(columns="amount")
    if kind == "three classes":
        frame["y"] = pd.cut(frame["x0"] + frame["x1"] + random.normal(size=ROWS), 3, labels=["a", "b", "c"]).astype(str)
    if kind == "truth":
        frame["y"] = frame["y"] == "yes"
    codes = pd.factorize(frame["y"])[0]
    frame["copy"] = codes * 7 + 1
    frame["other words"] = [f"class {code}" for code in codes]
    frame["noisy"] = codes + random.normal(0, 0.05, ROWS)
    frame["level"] = [f"{code}-{random.integers(5)}" for code in codes]
    frame["after"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(codes * 100 + random.integers(0, 50, ROWS), unit="D")
    frame["fair"] = codes + random.normal(0, 1.0, ROWS)
    frame["key"] = [f"k{at}" for at in random.permutation(ROWS)]
    found = hints(frame)
    assert {name: kind for name, (kind, _) in found.items()} == {
        "copy": "copy",
        "other words": "copy",
        "noisy": "predicts",
        "level": "predicts",
        "after": "predicts",
        "key": "identifier",
    }
    assert all(value >= 0.98 for _, value in found.values())


def test_copies_and_columns_that_tell_a_number_are_found(clean: pd.DataFrame) -> None:
    random = np.random.default_rng(1)
    frame = clean.drop(columns="y")
    frame["copy"] = frame["amount"]
    frame["euros"] = frame["amount"] * 0.9 + 3
    frame["curved"] = np.tanh(frame["amount"] / 200)
    frame["fair"] = frame["amount"] + random.normal(0, 100, ROWS)
    found = {name: kind for name, (kind, _) in hints(frame, "amount").items()}
    assert found == {"copy": "copy", "euros": "predicts", "curved": "predicts"}


def test_what_is_missing_with_the_target_is_found(clean: pd.DataFrame) -> None:
    random = np.random.default_rng(1)
    frame = clean.drop(columns="amount")
    frame["closed on"] = np.where(frame["y"] == "yes", random.normal(size=ROWS), np.nan)
    frame["sometimes"] = np.where(random.random(ROWS) < 0.3, np.nan, 1.0 + random.normal(size=ROWS))
    profile = make_profile(frame, target="y")
    (missing,) = [hint for hint in profile.hints if hint.kind == "missing"]
    assert (missing.column, missing.value) == ("closed on", 1.0)
    assert missing.words.startswith("'closed on' is missing in ")
    assert "sometimes" not in hints(frame)
    unlabelled = clean[["x0", "amount"]].copy()
    unlabelled.loc[:100, ["amount"]] = np.nan
    unlabelled["graded"] = unlabelled["amount"].notna().where(unlabelled["amount"].notna(), None)
    assert [hint.kind for hint in make_profile(unlabelled, target="amount").hints if hint.column == "graded"] in (
        ["missing"],
        [],
    )


def test_a_column_of_rare_values_does_not_tell_a_class_by_heart(clean: pd.DataFrame) -> None:
    frame = clean[["y"]].copy()
    frame["names"] = [f"name {at // 2}" for at in range(ROWS)]
    frame["random"] = np.random.default_rng(2).normal(size=ROWS)
    assert hints(frame) == {}


@pytest.mark.parametrize("target", ["text", "same", "none", "key"])
def test_a_target_that_is_neither_classes_nor_numbers_has_no_hints(target: str) -> None:
    frame = pd.DataFrame({"x": np.arange(60.0) ** 2, "text": [f"words {at % 50} here" for at in range(60)], "same": 1})
    frame["none"] = None
    frame["key"] = [f"k{at}" for at in range(60)]
    assert make_profile(frame, target=target).hints == ()
