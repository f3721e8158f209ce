"""A page of cases of one variant: those cells with an answer are stored at once, for the others calls are begun."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from promptlab.execute.asking import follow, lead, register
from promptlab.execute.cells import Cell, Outcome, make_cells, reuse
from promptlab.execute.crew import Crew
from promptlab.execute.flights import Flight
from promptlab.execute.rescoring import rescore
from promptlab.execute.session import Column, Session
from promptlab.execute.storing import store_outcomes
from promptlab.store import cells as cell_rows
from promptlab.store.datasets import PlacedCase
from promptlab.store.rows import AnswerRow
from promptlab.types import ANSWER_STATUSES

_NEVER_TRIED = frozenset({"budget", "cancelled"})
"""How cells end that nobody asked for: taking a run up again asks for these too."""


async def run_chunk(crew: Crew, column: Column, page: Sequence[PlacedCase]) -> None:
    """Every cell of these cases that has not ended; returns when the last call has begun."""
    session = crew.session
    if not session.progress.in_flight:
        session.tell(f"rendering {column.variant.name}")
    repeats = range(session.plan.repeats)
    ended = await _ended(session, column, page) if session.resumed else frozenset()
    if ended:
        await rescore(session, column, page)
        page = [placed for placed in page if any((placed.case.key, repeat) not in ended for repeat in repeats)]
    ready: list[Outcome] = []
    led: list[tuple[Cell, Flight | None]] = []
    followed: list[tuple[Cell, Flight]] = []
    with crew.flights.looking():
        made = await asyncio.to_thread(make_cells, column.variant, page, repeats)
        cells = [cell for cell in made if (cell.case.key, cell.repeat) not in ended]
        session.journal.rendered(
            {cell.rendered: cell.request.messages for cell in cells if cell.rendered and cell.request}
        )
        found = await asyncio.to_thread(_look_up, session, column, cells)
        for cell in cells:
            if cell.request is None:
                ready.append(Outcome(cell, "template", error=cell.error))
            elif cell.cache_key is not None and cell.cache_key in found:
                ready.append(reuse(cell, found[cell.cache_key], run_id=column.run.id))
            else:
                flight, leads = register(crew.flights, cell, shared=session.plan.use_cache and session.mending is None)
                if leads or flight is None:
                    led.append((cell, flight))
                else:
                    followed.append((cell, flight))
    session.tell(f"running {column.variant.name}")
    begun = 0
    try:
        await store_outcomes(session, column, ready)
        if column.variant.model.provider == "local":
            # Prompts that begin alike come one after the other, so that their beginning is computed once.
            led.sort(key=lambda entry: _texts(entry[0]))
        for cell, flight in led:
            await _begin(crew, column, cell, flight)
            begun += 1
        # After those that ask: what waits must never keep what it waits for from beginning.
        for cell, flight in followed:
            await crew.waiting.acquire()
            _under_way(crew, column, crew.start(follow(crew, column, cell, flight)), crew.waiting)
    finally:
        for cell, flight in led[begun:]:
            if flight is not None:
                crew.flights.end(cell.cache_key or "", flight, None)


async def _begin(crew: Crew, column: Column, cell: Cell, flight: Flight | None) -> None:
    """Waits for a place in flight and begins the call that takes it."""
    await crew.asking.acquire()
    caller = crew.caller(column)
    worst = crew.worst_cases.of(caller.model, cell)
    try:
        await caller.enter(worst)
    except BaseException:
        crew.asking.release()
        raise
    task = crew.start(lead(crew, column, cell, worst, flight))
    if flight is not None:
        # A task that is cancelled before its first step never ends its flight itself.
        task.add_done_callback(lambda _: crew.flights.end(cell.cache_key or "", flight, None))
    _under_way(crew, column, task, crew.asking)


def _under_way(crew: Crew, column: Column, task: asyncio.Task[None], places: asyncio.Semaphore) -> None:
    def ended(_: asyncio.Task[None]) -> None:
        column.end()
        places.release()
        crew.session.progress.in_flight -= 1

    column.begin()
    crew.session.progress.in_flight += 1
    task.add_done_callback(ended)


def _texts(cell: Cell) -> list[str]:
    return [message.content for message in cell.request.messages] if cell.request else []


async def _ended(session: Session, column: Column, page: Sequence[PlacedCase]) -> frozenset[tuple[str, int]]:
    """The cells of these cases that need no further call, in a run that is taken up again."""
    keys = [placed.case.key for placed in page]
    stored = await asyncio.to_thread(
        session.database.read, lambda connection: cell_rows.ended_cells(connection, column.run.id, keys)
    )
    ended = {
        cell: status
        for cell, status in stored.items()
        if status in ANSWER_STATUSES or not (session.retry_errors or status in _NEVER_TRIED)
    }
    if session.mending is not None:
        every = {(key, repeat) for key in keys for repeat in range(session.plan.repeats)}
        ended = {cell: status for cell, status in stored.items() if (column.run.id, *cell) not in session.mending.cells}
        column.progress.before += len(ended)
        column.progress.done += len(ended)
        return frozenset(cell for cell in every if (column.run.id, *cell) not in session.mending.cells)
    column.progress.before += len(ended)
    column.progress.done += len(ended)
    column.progress.errors += sum(status not in ANSWER_STATUSES for status in ended.values())
    return frozenset(ended)


def _look_up(session: Session, column: Column, cells: Sequence[Cell]) -> Mapping[str, AnswerRow]:
    """By cache key the stored answers; without the cache only those that this very run has paid for."""
    keys = [cell.cache_key for cell in cells if cell.cache_key]
    own_only = not session.plan.use_cache
    if not keys or session.mending is not None or (own_only and not session.resumed):
        return {}
    run_id = column.run.id if own_only else None
    return session.database.read(lambda connection: cell_rows.find_answers(connection, keys, run_id=run_id))
