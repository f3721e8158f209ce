"""One worker process seen from our side: started, written to, read from with a deadline, ended.

Knows nothing of templates. It is not thread-safe: the renderer holds a lock around every exchange.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab.errors import PromptlabError

START_SECONDS = 60.0
"""How long the worker may take to start: it shares the machine with whatever else runs."""

STOP_SECONDS = 1.0
OVERSLEPT_SECONDS = 0.5
READ_BYTES = 1 << 16

KEPT_VARIABLES = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""All that the worker sees of our environment: what an interpreter may need to start. No keys."""


class WorkerTimeoutError(Exception):
    """The worker gave no answer in time."""


class WorkerDiedError(Exception):
    """The worker ended, or wrote what is no answer."""


class WorkerProcess:
    """A running worker; `close` ends it. Raises PromptlabError where it cannot start."""

    def __init__(self, limits: Mapping[str, Any]) -> None:
        self._process = _start(limits)
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="promptlab-sandbox", daemon=True)
        self._reader.start()
        try:
            self.receive(START_SECONDS)
        except (WorkerDiedError, WorkerTimeoutError) as error:
            self.close()
            raise PromptlabError(f"the template worker did not start ({sys.executable}): {error}") from error
        except BaseException:
            self.close()
            raise

    @property
    def process_id(self) -> int:
        """The worker's process id."""
        return self._process.pid

    def send(self, message: str) -> None:
        """Write one line of ASCII; raises WorkerDiedError where nobody reads."""
        pipe = self._process.stdin
        if pipe is None or pipe.closed:
            raise WorkerDiedError("it is closed")
        data = memoryview(message.encode("ascii") + b"\n")
        try:
            while data:
                data = data[os.write(pipe.fileno(), data) :]
        except OSError as error:
            raise WorkerDiedError("it ended") from error

    def receive(self, seconds: float) -> dict[str, Any]:
        """The next answer, waited for at most `seconds`.

        Raises WorkerTimeoutError, WorkerDiedError.
        """
        line = self._next_line(seconds)
        if line is None:
            raise WorkerDiedError("it ended")
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise WorkerDiedError("it wrote no JSON") from error
        if not isinstance(answer, dict):
            raise WorkerDiedError("it wrote no answer")
        return answer

    def close(self) -> None:
        """End the worker and free all it held; nothing happens the second time."""
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._free()

    def kill(self) -> None:
        """End the worker at once, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._free()

    def abandon(self) -> None:
        """Let go of a worker that belongs to another process: called in a forked child, it leaves it running."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        # Popen warns about a child it has not waited for, but this one is our parent's.
        self._process.returncode = 0

    def _next_line(self, seconds: float) -> bytes | None:
        while True:
            due = time.monotonic() + seconds
            try:
                return self._lines.get(timeout=seconds)
            except queue.Empty:
                # We ourselves stood still (stopped by Ctrl-Z, or a machine that slept): ask again.
                if time.monotonic() - due > OVERSLEPT_SECONDS:
                    continue
                raise WorkerTimeoutError(f"no answer in {seconds:g} s") from None

    def _read(self) -> None:
        pipe = self._process.stdout
        if pipe is None:
            self._lines.put(None)
            return
        parts: list[bytes] = []
        with contextlib.suppress(OSError, ValueError):  # closed under our hands: the same as its end
            while data := os.read(pipe.fileno(), READ_BYTES):
                *ended, rest = data.split(b"\n")
                for line in ended:
                    parts.append(line)
                    self._lines.put(b"".join(parts))
                    parts.clear()
                parts.append(rest)
        self._lines.put(None)

    def _free(self) -> None:
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        # The worker is gone, so its end of the pipe is closed and the reader comes to its end.
        self._reader.join(STOP_SECONDS)
        if self._process.stdout:
            self._process.stdout.close()


def _start(limits: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    if not sys.executable:
        raise PromptlabError("templates need a worker process, but Python does not know its own sys.executable")
    worker = Path(__file__).with_name("worker.py")
    # -I: neither our folder nor PYTHONPATH; -S: no site-packages, whose start files may run anything.
    command = [sys.executable, "-I", "-S", "-B", str(worker), json.dumps(dict(limits)), *_package_folders()]
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,  # no locks in the pipes, which a fork could catch while held
            env=environment,
            cwd=Path(os.sep).resolve(),  # a folder that nobody deletes or unmounts
            start_new_session=True,  # Ctrl-C and Ctrl-Z are meant for us
        )
    except OSError as error:
        raise PromptlabError(f"the template worker cannot start: {error}") from error


def _package_folders() -> list[str]:
    """The folders that hold Jinja2 and what it needs, found without importing it."""
    folders = []
    for package in ("jinja2", "markupsafe"):
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise PromptlabError(f"the package {package} is missing; pip install 'promptlab-workbench'")
        folders.append(str(Path(spec.origin).resolve().parent.parent))
    return list(dict.fromkeys(folders))
