"""How a bar of benchmarks/ is run by a test: as a command, in its short version."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def last_line_of(bar: str, *options: str) -> str:
    """The verdict of `benchmarks/BAR.py`; fails with all that it printed where its exit code is not 0."""
    command = [sys.executable, str(BENCHMARKS / f"{bar}.py"), *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout.splitlines()[-1]
