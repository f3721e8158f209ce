"""What a run asks and gets, written: attempts before they are sent, answers, outputs with their scores.

These functions run once or more a cell, so they go through statements that are compiled once. Reading stands in
`cells` and is reached from here too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.store.cells import (
    attempt_counts,
    attempts_of,
    cells,
    find_answers,
    lost_attempts,
    rendered,
    score_names,
    scores_table,
)
from promptlab.store.rows import AnswerRow, AttemptStart, OutputInsert, ScoreInsert
from promptlab.store.statements import Prepared, upsert
from promptlab.store.tables import ANSWER, ATTEMPT, OUTPUT, RENDERED, SCORE
from promptlab.types import CellStatus, Message, Response, Usage

__all__ = [
    "AnswerRow",
    "AttemptStart",
    "Connection",
    "OutputInsert",
    "ScoreInsert",
    "attempt_counts",
    "attempts_of",
    "begin_attempts",
    "cells",
    "find_answers",
    "finish_attempt",
    "finish_with_answer",
    "lost_attempts",
    "rendered",
    "score_names",
    "scores_table",
    "store_answer",
    "store_outputs",
    "store_rendered",
]

_CELL = ("run_id", "key", "repeat")
_CONTENT = ("case_digest", "rendered_digest", "answer_id", "cached", "status", "error")

_BEGIN = Prepared(
    lambda _: sa.insert(ATTEMPT).returning(ATTEMPT.c.id),
    ("run_id", "key", "repeat", "cache_key", "purpose", "started_at"),
)
_FINISH = Prepared(
    lambda _: (
        sa.update(ATTEMPT)
        .where(ATTEMPT.c.id == sa.bindparam("attempt_id"))
        .values(
            {
                name: sa.bindparam(f"new_{name}", type_=ATTEMPT.c[name].type)
                for name in ("ended_at", "status", "input_tokens", "output_tokens", "cost_usd", "error")
            }
        )
    ),
    (),
)
_ADD_ANSWER = Prepared(
    lambda _: sa.insert(ANSWER).returning(ANSWER.c.id),
    (
        "attempt_id",
        "cache_key",
        "reusable",
        "text",
        "status",
        "finish_reason",
        "tool_calls",
        "input_tokens",
        "output_tokens",
        "cached_input_tokens",
        "cost_usd",
        "seconds",
    ),
)
_ADD_OUTPUT = Prepared(lambda dialect: upsert(dialect, OUTPUT, keys=_CELL).returning(OUTPUT.c.id), (*_CELL, *_CONTENT))
_REPLACE_OUTPUT = Prepared(
    lambda dialect: upsert(dialect, OUTPUT, keys=_CELL, update=_CONTENT).returning(OUTPUT.c.id), (*_CELL, *_CONTENT)
)
_DROP_SCORES = Prepared(lambda _: sa.delete(SCORE).where(SCORE.c.output_id == sa.bindparam("output")), ())
_ADD_SCORE = Prepared(
    lambda _: sa.insert(SCORE),
    ("output_id", "name", "evaluator_digest", "value", "is_nan", "passed", "label", "reason", "error"),
)
_ADD_RENDERED = Prepared(lambda dialect: upsert(dialect, RENDERED, keys=["digest"]), ("digest", "messages"))


def begin_attempts(connection: Connection, starts: Sequence[AttemptStart]) -> list[int]:
    """The ids of new attempts, in their order; commit them before the requests are sent."""
    return [
        _new_id(
            _BEGIN.one(
                connection,
                {
                    "run_id": start.run_id,
                    "key": start.key,
                    "repeat": start.repeat,
                    "cache_key": start.cache_key,
                    "purpose": start.purpose,
                    "started_at": start.started_at,
                },
            )
        )
        for start in starts
    ]


def finish_attempt(
    connection: Connection,
    attempt_id: int,
    *,
    status: CellStatus,
    ended_at: datetime,
    usage: Usage = Usage(),  # noqa: B008 - a frozen value
    cost_usd: float | None = None,
    error: str | None = None,
) -> None:
    """Notes how an attempt ended."""
    _FINISH.one(
        connection,
        {
            "attempt_id": attempt_id,
            "new_ended_at": ended_at,
            "new_status": status,
            "new_input_tokens": usage.input_tokens,
            "new_output_tokens": usage.output_tokens,
            "new_cost_usd": cost_usd,
            "new_error": error,
        },
    )


def store_answer(
    connection: Connection,
    *,
    response: Response,
    attempt_id: int | None = None,
    cache_key: str = "",
    reusable: bool = False,
) -> int:
    """The id of a new answer. Without an attempt it was made elsewhere; without `reusable` the cache never gives it."""
    return _new_id(
        _ADD_ANSWER.one(
            connection,
            {
                "attempt_id": attempt_id,
                "cache_key": cache_key,
                "reusable": reusable,
                "text": response.text,
                "status": response.status,
                "finish_reason": response.finish_reason,
                "tool_calls": list(response.tool_calls) or None,
                "input_tokens": response.usage.input_tokens,
                "output_tokens": response.usage.output_tokens,
                "cached_input_tokens": response.usage.cached_input_tokens,
                "cost_usd": response.cost_usd,
                "seconds": response.seconds,
            },
        )
    )


def finish_with_answer(
    connection: Connection,
    attempt_id: int,
    *,
    cache_key: str,
    reusable: bool,
    response: Response,
    ended_at: datetime,
) -> int:
    """The id of the answer that an attempt ended with: both are written, or neither."""
    finish_attempt(
        connection,
        attempt_id,
        status=response.status,
        usage=response.usage,
        cost_usd=response.cost_usd,
        ended_at=ended_at,
    )
    return store_answer(connection, response=response, attempt_id=attempt_id, cache_key=cache_key, reusable=reusable)


def store_outputs(connection: Connection, outputs: Sequence[OutputInsert]) -> list[int]:
    """The ids of these cells, in their order; a cell that was stored before is replaced, with its scores.

    Cases and rendered prompts that they name are stored before.
    """
    ids: list[int] = []
    scores: list[dict[str, Any]] = []
    for output in outputs:
        values = {name: getattr(output, name) for name in (*_CELL, *_CONTENT)}
        added = _ADD_OUTPUT.one(connection, values)
        if added is None:
            added = _REPLACE_OUTPUT.one(connection, values)
            _DROP_SCORES.one(connection, {"output": _new_id(added)})
        output_id = _new_id(added)
        ids.append(output_id)
        scores += [_score(output_id, score) for score in output.scores]
    if scores:
        _ADD_SCORE.many(connection, scores)
    return ids


def store_rendered(connection: Connection, messages: Mapping[str, Sequence[Message]]) -> None:
    """Keeps rendered prompts by digest; those that are there already stay."""
    _ADD_RENDERED.many(
        connection,
        (
            {"digest": digest, "messages": [[message.role, message.content] for message in rendered_messages]}
            for digest, rendered_messages in messages.items()
        ),
    )


def _score(output_id: int, score: ScoreInsert) -> dict[str, Any]:
    is_nan = score.value is not None and math.isnan(score.value)
    return {
        "output_id": output_id,
        "name": score.name,
        "evaluator_digest": score.evaluator_digest,
        "value": None if is_nan or score.value is None else float(score.value),
        "is_nan": is_nan,
        "passed": score.passed,
        "label": score.label,
        "reason": score.reason,
        "error": score.error,
    }


def _new_id(row: tuple[Any, ...] | None) -> int:
    if row is None:
        raise LookupError("an insert gave back no id")
    return int(row[0])
