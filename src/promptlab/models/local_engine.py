"""The thread that runs one local model: it gathers what is asked together and does it in batches."""

from __future__ import annotations

import atexit
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from promptlab.errors import CallError
from promptlab.models.local_cores import Turns
from promptlab.models.local_jobs import Job, failed
from promptlab.models.local_memory import give_back, is_memory_error
from promptlab.models.local_residency import Residency
from promptlab.models.prefixes import Group
from promptlab.redact import redact

ROUND_SIZE = 128
"""Requests that are looked at together where so many wait: the more, the nearer in length are those of a batch."""
CONCURRENCY = 2 * ROUND_SIZE
"""Calls in flight that suit a local model: while one batch runs, as many wait as fill the next ones."""

_PASSES = 4
"""A request that was passed over for so many batches comes before fuller batches."""

_QUIET_SECONDS = 0.01
_LONGEST_WAIT_SECONDS = 0.1
_CLOSE_SECONDS = 10.0


class Weights(Protocol):
    """A loaded model, whose rows are of its own kind. Used by one thread at a time."""

    @property
    def size_bytes(self) -> int:
        """What it takes."""

    def plan(self, rows: Sequence[Any]) -> tuple[Group, ...]:
        """Which of the rows run together."""

    def run_batch(
        self, rows: Sequence[Any], prefix_length: int, *, turn: AbstractContextManager[Any]
    ) -> Iterator[Sequence[Any]]:
        """Runs the wanted ones of these rows, and gives them as they are done, with what came out or `error`.

        turn is held while something is computed.
        """


_turns = Turns()


@dataclass(slots=True, eq=False)
class _Waiting:
    """A job with its row. passed: how many batches ran without it since it came."""

    job: Job
    row: Any
    passed: int = 0


