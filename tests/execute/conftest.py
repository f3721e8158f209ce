"""A small workspace, and a command line in a process of its own that a test may kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from promptlab import Lab


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with the prompt `plain`, which says its text."""
    (tmp_path / "promptlab.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "plain.j2").write_text("{{ text }}")
    return tmp_path


@pytest.fixture
def write_suite(workspace: Path) -> Callable[..., Path]:
    """Writes `NAME.yaml` with n cases w0, w1, ... for a model."""

    def write(name: str = "words", *, model: str, cases: int, more: str = "") -> Path:
        rows = "".join(f"  - {{id: c{n}, inputs: {{text: w{n}}}, expected: w{n}}}\n" for n in range(cases))
        path = workspace / f"{name}.yaml"
        path.write_text(
            f'name: {name}\nprompts: [plain]\nmodels: ["{model}"]\nevaluators: [exact_match]\n{more}cases:\n{rows}'
        )
        return path

    return write


@pytest.fixture
def lab(workspace: Path) -> Iterator[Lab]:
    with Lab(workspace=workspace) as lab:
        yield lab


@pytest.fixture
def command(workspace: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command line; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "promptlab.cli.main", *arguments],
            cwd=workspace,
            env=os.environ | {"PROMPTLAB_HOME": str(workspace), "COLUMNS": "160"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def wait_for_cells(workspace: Path) -> Callable[[int], str]:
    """Waits until the newest evaluation has so many cells; its uid."""

    def wait(count: int) -> str:
        with Lab(workspace=workspace) as lab:
            for _ in range(1200):
                runs = lab.runs(kinds=["eval"])
                if runs and (lab.overviews(runs)[runs[0].id].ended or 0) >= count:
                    return runs[0].uid
                time.sleep(0.025)
        raise TimeoutError(f"no run got {count} cells")

    return wait
