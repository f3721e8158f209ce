"""Where heavy evaluators run: in one thread while there is little to score, in worker processes while there is much.

The thread is quick to reach and costs nothing, but shares the interpreter with the event loop. Worker processes are
started when so much has been scored or is waiting that their start is worth it, or for a long text, which could hold
the interpreter for seconds. A call that takes longer than it may is given up; in a process it is ended with it, and the
calls beside it run again elsewhere.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from promptlab.evaluators.jobs import Job, Result, UnknownHereError, pack_jobs, run, settle, unpack_results
from promptlab.evaluators.worker_process import WorkerProcess

WORTH_SECONDS = 1.0
"""How much work, done a moment ago or waiting, makes a worker process worth its start of about 0.3 s."""
NEXT_WORTH_SECONDS = 0.5
"""How much must be waiting for each worker until one more is started."""
FORGOTTEN_SECONDS = 4.0
"""After how long work that was done counts for half."""
BATCH_SECONDS = 0.04
MOST_IN_A_BATCH = 200
SLICE_SECONDS = 0.005
"""How long results of the thread may lie before they are handed over."""
IDLE_SECONDS = 60.0
WATCH_SECONDS = 0.1
OVERSLEPT_SECONDS = 1.0
START_SECONDS = 60.0
MOST_DEATHS = 2
"""A call in which so many workers have ended is the one to blame."""
MOST_FAILURES = 3
"""So many workers in a row that end before their first call: then everything runs in the thread."""
MOST_WORKERS = 8


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(slots=True, eq=False)
class _Runner:
    """The thread, and what it is at. abandoned: its call takes too long; when that ends, so does the thread."""

    current: Job | None = None
    begun: float = 0.0
    ended: list[tuple[Job, Result]] = field(default_factory=list)
    abandoned: bool = False


@dataclass(slots=True, eq=False)
class _Worker:
    """A process and what it has been given. heard: when it last said something, or was given work being idle."""

    process: WorkerProcess | None = None
    given: deque[Job] = field(default_factory=deque)
    heard: float = field(default_factory=time.monotonic)
    ready: bool = False
    overdue: bool = False


class Pool:
    """Runs the jobs that are submitted; all methods may be called from any thread.

    most_workers: of its processes; default, one less than there are cores, but one at least.
    """

    def __init__(self, *, most_workers: int | None = None) -> None:
        self._most_workers = max(1, min(MOST_WORKERS, cores() - 1)) if most_workers is None else most_workers
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._long: deque[Job] = deque()
        self._unsendable: deque[Job] = deque()
        self._runner: _Runner | None = None
        self._workers: list[_Worker] = []
        self._watching = threading.Event()
        self._watcher: threading.Thread | None = None
        self._seconds_each = 0.0001
        self._done_seconds = 0.0
        self._done_at = time.monotonic()
        self._failures = 0
        self._closed = False

    def submit(self, jobs: Sequence[Job]) -> None:
        """Take these calls on; their results are handed over as they come."""
        with self._changed:
            for job in jobs:
                (self._long if job.is_long else self._waiting).append(job)
            self._staff()
            self._changed.notify_all()

    @property
    def process_ids(self) -> list[int]:
        """Of the worker processes that are ready."""
        with self._changed:
            return [worker.process.process_id for worker in self._workers if worker.process and worker.ready]

    def close(self) -> None:
        """End all processes; what was not done is not done any more."""
        with self._changed:
            self._closed = True
            processes = [worker.process for worker in self._workers if worker.process is not None]
            for queue in (self._waiting, self._long, self._unsendable):
                queue.clear()
            self._changed.notify_all()
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()

    def abandon(self) -> None:
        """Let go of everything, in a forked child: threads and processes are the parent's."""
        for worker in self._workers:
            if worker.process is not None:
                worker.process.abandon()

    # Who works: called with the lock held

    def _staff(self) -> None:
        """Starts whoever is missing for what is there."""
        if self._closed:
            return
        if self._runner is None:
            self._runner = _Runner()
            threading.Thread(target=self._run_here, args=(self._runner,), name="promptlab-scoring", daemon=True).start()
        if self._is_worker_wanted():
            worker = _Worker()
            self._workers.append(worker)
            threading.Thread(target=self._serve, args=(worker,), name="promptlab-scorer", daemon=True).start()
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="promptlab-scoring-watch", daemon=True)
            self._watcher.start()
        self._watching.set()

    def _is_worker_wanted(self) -> bool:
        if len(self._workers) >= self._most_workers or self._failures >= MOST_FAILURES:
            return False
        if not all(worker.ready for worker in self._workers):
            return False
        waiting_seconds = len(self._waiting) * self._seconds_each
        if not self._workers:
            recent = self._done_seconds * 0.5 ** ((time.monotonic() - self._done_at) / FORGOTTEN_SECONDS)
            return bool(self._long) or (bool(self._waiting) and recent + waiting_seconds > WORTH_SECONDS)
        return len(self._long) > 1 or waiting_seconds / len(self._workers) > NEXT_WORTH_SECONDS

    def _note_done(self, count: int, seconds: float, *, usual: bool = True) -> None:
        now = time.monotonic()
        self._done_seconds = seconds + self._done_seconds * 0.5 ** ((now - self._done_at) / FORGOTTEN_SECONDS)
        self._done_at = now
        if usual:
            self._seconds_each += min(0.5, 0.02 * count) * (seconds / count - self._seconds_each)

    def _requeue(self, jobs: Sequence[Job]) -> None:
        for job in reversed(jobs):
            (self._long if job.is_long else self._waiting).appendleft(job)
        self._staff()
        self._changed.notify_all()

    # The thread

    def _run_here(self, runner: _Runner) -> None:
        handed_over = time.monotonic()
        while True:
            with self._changed:
                if runner.abandoned:
                    return
                runner.current = None
                job = self._next_here()
                if runner.ended and (job is None or time.monotonic() - handed_over > SLICE_SECONDS):
                    self._staff()
                    settle(runner.ended)
                    runner.ended = []
                    handed_over = time.monotonic()
                if job is None:
                    if self._closed:
                        return
                    self._changed.wait()
                    handed_over = time.monotonic()
                    continue
                runner.current, runner.begun = job, time.monotonic()
            result = run(job.function, job.context, job.options)
            with self._changed:
                if not runner.abandoned:
                    runner.ended.append((job, result))
                    self._note_done(1, time.monotonic() - runner.begun)

    def _next_here(self) -> Job | None:
        broken = self._failures >= MOST_FAILURES
        while True:
            if self._unsendable:
                job = self._unsendable.popleft()
            elif self._waiting and not any(worker.ready for worker in self._workers):
                job = self._waiting.popleft()
            elif self._long and broken:
                job = self._long.popleft()
            else:
                return None
            if not job.future.done():
                return job

    # A worker process, served by a thread of its own

    def _serve(self, worker: _Worker) -> None:
        try:
            process = worker.process = WorkerProcess()
        except OSError:
            with self._changed:
                self._workers.remove(worker)
                self._failures = MOST_FAILURES
                self._changed.notify_all()
            return
        if process.receive() is not None:
            with self._changed:
                worker.ready = True
                worker.heard = time.monotonic()
            while self._feed(worker, process) and (answer := process.receive()) is not None:
                self._take_answer(worker, process, answer)
        self._end(worker, process)

    def _feed(self, worker: _Worker, process: WorkerProcess) -> bool:
        """Gives it what it can do; waits where there is nothing. False where it is not needed any more."""
        batch: bytes | None = None
        while batch is None:
            with self._changed:
                jobs = self._next_for(worker)
                while not jobs and not worker.given:
                    if self._closed or not (self._changed.wait(IDLE_SECONDS) or self._waiting or self._long):
                        return False
                    jobs = self._next_for(worker)
            if not jobs:
                return True
            try:
                batch = pack_jobs(jobs)
            except Exception:  # noqa: BLE001 - an argument that is no plain value: the thread can do it
                with self._changed:
                    self._unsendable.extend(jobs)
                    self._staff()
                    self._changed.notify_all()
        with self._changed:
            if not worker.given:
                worker.heard = time.monotonic()
            worker.given.extend(jobs)
        process.send(batch)
        return True

    def _next_for(self, worker: _Worker) -> list[Job]:
        if any(job.is_long for job in worker.given):
            return []
        if self._long and not worker.given:
            return [self._long.popleft()]
        ready = sum(other.ready for other in self._workers)
        room = max(1, min(MOST_IN_A_BATCH, int(BATCH_SECONDS / self._seconds_each))) - len(worker.given)
        jobs: list[Job] = []
        for _ in range(min(room, -(-len(self._waiting) // (2 * ready)))):
            job = self._waiting.popleft()
            if not job.future.done():
                jobs.append(job)
        return jobs

    def _take_answer(self, worker: _Worker, process: WorkerProcess, answer: bytes) -> None:
        seconds, results = unpack_results(answer)
        process.forget_marks(len(results))
        with self._changed:
            worker.heard = time.monotonic()
            ended = [(worker.given.popleft(), result) for result in results]
            if ended:
                self._failures = 0
                self._note_done(len(ended), seconds, usual=not any(job.is_long for job, _ in ended))
            unknown = [job for job, (_, problem) in ended if isinstance(problem, UnknownHereError)]
            if unknown:
                ended = [(job, result) for job, result in ended if job not in unknown]
                self._unsendable.extend(unknown)
                self._changed.notify_all()
            self._staff()
        settle(ended)

    def _end(self, worker: _Worker, process: WorkerProcess) -> None:
        """What a worker leaves behind: the call that it ended in, and those that others have to run."""
        begun, how = process.bury()
        with self._changed:
            self._workers.remove(worker)
            if self._closed:
                return
            given = list(worker.given)
            if 0 < begun <= len(given):
                last = given.pop(begun - 1)
                last.deaths += 1
                if worker.overdue:
                    settle([(last, (None, TimeoutError()))])
                elif last.deaths >= MOST_DEATHS:
                    problem = RuntimeError(f"the process that it ran in ended: {how}")
                    settle([(last, (None, problem))])
                else:
                    given.insert(begun - 1, last)
            elif given or not worker.ready:
                self._failures += 1
            self._requeue(given)

    # Deadlines

    def _watch(self) -> None:
        while not self._closed:
            self._watching.wait()
            asleep = time.monotonic()
            time.sleep(WATCH_SECONDS)
            now = time.monotonic()
            with self._changed:
                if now - asleep > WATCH_SECONDS + OVERSLEPT_SECONDS:
                    # We ourselves stood still (stopped by Ctrl-Z, or a machine that slept): the clocks begin anew.
                    for worker in self._workers:
                        worker.heard = now
                    if self._runner is not None:
                        self._runner.begun = now
                self._give_up_overdue(now)
                runner = self._runner
                if not self._workers and (runner is None or runner.current is None):
                    self._watching.clear()

    def _give_up_overdue(self, now: float) -> None:
        runner = self._runner
        if runner is not None and runner.current is not None and now - runner.begun > runner.current.seconds:
            runner.abandoned = True
            settle([*runner.ended, (runner.current, (None, TimeoutError()))])
            self._runner = None
            self._staff()
        for worker in self._workers:
            if worker.ready and not worker.given:
                continue
            allowed = max((job.seconds for job in worker.given), default=START_SECONDS)
            if now - worker.heard > allowed and worker.process is not None:
                worker.overdue = True
                worker.process.kill()


_shared: list[Pool] = []
_lock = threading.Lock()


def shared_pool() -> Pool:
    """The pool of this process, made when it is first needed."""
    with _lock:
        if not _shared:
            pool = Pool()
            atexit.register(pool.close)
            _shared.append(pool)
        return _shared[0]


def _forget() -> None:
    """A forked child has no such threads, and its parent's processes are not its own."""
    global _lock  # noqa: PLW0603 - the old one may be held by a thread that is not here
    _lock = threading.Lock()
    for pool in _shared:
        atexit.unregister(pool.close)
        pool.abandon()
    _shared.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
