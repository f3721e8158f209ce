"""What the outputs of runs add up to, summed by the database: a run of any size is read without holding its cells."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.store.rows import CaseMeans, CellTotals, ErrorGroup, PairedValues
from promptlab.store.statements import in_chunks
from promptlab.store.tables import ANSWER, ATTEMPT, CASE_CONTENT, OUTPUT, RUN, SCORE
from promptlab.types import ANSWER_STATUSES

_IS_ANSWER = OUTPUT.c.status.in_(sorted(ANSWER_STATUSES))
_IS_VERDICT = sa.and_(SCORE.c.passed.is_not(None), SCORE.c.value.in_([0.0, 1.0]))


def _dollars(total: float | None) -> float:
    """A sum of amounts without the noise of adding them in binary: a hundred times 0.01 is 1.00."""
    return round(float(total or 0.0), 12)


def cell_totals(connection: Connection, run_ids: Sequence[int]) -> dict[int, CellTotals]:
    """The totals of each run, by run id; of all that are given."""
    totals = {run_id: CellTotals() for run_id in run_ids}

    def known(column: sa.Column[Any]) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[int]]:
        return sa.func.sum(column), sa.func.count(column)

    for chunk in in_chunks(run_ids):
        query = (
            sa.select(
                OUTPUT.c.run_id,
                _IS_ANSWER.label("is_answer"),
                sa.func.count(),
                sa.func.count(sa.case((OUTPUT.c.cached, 1))),
                *known(ANSWER.c.cost_usd),
                *known(ANSWER.c.input_tokens),
                *known(ANSWER.c.output_tokens),
                sa.func.coalesce(sa.func.sum(ANSWER.c.seconds), 0.0),
            )
            .outerjoin(ANSWER, ANSWER.c.id == OUTPUT.c.answer_id)
            .where(OUTPUT.c.run_id.in_(chunk))
            .group_by(OUTPUT.c.run_id, "is_answer")
        )
        errors: dict[int, int] = {}
        for (
            run_id,
            is_answer,
            n,
            cached,
            cost,
            n_cost,
            inputs,
            n_inputs,
            outputs,
            n_outputs,
            seconds,
        ) in connection.execute(query):
            if not is_answer:
                errors[run_id] = n
                continue
            totals[run_id] = CellTotals(
                answers=n,
                cached=cached,
                cost_usd=_dollars(cost) if n_cost == n else None,
                input_tokens=int(inputs) if n_inputs == n else None,
                output_tokens=int(outputs) if n_outputs == n else None,
                seconds=float(seconds),
            )
        for run_id, count in errors.items():
            found = totals[run_id]
            totals[run_id] = CellTotals(
                found.answers,
                found.cached,
                count,
                found.cost_usd,
                found.input_tokens,
                found.output_tokens,
                found.seconds,
            )
    return totals


def spent_usd(connection: Connection, run_ids: Sequence[int]) -> dict[int, float | None]:
    """What each run paid for the answers to its own requests, in US dollars; None where the price of any is unknown."""
    spent: dict[int, float | None] = dict.fromkeys(run_ids, 0.0)
    for chunk in in_chunks(run_ids):
        query = (
            sa.select(
                ATTEMPT.c.run_id, sa.func.count(), sa.func.count(ATTEMPT.c.cost_usd), sa.func.sum(ATTEMPT.c.cost_usd)
            )
            .where(ATTEMPT.c.run_id.in_(chunk), ATTEMPT.c.status.in_(sorted(ANSWER_STATUSES)))
            .group_by(ATTEMPT.c.run_id)
        )
        for run_id, n, known, total in connection.execute(query):
            spent[run_id] = _dollars(total) if known == n else None
    return spent


def evaluator_errors(connection: Connection, run_ids: Sequence[int]) -> dict[int, int]:
    """How many scores of each run are errors of their evaluator."""
    counts = dict.fromkeys(run_ids, 0)
    for chunk in in_chunks(run_ids):
        query = (
            sa.select(OUTPUT.c.run_id, sa.func.count())
            .join(SCORE, SCORE.c.output_id == OUTPUT.c.id)
            .where(OUTPUT.c.run_id.in_(chunk), SCORE.c.error.is_not(None))
            .group_by(OUTPUT.c.run_id)
        )
        for run_id, count in connection.execute(query):
            counts[run_id] = count
    return counts


def case_means(connection: Connection, run_id: int) -> dict[str, CaseMeans]:
    """By an evaluator's name its scores of a run's answers, averaged within each case; NaN and errors are left out."""
    query = (
        sa.select(
            SCORE.c.name,
            sa.func.sum(SCORE.c.value),
            sa.func.count(),
            sa.func.count(sa.case((_IS_VERDICT, 1))),
        )
        .join(OUTPUT, OUTPUT.c.id == SCORE.c.output_id)
        .where(OUTPUT.c.run_id == run_id, SCORE.c.value.is_not(None), _IS_ANSWER)
        .group_by(SCORE.c.name, OUTPUT.c.case_digest)
    )
    means: dict[str, array[float]] = {}
    numbers: set[str] = set()
    for name, total, n, verdicts in connection.execute(query):
        means.setdefault(name, array("d")).append(total / n)
        if verdicts < n:
            numbers.add(name)
    return {name: CaseMeans(values, name not in numbers) for name, values in means.items()}


def paired_values(connection: Connection, run_uid: str) -> PairedValues:
    """What a run's answers have for pairing, by the digest of a case's inputs: scores and latency, repeats averaged."""
    answers = (
        sa.select(CASE_CONTENT.c.inputs_digest, sa.func.avg(ANSWER.c.seconds))
        .select_from(OUTPUT)
        .join(RUN, RUN.c.id == OUTPUT.c.run_id)
        .join(ANSWER, ANSWER.c.id == OUTPUT.c.answer_id)
        .join(CASE_CONTENT, CASE_CONTENT.c.digest == OUTPUT.c.case_digest)
        .where(RUN.c.uid == run_uid, _IS_ANSWER)
        .group_by(CASE_CONTENT.c.inputs_digest)
    )
    scores = (
        sa.select(
            SCORE.c.name,
            CASE_CONTENT.c.inputs_digest,
            sa.func.sum(SCORE.c.value),
            sa.func.count(),
            sa.func.count(sa.case((_IS_VERDICT, 1))),
        )
        .select_from(OUTPUT)
        .join(RUN, RUN.c.id == OUTPUT.c.run_id)
        .join(SCORE, SCORE.c.output_id == OUTPUT.c.id)
        .join(CASE_CONTENT, CASE_CONTENT.c.digest == OUTPUT.c.case_digest)
        .where(RUN.c.uid == run_uid, SCORE.c.value.is_not(None), _IS_ANSWER)
        .group_by(SCORE.c.name, CASE_CONTENT.c.inputs_digest)
    )
    seconds: dict[str, float] = {digest: float(mean) for digest, mean in connection.execute(answers)}
    values: dict[str, dict[str, float]] = {}
    passfail: dict[str, bool] = {}
    for name, digest, total, n, verdicts in connection.execute(scores):
        values.setdefault(name, {})[digest] = total / n
        passfail[name] = passfail.get(name, True) and n == 1 == verdicts
    return PairedValues(values, passfail, seconds)


def score_ranges(connection: Connection, run_ids: Sequence[int]) -> dict[str, tuple[float, float]]:
    """By an evaluator's name the lowest and the highest value that any cell of these runs has."""
    ranges: dict[str, tuple[float, float]] = {}
    for chunk in in_chunks(run_ids):
        query = (
            sa.select(SCORE.c.name, sa.func.min(SCORE.c.value), sa.func.max(SCORE.c.value))
            .join(OUTPUT, OUTPUT.c.id == SCORE.c.output_id)
            .where(OUTPUT.c.run_id.in_(chunk), SCORE.c.value.is_not(None))
            .group_by(SCORE.c.name)
        )
        for name, low, high in connection.execute(query):
            known = ranges.get(name, (low, high))
            ranges[name] = (min(low, known[0]), max(high, known[1]))
    return ranges


