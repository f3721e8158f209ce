"""One cell: its request rendered and keyed, its answer looked up or asked for, stored and scored.

An attempt is committed before each request and completed after it, in the same write as its answer, so that
a process that dies loses at most what was in flight, and the database knows what that was.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from promptlab.errors import CallError, TemplateError
from promptlab.evaluators.base import BoundEvaluator
from promptlab.execute.plan import Variant
from promptlab.models.base import Model
from promptlab.prompts import rendering
from promptlab.prompts.digest import canonical_json, rendered_digest
from promptlab.store import outputs
from promptlab.store.database import Connection, Database
from promptlab.store.rows import AnswerRow, AttemptStart, OutputInsert, ScoreInsert
from promptlab.types import (
    RETRIED_STATUSES,
    Case,
    CellStatus,
    EvaluatorContext,
    Message,
    Request,
    Response,
    Score,
)

MAX_ATTEMPTS = 5
BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 8.0
RATE_LIMIT_REST_SECONDS = 2.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cell:
    """One case x one variant x one repeat, ready to be answered.

    request is None where the template did not render; then error says why. cache_key: None: never reused.
    """

    case: Case
    repeat: int
    request: Request | None
    error: str | None
    rendered: str | None
    cache_key: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell ended. answer_id and response are None where it ended in an error."""

    cell: Cell
    status: CellStatus
    response: Response | None = None
    answer_id: int | None = None
    cached: bool = False
    error: str | None = None


async def commit(database: Database, function: Callable[[Any], T]) -> T:
    """What `function` gave, once the writer has committed it; the event loop goes on meanwhile."""
    return await database.commit(function)


def make_cells(variant: Variant, cases: Sequence[Case], repeats: int) -> list[Cell]:
    """The cells of these cases: templates rendered (blocking, in the sandbox), cache keys computed."""
    if variant.prompt is None:
        rendered: list[tuple[Message, ...] | TemplateError] = [() for _ in cases]
    else:
        rendered = rendering.render_all(variant.prompt, [case.inputs for case in cases])
    schema = variant.prompt.response_schema if variant.prompt else None
    cells: list[Cell] = []
    for case, messages in zip(cases, rendered, strict=True):
        for repeat in range(repeats):
            if isinstance(messages, TemplateError):
                cells.append(Cell(case, repeat, None, str(messages), None, None))
                continue
            request = Request(messages, variant.settings, schema, case.inputs, repeat)
            digest = rendered_digest(messages) if messages else None
            cells.append(Cell(case, repeat, request, None, digest, cache_key(variant.model, request)))
    return cells


def cache_key(model: Model, request: Request) -> str | None:
    """The content address of a call: model with its revision or endpoint, settings, messages, repeat index.

    None where the model has no identity, since nothing says that it would answer the same again.
    """
    if model.identity is None:
        return None
    content = {
        "model": model.identity,
        "settings": dict(request.settings),
        "messages": [[message.role, message.content] for message in request.messages],
        "response_schema": request.response_schema,
        "repeat": request.repeat,
    }
    return hashlib.sha256(canonical_json(content).encode("utf-8", "surrogatepass")).hexdigest()


def reuse(cell: Cell, answer: AnswerRow) -> Outcome:
    """The outcome of a cell that an earlier answer serves; its latency is the one measured then."""
    return Outcome(cell, answer.response.status, answer.response, answer.id, cached=True)


async def ask(
    cell: Cell,
    variant: Variant,
    *,
    database: Database,
    run_id: int,
    price: Callable[[Model, Response], float | None],
    call: Callable[[Request], Awaitable[Response]] | None = None,
) -> Outcome:
    """The outcome of a cell that has to be asked for, after up to five attempts.

    call: what sends the request; default: the model's generate. Never raises CallError: a failed call is a row.
    """
    if cell.request is None:
        return Outcome(cell, "template", error=cell.error)
    send = call or variant.model.generate
    attempt = 1
    while True:
        try:
            response, answer_id = await _attempt(
                send, cell, variant.model, database=database, run_id=run_id, price=price
            )
        except CallError as error:
            if error.status not in RETRIED_STATUSES or attempt == MAX_ATTEMPTS:
                return Outcome(cell, error.status, error=str(error))
            rest = rest_seconds(error, attempt)
        else:
            return Outcome(cell, response.status, response, answer_id)
        await asyncio.sleep(rest)
        attempt += 1


