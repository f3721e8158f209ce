"""What is copied out of the Playground does elsewhere what it did there, whatever the inputs hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import snippets
from promptlab.config import find_workspace
from promptlab.lab import Lab
from promptlab.types import Message

HOSTILE = {"text": "it's \"$(touch pwned)\" `id` \\ 'x'\n---\n: {a} 日本"}


@pytest.fixture
def saved(lab: Lab) -> str:
    return lab.prompts.save("say", "Say {{ text }}").reference


def test_python_asks_the_same(saved: str, lab: Lab, workspace: Path):
    script = snippets.python(saved, ["fake:echo"], HOSTILE, {"max_tokens": 50})
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=workspace, timeout=60, check=True
    )
    assert done.stdout.startswith('fake:echo Say it\'s "$(touch pwned)"')
    assert not (workspace / "pwned").exists()


def test_a_suite_runs_as_it_is(saved: str, lab: Lab, workspace: Path):
    path = workspace / "copied.yaml"
    path.write_text(
        snippets.suite(saved, ["fake:echo"], HOSTILE, {"temperature": 0}, expected="Say it"), encoding="utf-8"
    )
    report = lab.report(lab.evaluate(path).run)
    (cell,) = report.cells
    assert cell.inputs == HOSTILE
    assert cell.expected == "Say it"
    assert list(cell.scores) == ["exact_match"]


def test_curl_sends_the_request_and_names_the_key_only(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    (workspace / "promptlab.toml").write_text(
        '[endpoints.mine]\nbase_url = "http://127.0.0.1:9/v1"\napi_key_env = "MINE_KEY"\n'
    )
    found = find_workspace(workspace)
    messages = [Message("user", HOSTILE["text"])]
    command = snippets.curl("mine:some/model", messages, {"temperature": 0, "seed": None}, found)
    assert command is not None
    folder = workspace / "bin"
    folder.mkdir()
    # A curl that shows what the shell made of the command.
    (folder / "curl").write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    (folder / "curl").chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "MINE_KEY": "sk-secret"}
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, cwd=workspace, env=environment, timeout=30, check=True
    )
    url, *rest = json.loads(done.stdout)
    assert url == "http://127.0.0.1:9/v1/chat/completions"
    assert "Authorization: Bearer sk-secret" in rest
    body = json.loads(rest[rest.index("-d") + 1])
    assert body == {
        "model": "some/model",
        "messages": [{"role": "user", "content": HOSTILE["text"]}],
        "temperature": 0,
    }
    assert "sk-secret" not in command
    assert not (workspace / "pwned").exists()


@pytest.mark.parametrize("model", ["local:smollm2-135m", "fake:echo", "python:mine"])
def test_a_model_without_a_server_has_no_curl(model: str, workspace: Path):
    assert snippets.curl(model, [], {}, find_workspace(workspace)) is None


def test_openai_has_its_own_address(workspace: Path):
    command = snippets.curl("openai:gpt-4o-mini", [Message("user", "x")], {}, find_workspace(workspace))
    assert command is not None
    assert command.startswith("curl https://api.openai.com/v1/chat/completions")
    assert "Bearer $OPENAI_API_KEY" in command
