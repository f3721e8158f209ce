"""Fixtures of real things: an OpenAI-compatible server of SmolLM2, its folder, a server that misbehaves, databases."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from loopback import Loopback, running_loopback
from postgres_server import NoServerError, PostgresServer, running_server

START_SECONDS = 240


@dataclass(frozen=True)
class ModelServer:
    """base_url: up to /v1; model: the id that requests name."""

    base_url: str
    model: str


@pytest.fixture(scope="session")
def smollm2_folder() -> Path:
    """The converted SmolLM2 folder; fetched once where this machine does not have it yet."""
    from promptlab.models.pulling import pull

    return pull("smollm2-135m").path


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A server on this machine that speaks OpenAI's protocol, well or badly, as the model's name says."""
    with running_loopback() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server; where none can be had, the test is skipped and says what to install."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_server())
        except NoServerError as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A current database of its own on the server."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A current SQLite database, migrated once and copied for each test."""
    from promptlab.store.database import Database

    path = tmp_path_factory.mktemp("empty") / "lab.db"
    Database.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, empty_sqlite: Path) -> str:
    """A current database of each kind: the test runs once on both."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{shutil.copy(empty_sqlite, tmp_path / 'lab.db')}"


@pytest.fixture(scope="session")
def smollm2_server(smollm2_folder: Path) -> Iterator[ModelServer]:
    """`transformers serve` of SmolLM2 on a free port, as a user would start it; ended with the session."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base_url = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(smollm2_folder)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            _wait_until_ready(base_url, process)
            yield ModelServer(f"{base_url}/v1", str(smollm2_folder))
        except TimeoutError as error:
            log.seek(0)
            pytest.fail(f"{error}\n{log.read()[-2000:]}")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_until_ready(base_url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{base_url}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(f"transformers serve is not ready after {START_SECONDS} s (exit code {process.poll()})")
