"""One cell: its request rendered and keyed, and the row it becomes with its scores."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from promptlab.errors import TemplateError
from promptlab.evaluators.base import BoundEvaluator
from promptlab.execute.plan import Variant
from promptlab.models.base import Model
from promptlab.prompts import rendering
from promptlab.prompts.digest import canonical_json
from promptlab.store.datasets import PlacedCase
from promptlab.store.rows import AnswerRow, CellRow, OutputInsert, ScoreInsert
from promptlab.types import ANSWER_STATUSES, Ask, Case, CellStatus, EvaluatorContext, Message, Request, Response, Score


@dataclass(frozen=True, slots=True)
class Cell:
    """One case x one variant x one repeat, ready to be answered.

    case_digest: of what the case says. request is None where the template did not render; then error says why.
    cache_key: None: never reused.
    """

    case: Case
    case_digest: str
    repeat: int
    request: Request | None
    error: str | None
    rendered: str | None
    cache_key: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell ended. answer_id and response are None where it ended in an error.

    cached: no request was sent for it by its run.
    """

    cell: Cell
    status: CellStatus
    response: Response | None = None
    answer_id: int | None = None
    cached: bool = False
    error: str | None = None


def make_cells(variant: Variant, cases: Sequence[PlacedCase], repeats: Iterable[int]) -> list[Cell]:
    """The cells of these cases: templates rendered (blocking, in the sandbox), cache keys computed."""
    if variant.prompt is None:
        rendered: list[tuple[Message, ...] | TemplateError] = [() for _ in cases]
    else:
        rendered = rendering.render_all(variant.prompt, [placed.case.inputs for placed in cases])
    schema = variant.prompt.response_schema if variant.prompt else None
    keys = _Keys(variant.model, variant.settings, schema)
    numbers = list(repeats)
    cells: list[Cell] = []
    for placed, messages in zip(cases, rendered, strict=True):
        case = placed.case
        if isinstance(messages, TemplateError):
            error = str(messages)
            cells += [Cell(case, placed.digest, repeat, None, error, None, None) for repeat in numbers]
            continue
        text = canonical_json([[message.role, message.content] for message in messages])
        # The digest of the same text as prompts.digest.rendered_digest.
        digest = hashlib.sha256(text.encode("ascii")).hexdigest() if messages else None
        cells += [
            Cell(
                case,
                placed.digest,
                repeat,
                Request(messages, variant.settings, schema, case.inputs, repeat),
                None,
                digest,
                keys.of(text, repeat),
            )
            for repeat in numbers
        ]
    return cells


def cache_key(model: Model, request: Request) -> str | None:
    """The content address of a call: model with its revision or endpoint, settings, messages, repeat index.

    None where the model has no identity, since nothing says that it would answer the same again.
    """
    messages = canonical_json([[message.role, message.content] for message in request.messages])
    return _Keys(model, request.settings, request.response_schema).of(messages, request.repeat)


class _Keys:
    """Cache keys of one variant: what its cells share is written once.

    A key is the SHA-256 of the canonical JSON of {messages, model, repeat, response_schema, settings}; the pieces
    are put together by hand, in the order of their names.
    """

    def __init__(
        self, model: Model, settings: Mapping[str, object], response_schema: Mapping[str, object] | None
    ) -> None:
        identity = model.identity
        self._middle = None if identity is None else f',"model":{canonical_json(identity)},"repeat":'
        self._end = f',"response_schema":{canonical_json(response_schema)},"settings":{canonical_json(settings)}}}'

    def of(self, messages: str, repeat: int) -> str | None:
        """The key of these messages, given as canonical JSON."""
        if self._middle is None:
            return None
        content = f'{{"messages":{messages}{self._middle}{repeat}{self._end}'
        return hashlib.sha256(content.encode("ascii")).hexdigest()


def reuse(cell: Cell, answer: AnswerRow, *, run_id: int) -> Outcome:
    """The outcome of a cell that a stored answer serves; its latency is the one measured when it was made.

    run_id: of the cell's run: an answer that this run itself has paid for is not a cached one.
    """
    return Outcome(
        cell,
        answer.response.status,
        answer.response,
        answer.id,
        cached=answer.run_id is None or answer.run_id != run_id,
    )


async def score(context: EvaluatorContext, evaluators: Sequence[BoundEvaluator]) -> dict[str, Score]:
    """Every evaluator's scores of an answer, by name; those that take their time run side by side."""
    slow = [position for position, evaluator in enumerate(evaluators) if not evaluator.inline]
    # All at once, so that one output is through with all of them before the next one is; one alone needs no task.
    together = slow if len(slow) > 1 else []
    begun = {position: asyncio.ensure_future(evaluators[position].score(context)) for position in together}
    scores: dict[str, Score] = {}
    try:
        for position, evaluator in enumerate(evaluators):
            if evaluator.combines is not None:
                scores.update(evaluator.combined(scores))
            else:
                scores.update(await (begun[position] if position in begun else evaluator.score(context)))
    finally:
        for task in begun.values():
            task.cancel()
    return scores


def evaluator_context(
    outcome: Outcome, response: Response, variant: Variant, *, ask: Ask | None = None
) -> EvaluatorContext:
    """All that an evaluator may look at, for this cell's answer."""
    cell = outcome.cell
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
        tool_calls=response.tool_calls,
        ask=ask,
    )


def stored_context(
    row: CellRow, messages: tuple[Message, ...], variant: Variant, *, case: Case, ask: Ask | None = None
) -> EvaluatorContext | None:
    """The same for a cell that was stored before, with its case as it is now; None where it ended in an error."""
    status = row.answer_status
    if status is None:
        return None
    return EvaluatorContext(
        inputs=case.inputs,
        output=row.output or "",
        expected=case.expected,
        metadata=case.metadata,
        key=row.key,
        messages=messages,
        model=variant.model.name,
        status=status,
        finish_reason=row.finish_reason,
        usage=row.usage,
        seconds=row.seconds,
        cost_usd=row.cost_usd,
        response_schema=variant.prompt.response_schema if variant.prompt else None,
        tool_calls=row.tool_calls,
        ask=ask,
    )


def output_insert(
    outcome: Outcome,
    *,
    run_id: int,
    scores: Mapping[str, Score],
    digests: Mapping[str, str],
    answer_id: int | None = None,
) -> OutputInsert:
    """The row of an ended cell with its scores.

    digests: of the evaluators, by the name they score under. answer_id: where the outcome does not know it yet.
    """
    cell = outcome.cell
    if outcome.status in ANSWER_STATUSES and outcome.answer_id is None and answer_id is None:
        raise LookupError(f"the answer of case {cell.case.key} was not stored")
    return OutputInsert(
        run_id=run_id,
        case_digest=cell.case_digest,
        key=cell.case.key,
        repeat=cell.repeat,
        rendered_digest=cell.rendered,
        answer_id=outcome.answer_id if answer_id is None else answer_id,
        cached=outcome.cached,
        status=outcome.status,
        error=outcome.error,
        scores=score_inserts(scores, digests),
    )


def score_inserts(scores: Mapping[str, Score], digests: Mapping[str, str]) -> list[ScoreInsert]:
    """Scores as rows; digests: of the evaluators, by the name they score under."""
    return [
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
    ]
