"""What a run asked and got, read: cells with their cases and scores, answers for the cache, attempts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.store.rows import REQUESTS, AnswerRow, AttemptCounts, AttemptRow, CellRow, ScoreValue
from promptlab.store.statements import in_chunks
from promptlab.store.tables import ANSWER, ATTEMPT, CASE_CONTENT, OUTPUT, RENDERED, RUN, SCORE
from promptlab.types import ANSWER_STATUSES, CellStatus, Message, Response, Score, Usage

_ANSWER_COLUMNS = (
    ANSWER.c.text,
    ANSWER.c.finish_reason,
    ANSWER.c.tool_calls,
    ANSWER.c.input_tokens,
    ANSWER.c.output_tokens,
    ANSWER.c.cached_input_tokens,
    ANSWER.c.cost_usd,
    ANSWER.c.seconds,
)


def cells(
    connection: Connection,
    run_ids: Sequence[int],
    *,
    after: int | None = None,
    limit: int | None = None,
    keys: Sequence[str] | None = None,
) -> list[CellRow]:
    """The cells of these runs in the order they were stored, with cases, answers and scores.

    after, limit: the page after the cell with this id. keys: only the cells of these cases.
    """
    query = (
        sa.select(OUTPUT, RUN.c.uid.label("run_uid"), *_ANSWER_COLUMNS)
        .join(RUN, RUN.c.id == OUTPUT.c.run_id)
        .outerjoin(ANSWER, ANSWER.c.id == OUTPUT.c.answer_id)
        .where(OUTPUT.c.run_id.in_(run_ids))
        .order_by(OUTPUT.c.id)
    )
    if after is not None:
        query = query.where(OUTPUT.c.id > after)
    if keys is not None:
        query = query.where(OUTPUT.c.key.in_(keys))
    if limit is not None:
        query = query.limit(limit)
    rows = connection.execute(query).all()
    cases = _cases(connection, (row.case_digest for row in rows))
    scores = _scores(connection, [row.id for row in rows])
    attempts = _attempts_by_cell(
        connection, run_ids, None if keys is None and limit is None else {row.key for row in rows}
    )
    return [
        CellRow(
            id=row.id,
            run_id=row.run_id,
            run_uid=row.run_uid,
            key=row.key,
            repeat=row.repeat,
            case_digest=row.case_digest,
            inputs_digest=cases[row.case_digest].inputs_digest,
            inputs=cases[row.case_digest].inputs,
            expected=cases[row.case_digest].expected,
            metadata=cases[row.case_digest].metadata,
            output=row.text,
            status=row.status,
            error=row.error,
            cached=row.cached,
            attempts=attempts.get((row.run_id, row.key, row.repeat), 0),
            finish_reason=row.finish_reason,
            tool_calls=tuple(row.tool_calls or ()),
            seconds=row.seconds,
            usage=Usage(row.input_tokens, row.output_tokens, row.cached_input_tokens),
            cost_usd=row.cost_usd,
            rendered_digest=row.rendered_digest,
            answer_id=row.answer_id,
            scores={name: score for name, (score, _) in scores.get(row.id, {}).items()},
            evaluator_digests={name: digest for name, (_, digest) in scores.get(row.id, {}).items()},
        )
        for row in rows
    ]


def find_answers(
    connection: Connection, cache_keys: Iterable[str], *, run_id: int | None = None
) -> dict[str, AnswerRow]:
    """The newest reusable answer of each cache key that has one; with run_id, only of those that this run paid for."""
    found: dict[str, AnswerRow] = {}
    for chunk in in_chunks(key for key in cache_keys if key):
        query = (
            sa.select(ANSWER, ATTEMPT.c.run_id)
            .outerjoin(ATTEMPT, ATTEMPT.c.id == ANSWER.c.attempt_id)
            .where(ANSWER.c.cache_key.in_(chunk), ANSWER.c.reusable.is_(True))
            .order_by(ANSWER.c.id)
        )
        if run_id is not None:
            query = query.where(ATTEMPT.c.run_id == run_id)
        for row in connection.execute(query):
            response = Response(
                text=row.text,
                status=row.status,
                finish_reason=row.finish_reason,
                usage=Usage(row.input_tokens, row.output_tokens, row.cached_input_tokens),
                seconds=row.seconds,
                tool_calls=tuple(row.tool_calls or ()),
                cost_usd=row.cost_usd,
            )
            found[row.cache_key] = AnswerRow(
                row.id, row.attempt_id, row.cache_key, row.reusable, response, run_id=row.run_id
            )
    return found


def ended_cells(connection: Connection, run_id: int, keys: Iterable[str]) -> dict[tuple[str, int], CellStatus]:
    """How the cells of these cases ended so far, by key and repeat."""
    found: dict[tuple[str, int], CellStatus] = {}
    for chunk in in_chunks(keys):
        query = sa.select(OUTPUT.c.key, OUTPUT.c.repeat, OUTPUT.c.status).where(
            OUTPUT.c.run_id == run_id, OUTPUT.c.key.in_(chunk)
        )
        found.update({(key, repeat): status for key, repeat, status in connection.execute(query)})
    return found


def rendered(connection: Connection, digest: str) -> tuple[Message, ...]:
    """The messages of a rendered prompt; empty where none has this digest."""
    stored = connection.execute(sa.select(RENDERED.c.messages).where(RENDERED.c.digest == digest)).scalar()
    return tuple(Message(role, content) for role, content in stored or ())


def attempts_of(
    connection: Connection,
    run_id: int,
    cache_key: str | None = None,
    *,
    key: str | None = None,
    repeat: int | None = None,
) -> list[AttemptRow]:
    """The attempts of a run, in order: all, or those of a cache key, a case or one cell."""
    query = sa.select(ATTEMPT).where(ATTEMPT.c.run_id == run_id)
    if cache_key is not None:
        query = query.where(ATTEMPT.c.cache_key == cache_key)
    if key is not None:
        query = query.where(ATTEMPT.c.key == key)
    if repeat is not None:
        query = query.where(ATTEMPT.c.repeat == repeat)
    return _attempts(connection, query)


def lost_attempts(connection: Connection, run_id: int) -> list[AttemptRow]:
    """Attempts of a run that were begun and never completed: in flight, or lost with their process."""
    return _attempts(connection, sa.select(ATTEMPT).where(ATTEMPT.c.run_id == run_id, ATTEMPT.c.status.is_(None)))


def attempt_counts(connection: Connection, run_ids: Sequence[int]) -> AttemptCounts:
    """How many requests these runs sent, together, and what they paid.

    What evaluators asked of servers counts too; what a local model worked out for them does not.
    """
    answered = ATTEMPT.c.status.in_(sorted(ANSWER_STATUSES))
    sent = ATTEMPT.c.purpose.in_(REQUESTS)
    made = failed = lost = unknown = 0
    spent = 0.0
    for chunk in in_chunks(run_ids):
        query = sa.select(
            sa.func.count(sa.case((sent, 1))),
            sa.func.count(sa.case((sa.and_(sent, ATTEMPT.c.status.is_not(None), sa.not_(answered)), 1))),
            sa.func.count(sa.case((sa.and_(sent, ATTEMPT.c.status.is_(None)), 1))),
            sa.func.count(sa.case((sa.and_(answered, ATTEMPT.c.cost_usd.is_(None)), 1))),
            sa.func.coalesce(sa.func.sum(ATTEMPT.c.cost_usd), 0.0),
        ).where(ATTEMPT.c.run_id.in_(chunk))
        row = connection.execute(query).one()
        made, failed, lost, unknown = made + row[0], failed + row[1], lost + row[2], unknown + row[3]
        spent += row[4]
    return AttemptCounts(made, failed, lost, None if unknown else spent)


def scores_table(
    connection: Connection, run_ids: Sequence[int], evaluator: str
) -> dict[int, dict[str, list[ScoreValue]]]:
    """An evaluator's scores for pairing: {run_id: {digest of the inputs: [one a repeat]}}; errors are left out."""
    table: dict[int, dict[str, list[ScoreValue]]] = {run_id: {} for run_id in run_ids}
    for chunk in in_chunks(run_ids):
        query = (
            sa.select(OUTPUT.c.run_id, CASE_CONTENT.c.inputs_digest, SCORE.c.value, SCORE.c.is_nan, SCORE.c.passed)
            .join(SCORE, SCORE.c.output_id == OUTPUT.c.id)
            .join(CASE_CONTENT, CASE_CONTENT.c.digest == OUTPUT.c.case_digest)
            .where(OUTPUT.c.run_id.in_(chunk), SCORE.c.name == evaluator, SCORE.c.error.is_(None))
            .order_by(OUTPUT.c.run_id, OUTPUT.c.key, OUTPUT.c.repeat)
        )
        for run_id, digest, value, is_nan, passed in connection.execute(query):
            number = _value(value, is_nan=is_nan)
            if number is None and passed is not None:
                number = float(passed)
            if number is not None:
                table[run_id].setdefault(digest, []).append(ScoreValue(number, passed))
    return table


