"""All cells of a run, to a clean end: which side by side, which in turn, and what happens when it is told to stop.

Variants of one local model run one after the other, so that it is in memory once and its batches stay alike, and
local models in turn, since they share the processor. Everything else runs side by side, each endpoint at its pace.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from promptlab.execute.chunk_size import CHUNK, LOCAL_CHUNK
from promptlab.execute.chunks import run_chunk
from promptlab.execute.crew import Crew
from promptlab.execute.evaluator_calls import EvaluatorCalls
from promptlab.execute.flights import flights_of
from promptlab.execute.paces import Paces
from promptlab.execute.session import Column, Session, heartbeat
from promptlab.execute.stopping import DRAIN_SECONDS
from promptlab.execute.worst_cases import WorstCases
from promptlab.store import datasets


async def work(session: Session) -> None:
    """Runs every cell of a session that has not ended yet; returns when all have, or when it was told to stop.

    Told to stop, it makes no new call, waits at most 10 s for those in flight and gives the rest up. Raises what a
    broken evaluation raises.
    """
    crews: list[Crew] = []
    cells = asyncio.create_task(_work(session, crews))
    told = asyncio.create_task(session.stop.wait())
    try:
        await asyncio.wait({cells, told}, return_when=asyncio.FIRST_COMPLETED)
        if not cells.done():
            session.tell("stopping: waiting for the calls in flight")
            for crew in crews:
                crew.cancel_idle()
            await asyncio.wait({cells}, timeout=DRAIN_SECONDS)
        await _ended(cells)
    finally:
        told.cancel()
        cells.cancel()
        await asyncio.wait({cells})
    await session.journal.close()


async def _ended(cells: asyncio.Task[None]) -> None:
    """Raises what the cells raised, alone; gives up those that have not ended."""
    cells.cancel()
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await cells
    except BaseExceptionGroup as group:
        raise _first_leaf(group) from group


async def _work(session: Session, crews: list[Crew]) -> None:
    limits = session.plan.limits
    paces = Paces(session.workspace, concurrency=limits.concurrency)
    async with heartbeat(session), _evaluator_calls(session, paces), asyncio.TaskGroup() as group:
        crew = Crew(
            session,
            group,
            flights_of(session.database),
            paces,
            WorstCases(session.workspace, limits.budget),
        )
        crews.append(crew)
        for columns in _in_turn(session.columns):
            crew.start(_run_in_turn(crew, columns))


@contextlib.asynccontextmanager
async def _evaluator_calls(session: Session, paces: Paces) -> AsyncIterator[None]:
    """Has the session's evaluators ask through this run; what is under way at the end is given up."""

    def spent(cost_usd: float) -> None:
        session.progress.spent_usd += cost_usd

    def overspent() -> None:
        session.overspent = True

    calls = session.evaluator_calls = EvaluatorCalls(
        session.database,
        session.workspace,
        session.journal,
        session.stop,
        paces,
        models=[column.variant.model for column in session.columns],
        budget=session.plan.limits.budget,
        tally=session.tally,
        use_cache=session.plan.use_cache,
        spent=spent,
        overspent=overspent,
    )
    try:
        yield
    finally:
        session.evaluator_calls = None
        await calls.close()


def _in_turn(columns: Sequence[Column]) -> list[list[Column]]:
    """The columns in groups that run side by side; those of one group run one after the other."""
    groups: list[list[Column]] = []
    local: dict[str, list[Column]] = {}
    for column in columns:
        if column.variant.model.provider == "local":
            of_model = local.setdefault(column.variant.model.name, [])
            if not of_model:
                groups.append(of_model)
            of_model.append(column)
        else:
            groups.append([column])
    return groups


async def _run_in_turn(crew: Crew, columns: Sequence[Column]) -> None:
    local = columns[0].variant.model.provider == "local"
    async with crew.processor if local else contextlib.nullcontext():
        for column in columns:
            await _run_variant(crew, column, LOCAL_CHUNK if local else CHUNK)


async def _run_variant(crew: Crew, column: Column, chunk: int) -> None:
    session = crew.session
    after = -1
    while not session.stop.requested:
        page = await asyncio.to_thread(
            session.database.read,
            lambda connection: datasets.dataset_page(connection, session.dataset.id, after=after, limit=chunk),  # noqa: B023 - read at once
        )
        if not page:
            break
        after = page[-1].place
        await run_chunk(crew, column, page)
    if column.live:
        await column.idle.wait()


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
