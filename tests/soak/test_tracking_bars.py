"""The bars of tracking do what they time, in their short versions; how long they take is not looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bars import BENCHMARKS


@pytest.mark.parametrize("job", ["batch", "one_by_one", "runs", "search"])
def test_a_job_that_is_held_against_mlflow_does_its_work(job: str, tmp_path: Path):
    command = [sys.executable, str(BENCHMARKS / "support" / "tracking_here.py"), job, str(tmp_path), "50"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert float(ended.stdout.split("seconds ")[-1]) > 0


def test_every_query_behind_a_page_is_asked_of_a_database_of_all_kinds():
    sizes = ["--runs", "300", "--metrics", "5000", "--outputs", "4000", "--repeats", "1"]
    command = [sys.executable, str(BENCHMARKS / "pages.py"), *sizes]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode in (0, 1), ended.stderr  # 1: slower than its target
    lines = ended.stdout.splitlines()
    assert sum(" ms  " in line for line in lines) == 18
    assert lines[-1].startswith("pages: the slowest query has a median of ")