def score_names(connection: Connection, run_ids: Sequence[int]) -> list[str]:
    """The names of every score that these runs have, in alphabetical order."""
    names: set[str] = set()
    for chunk in in_chunks(run_ids):
        query = (
            sa.select(SCORE.c.name)
            .join(OUTPUT, OUTPUT.c.id == SCORE.c.output_id)
            .where(OUTPUT.c.run_id.in_(chunk))
            .distinct()
        )
        names.update(connection.execute(query).scalars())
    return sorted(names)


def _cases(connection: Connection, digests: Iterable[str]) -> dict[str, Any]:
    """Each case once, however many cells share it: its JSON is read once."""
    found: dict[str, Any] = {}
    for chunk in in_chunks(digests):
        for row in connection.execute(sa.select(CASE_CONTENT).where(CASE_CONTENT.c.digest.in_(chunk))):
            found[row.digest] = row
    return found


def _scores(connection: Connection, output_ids: Sequence[int]) -> dict[int, dict[str, tuple[Score, str]]]:
    found: dict[int, dict[str, tuple[Score, str]]] = {}
    for chunk in in_chunks(output_ids):
        query = sa.select(SCORE).where(SCORE.c.output_id.in_(chunk)).order_by(SCORE.c.output_id, SCORE.c.name)
        for row in connection.execute(query):
            score = Score(
                value=_value(row.value, is_nan=row.is_nan),
                passed=row.passed,
                reason=row.reason,
                label=row.label,
                error=row.error,
            )
            found.setdefault(row.output_id, {})[row.name] = (score, row.evaluator_digest)
    return found


