"""A small workspace on disk, and the command line run in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from promptlab.cli.main import main

SUITE = """
name: words
prompts: [plain]
models: ["fake:echo"]
cases:
  - {id: a, inputs: {text: good}, expected: "Say good"}
  - {id: b, inputs: {text: bad}, expected: "Say good"}
evaluators:
  - exact_match
  - contains: {word: "{{ inputs.text }}", as: mentions}
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "promptlab.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "plain.j2").write_text("Say {{ text }}")
    (tmp_path / "prompts" / "loud.j2").write_text("Say {{ text }}!")
    (tmp_path / "words.yaml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


@pytest.fixture
def promptlab(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs a command line in this process."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture
def process(folder: Path) -> Callable[..., Ended]:
    """Runs a command line as a process of its own, as a shell would."""

    def run(*arguments: str, stdin: str | None = None, **environment: str) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "promptlab.cli.main", *arguments],
            cwd=folder,
            env=os.environ | environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return run
