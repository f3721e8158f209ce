"""The thread that runs one local model: it gathers requests that come together and answers them in batches."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from promptlab.errors import CallError
from promptlab.models.sampling import Generation, generation_of
from promptlab.redact import redact
from promptlab.types import Request, Response, Usage

if TYPE_CHECKING:
    from promptlab.models.local_weights import LocalWeights, Row

ROUND_SIZE = 64
"""Requests that are looked at together for what they share: four full batches."""

_QUIET_SECONDS = 0.01
_LONGEST_WAIT_SECONDS = 0.1
_CLOSE_SECONDS = 10.0


@dataclass(slots=True)
class Job:
    """One request on its way. Exactly one of deliver's arguments comes, once, in the engine's thread.

    on_text is told each new piece of text, for a streamed answer. cancelled may be set from any thread.
    """

    request: Request
    deliver: Callable[[Response | CallError], None]
    on_text: Callable[[str], None] | None = None
    cancelled: bool = False
    told: str = ""
    generation: Generation = field(default_factory=Generation)


class Turns:
    """A lock that threads get in the order they came, so that two models take turns batch by batch.

    Two models that compute at once on the same cores are slower than one after the other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
        gate.acquire()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


_turns = Turns()


class Engine:
    """One loaded model with its thread; it loads when the first request comes and stays until the process ends."""

    def __init__(self, name: str, *, load: Callable[[], LocalWeights]) -> None:
        self.name = name
        self._load = load
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._weights: LocalWeights | None = None
        self._failure: str | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def submit(self, job: Job) -> None:
        """Have the job answered; returns at once."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"promptlab-{self.name}", daemon=True)
                self._thread.start()
        self._jobs.put(job)

    def stop(self) -> None:
        """End the thread after the step it is in. A thread inside torch must not outlive the interpreter."""
        self._stopping = True
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join(timeout=_CLOSE_SECONDS)

    def _work(self) -> None:
        while not self._stopping:
            jobs = self._gather()
            if not jobs:
                continue
            try:
                self._answer(jobs)
            # A thread that dies would leave its callers waiting for ever; whatever went wrong is their answer.
            except Exception as error:  # noqa: BLE001 - as said
                failure = CallError("client", f"{self.name} failed: {type(error).__name__}: {redact(str(error))}")
                for job in jobs:
                    job.deliver(failure)

    def _gather(self) -> list[Job]:
        """The jobs that come together: the first one, and what follows until nothing comes for a moment."""
        first = self._jobs.get()
        jobs = [] if first is None else [first]
        latest = time.monotonic() + _LONGEST_WAIT_SECONDS
        while jobs and len(jobs) < ROUND_SIZE and time.monotonic() < latest and not self._stopping:
            try:
                job = self._jobs.get(timeout=_QUIET_SECONDS)
            except queue.Empty:
                break
            if job is not None:
                jobs.append(job)
        return [job for job in jobs if not job.cancelled]

    def _answer(self, jobs: list[Job]) -> None:
        weights = self._loaded()
        if weights is None:
            for job in jobs:
                job.deliver(CallError("client", self._failure or f"{self.name} could not be loaded"))
            return
        by_row: dict[int, Job] = {}
        rows: list[Row] = []
        for job in jobs:
            try:
                row = self._row(weights, job)
            except CallError as error:
                job.deliver(error)
            else:
                rows.append(row)
                by_row[id(row)] = job
        for done in weights.run(rows, turn=_turns) if rows else ():
            for row in done:
                job = by_row.pop(id(row))
                job.deliver(self._finish(weights, job, row))
        for job in by_row.values():
            job.deliver(CallError("cancelled", "cancelled before it was its turn"))

    def _loaded(self) -> LocalWeights | None:
        if self._weights is None and self._failure is None:
            try:
                self._weights = self._load()
            # Whatever a library finds wrong with a folder of weights, it is the answer to this call, not a crash.
            except Exception as error:  # noqa: BLE001 - as said
                reason = redact(str(error).strip().partition("\n")[0] or type(error).__name__)
                self._failure = f"{self.name} could not be loaded: {reason}"
        return self._weights

    def _row(self, weights: LocalWeights, job: Job) -> Row:
        from promptlab.models.local_weights import Row

        tokens = weights.encoder.encode(job.request.messages)
        generation = generation_of(job.request)
        if not tokens:
            raise CallError("client", f"{self.name}: the prompt is empty")
        if len(tokens) >= weights.context_tokens:
            raise CallError(
                "client",
                f"the prompt has {len(tokens)} tokens; {self.name} takes {weights.context_tokens} with the answer",
            )
        room = weights.context_tokens - len(tokens)
        job.generation = replace(generation, max_tokens=min(generation.max_tokens, room))
        return Row(
            tokens,
            job.generation,
            on_token=lambda row: self._goes_on(weights, job, row),
            wanted=lambda: not (job.cancelled or self._stopping),
        )

    def _goes_on(self, weights: LocalWeights, job: Job, row: Row) -> bool:
        if job.cancelled or self._stopping:
            return False
        stop = job.generation.stop
        if not stop and job.on_text is None:
            return True
        text = weights.text(row)
        if job.on_text is not None:
            self._tell(job, text[: _certain_length(text, stop)])
        return not any(word in text for word in stop)

    def _tell(self, job: Job, text: str) -> None:
        if job.on_text is not None and len(text) > len(job.told) and text.startswith(job.told):
            job.on_text(text[len(job.told) :])
            job.told = text

    def _finish(self, weights: LocalWeights, job: Job, row: Row) -> Response | CallError:
        if row.error is not None:
            return CallError("client", f"{self.name} failed: {redact(row.error)}")
        if job.cancelled or self._stopping:
            return CallError("cancelled", "cancelled")
        text = weights.text(row)
        cuts = [text.find(word) for word in job.generation.stop if word in text]
        if cuts:
            text = text[: min(cuts)]
        self._tell(job, text)
        return Response(
            text,
            status="truncated" if row.finish_reason == "length" and not cuts else "ok",
            finish_reason="stop" if cuts else row.finish_reason,
            usage=Usage(len(row.prompt), len(row.generated), 0),
            seconds=row.seconds,
            cost_usd=0.0,
        )


def _certain_length(text: str, stop: tuple[str, ...]) -> int:
    """How many characters of a growing text are sure to stay: no half character, no beginning of a stop text."""
    whole = [text.find(word) for word in stop if word in text]
    if whole:
        return min(whole)
    length = len(text.rstrip("\ufffd"))
    for word in stop:
        for size in range(min(len(word) - 1, len(text)), 0, -1):
            if text.endswith(word[:size]):
                length = min(length, len(text) - size)
                break
    return length


def free_cores() -> int:
    """How many threads suit this process: OMP_NUM_THREADS, else the cores it may use, a container's quota counted."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        cores = min(cores, math.ceil(int(quota) / int(period)))
    return max(1, cores)


_engines: dict[tuple[str, str | None], Engine] = {}
_engines_lock = threading.Lock()


def engine_for(name: str, location: str, *, revision: str | None, threads: int | None) -> Engine:
    """The process's engine of these weights: a second lab in the same process uses the one that is loaded.

    threads: for its arithmetic; None takes the free cores. Who asks first decides.
    """

    def load() -> LocalWeights:
        from promptlab.models.local_weights import load_weights

        return load_weights(location, revision=revision, threads=threads or free_cores())

    with _engines_lock:
        key = (location, revision)
        if key not in _engines:
            _engines[key] = Engine(name, load=load)
        return _engines[key]


def stop_engines() -> None:
    """Stop every engine and forget its weights; runs by itself when the process ends."""
    with _engines_lock:
        engines = list(_engines.values())
        _engines.clear()
    for engine in engines:
        engine.stop()


atexit.register(stop_engines)