def _attempts_by_cell(
    connection: Connection, run_ids: Sequence[int], keys: Iterable[str] | None
) -> dict[tuple[int, str, int], int]:
    cell = (ATTEMPT.c.run_id, ATTEMPT.c.key, ATTEMPT.c.repeat)
    query = sa.select(*cell, sa.func.count()).where(ATTEMPT.c.run_id.in_(run_ids), ATTEMPT.c.key.is_not(None))
    if keys is not None:
        query = query.where(ATTEMPT.c.key.in_(sorted(keys)))
    rows = connection.execute(query.group_by(*cell))
    return {(run_id, key, repeat): count for run_id, key, repeat, count in rows}


def _attempts(connection: Connection, query: sa.Select[Any]) -> list[AttemptRow]:
    return [
        AttemptRow(
            id=row.id,
            run_id=row.run_id,
            key=row.key,
            repeat=row.repeat,
            cache_key=row.cache_key,
            purpose=row.purpose,
            started_at=row.started_at,
            ended_at=row.ended_at,
            status=row.status,
            usage=Usage(row.input_tokens, row.output_tokens),
            cost_usd=row.cost_usd,
            error=row.error,
        )
        for row in connection.execute(query.order_by(ATTEMPT.c.id))
    ]


def _value(value: float | None, *, is_nan: bool) -> float | None:
    return float("nan") if is_nan else value