def rest_seconds(error: CallError, attempt: int) -> float:
    """How long to rest after attempt number `attempt` (1 is the first) failed so, in seconds."""
    if error.retry_after is not None:
        return max(0.0, error.retry_after)
    if error.status == "rate_limited":
        return RATE_LIMIT_REST_SECONDS
    backoff = min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2.0 ** (attempt - 1))
    return backoff * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


async def _attempt(
    send: Callable[[Request], Awaitable[Response]],
    cell: Cell,
    model: Model,
    *,
    database: Database,
    run_id: int,
    price: Callable[[Model, Response], float | None],
) -> tuple[Response, int]:
    request = cell.request
    if request is None:
        raise CallError("template", cell.error or "the template did not render")
    start = AttemptStart(
        run_id, cell.cache_key or "", "generate", datetime.now(UTC), key=cell.case.key, repeat=cell.repeat
    )
    begun: list[int] = []

    def begin(connection: Connection) -> None:
        # Assigned whole, since a write may run twice.
        begun[:] = outputs.begin_attempts(connection, [start])

    try:
        await commit(database, begin)
        response = await send(request)
    except CallError as error:
        status, message = error.status, str(error)
        await commit(
            database,
            lambda connection: outputs.finish_attempt(
                connection, begun[0], status=status, error=message, ended_at=datetime.now(UTC)
            ),
        )
        raise
    except asyncio.CancelledError:
        # Not awaited: the loop is ending. Writes keep their order, and the writer is drained before the process ends.
        database.write(
            lambda connection: outputs.finish_attempt(
                connection, begun[0], status="cancelled", error="interrupted", ended_at=datetime.now(UTC)
            )
        )
        raise
    if response.cost_usd is None:
        response = replace(response, cost_usd=price(model, response))
    answered = response
    answer_id = await commit(
        database,
        lambda connection: outputs.finish_with_answer(
            connection,
            begun[0],
            cache_key=cell.cache_key or "",
            reusable=cell.cache_key is not None,
            response=answered,
            ended_at=datetime.now(UTC),
        ),
    )
    return answered, answer_id


async def score(outcome: Outcome, variant: Variant, evaluators: Sequence[BoundEvaluator]) -> dict[str, Score]:
    """Every evaluator's scores of an answer, by name; empty for a cell that ended in an error."""
    response = outcome.response
    if response is None:
        return {}
    context = evaluator_context(outcome.cell, response, variant)
    scores: dict[str, Score] = {}
    for evaluator in evaluators:
        scores.update(await evaluator.score(context))
    return scores


def evaluator_context(cell: Cell, response: Response, variant: Variant) -> EvaluatorContext:
    """All that an evaluator may look at, for this cell's answer."""
    return EvaluatorContext(
        inputs=cell.case.inputs,
        output=response.text,
        expected=cell.case.expected,
        metadata=cell.case.metadata,
        key=cell.case.key,
        messages=cell.request.messages if cell.request else (),
        model=variant.model.name,
        status=response.status,
        finish_reason=response.finish_reason,
        usage=response.usage,
        seconds=response.seconds,
        cost_usd=response.cost_usd,
        response_schema=variant.prompt.response_schema if variant.prompt else None,
    )


def output_insert(
    outcome: Outcome, *, run_id: int, case_digest: str, scores: Mapping[str, Score], digests: Mapping[str, str]
) -> OutputInsert:
    """The row of an ended cell with its scores; digests: of the evaluators, by the name they score under."""
    cell = outcome.cell
    return OutputInsert(
        run_id=run_id,
        case_digest=case_digest,
        key=cell.case.key,
        repeat=cell.repeat,
        rendered_digest=cell.rendered,
        answer_id=outcome.answer_id,
        cached=outcome.cached,
        status=outcome.status,
        error=outcome.error,
        scores=[
            ScoreInsert(
                name=name,
                evaluator_digest=digests.get(name) or digests.get(name.split(".", 1)[0], ""),
                value=given.value,
                passed=given.passed,
                label=given.label,
                reason=given.reason,
                error=given.error,
            )
            for name, given in scores.items()
        ],
    )
