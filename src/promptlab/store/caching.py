"""What the cache holds, and how it forgets: answers stay where outputs use them, they are only not reused any more."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.store.rows import CacheModel
from promptlab.store.tables import ANSWER, ATTEMPT, OUTPUT, RUN

EVALUATORS = "(evaluators)"
"""What stands for the models that evaluators have asked."""


def cache_models(connection: Connection) -> list[CacheModel]:
    """What can be reused, by base model, most answers first; and what reusing has saved so far."""
    # What evaluators were told, of other models mostly, belongs to the run whose outputs they scored.
    model_name = sa.case((ATTEMPT.c.purpose == "generate", RUN.c.model), else_=EVALUATORS)
    held = (
        sa.select(
            model_name,
            sa.func.count().label("answers"),
            sa.func.coalesce(sa.func.sum(sa.func.length(ANSWER.c.text)), 0),
            sa.func.count(ANSWER.c.cost_usd),
            sa.func.sum(ANSWER.c.cost_usd),
        )
        .join(ATTEMPT, ATTEMPT.c.id == ANSWER.c.attempt_id)
        .join(RUN, RUN.c.id == ATTEMPT.c.run_id)
        .where(ANSWER.c.reusable.is_(True))
        .group_by(model_name)
    )
    used = (
        sa.select(RUN.c.model, sa.func.count(), sa.func.count(ANSWER.c.cost_usd), sa.func.sum(ANSWER.c.cost_usd))
        .select_from(OUTPUT)
        .join(RUN, RUN.c.id == OUTPUT.c.run_id)
        .join(ANSWER, ANSWER.c.id == OUTPUT.c.answer_id)
        .where(OUTPUT.c.cached)
        .group_by(RUN.c.model)
    )
    reused = {
        model: (n, float(total or 0.0) if n == known else None) for model, n, known, total in connection.execute(used)
    }
    found = []
    for model, n, characters, known, total in connection.execute(held):
        times, saved = reused.pop(model, (0, 0.0))
        found.append(
            CacheModel(model or "", n, int(characters), times, float(total or 0.0) if n == known else None, saved)
        )
    found += [CacheModel(model or "", 0, 0, times, 0.0, saved) for model, (times, saved) in reused.items()]
    return sorted(found, key=lambda item: (-item.answers, item.model))


def clear_cache(connection: Connection, *, model: str | None = None, before: datetime | None = None) -> int:
    """How many answers are not reused any more; outputs keep them.

    model: only those of this base model, or EVALUATORS. before: only those that were asked for before this time.
    """
    conditions = [ANSWER.c.reusable.is_(True)]
    if model is not None or before is not None:
        attempts = sa.select(ATTEMPT.c.id).join(RUN, RUN.c.id == ATTEMPT.c.run_id)
        if model is not None:
            if model == EVALUATORS:
                attempts = attempts.where(ATTEMPT.c.purpose != "generate")
            else:
                attempts = attempts.where(RUN.c.model == model, ATTEMPT.c.purpose == "generate")
        if before is not None:
            attempts = attempts.where(ATTEMPT.c.started_at < before)
        conditions.append(ANSWER.c.attempt_id.in_(attempts))
    return int(connection.execute(sa.update(ANSWER).where(*conditions).values(reusable=False)).rowcount)
