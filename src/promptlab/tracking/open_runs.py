"""The runs that this process has open: kept alive while it computes, ended when it ends, whatever it forgot.

One task on the process's loop serves all of them. A process that is killed can say nothing: its runs fall silent, and
are shown as interrupted with all that was logged.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import sys
import threading
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING

from promptlab import portal
from promptlab.errors import PromptlabError
from promptlab.store import runs
from promptlab.store.database import Connection, Database

if TYPE_CHECKING:
    from promptlab.tracking.run import Run
    from promptlab.tracking.system_metrics import SystemSampler

HEARTBEAT_SECONDS = 5.0


class OpenRuns:
    """The open runs of a process; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._beating = False
        self._fatal: BaseException | None = None
        self._hooked = False

    def add(self, run: Run) -> None:
        """From now on the run is kept alive, and ended when the process ends."""
        # Functions at exit run last in, first out: this one before the database's own, which closes it.
        atexit.unregister(self.end_all)
        atexit.register(self.end_all)
        with self._lock:
            self._runs[run.uid] = run
            begin, self._beating = not self._beating, True
            hook, self._hooked = not self._hooked, True
        if hook:
            self._watch_exceptions()
        if begin:
            portal.submit(self._beat())

    def remove(self, run: Run) -> None:
        """The run has ended."""
        with self._lock:
            self._runs.pop(run.uid, None)

    def end_all(self) -> None:
        """Ends what is open still: failed where an exception ends the process, else finished; children first."""
        with self._lock:
            left = list(self._runs.values())
        for run in reversed(left):
            try:
                if self._fatal is None:
                    run.end()
                else:
                    run.end_with(self._fatal)
            except PromptlabError as error:
                # At exit nobody can catch it any more.
                print(f"promptlab: run {run.uid[:8]} could not be ended: {error}", file=sys.stderr)

    def forget(self) -> None:
        """A forked child has none: they are its parent's."""
        self._lock = threading.Lock()
        self._runs = {}
        self._beating = False
        atexit.unregister(self.end_all)

    def _watch_exceptions(self) -> None:
        shown = sys.excepthook

        def note(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            self._fatal = error
            shown(kind, error, trace)

        sys.excepthook = note

    async def _beat(self) -> None:
        """Says again and again that the runs are alive, also while their script computes and logs nothing."""
        sampler: SystemSampler | None = None
        try:
            while open_now := await self._open_after_a_while():
                measured = [run for run in open_now if run.system_metrics]
                if measured and sampler is None:
                    sampler = await asyncio.to_thread(_sampler)
                elif measured and sampler is not None:
                    await _measure(sampler, measured)
                by_database: dict[Database, list[str]] = {}
                for run in open_now:
                    by_database.setdefault(run.database, []).append(run.uid)
                for database, uids in by_database.items():
                    # It cannot be reached: its runs are silent meanwhile, and that is what people see.
                    with contextlib.suppress(PromptlabError):
                        await database.commit(_Beat(uids))
        except BaseException as error:
            # The loop was closed, or this failed: the next run begins anew.
            with self._lock:
                self._beating = False
            if isinstance(error, Exception):
                # Nobody waits for this task.
                print(f"promptlab: open runs may be shown as interrupted: {error!r}", file=sys.stderr)
            raise

    async def _open_after_a_while(self) -> list[Run]:
        """The runs that are open a heartbeat later; where there are none, this round was the last."""
        await asyncio.sleep(HEARTBEAT_SECONDS)
        with self._lock:
            if not self._runs:
                self._beating = False
            return list(self._runs.values())


class _Beat:
    def __init__(self, uids: list[str]) -> None:
        self._uids = uids

    def __call__(self, connection: Connection) -> None:
        runs.heartbeat(connection, self._uids, datetime.now(UTC))


async def _measure(sampler: SystemSampler, measured: list[Run]) -> None:
    values = await asyncio.to_thread(sampler.measure)
    for run in measured:
        # A database that cannot be reached has no measures of this moment; what the run itself logs raises at its end.
        with contextlib.suppress(PromptlabError):
            run.log_metrics(values, step=int(time.time() - run.started_at.timestamp()))


def _sampler() -> SystemSampler:
    from promptlab.tracking.system_metrics import SystemSampler

    return SystemSampler()


OPEN_RUNS = OpenRuns()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=OPEN_RUNS.forget)
