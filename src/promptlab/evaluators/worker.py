"""The worker process of heavy evaluators: reads batches from standard input, runs them, writes their results.

It runs as a script, with the parent's sys.path as its argument, so that nothing of the parent's own script is run
again. On standard output goes one message when it is ready, then results, at the latest after FLUSH_SECONDS where no
call takes longer; on standard error one byte before each call, by which the parent knows which call it was that never
ended. It ends when its input closes; on Linux also in the midst of a call that never lets another thread in.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import queue
import signal
import sys
import threading
import time

if __name__ == "__main__":
    sys.path[:] = json.loads(sys.argv[1])

from promptlab.evaluators import jobs  # only now can it be found
from promptlab.evaluators.frames import read_frame, write_frame

FLUSH_SECONDS = 0.02
NICENESS = 10
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Work until the input closes."""
    commands, results, marks = (_taken(descriptor) for descriptor in (0, 1, 2))
    with contextlib.suppress(AttributeError, OSError):  # Windows has none; the parent has asked for it there
        os.nice(NICENESS)
    _end_with_parent()
    batches: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(commands, batches), daemon=True).start()
    write_frame(results, b"ready")
    while True:
        ended: list[jobs.Result] = []
        begun = time.perf_counter()
        for call in jobs.unpack_jobs(batches.get()):
            if time.perf_counter() - begun > FLUSH_SECONDS:
                write_frame(results, jobs.pack_results(ended, seconds=time.perf_counter() - begun))
                ended, begun = [], time.perf_counter()
            os.write(marks, b".")
            ended.append(call())
        write_frame(results, jobs.pack_results(ended, seconds=time.perf_counter() - begun))


def _end_with_parent() -> None:
    """Has Linux kill us when the thread ends that has started us: it serves us for as long as we are needed."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _read(commands: int, batches: queue.SimpleQueue[bytes]) -> None:
    while (batch := read_frame(commands)) is not None:
        batches.put(batch)
    os._exit(0)  # the parent has gone


def _taken(descriptor: int) -> int:
    """The stream for us alone: what a library prints goes nowhere."""
    mine = os.dup(descriptor)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, descriptor)
    os.close(nothing)
    return mine


if __name__ == "__main__":
    main()