class Engine:
    """One local model with its thread. It loads when requests come, and gives its weights back when others need room.

    load: makes the weights ready. needs: what loading takes in bytes, with room to work; None: unknown before.
    """

    def __init__(
        self,
        name: str,
        *,
        load: Callable[[], Weights],
        needs: Callable[[], int | None],
        residency: Residency,
    ) -> None:
        self.name = name
        self.stopping = False
        self._load = load
        self._needs = needs
        self._residency = residency
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._weights: Weights | None = None
        self._failure: str | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def weights(self) -> Weights | None:
        """The loaded model; None while it is not."""
        return self._weights

    @property
    def loaded(self) -> bool:
        """Whether its weights are in memory now."""
        return self._weights is not None

    def submit(self, job: Job) -> None:
        """Have the job answered; returns at once."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"promptlab-{self.name}", daemon=True)
                self._thread.start()
        self._jobs.put(job)

    def stop(self) -> None:
        """End the thread after the step it is in. A thread inside torch must not outlive the interpreter."""
        self.stopping = True
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join(timeout=_CLOSE_SECONDS)

    def release(self) -> None:
        """Give the weights back unless a request is being answered; the next one loads them again."""
        self._residency.release(self)

    def needed_bytes(self) -> int | None:
        """What loading takes, with room to work."""
        return self._needs()

    def held_bytes(self) -> int:
        """What the loaded weights take."""
        return self._weights.size_bytes if self._weights else 0

    def load(self) -> None:
        """Load the weights. Raises CallError; what is wrong with them is found out once."""
        failure = self._failure
        if failure is None:
            try:
                self._weights = self._load()
                return
            # Whatever a library finds wrong with a folder of weights, it is the answer to this call, not a crash.
            except Exception as error:  # noqa: BLE001 - as said
                reason = redact(str(error).strip().partition("\n")[0] or type(error).__name__)
                failure = f"{self.name} could not be loaded: {reason}"
                # More memory may be free the next time.
                self._failure = None if is_memory_error(error) else failure
        # Out here, so that it does not hold what was loaded so far: the first error's frames do.
        raise CallError("client", failure)

    def unload(self) -> None:
        """Give the weights back, to the system too."""
        self._weights = None
        give_back()

    def _work(self) -> None:
        while not self.stopping:
            jobs = self._gather(first=self._jobs.get())
            if jobs:
                self._serve(jobs)

    def _gather(self, first: Job | None = None) -> list[Job]:
        """The jobs that come together: the first one, and what follows until nothing comes for a moment."""
        jobs = [] if first is None else [first]
        latest = time.monotonic() + _LONGEST_WAIT_SECONDS
        while len(jobs) < ROUND_SIZE and time.monotonic() < latest and not self.stopping:
            try:
                job = self._jobs.get(timeout=_QUIET_SECONDS)
            except queue.Empty:
                break
            if job is not None:
                jobs.append(job)
        return jobs

    def _serve(self, jobs: list[Job]) -> None:
        """Answer the jobs and those that come meanwhile, until none is left."""
        waiting: list[_Waiting] = []
        while (jobs or waiting) and not self.stopping:
            try:
                with self._residency.use(self, wanted=lambda: not self.stopping) as granted:
                    if granted:
                        self._serve_loaded(jobs, waiting)
            # A thread that dies would leave its callers waiting for ever; whatever went wrong is their answer.
            except Exception as error:  # noqa: BLE001 - as said
                known = error if isinstance(error, CallError) else failed(self.name, f"{type(error).__name__}: {error}")
                for job in (*jobs, *(item.job for item in waiting)):
                    # Each its own: an exception that several tasks raise collects the frames of all.
                    job.deliver(CallError(known.status, str(known)))
                return
        for job in (*jobs, *(item.job for item in waiting)):
            job.deliver(CallError("cancelled", "cancelled"))

    def _serve_loaded(self, jobs: list[Job], waiting: list[_Waiting]) -> None:
        """Answer batch after batch, each planned over all that waits, so that new calls fill up the next one.

        jobs and waiting are what is left to do, also when this ends early since another model needs the memory.
        """
        weights = self._weights
        if weights is None:
            raise failed(self.name, "its weights are gone")
        answered = 0
        while (jobs or waiting) and not self.stopping:
            while jobs:
                if item := self._accept(weights, jobs[0]):
                    waiting.append(item)
                jobs.pop(0)
            for item in [item for item in waiting if item.job.cancelled]:
                waiting.remove(item)
                item.job.deliver(CallError("cancelled", "cancelled before it was its turn"))
            if answered >= ROUND_SIZE and self._residency.contested:
                return
            if waiting:
                answered += self._answer_batch(weights, waiting)
            # Who waits for a full batch of others anyway need not wait for what may come.
            jobs += self._gather() if len(waiting) < ROUND_SIZE else self._come()

    def _come(self) -> list[Job]:
        """The jobs that are there already."""
        jobs: list[Job] = []
        with contextlib.suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None:
                    jobs.append(job)
        return jobs

    def _answer_batch(self, weights: Weights, waiting: list[_Waiting]) -> int:
        """Run the batch whose turn it is and deliver its answers; how many there were."""
        groups = weights.plan([item.row for item in waiting])
        prefix_length, batch = max(
            ((group.prefix_length, [waiting[index] for index in batch]) for group in groups for batch in group.batches),
            key=lambda candidate: _urgency(candidate[1]),
        )
        for item in waiting:
            item.passed += 1
        by_row = {id(item.row): item for item in batch}
        for rows in weights.run_batch([item.row for item in batch], prefix_length, turn=_turns):
            for row in rows:
                item = by_row.pop(id(row))
                waiting.remove(item)
                item.job.deliver(
                    item.job.finish(self, weights, row) if row.error is None else failed(self.name, row.error)
                )
        for item in by_row.values():
            waiting.remove(item)
            item.job.deliver(CallError("cancelled", "cancelled before it was its turn"))
        return len(batch)

    def _accept(self, weights: Weights, job: Job) -> _Waiting | None:
        """The job with its row; None where it has its answer already, which is an error."""
        try:
            return _Waiting(job, job.row(self, weights))
        except CallError as error:
            job.deliver(error)
            return None


def _urgency(batch: list[_Waiting]) -> tuple[bool, int, int]:
    """Which batch runs next: one that somebody watches, then one that was passed over often, then a full one."""
    return (
        any(item.job.watched for item in batch),
        max(item.passed for item in batch) // _PASSES,
        len(batch),
    )


_residency = Residency()
_engines: dict[tuple[str, str | None], Engine] = {}
_engines_lock = threading.Lock()


def engine_for(
    name: str,
    location: str,
    *,
    revision: str | None,
    load: Callable[[], Weights],
    needs: Callable[[], int | None],
) -> Engine:
    """The process's engine of these weights: a second lab in the same process uses the one that is loaded.

    load, needs: as of Engine; who asks first decides.
    """
    with _engines_lock:
        key = (location, revision)
        if key not in _engines:
            _engines[key] = Engine(name, load=load, needs=needs, residency=_residency)
        return _engines[key]


def stop_engines() -> None:
    """Stop every engine and forget its weights; runs by itself when the process ends."""
    with _engines_lock:
        engines = list(_engines.values())
        _engines.clear()
    for engine in engines:
        engine.stop()


atexit.register(stop_engines)