def error_groups(connection: Connection, run_ids: Sequence[int]) -> list[ErrorGroup]:
    """The errors of these runs by kind, with an example: cells by status, then scores by evaluator."""
    groups: dict[tuple[str, str | None], tuple[int, int]] = {}
    for chunk in in_chunks(run_ids):
        of_cells = (
            sa.select(OUTPUT.c.status, sa.null(), sa.func.count(), sa.func.min(OUTPUT.c.id))
            .where(OUTPUT.c.run_id.in_(chunk), sa.not_(_IS_ANSWER))
            .group_by(OUTPUT.c.status)
        )
        of_scores = (
            sa.select(sa.literal("evaluator"), SCORE.c.name, sa.func.count(), sa.func.min(OUTPUT.c.id))
            .join(SCORE, SCORE.c.output_id == OUTPUT.c.id)
            .where(OUTPUT.c.run_id.in_(chunk), SCORE.c.error.is_not(None))
            .group_by(SCORE.c.name)
        )
        for query in (of_cells, of_scores):
            for status, evaluator, count, first in connection.execute(query):
                known = groups.get((status, evaluator), (0, first))
                groups[status, evaluator] = (known[0] + count, min(known[1], first))
    return [
        _group(connection, status, evaluator, count, first)
        for (status, evaluator), (count, first) in sorted(groups.items(), key=lambda item: item[0][1] or "")
    ]


def _group(connection: Connection, status: str, evaluator: str | None, count: int, output_id: int) -> ErrorGroup:
    output = connection.execute(
        sa.select(OUTPUT.c.run_id, OUTPUT.c.key, OUTPUT.c.error).where(OUTPUT.c.id == output_id)
    ).one()
    message = output.error
    if evaluator is not None:
        message = connection.execute(
            sa.select(SCORE.c.error).where(SCORE.c.output_id == output_id, SCORE.c.name == evaluator)
        ).scalar()
    return ErrorGroup(status, evaluator, count, output.key, output.run_id, message)
