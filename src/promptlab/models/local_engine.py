"""The thread that runs one local model: it gathers requests that come together and answers them in batches."""

from __future__ import annotations

import atexit
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from promptlab.errors import CallError
from promptlab.models.local_cores import Turns, free_cores
from promptlab.models.local_memory import WORKING_ROOM_BYTES, give_back, is_memory_error, weights_bytes
from promptlab.models.local_residency import Residency
from promptlab.models.sampling import Generation, generation_of
from promptlab.redact import redact
from promptlab.types import Request, Response, Usage

if TYPE_CHECKING:
    from promptlab.models.local_weights import LocalWeights, Row

ROUND_SIZE = 128
"""Requests that are looked at together where so many wait: the more, the nearer in length are those of a batch."""
CONCURRENCY = 2 * ROUND_SIZE
"""Calls in flight that suit a local model: while one batch runs, as many wait as fill the next ones."""

_PASSES = 4
"""A request that was passed over for so many batches comes before fuller batches."""

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


_turns = Turns()


@dataclass(slots=True, eq=False)
class _Waiting:
    """A job with its tokens. passed: how many batches ran without it since it came."""

    job: Job
    row: Row
    passed: int = 0


class Engine:
    """One local model with its thread. It loads when requests come, and gives its weights back when others need room.

    load: makes the weights ready. needs: what loading takes in bytes, with room to work; None: unknown before.
    """

    def __init__(
        self,
        name: str,
        *,
        load: Callable[[], LocalWeights],
        needs: Callable[[], int | None],
        residency: Residency,
    ) -> None:
        self.name = name
        self._load = load
        self._needs = needs
        self._residency = residency
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._weights: LocalWeights | None = None
        self._failure: str | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

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
        self._stopping = True
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
        while not self._stopping:
            jobs = self._gather(first=self._jobs.get())
            if jobs:
                self._serve(jobs)

    def _gather(self, first: Job | None = None) -> list[Job]:
        """The jobs that come together: the first one, and what follows until nothing comes for a moment."""
        jobs = [] if first is None else [first]
        latest = time.monotonic() + _LONGEST_WAIT_SECONDS
        while len(jobs) < ROUND_SIZE and time.monotonic() < latest and not self._stopping:
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
        while (jobs or waiting) and not self._stopping:
            try:
                with self._residency.use(self, wanted=lambda: not self._stopping) as granted:
                    if granted:
                        self._serve_loaded(jobs, waiting)
            # A thread that dies would leave its callers waiting for ever; whatever went wrong is their answer.
            except Exception as error:  # noqa: BLE001 - as said
                known = error if isinstance(error, CallError) else self._failed(f"{type(error).__name__}: {error}")
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
            raise self._failed("its weights are gone")
        answered = 0
        while (jobs or waiting) and not self._stopping:
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

    def _answer_batch(self, weights: LocalWeights, waiting: list[_Waiting]) -> int:
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
                item.job.deliver(self._finish(weights, item.job, row))
        for item in by_row.values():
            waiting.remove(item)
            item.job.deliver(CallError("cancelled", "cancelled before it was its turn"))
        return len(batch)

    def _failed(self, reason: str) -> CallError:
        return CallError("client", f"{self.name} failed: {redact(reason)}")

    def _accept(self, weights: LocalWeights, job: Job) -> _Waiting | None:
        """The job with its tokens; None where it has its answer already, which is an error."""
        try:
            return _Waiting(job, self._row(weights, job))
        except CallError as error:
            job.deliver(error)
            return None

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
            on_token=lambda row: self._goes_on(job, row),
            wanted=lambda: not (job.cancelled or self._stopping),
        )

    def _goes_on(self, job: Job, row: Row) -> bool:
        # Not held by the row: one that waits must not keep alive what was unloaded meanwhile.
        weights = self._weights
        if job.cancelled or self._stopping or weights is None:
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
            return self._failed(row.error)
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


def _urgency(batch: list[_Waiting]) -> tuple[bool, int, int]:
    """Which batch runs next: one that somebody watches, then one that was passed over often, then a full one."""
    return (
        any(item.job.on_text is not None for item in batch),
        max(item.passed for item in batch) // _PASSES,
        len(batch),
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


_residency = Residency()
_engines: dict[tuple[str, str | None], Engine] = {}
_engines_lock = threading.Lock()


def engine_for(name: str, location: str, *, revision: str | None, threads: int | None) -> Engine:
    """The process's engine of these weights: a second lab in the same process uses the one that is loaded.

    threads: for its arithmetic; None takes the free cores. Who asks first decides.
    """

    def load() -> LocalWeights:
        from promptlab.models.local_loading import load_weights

        return load_weights(location, revision=revision, threads=threads or free_cores())

    def needs() -> int | None:
        from promptlab.models.local_loading import precision

        size = weights_bytes(location, item_bytes=precision().item_bytes)
        return None if size is None else size + WORKING_ROOM_BYTES

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
