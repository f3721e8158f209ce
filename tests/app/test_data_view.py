"""Data sets in the browser: the list, a version with its profile, what changed, which runs used it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from promptlab.lab import Lab

NASTY = "![x](http://evil.example/x.png) <img src=x> `c`"


@pytest.fixture
def prepared(lab: Lab, workspace) -> str:
    """The id of a run that read a table and made two versions of another; the columns have hostile names."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": range(200),
            "age": random.normal(40, 10, 200),
            NASTY: random.choice([NASTY, "b", None], 200),
            "churn": random.choice(["yes", "no"], 200),
        }
    )
    frame["copy"] = frame["churn"].map({"yes": 1, "no": 0})
    frame.to_csv(workspace / "raw.csv", index=False)
    with lab.run("prepare", kind="pipeline", system_metrics=False) as run:
        raw = run.extract(workspace / "raw.csv", name="raw", profile=True, target="churn")
        run.load(raw, workspace / "one.parquet", name="churn", profile=True)
        moved = raw.drop(columns="copy").assign(age=raw["age"] + 20)
        run.load(moved, workspace / "two.parquet", name="churn", profile=True)
        run.log_data(moved.iloc[:50], name="churn")
    return run.uid


def texts(page) -> str:
    """All that is drawn as text, with captions."""
    return "\n".join([*(item.value for item in page.text), *(item.value for item in page.caption)])


def test_data_sets_are_listed_with_versions_rows_kind_and_runs(app, prepared):
    page = app("data")
    assert not page.exception
    table = page.dataframe[0].value
    assert sorted(table["data set"]) == ["churn", "raw"]
    churn = table[table["data set"] == "churn"].iloc[0]
    assert (churn["versions"], churn["rows"], churn["kind"], churn["runs"]) == (3, 50, "table", 1)


def test_without_data_the_page_says_how_to_record_some(app):
    page = app("data")
    assert not page.exception
    assert any("run.extract" in item.value for item in page.code)


def test_a_version_shows_hints_distributions_and_columns_as_text(app, prepared):
    page = app("data", dataset="raw@1")
    assert not page.exception
    assert "'copy' says the same as 'churn'" in texts(page)
    columns = page.dataframe[0].value
    assert list(columns["type"]) == ["identifier", "number", "category", "category", "number"]
    assert columns["column"][2].startswith("![x]")
    assert not [item for item in page.markdown if "<img" in item.value.replace("\\<", "")]
    assert any("Distributions" in item.value for item in page.markdown)


def test_a_version_without_a_profile_says_how_to_make_one(app, prepared):
    page = app("data", dataset="churn")
    assert not page.exception
    assert any("promptlab datasets profile 'churn@3'" in item.value for item in page.code)


def test_what_changed_is_a_deep_link(app, prepared):
    page = app("data", dataset="churn@2", against="churn@1")
    assert not page.exception
    assert "From churn@1 to churn@2: 200 rows became 200; 1 column removed; 1 of 4 columns shifted." in texts(page)
    tables = [item.value for item in page.dataframe]
    gone = next(table for table in tables if "what" in table)
    assert list(gone["column"]) == ["copy"]
    verdicts = next(table for table in tables if "verdict" in table)
    assert dict(zip(verdicts["column"], verdicts["verdict"], strict=True))["age"] == "shifted a lot"
    unread = app("data", dataset="churn@3", against="churn@2")
    assert not unread.exception
    assert "promptlab datasets diff" in texts(unread).replace("\\", "")


def test_cases_are_compared_row_by_row(app, lab):
    for answer in ("yes", "no"):
        rows = [{"id": f"c{at}", "inputs": {"text": NASTY}, "expected": "yes" if at else answer} for at in range(3)]
        lab.evaluate(
            {"name": "s", "cases": {"rows": rows, "name": "reviews"}, "evaluators": ["exact_match"]},
            models=[lab.model("constant", lambda inputs: ["yes" for _ in inputs])],
        )
    page = app("data", dataset="reviews@2", against="reviews@1")
    assert not page.exception
    assert "By id: 0 added, 0 removed, 1 changed, 2 the same." in texts(page)
    changes = page.dataframe[-1].value
    assert (changes["row"][0], changes["was"][0], changes["is"][0]) == ("c0", "yes", "no")


@pytest.mark.parametrize(
    ("tab", "column", "value"), [("Fields", "field", "age"), ("Versions", "rows", 200), ("Runs", "run", "prepare")]
)
def test_fields_versions_and_runs_have_their_tables(app, prepared, tab, column, value):
    page = app("data", dataset="churn@1")
    page.session_state["data:tab"] = tab
    page.run()
    assert not page.exception
    assert value in list(page.dataframe[0].value[column])


def test_a_version_that_is_not_there_is_told_in_one_line(app, prepared):
    page = app("data", dataset="churn@9")
    assert not page.exception
    assert "the data set 'churn' has no version 9" in texts(page)
