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
