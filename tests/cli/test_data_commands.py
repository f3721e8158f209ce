"""`promptlab datasets profile` and `diff`: in 80 characters, as JSON, with one line for a mistake."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from promptlab import Lab


@pytest.fixture
def versions(folder, monkeypatch):
    """Two versions of a table with a column that gives its target away, and a file that nobody has recorded."""
    random = np.random.default_rng(0)
    rows = 400
    frame = pd.DataFrame(
        {
            "id": range(rows),
            "age": random.normal(40, 10, rows).round(),
            "a rather long name of a column \x1b[31m of income": random.lognormal(10, 0.5, rows),
            "city": random.choice(["Oslo", "Rome", "Sant'Agata sul Santerno"], rows),
            "churn": random.choice(["yes", "no"], rows),
        }
    )
    frame["closed"] = np.where(frame["churn"] == "yes", random.normal(size=rows), np.nan)
    after = frame.iloc[5:].assign(age=frame["age"] + 9).drop(columns="closed")
    after.loc[10, "city"] = "Bergen"
    frame.to_csv(folder / "raw.csv", index=False)
    with Lab(workspace=folder) as lab, lab.run("prepare", kind="pipeline") as run:
        run.load(run.extract("raw.csv", name="raw"), "one.parquet", name="churn", profile=True, target="churn")
        run.load(after, "two.parquet", name="churn")
        run.log_features({"tens": "age // 10", "log_income": np.log}, importances=[0.7, 0.3])
    monkeypatch.setenv("COLUMNS", "80")
    return run.uid


def fits(text):
    assert "\x1b" not in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80


def test_a_profile_fits_the_terminal_hints_first(versions, promptlab):
    for source in ("churn@1", "raw.csv", "raw"):
        ended = promptlab("datasets", "profile", source, *(() if source == "churn@1" else ("--target", "churn")))
        assert ended.code == 0
        fits(ended.out)
        for text in ("400 rows, 6 columns", "closed", "AUC 1.000", "identifier", "Pearson's r", "yes"):
            assert text in ended.out, (source, text)
        assert ended.out.index("held out") < ended.out.index("distinct")
    clean = promptlab("datasets", "profile", "churn@2", "--target", "age")
    assert "has a value of its own" in " ".join(clean.out.split())


def test_a_profile_is_json_or_a_page(versions, promptlab, folder):
    ended = promptlab("datasets", "profile", "churn@1", "--json", "--html", "page.html")
    content = json.loads(ended.out)
    assert (content["rows"], content["target"], len(content["columns"])) == (400, "churn", 6)
    page = (folder / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "churn@1" in page


def test_two_versions_are_held_against_each_other(versions, promptlab):
    ended = promptlab("datasets", "diff", "churn@1", "churn@2", "--key", "id")
    assert ended.code == 0
    fits(ended.out)
    said = " ".join(ended.out.split())
    for text in (
        "From churn@1 to churn@2: 400 rows became 395; 1 column removed; 1 of 5 columns shifted.",
        "column closed is gone",
        "rows by id: 0 added, 5 removed, 395 changed, 0 the same",
        "shifted a lot",
        "Kolmogorov-Smirnov",
        "+Bergen",
    ):
        assert text in said, text
    found = json.loads(promptlab("datasets", "diff", "churn@1", "churn@2", "--json").out)
    assert (found["removed"], found["by_key"], found["columns"][1]["word"]) == (["closed"], None, "shifted a lot")
    assert "have the same content" in promptlab("datasets", "diff", "raw", "churn@1").out


def test_a_run_shows_its_data_and_its_features(versions, promptlab):
    ended = promptlab("runs", "show", versions)
    fits("\n".join(line for line in ended.out.splitlines() if not line.startswith(("data", "open it"))))
    for text in ("tens", "age // 10", "0.7", "data (input): raw@1, 400 rows", "data (output): churn@2, 395 rows"):
        assert text in ended.out
    content = json.loads(promptlab("runs", "show", versions, "--json").out)
    assert [item["name"] for item in content["features"]] == ["tens", "log_income"]
    shown = promptlab("datasets", "show", "churn").out
    assert '{"file": "two.parquet"}' in shown
    assert promptlab("datasets", "show", "churn", "--cases").code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["profile", "none"], "there is no data set 'none'"),
        (["profile", "none.csv"], "none.csv: the file does not exist"),
        (["profile", "raw.csv", "--target", "chrn"], "did you mean 'churn'"),
        (["profile", "churn@1", "--target", "chrn"], "did you mean 'churn'"),
        (["profile", "raw.csv", "--html", "none/page.html"], "cannot be written"),
        (["diff", "churn@1", "churn@9"], "has no version 9"),
        (["diff", "churn@1", "churn@2", "--key", "city"], "has several rows of the key"),
        (["diff", "churn@1", "churn@2", "--key", "closed"], "several rows of the key 'missing' (closed)"),
    ],
)
def test_a_mistake_gives_one_line_and_code_2(arguments, said, versions, promptlab):
    ended = promptlab("datasets", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert len(ended.err.strip().splitlines()) <= 3
