"""The answers of a run with what was expected and chosen scores: what whole-run metrics are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.store.statements import in_chunks
from promptlab.store.tables import ANSWER, CASE_CONTENT, DATASET_ITEM, OUTPUT, SCORE
from promptlab.types import ANSWER_STATUSES, Score

Place: TypeAlias = tuple[str, int]
"""Of an output in its run: the key of its case, and which repeat it is."""

START: Place = ("", -1)
"""Before all places."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """An answer. id: of its output; place: its case's key and its repeat, by which pages go on."""

    id: int
    place: Place
    expected: Any
    output: str
    scores: dict[str, Score]


def scored_answers(
    connection: Connection, run_id: int, *, scores: Sequence[str] = (), after: Place = START, limit: int = 1000
) -> list[ScoredAnswer]:
    """A page of the answers of a run by their place; cells without an answer are left out.

    scores: names of the scores that are read too. after: the place of the last one of the page before. Pages go by the
    columns of the unique index: by id, each page would read and sort all that are left.
    """
    place = sa.tuple_(OUTPUT.c.key, OUTPUT.c.repeat)
    query = (
        sa.select(OUTPUT.c.id, OUTPUT.c.key, OUTPUT.c.repeat, CASE_CONTENT.c.expected, ANSWER.c.text)
        .join(ANSWER, ANSWER.c.id == OUTPUT.c.answer_id)
        .join(CASE_CONTENT, CASE_CONTENT.c.digest == OUTPUT.c.case_digest)
        .where(OUTPUT.c.run_id == run_id, OUTPUT.c.status.in_(sorted(ANSWER_STATUSES)), place > after)
        .order_by(OUTPUT.c.key, OUTPUT.c.repeat)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    found = _scores(connection, [row.id for row in rows], scores) if scores else {}
    return [
        ScoredAnswer(row.id, (row.key, row.repeat), row.expected, row.text or "", found.get(row.id, {})) for row in rows
    ]


def expected_values(connection: Connection, dataset_id: int) -> Iterator[Any]:
    """What the cases of a data set expect, each content once, one by one; read them while the connection is open."""
    query = (
        sa.select(CASE_CONTENT.c.expected)
        .where(CASE_CONTENT.c.digest.in_(sa.select(DATASET_ITEM.c.case_digest).filter_by(dataset_id=dataset_id)))
        .execution_options(yield_per=_AT_ONCE)
    )
    yield from connection.execute(query).scalars()


def _scores(connection: Connection, outputs: Sequence[int], names: Sequence[str]) -> dict[int, dict[str, Score]]:
    found: dict[int, dict[str, Score]] = {}
    for chunk in in_chunks(outputs):
        query = sa.select(SCORE).where(SCORE.c.output_id.in_(chunk), SCORE.c.name.in_(names))
        for row in connection.execute(query):
            value = float("nan") if row.is_nan else row.value
            score = Score(value=value, passed=row.passed, reason=row.reason, label=row.label, error=row.error)
            found.setdefault(row.output_id, {})[row.name] = score
    return found
