"""The one thread of a process that writes: what arrives within two milliseconds shares a transaction.

A caller that stands still until its write is there says so: then nothing is waited for.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.engine import Connection, Engine

from promptlab.errors import DatabaseError
from promptlab.store.failures import explain, is_busy, is_driver_error, is_lost
from promptlab.store.target import Target
from promptlab.store.transactions import Transactions

LINGER_SECONDS = 0.002
KEPT_FAILURES = 100

T = TypeVar("T")


class Write(Future[T], Generic[T]):
    """The outcome of one write. It cannot be cancelled: what was handed in is written.

    A caller that stops waiting (a cancelled task) must not lose an answer that has been paid for.
    """

    observed = False
    """Whether anybody has asked how it ended; a failure that nobody has seen comes up in `flush`."""

    def result(self, timeout: float | None = None) -> T:
        """What the function returned, once it is committed; raises what it raised."""
        self.observed = True
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the function raised, or None."""
        self.observed = True
        return super().exception(timeout)


@dataclass(frozen=True, slots=True)
class _Job:
    function: Callable[[Connection], Any]
    write: Write[Any]
    at: float
    waiter: asyncio.Future[Any] | None = None


class Writer:
    """A queue of functions of a connection, and the thread that runs them in grouped transactions.

    A function may run more than once: when another one of its group fails, the group is rolled back and each
    runs in a transaction of its own; when the database was busy or lost, the group runs again. What it writes is
    there once. So it does nothing but use its connection.
    """

    def __init__(self, engine: Engine, target: Target) -> None:
        self._transactions = Transactions(engine)
        self._target = target
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._lock = threading.Lock()
        self._closed = False
        self._failed: list[Write[Any]] = []
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._loop, name="promptlab-writer", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def submit(
        self,
        function: Callable[[Connection], T],
        *,
        waiter: asyncio.Future[T] | None = None,
        urgent: bool = False,
    ) -> Write[T]:
        """The write of `function`, done once it is committed. Raises DatabaseError after `close` or in a fork.

        waiter: a future of an event loop that is done too; one wake-up of the loop serves a whole transaction.
        urgent: it and what is queued before it is committed at once, without waiting for company.
        """
        if os.getpid() != self._process:
            raise DatabaseError("this database was opened before the process forked; open it again in the child")
        write: Write[T] = Write()
        write.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                raise DatabaseError(f"the database {self._target.name} is closed; open it again")
            self._queue.put(_Job(function, write, time.monotonic(), waiter))
        if urgent:
            self._hurry.set()
        return write

    def flush(self) -> None:
        """Waits until all that was handed in is committed; raises the first failure that nobody has seen."""
        self.submit(lambda _: None, urgent=True).result()
        self.check()

    def check(self) -> None:
        """Raises the first failure that nobody has seen, without waiting."""
        with self._lock:
            failed, self._failed = self._failed, []
        for write in failed:
            if not write.observed:
                write.result()

    def close(self) -> None:
        """Commits what is queued and ends the thread; twice is fine."""
        atexit.unregister(self.close)
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if os.getpid() != self._process:
                return
            self._queue.put(None)
            self._hurry.set()
        self._thread.join()

    def _loop(self) -> None:
        ending = False
        while not ending:
            job = self._queue.get()
            if job is None:
                break
            jobs = [job]
            self._hurry.wait(max(0.0, job.at + LINGER_SECONDS - time.monotonic()))
            # Cleared before the queue is emptied: who sets it afterwards has put a job into the next round.
            self._hurry.clear()
            with contextlib.suppress(queue.Empty):  # which leaves before the last line of this block
                while (more := self._queue.get_nowait()) is not None:
                    jobs.append(more)
                ending = True
            self._commit(jobs)
        self._transactions.end()

    def _commit(self, jobs: list[_Job]) -> None:
        """Runs the jobs in one transaction, or each in its own where one of them fails."""
        try:
            results = self._transactions.run([job.function for job in jobs])
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits, and the thread lives on
            if len(jobs) > 1 and not is_busy(error) and not is_lost(error):
                for job in jobs:
                    self._commit([job])
                return
            for job in jobs:
                self._fail(job.write, error)
        else:
            for job, result in zip(jobs, results, strict=True):
                job.write.set_result(result)
        self._wake(jobs)

    def _fail(self, write: Write[Any], error: BaseException) -> None:
        if is_driver_error(error):
            explained = explain(error, self._target)
            explained.__cause__ = error
            error = explained
        with self._lock:
            # In a process that never flushes, this list stays short.
            self._failed = [*(failed for failed in self._failed[-KEPT_FAILURES:] if not failed.observed), write]
        write.set_exception(error)

    def _wake(self, jobs: list[_Job]) -> None:
        """Tells the event loops that wait for these jobs, each once: a wake-up costs more than most writes."""
        by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        for job in jobs:
            if job.waiter is not None:
                by_loop.setdefault(job.waiter.get_loop(), []).append(job)
        for loop, waiting in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(_deliver, waiting)


def _deliver(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.waiter is None or job.waiter.done():
            continue
        error = job.write.exception()
        if error is None:
            job.waiter.set_result(job.write.result())
        else:
            job.waiter.set_exception(error)
