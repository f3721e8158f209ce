"""Several processes that read, change and write the same rows of one database, and what has to be there in the end.

For the contract tests and for `benchmarks/several_writers.py`.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty
from typing import Any

from promptlab import Lab
from promptlab.store import metrics, runs

PROCESSES = 8
METRIC = "loss"
PROMPT = "shared"
PATIENCE_SECONDS = 300.0
BACKLOG = 200
"""Writes of POINTS points each that a busy process has always handed in and not got back."""
POINTS = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the database holds in the end. waits: seconds that each write took, of all processes; errors: told."""

    rows: int
    counter: int
    ordinals: Sequence[int]
    numbers: Sequence[int]
    waits: Sequence[float]
    seconds: float
    errors: Sequence[str]

    def losses(self, *, writes: int) -> list[str]:
        """What is missing or double after so many writes of each kind, one line each; empty where all is well."""
        said = list(self.errors)
        if self.rows != writes:
            said.append(f"{self.rows:,} rows of {writes:,}")
        if self.counter != writes:
            said.append(f"a counter of {self.counter:,}, not {writes:,}")
        if list(self.ordinals) != list(range(writes)):
            said.append("the rows are not numbered from 0 without gaps")
        if list(self.numbers) != list(range(1, writes + 1)):
            said.append("the prompt's versions are not numbered from 1 without gaps")
        return said


@dataclass(frozen=True, slots=True)
class Work:
    """What a process of a load gets. start: set when all may begin; stop: when all shall end; told: their reports."""

    url: str
    run_id: int
    number: int
    each: int
    start: Any
    stop: Any
    told: Any


def write_from_processes(url: str, *, each: int, processes: int = PROCESSES) -> Outcome:
    """The outcome of processes that each log `each` points of one metric into one run, and save versions of one prompt.

    Each point raises the summary's counter and takes its number from it; each version takes the next number.
    """
    run_id = _new_run(url)
    context = multiprocessing.get_context("spawn")
    start, stop, told = context.Event(), context.Event(), context.Queue()
    work = [Work(url, run_id, number, each, start, stop, told) for number in range(processes)]
    workers = [context.Process(target=_read_and_change, args=(one,), daemon=True) for one in work]
    for worker in workers:
        worker.start()
    for _ in workers:
        told.get(timeout=PATIENCE_SECONDS)
    begun = time.monotonic()
    start.set()
    waits: list[float] = []
    errors: list[str] = []
    for _ in workers:
        try:
            found, error = told.get(timeout=PATIENCE_SECONDS)
        except Empty:
            found, error = [], f"a process was not done after {PATIENCE_SECONDS:g} s"
        waits += found
        errors += [error] if error else []
    seconds = time.monotonic() - begun
    for worker in workers:
        worker.join(timeout=PATIENCE_SECONDS)
    with Lab(url) as lab:
        history = lab.database.read(lambda connection: metrics.metric_history(connection, run_id, METRIC))
        summary = lab.database.read(lambda connection: metrics.summaries(connection, [run_id]))[run_id][METRIC]
        numbers = sorted(version.number for version in lab.prompts.log(PROMPT))
    ordinals = sorted(point.ordinal for point in history)
    return Outcome(len(history), summary.points, ordinals, numbers, waits, seconds, errors)


def waits_beside_backlogs(url: str, *, seconds: float, processes: int = PROCESSES) -> list[float]:
    """How long each write of one process took, in seconds, while all others wrote as much as they could."""
    run_id = _new_run(url)
    context = multiprocessing.get_context("spawn")
    start, stop, told = context.Event(), context.Event(), context.Queue()
    busy = Work(url, run_id, 0, 0, start, stop, told)
    workers = [context.Process(target=_write_all_the_time, args=(busy,), daemon=True) for _ in range(processes - 1)]
    for worker in workers:
        worker.start()
    for _ in workers:
        told.get(timeout=PATIENCE_SECONDS)
    waits: list[float] = []
    with Lab(url) as lab:
        start.set()
        due = time.monotonic() + seconds
        while time.monotonic() < due:
            begun = time.monotonic()
            lab.database.write(
                lambda connection: metrics.log_metrics(connection, run_id, [(METRIC, 1.0, len(waits), 0)])
            ).result()
            waits.append(time.monotonic() - begun)
    stop.set()
    for worker in workers:
        worker.join(timeout=PATIENCE_SECONDS)
    return waits


def _new_run(url: str) -> int:
    with Lab(url) as lab:
        create = lab.database.write(
            lambda connection: runs.create_run(connection, kind="train", name="shared", started_at=datetime.now(UTC))
        )
        return create.result().id


def _read_and_change(work: Work) -> None:
    waits: list[float] = []
    error = None
    try:
        with Lab(work.url) as lab:
            database = lab.database
            work.told.put("ready")
            work.start.wait()
            for step in range(work.each):
                begun = time.monotonic()
                point = (METRIC, float(work.number), step, 0)
                database.write(
                    lambda connection, point=point: metrics.log_metrics(connection, work.run_id, [point])
                ).result()
                logged = time.monotonic()
                lab.prompts.save(PROMPT, f"Version {step} of process {work.number}: {{{{ text }}}}")
                waits += [logged - begun, time.monotonic() - logged]
    except Exception as caught:  # the parent tells it
        error = f"{type(caught).__name__}: {caught}"
    work.told.put((waits, error))


def _write_all_the_time(work: Work) -> None:
    points = [(METRIC, 1.0, step, 0) for step in range(POINTS)]
    with Lab(work.url) as lab:
        database = lab.database
        work.told.put("ready")
        work.start.wait()
        pending = deque()
        while not work.stop.is_set():
            pending.append(database.write(lambda connection: metrics.log_metrics(connection, work.run_id, points)))
            if len(pending) > BACKLOG:
                pending.popleft().result()
