"""`promptlab init`, `doctor` and `ui`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from promptlab import Lab


@pytest.fixture
def empty(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = folder / "fresh"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


def test_init_writes_a_workspace_that_works_at_once(promptlab, empty: Path):
    ended = promptlab("init", "mine")
    assert ended.code == 0
    assert "cd mine" in ended.out
    os.chdir(empty / "mine")
    run = promptlab("eval", "evals/hello.yaml", "--model", "fake:echo")
    assert run.code == 0
    assert "10 cells: 10 asked" in run.out
    assert (empty / "mine" / ".promptlab" / "lab.db").is_file()
    with Lab() as lab:
        assert lab.suite("evals/hello.yaml").models == ("local:smollm2-135m",)


def test_init_overwrites_nothing_and_says_what_it_kept(promptlab, empty: Path):
    (empty / "promptlab.toml").write_text("# mine\n")
    out = promptlab("init").out
    assert re.search(r"kept +promptlab.toml", out)
    assert re.search(r"written +evals/hello.yaml", out)
    assert (empty / "promptlab.toml").read_text() == "# mine\n"
    assert "written" not in promptlab("init").out


def test_init_where_nothing_can_be_written_is_2(promptlab, empty: Path):
    ended = promptlab("init", "/proc/nothing")
    assert ended.code == 2
    assert "/proc/nothing" in ended.err


def test_doctor_finds_all_well_creates_nothing_and_shows_no_key(promptlab, folder: Path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-value")
    (folder / "promptlab.toml").write_text(
        '[endpoints.mine]\nbase_url = "http://127.0.0.1:9/v1"\napi_key_env = "MINE_KEY"\n'
    )
    ended = promptlab("doctor", "--network")
    assert ended.code == 0
    assert "OPENAI_API_KEY is set" in ended.out
    assert "MINE_KEY is not set" in ended.out
    assert "mine at 127.0.0.1:9 does not answer" in ended.out
    assert "very-secret" not in ended.out
    assert "2 prompt files" in ended.out
    assert not (folder / ".promptlab").exists()


def test_doctor_names_a_database_that_cannot_be_used_and_ends_with_3(promptlab, folder: Path):
    (folder / "lab.db").write_text("not a database at all, but longer than a header of one\n" * 100)
    ended = promptlab("doctor", "--db", "lab.db")
    assert ended.code == 3
    assert "✗" in ended.out
    assert "is no database" in ended.out


def test_ui_serves_the_app_on_localhost_and_ctrl_c_is_quiet(folder: Path):
    port = _free_port()
    command = [sys.executable, "-m", "promptlab.cli.main", "ui", "--no-browser", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        try:
            assert f"http://localhost:{port}" in running.stdout.readline()
            assert _answers(f"http://127.0.0.1:{port}/_stcore/health", running) == "ok"
        finally:
            # To the whole group, as a terminal does it.
            os.killpg(running.pid, signal.SIGINT)
            out, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert "Traceback" not in out + err
    assert (folder / ".promptlab" / "lab.db").is_file()


def test_ui_names_a_port_that_is_taken(promptlab):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = promptlab("ui", "--no-browser", "--port", str(port))
    assert ended.code == 2
    assert f"port {port}" in ended.err
    assert "--port" in ended.err


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str, running: subprocess.Popen[str]) -> str:
    for _ in range(300):
        assert running.poll() is None
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.read().decode()
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} did not answer")
