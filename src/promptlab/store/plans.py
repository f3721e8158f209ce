"""What an evaluation set out to do, kept so that it can go on; and who may go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.store.tables import ATTEMPT, RUN, RUN_PLAN


def store_plan(connection: Connection, run_id: int, content: Mapping[str, Any]) -> None:
    """Keeps the plan of a new run."""
    connection.execute(sa.insert(RUN_PLAN), {"run_id": run_id, "content": dict(content)})


def plan_of(connection: Connection, run_id: int) -> Mapping[str, Any] | None:
    """The plan of a run; None for one that has none."""
    found: Mapping[str, Any] | None = connection.execute(
        sa.select(RUN_PLAN.c.content).where(RUN_PLAN.c.run_id == run_id)
    ).scalar()
    return found


def take_over(connection: Connection, run_ids: list[int], *, host: str, pid: int, at: datetime) -> None:
    """Makes a process the one that runs these runs, from now on; they are running again."""
    connection.execute(
        sa.update(RUN)
        .where(RUN.c.id.in_(run_ids))
        .values(
            status="running",
            host=host,
            pid=pid,
            heartbeat_at=at,
            ended_at=None,
            error=None,
            cancel_requested=False,
            deleted_at=None,
        )
    )


def beat(connection: Connection, run_ids: list[int], *, host: str, pid: int, at: datetime) -> bool:
    """Notes that these runs were alive at that time; False where another process has taken them over."""
    changed = connection.execute(
        sa.update(RUN).where(RUN.c.id.in_(run_ids), RUN.c.host == host, RUN.c.pid == pid).values(heartbeat_at=at)
    )
    return changed.rowcount == len(run_ids)


def request_stop(connection: Connection, run_id: int) -> bool:
    """Asks the process of a running evaluation to stop; False where it is not running."""
    changed = connection.execute(
        sa.update(RUN).where(RUN.c.id == run_id, RUN.c.status == "running").values(cancel_requested=True)
    )
    return changed.rowcount == 1


def stop_requested(connection: Connection, run_id: int) -> bool:
    """Whether somebody asked a run to stop."""
    return bool(connection.execute(sa.select(RUN.c.cancel_requested).where(RUN.c.id == run_id)).scalar())


def last_attempt(connection: Connection) -> int:
    """The id of the newest attempt of all, 0 where there is none: what comes later has a higher one."""
    return int(connection.execute(sa.select(sa.func.max(ATTEMPT.c.id))).scalar() or 0)
