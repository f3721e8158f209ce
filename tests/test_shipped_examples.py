"""The examples run as they are, in a workspace of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from promptlab import Lab

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.fixture
def run_example(tmp_path: Path):
    """Runs an example from a copy, whose workspace is empty, and gives what it printed."""

    def run(name: str) -> str:
        (tmp_path / "promptlab.toml").touch()
        (tmp_path / "examples").mkdir()
        script = shutil.copy(EXAMPLES / name, tmp_path / "examples" / name)
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_exploration_tests_three_hypotheses_on_a_data_version(run_example, tmp_path: Path):
    printed = run_example("exploration.py")
    assert "the means of not obese and obese are equal (p < 0.001, alpha 0.05)" in printed
    with Lab(workspace=tmp_path) as lab:
        found = lab.tests("diabetes")
        assert [one.dataset for one in found] == ["diabetes@1"] * 3
        assert [one.verdict for one in found] == ["not rejected", "rejected", "rejected"]


def test_four_families_are_compared_on_the_same_tumours(run_example, tmp_path: Path):
    printed = run_example("classification.py")
    assert "support vectors and logistic regression are tied on exact_match" in printed
    with Lab(workspace=tmp_path) as lab:
        found = lab.search("metrics.test_accuracy > 0.9", experiment="breast-cancer")
        assert {run.name for run in found} == {
            "logistic regression",
            "support vectors",
            "random forest",
            "boosted trees",
        }
        assert lab.experiments.get("breast-cancer").goal == "test_accuracy"
        for run in found:
            names = {artifact.name for artifact in lab.run_detail(run.uid).artifacts}
            assert {"evaluation/test/confusion_matrix.csv", "model/signature.json"} <= names


def test_a_regression_is_followed_and_retrained(run_example, tmp_path: Path):
    printed = run_example("regression.py")
    assert "RandomForestRegressor is better than DummyRegressor on numeric_diff (lower is better)" in printed
    assert "265 patients: off by" in printed
    with Lab(workspace=tmp_path) as lab:
        runs = lab.runs(experiment="progression")
        assert [run.name for run in runs[:3]] == ["ridge retrained"] * 3
        assert len(runs) == 7
        assert all(run.status == "finished" for run in runs)


@pytest.mark.model
def test_a_classic_model_stands_beside_two_prompts_on_the_same_sentences(run_example, tmp_path: Path):
    for folder in ("evals", "prompts"):
        shutil.copytree(EXAMPLES.parent / folder, tmp_path / folder)
    printed = run_example("train_sentiment.py")
    assert "sentiment-fewshot@1 · local:smollm2-135m and python:tfidf-logreg are tied on exact_match" in printed
    assert "64 paired cases" in printed
    with Lab(workspace=tmp_path) as lab:
        variants = lab.runs(kinds=["prompt"])
        assert {run.model for run in variants} == {"python:tfidf-logreg", "local:smollm2-135m"}
        assert len(variants) == 3
