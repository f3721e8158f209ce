"""How an evaluation ends when it is stopped from outside: nothing that was answered is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from promptlab import Lab

CASES = "\n".join(f"  - {{inputs: {{text: w{n}}}, expected: w{n}}}" for n in range(40))
SUITE = f"""
name: slow
prompts: [plain]
models: ["fake:echo?seconds=0.1&concurrency=2"]
evaluators: [exact_match]
cases:
{CASES}
"""
SCRIPT = "from promptlab import Lab\nLab().evaluate('slow.yaml')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "promptlab.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "plain.j2").write_text("{{ text }}")
    (tmp_path / "slow.yaml").write_text(SUITE)
    return tmp_path


def stop_in_the_middle(folder: Path, how: signal.Signals) -> int:
    """Exit code of an evaluation in a process of its own that got a signal after some answers."""
    environment = {**os.environ, "PROMPTLAB_HOME": str(folder)}
    environment.pop("PROMPTLAB_DB", None)
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    with Lab(workspace=folder) as lab:
        for _ in range(600):
            runs = lab.runs(kinds=["prompt"])
            if runs and lab.report(runs[0].uid).ended >= 4:
                break
            time.sleep(0.05)
    process.send_signal(how)
    return process.wait(timeout=30)


def test_an_interrupted_run_says_so_and_its_answers_are_not_asked_for_again(folder: Path):
    assert stop_in_the_middle(folder, signal.SIGINT) != 0
    with Lab(workspace=folder) as lab:
        parent, child = sorted(lab.runs(), key=lambda row: row.id)
        assert (parent.status, child.status) == ("interrupted", "interrupted")
        report = lab.report(parent.uid)
        assert report.partial
        assert report.calls.lost == 0
        assert 4 <= report.ended < report.planned == 40
        again = lab.evaluate(folder / "slow.yaml")
        assert again.calls.cached >= report.ended
        assert again.calls.made + again.calls.cached == 40
        assert not again.report.partial


def test_a_killed_run_loses_at_most_what_was_in_flight_and_knows_it(folder: Path):
    assert stop_in_the_middle(folder, signal.SIGKILL) == -signal.SIGKILL
    with Lab(workspace=folder) as lab:
        killed = lab.report(min(lab.runs(), key=lambda row: row.id).uid)
        assert killed.calls.lost <= 2
        assert killed.calls.made - killed.calls.lost - killed.ended <= 2
        again = lab.evaluate(folder / "slow.yaml")
        assert again.calls.cached >= killed.ended
        assert again.calls.made + again.calls.cached == 40
        assert [cell.key for cell in again.cells] == [str(n) for n in range(1, 41)]
