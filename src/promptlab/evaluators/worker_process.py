"""One worker process of heavy evaluators seen from our side: started, given batches, read from, ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from promptlab.evaluators.frames import read_exactly, read_frame, write_frame

KEPT_VARIABLES = (
    *("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("HOME", "USERPROFILE", "APPDATA", "NLTK_DATA"),  # where nltk looks for its data
)
"""All that the worker sees of our environment: what an interpreter may need to start. No keys."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""nltk imports numpy and more, which would start a thread a core and have nothing to do for them."""


class WorkerProcess:
    """A worker that starts; `receive` first gives what says that it is ready. Raises OSError where it cannot start."""

    def __init__(self) -> None:
        if not sys.executable:
            raise OSError("Python does not know its own sys.executable")
        # Not -S: an interpreter without `site` does not know the virtual environment that it is in.
        command = [sys.executable, "-I", str(Path(__file__).with_name("worker.py")), json.dumps(sys.path)]
        environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=environment | ONE_THREAD,
            cwd=Path(os.sep).resolve(),  # a folder that nobody deletes or unmounts
            start_new_session=True,  # Ctrl-C is meant for us
            creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
        )
        streams = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._commands, self._results, self._marks = (stream.fileno() if stream else -1 for stream in streams)

    @property
    def process_id(self) -> int:
        """The worker's process id."""
        return self._process.pid

    def send(self, batch: bytes) -> None:
        """Give it a batch; nothing happens where it has ended, which `receive` tells."""
        with contextlib.suppress(OSError):
            write_frame(self._commands, batch)

    def receive(self) -> bytes | None:
        """Its next message, waited for; None where it has ended."""
        return read_frame(self._results)

    def forget_marks(self, count: int) -> None:
        """Lay aside the marks of so many calls, whose results are here."""
        read_exactly(self._marks, count)

    def kill(self) -> None:
        """End it at once; whoever waits in `receive` gets None."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def wait(self) -> None:
        """Wait for the end of one that was killed."""
        self._process.wait()

    def bury(self) -> tuple[int, str]:
        """How many calls it had begun whose results never came, and how it ended; frees all it held."""
        self.kill()
        code = self._process.wait()
        begun = 0
        while read_exactly(self._marks, 1):
            begun += 1
        self._close()
        if code < 0:
            with contextlib.suppress(ValueError):
                return begun, f"killed by {signal.Signals(-code).name}"
        return begun, f"exit code {code}"

    def abandon(self) -> None:
        """Let go of a worker that belongs to another process: called in a forked child, it leaves it running."""
        self._close()
        # Popen warns about a child it has not waited for, but this one is our parent's.
        self._process.returncode = 0

    def _close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
