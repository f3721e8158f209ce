"""Runs compared case by case, prompt beside classic."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptlab import Lab
from promptlab.errors import ComparisonError

CASES = "\n".join(f"  - {{id: c{n}, inputs: {{text: w{n}}}, expected: w{n}}}" for n in range(20))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "promptlab.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "good.j2").write_text("{{ text }}")
    (tmp_path / "prompts" / "bad.j2").write_text("not {{ text }}")
    (tmp_path / "suite.yaml").write_text(
        f"name: s\nprompts: [good, bad]\nmodels: ['fake:echo']\nevaluators: [exact_match, levenshtein]\n"
        f"cases:\n{CASES}\n"
    )
    return tmp_path


@pytest.fixture
def lab(folder: Path):
    with Lab(workspace=folder) as lab:
        yield lab


def test_a_parent_stands_for_its_children_held_against_the_best(lab: Lab, folder: Path):
    result = lab.evaluate(folder / "suite.yaml")
    comparison = lab.compare(result.run)
    assert comparison.baseline.name == "good@1 · fake:echo"
    assert comparison.best is comparison.baseline
    (pair,) = comparison.pairs
    exact, levenshtein, *_ = pair.measures
    assert (exact.measure, exact.direction, exact.verdict.word) == ("exact_match", "higher", "worse")
    assert exact.difference.mean == -1.0
    assert (levenshtein.direction, levenshtein.verdict.word) == ("lower", "worse")
    assert pair.shared == 20


def test_a_classic_model_answers_the_same_cases_and_compares(lab: Lab, folder: Path):
    prompts = lab.evaluate(folder / "suite.yaml", prompts=["bad"])
    classic = lab.evaluate(
        folder / "suite.yaml", models=[lab.model("copy", lambda rows: [row["text"] for row in rows])]
    )
    assert classic.variants[0].prompt is None
    comparison = lab.compare(prompts.run, classic.run)
    assert comparison.baseline.name == "bad@1 · fake:echo"
    assert comparison.pairs[0].measures[0].verdict.word == "better"


def test_predictions_made_elsewhere_score_on_the_same_cases(lab: Lab, folder: Path):
    with lab.run("offline", params={"C": 1.0}) as run:
        run.log_metrics(accuracy=0.5)
        run.log_predictions(folder / "suite.yaml", [f"w{n}" for n in range(20)])
    prompts = lab.evaluate(folder / "suite.yaml", prompts=["bad"])
    assert lab.compare(prompts.variants[0].id, run.uid).pairs[0].measures[0].verdict.word == "better"
    board = lab.leaderboard("exact_match")
    assert [(row.run.name, row.value) for row in board] == [("offline", 1.0), ("bad@1 · fake:echo", 0.0)]


def test_predictions_of_the_wrong_number_are_refused(lab: Lab, folder: Path):
    with lab.run("offline") as run, pytest.raises(Exception, match="3 predictions for the 20 cases"):
        run.log_predictions(folder / "suite.yaml", ["a", "b", "c"])


def test_runs_without_a_shared_case_are_not_compared(lab: Lab, folder: Path):
    one = lab.evaluate(folder / "suite.yaml", prompts=["good"])
    (folder / "other.yaml").write_text(
        "name: o\nprompts: [good]\nmodels: ['fake:echo']\nevaluators: [exact_match]\n"
        "cases: [{inputs: {text: q}, expected: q}]\n"
    )
    other = lab.evaluate(folder / "other.yaml")
    with pytest.raises(ComparisonError, match="share no case"):
        lab.compare(one.run, other.run)


def test_a_run_without_outputs_says_that_it_cannot_compare(lab: Lab, folder: Path):
    one = lab.evaluate(folder / "suite.yaml", prompts=["good"])
    with lab.run("train") as run:
        run.log_metrics(accuracy=0.5)
    with pytest.raises(ComparisonError):
        lab.compare(run.uid, one.run)
