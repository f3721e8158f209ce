"""Ended cells, scored and stored, and counted for those who watch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from promptlab.evaluators.base import BoundEvaluator
from promptlab.execute.calling import Called
from promptlab.execute.cells import Cell, Outcome, evaluator_context, output_insert, score
from promptlab.execute.session import Column, Session
from promptlab.store.rows import OutputInsert
from promptlab.types import Score

TOGETHER_SECONDS = 1.0
"""How long scores may lie, where others take longer, until they are stored and shown."""

T = TypeVar("T")


async def store_called(session: Session, column: Column, cell: Cell, called: Called) -> int | None:
    """The id of the answer that a call brought, None where it has none; its cell is scored, stored and counted.

    The answer itself was handed in before; scoring it may take its time.
    """
    outcome = Outcome(cell, called.status, called.response, error=called.error)
    if outcome.response is None and _keeps_answer(session, column, cell):
        _count(session, column, outcome)
        return None
    evaluators = session.plan.evaluators_for(column.variant, cell.case)
    scores = await _scores(session, column, outcome)
    stored = called.stored

    def insert() -> OutputInsert:
        return output_insert(
            outcome,
            run_id=column.run.id,
            scores=scores,
            digests=digests(evaluators),
            answer_id=stored.id if stored else None,
        )

    await session.journal.output(insert)
    _count(session, column, outcome)
    session.tell()
    return stored.id if stored else None


async def store_outcomes(session: Session, column: Column, outcomes: Sequence[Outcome]) -> None:
    """Scores, stores and counts cells that need no call, together; what takes its time, as it ends."""
    if not outcomes:
        return
    if all(evaluator.inline for evaluator in session.plan.all_evaluators):
        scores = [(outcome, await _scores(session, column, outcome)) for outcome in outcomes]
        await _store_scored(session, column, scores)
        return

    async def scored(outcome: Outcome) -> tuple[Outcome, dict[str, Score]]:
        return outcome, await _scores(session, column, outcome)

    await as_they_end([scored(outcome) for outcome in outcomes], lambda ended: _store_scored(session, column, ended))


async def as_they_end(coroutines: Iterable[Coroutine[Any, Any, T]], take: Callable[[list[T]], Awaitable[None]]) -> None:
    """Runs all side by side and hands over their results, those of about a second together, in their order."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    pending = set(tasks)
    try:
        while pending:
            done, pending = await asyncio.wait(pending, timeout=TOGETHER_SECONDS)
            if done:
                await take([task.result() for task in tasks if task in done])
    finally:
        for task in pending:
            task.cancel()


async def _store_scored(session: Session, column: Column, scored: Sequence[tuple[Outcome, dict[str, Score]]]) -> None:
    plan = session.plan
    await session.journal.outputs(
        [
            output_insert(
                outcome,
                run_id=column.run.id,
                scores=found,
                digests=digests(plan.evaluators_for(column.variant, outcome.cell.case)),
            )
            for outcome, found in scored
        ]
    )
    for outcome, _ in scored:
        if outcome.response is not None:
            session.tally.cached += 1
        _count(session, column, outcome)
    session.tell()


def digests(evaluators: Sequence[BoundEvaluator]) -> Mapping[str, str]:
    """The digests of evaluators by the name that each scores under."""
    return {evaluator.name: evaluator.digest for evaluator in evaluators}


async def _scores(session: Session, column: Column, outcome: Outcome) -> dict[str, Score]:
    if outcome.response is None:
        return {}
    evaluators = session.plan.evaluators_for(column.variant, outcome.cell.case)
    return await score(
        evaluator_context(outcome, outcome.response, column.variant, ask=session.ask(column)), evaluators
    )


def _keeps_answer(session: Session, column: Column, cell: Cell) -> bool:
    """Whether the cell has an answer that an error must not replace; the attempt says what went wrong."""
    return session.mending is not None and (column.run.id, cell.case.key, cell.repeat) in session.mending.answered


def _count(session: Session, column: Column, outcome: Outcome) -> None:
    counts = column.progress
    counts.done += 1
    counts.cached += outcome.cached
    session.tally.ended += 1
    if outcome.response is None:
        counts.errors += 1
        session.tally.errors += 1
        _check_errors(session)
        return
    counts.seconds += outcome.response.seconds
    if not outcome.cached:
        session.progress.spent_usd += outcome.response.cost_usd or 0.0


def _check_errors(session: Session) -> None:
    """Stops a run that is going wrong: its own errors count, not those from before it was taken up again."""
    limit = session.plan.limits.errors
    if limit is None:
        return
    before = sum(column.progress.before for column in session.columns)
    reason = limit.exceeded(session.tally.errors, session.tally.ended, session.progress.total - before)
    if reason is not None:
        session.stop.tell("errors", reason)
