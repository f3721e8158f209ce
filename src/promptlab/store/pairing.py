"""What outputs of several runs share: cases by their inputs, evaluators by their digests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.prompts.digest import canonical_json
from promptlab.store.rows import RunRow
from promptlab.store.runs import SELECT, read_run
from promptlab.store.statements import in_chunks
from promptlab.store.tables import CASE_CONTENT, DATASET, OUTPUT, RUN, RUN_DATASET, SCORE


@dataclass(frozen=True, slots=True)
class SharedCases:
    """Cases with the same inputs in two runs. other_expected: of these, with another expected value;
    other_rendered: of these, with another rendered prompt.
    """

    shared: int
    other_expected: int
    other_rendered: int


def shared_cases(connection: Connection, a: int, b: int) -> SharedCases:
    """The cases that two runs, by their ids, share; of repeats the first counts."""
    found: list[dict[str, tuple[str, str | None]]] = []
    for run_id in (a, b):
        query = (
            sa.select(CASE_CONTENT.c.inputs_digest, OUTPUT.c.case_digest, OUTPUT.c.rendered_digest)
            .join(CASE_CONTENT, CASE_CONTENT.c.digest == OUTPUT.c.case_digest)
            .where(OUTPUT.c.run_id == run_id, OUTPUT.c.repeat == 0)
        )
        found.append({inputs: (case, rendered) for inputs, case, rendered in connection.execute(query)})
    first, second = found
    both = first.keys() & second.keys()
    unequal = [(first[key][0], second[key][0]) for key in both if first[key][0] != second[key][0]]
    expected = _expected(connection, {digest for pair in unequal for digest in pair})
    return SharedCases(
        len(both),
        sum(expected[ours] != expected[theirs] for ours, theirs in unequal),
        sum(first[key][1] != second[key][1] for key in both),
    )


def _expected(connection: Connection, digests: Iterable[str]) -> dict[str, str]:
    """What cases expect, as canonical JSON: a change of metadata alone is none of what is expected."""
    found: dict[str, str] = {}
    for chunk in in_chunks(digests):
        query = sa.select(CASE_CONTENT.c.digest, CASE_CONTENT.c.expected).where(CASE_CONTENT.c.digest.in_(chunk))
        found |= {digest: canonical_json(expected) for digest, expected in connection.execute(query)}
    return found


def evaluator_digests(connection: Connection, run_ids: Sequence[int]) -> dict[int, dict[str, frozenset[str]]]:
    """By run the digests of the evaluators that gave its scores, by their names."""
    found: dict[int, dict[str, set[str]]] = {run_id: {} for run_id in run_ids}
    for chunk in in_chunks(run_ids):
        query = (
            sa.select(OUTPUT.c.run_id, SCORE.c.name, SCORE.c.evaluator_digest)
            .join(SCORE, SCORE.c.output_id == OUTPUT.c.id)
            .where(OUTPUT.c.run_id.in_(chunk))
            .distinct()
        )
        for run_id, name, digest in connection.execute(query):
            found[run_id].setdefault(name, set()).add(digest)
    return {run_id: {name: frozenset(digests) for name, digests in of_run.items()} for run_id, of_run in found.items()}


def runs_on(connection: Connection, dataset_name: str, *, limit: int) -> list[RunRow]:
    """Runs that have outputs for cases of any version of a data set, the newest first; deleted ones are left out."""
    versions = sa.select(DATASET.c.id).where(DATASET.c.name == dataset_name)
    used = sa.select(RUN_DATASET.c.run_id).where(RUN_DATASET.c.dataset_id.in_(versions))
    has_outputs = sa.exists(sa.select(OUTPUT.c.id).where(OUTPUT.c.run_id == RUN.c.id))
    query = (
        SELECT.where(RUN.c.id.in_(used), RUN.c.deleted_at.is_(None), RUN.c.kind != "try", has_outputs)
        .order_by(RUN.c.id.desc())
        .limit(limit)
    )
    now = datetime.now(UTC)
    return [read_run(row, now) for row in connection.execute(query).mappings()]
