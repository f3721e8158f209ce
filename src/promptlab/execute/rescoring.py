"""Cells that were scored before, scored again where an evaluator is another one now; no model is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from promptlab.execute.cells import score, score_inserts, stored_context
from promptlab.execute.session import Column, Session
from promptlab.execute.storing import as_they_end, digests
from promptlab.store import cells as cell_rows
from promptlab.store.database import Connection
from promptlab.store.datasets import PlacedCase
from promptlab.store.rows import CellRow, OutputInsert
from promptlab.types import Message

NO_MONEY = "budget:"
"""How the error of an evaluator begins that could not ask a model for want of money: nobody asked for that."""


async def rescore(session: Session, column: Column, page: Sequence[PlacedCase]) -> None:
    """Brings the scores of a run's answers to these cases up to date with its evaluators and with what is expected."""
    cases = {placed.case.key: placed for placed in page}
    asked_again = session.mending.cells if session.mending is not None else frozenset()

    def read(connection: Connection) -> list[tuple[CellRow, tuple[Message, ...]]]:
        rows = cell_rows.cells(connection, [column.run.id], keys=list(cases))
        return [
            (row, cell_rows.rendered(connection, row.rendered_digest) if row.rendered_digest else ())
            for row in rows
            if row.answer_status is not None
            and (row.run_id, row.key, row.repeat) not in asked_again
            and not _is_current(session, column, row, cases[row.key])
        ]

    outdated = await asyncio.to_thread(session.database.read, read)
    # Together, so that what their evaluators ask of models is asked together.
    await as_they_end(
        [_again(session, column, row, messages, cases[row.key]) for row, messages in outdated], session.journal.outputs
    )


def _is_current(session: Session, column: Column, row: CellRow, placed: PlacedCase) -> bool:
    """Whether every score of a cell was given by the evaluator that the suite has now, to what is expected now, and
    none is to be had again.
    """
    if row.case_digest != placed.digest:
        return False
    errors = [score.error for score in row.scores.values() if score.error is not None]
    if any(session.retry_errors or error.startswith(NO_MONEY) for error in errors):
        return False
    wanted = digests(session.plan.evaluators_for(column.variant, placed.case))
    return all(
        digest == (wanted.get(name) or wanted.get(name.split(".", 1)[0]))
        for name, digest in row.evaluator_digests.items()
    )


async def _again(
    session: Session, column: Column, row: CellRow, messages: tuple[Message, ...], placed: PlacedCase
) -> OutputInsert:
    evaluators = session.plan.evaluators_for(column.variant, placed.case)
    context = stored_context(row, messages, column.variant, case=placed.case, ask=session.ask(column))
    scores = await score(context, evaluators) if context is not None else {}
    return OutputInsert(
        run_id=column.run.id,
        case_digest=placed.digest,
        key=row.key,
        repeat=row.repeat,
        rendered_digest=row.rendered_digest,
        answer_id=row.answer_id,
        cached=row.cached,
        status=row.status,
        error=row.error,
        scores=score_inserts(scores, digests(evaluators)),
    )
