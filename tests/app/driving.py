"""A real server of the app and a real Chromium, for the browser tests and the screenshots."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
APP = REPOSITORY / "app"
START_SECONDS = 60.0
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium() -> str | None:
    """The browser to drive: PROMPTLAB_CHROMIUM, else what is on PATH."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("PROMPTLAB_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def free_port() -> int:
    """A port of the loopback address that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(workspace: Path, *, log: Path | None = None) -> Iterator[str]:
    """The address of the app on a workspace, ready; ended afterwards."""
    port = free_port()
    environment = os.environ | {"PROMPTLAB_HOME": str(workspace), "OMP_NUM_THREADS": "1"}
    environment.pop("PROMPTLAB_DB", None)
    command = [sys.executable, "-m", "streamlit", "run", str(APP / "main.py"), "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
    log = log or workspace / "streamlit.log"
    with log.open("wb") as stream:
        server = subprocess.Popen(command, cwd=workspace, env=environment, stdout=stream, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{address}/_stcore/health", server, log)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"the app did not start: {log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A running Chromium; raises RuntimeError where there is none."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    if path is None:
        raise RuntimeError("no Chromium: install Debian's chromium, or set PROMPTLAB_CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield started
        finally:
            started.close()


def settle(page: Any, *, seconds: float = 30.0) -> None:
    """Waits until the app has drawn the page and its script rests."""
    page.wait_for_selector("[data-testid=stApp]", timeout=1000 * seconds)
    page.wait_for_function(
        """() => {
            const app = document.querySelector('[data-testid=stApp]');
            const resting = app && app.getAttribute('data-test-script-state') === 'notRunning';
            return resting && app.getAttribute('data-test-connection-state') === 'CONNECTED'
                && document.querySelector('[data-testid=stMainBlockContainer] [data-testid]') !== null
                && document.querySelector('[data-testid=stSkeleton]') === null
                && document.querySelector('[data-stale=true]') === null;
        }""",
        timeout=1000 * seconds,
    )
    page.wait_for_timeout(250)
