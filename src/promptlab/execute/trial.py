"""One answer a base model, side by side: what the playground and `promptlab try` do.

A try goes the way of every other call: through the cache, with its attempt stored before it is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from promptlab import pricing
from promptlab.config import Workspace
from promptlab.execute.asking import landed, register
from promptlab.execute.calling import Caller, Tally, Worst
from promptlab.execute.cells import Cell, Outcome, make_cells, output_insert, reuse
from promptlab.execute.flights import Flight, Landing, flights_of
from promptlab.execute.journal import Journal
from promptlab.execute.paces import Paces
from promptlab.execute.plan import Variant
from promptlab.execute.stopping import Stop
from promptlab.models.base import Model
from promptlab.store import cells as cell_rows
from promptlab.store import datasets, outputs, runs
from promptlab.store.database import Connection, Database
from promptlab.store.datasets import PlacedCase
from promptlab.store.rows import AnswerRow, RunRow
from promptlab.tracking.provenance import Provenance
from promptlab.types import Case, CellStatus, Message, PromptVersion, Request, Response, Usage


@dataclass(frozen=True, slots=True)
class Trial:
    """One model's answer. text is empty and error set where there is none."""

    model: str
    text: str
    status: CellStatus
    error: str | None
    cached: bool
    seconds: float | None
    usage: Usage
    cost_usd: float | None
    messages: tuple[Message, ...]


Listener = Callable[[str, str], None]
"""Called with a model's name and its answer's text so far, from the engine's thread."""


async def try_prompt(
    prompt: PromptVersion,
    models: Sequence[Model],
    inputs: Mapping[str, Any],
    *,
    database: Database,
    workspace: Workspace,
    provenance: Provenance,
    settings: Mapping[str, Any] | None = None,
    prompt_id: int | None = None,
    use_cache: bool = True,
    listener: Listener | None = None,
) -> list[Trial]:
    """One answer of each model, in their order; stored as a run of kind `try`, which lists hide by default."""
    case = Case(key="1", inputs=dict(inputs))
    variants = [Variant(prompt, prompt_id, model, {**prompt.settings, **(settings or {})}) for model in models]
    rows = await database.commit(lambda connection: _create(connection, variants, case, provenance))
    trials = await asyncio.gather(
        *(
            _one(variant, row, case, database, workspace, use_cache=use_cache, listener=listener)
            for variant, row in zip(variants, rows, strict=True)
        )
    )
    now = datetime.now(UTC)
    for row, trial in zip(rows, trials, strict=True):
        status = "failed" if trial.error else "finished"
        await database.commit(
            lambda connection, row=row, status=status, error=trial.error: runs.finish_run(  # type: ignore[misc]
                connection, row.uid, status, error=error, ended_at=now
            ),
        )
    return list(trials)


def _create(connection: Connection, variants: Sequence[Variant], case: Case, provenance: Provenance) -> list[RunRow]:
    datasets.store_cases(connection, [case])
    return [
        runs.create_run(
            connection,
            kind="try",
            name=variant.name,
            user=provenance.user,
            source=provenance.source,
            git_sha=provenance.git_sha,
            host=provenance.host,
            pid=provenance.pid,
            prompt_version_id=variant.prompt_id,
            model=variant.model.name,
            settings=dict(variant.settings),
            cells_planned=1,
            started_at=datetime.now(UTC),
        )
        for variant in variants
    ]


async def _one(
    variant: Variant,
    row: RunRow,
    case: Case,
    database: Database,
    workspace: Workspace,
    *,
    use_cache: bool,
    listener: Listener | None,
) -> Trial:
    placed = PlacedCase(0, datasets.case_digest(case), case)
    (cell,) = await asyncio.to_thread(make_cells, variant, [placed], [0])
    outcome: Outcome | None = None
    if cell.rendered and cell.request:
        messages = {cell.rendered: cell.request.messages}
        await database.commit(lambda connection: outputs.store_rendered(connection, messages))
    flight: Flight | None = None
    leads = True
    flights = flights_of(database)
    if use_cache and cell.cache_key:
        with flights.looking():
            outcome = await asyncio.to_thread(
                _look_up, database, cell.cache_key, lambda answer: reuse(cell, answer, run_id=row.id)
            )
            if outcome is None:
                flight, leads = register(flights, cell, shared=True)
    if flight is not None and not leads:
        landing = await flight.landing
        flight = None
        if landing is not None:
            outcome = landed(cell, landing)
    if outcome is None:
        landing = None
        try:
            outcome = await _ask(cell, variant, row, database, workspace, listener=listener)
            landing = Landing(outcome.status, outcome.answer_id, outcome.response, outcome.error)
        finally:
            if flight is not None:
                flights.end(cell.cache_key or "", flight, landing)
    elif outcome.response is not None and listener is not None:
        listener(variant.model.name, outcome.response.text)
    insert = output_insert(outcome, run_id=row.id, scores={}, digests={})
    await database.commit(lambda connection: outputs.store_outputs(connection, [insert]))
    return _trial(variant, outcome)


async def _ask(
    cell: Cell,
    variant: Variant,
    row: RunRow,
    database: Database,
    workspace: Workspace,
    *,
    listener: Listener | None,
) -> Outcome:
    if cell.request is None:
        return Outcome(cell, "template", error=cell.error)
    journal = Journal(database)
    caller = Caller(
        model=variant.model,
        journal=journal,
        pace=Paces(workspace, concurrency=None).of(variant.model),
        stop=Stop(),
        tally=Tally(),
        price=lambda model, response: pricing.cost_of(model.name, response.usage, workspace=workspace),
        send=_streaming(variant.model, listener) if listener is not None else None,
    )
    await caller.enter(Worst())
    called = await caller.call(cell, Worst(), run_id=row.id)
    await journal.close()
    answer_id = called.stored.id if called.stored else None
    return Outcome(cell, called.status, called.response, answer_id, error=called.error)


def _look_up(database: Database, cache_key: str, use: Callable[[AnswerRow], Outcome]) -> Outcome | None:
    answer = database.read(lambda connection: cell_rows.find_answers(connection, [cache_key])).get(cache_key)
    return use(answer) if answer is not None else None


def _streaming(model: Model, listener: Listener) -> Callable[[Request], Awaitable[Response]]:
    async def call(request: Request) -> Response:
        response: Response | None = None
        text = ""
        async for chunk in model.stream(request):
            if chunk.text:
                text += chunk.text
                listener(model.name, text)
            response = chunk.response or response
        if response is None:
            raise AssertionError(f"{model.name}: a stream ended without its response")
        return response

    return call


def _trial(variant: Variant, outcome: Outcome) -> Trial:
    response = outcome.response
    return Trial(
        model=variant.model.name,
        text=response.text if response else "",
        status=outcome.status,
        error=outcome.error,
        cached=outcome.cached,
        seconds=response.seconds if response else None,
        usage=response.usage if response else Usage(),
        cost_usd=response.cost_usd if response else None,
        messages=outcome.cell.request.messages if outcome.cell.request else (),
    )
