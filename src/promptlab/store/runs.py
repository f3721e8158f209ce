"""Runs: created, kept alive, ended, listed. Their params, tags and metrics are reached from here too."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.errors import RunNotFoundError
from promptlab.store import experiments
from promptlab.store.metrics import (
    directions,
    log_metrics,
    metric_history,
    metric_names,
    set_direction,
    summaries,
)
from promptlab.store.params import delete_tag, params, set_params, set_tags, tags
from promptlab.store.rows import LeaderboardRow, RunRow, RunStatus, SummaryRow
from promptlab.store.statements import Prepared, check_name, in_chunks
from promptlab.store.tables import DATASET, EXPERIMENT, OUTPUT, PROMPT, PROMPT_VERSION, RUN, RUN_DATASET, SUMMARY, TAG
from promptlab.types import ANSWER_STATUSES, Direction

__all__ = [
    "Connection",
    "Direction",
    "children",
    "create_run",
    "delete_run",
    "delete_tag",
    "directions",
    "finish_run",
    "get_run",
    "heartbeat",
    "leaderboard",
    "list_runs",
    "log_metrics",
    "metric_history",
    "metric_names",
    "output_counts",
    "params",
    "parent",
    "rename_run",
    "restore_run",
    "set_direction",
    "set_note",
    "set_params",
    "set_tags",
    "summaries",
    "tags",
]

SILENT_SECONDS = 30.0
"""A run that says running and was not heard of for so long is shown as interrupted."""

MIN_PREFIX = 4
JOB_TAG = "promptlab.job"
"""An evaluation's tag with the id of the job that its process is."""

_PARENT = RUN.alias("parent")
_CHILD = RUN.alias("child")

SELECT = (
    sa.select(
        RUN,
        EXPERIMENT.c.name.label("experiment"),
        _PARENT.c.uid.label("parent_uid"),
        PROMPT.c.name.label("prompt_name"),
        PROMPT_VERSION.c.number.label("prompt_number"),
    )
    .join(EXPERIMENT, EXPERIMENT.c.id == RUN.c.experiment_id)
    .outerjoin(_PARENT, _PARENT.c.id == RUN.c.parent_id)
    .outerjoin(PROMPT_VERSION, PROMPT_VERSION.c.id == RUN.c.prompt_version_id)
    .outerjoin(PROMPT, PROMPT.c.id == PROMPT_VERSION.c.prompt_id)
)


# Built once: building a statement anew costs more than SQLite takes to answer it.
_BY_UID = (
    SELECT
    # `g` follows every hex digit, so this range is the prefix, and the index on uid finds it.
    .where(RUN.c.uid >= sa.bindparam("wanted"), RUN.c.uid < sa.bindparam("wanted_g"))
    .order_by(RUN.c.id.desc())
    .limit(4)
)
_NEW = (
    *("uid", "experiment_id", "parent_id", "kind", "name", "status", "user_name", "source", "git_sha", "host", "pid"),
    *("heartbeat_at", "cancel_requested", "started_at", "prompt_version_id", "model", "settings", "suite_digest"),
    *("cells_planned", "note", "command", "environment_digest"),
)
_ADD = Prepared(lambda _: sa.insert(RUN), _NEW)
_FINISH = Prepared(
    lambda _: (
        sa.update(RUN)
        .where(RUN.c.uid == sa.bindparam("of_uid"))
        .values(**{name: sa.bindparam(name) for name in ("status", "error", "ended_at")})
        .returning(RUN.c.id)
    ),
    ("of_uid", "status", "error", "ended_at"),
)


def create_run(
    connection: Connection,
    *,
    kind: str,
    name: str,
    started_at: datetime,
    experiment: str = "Default",
    parent_uid: str | None = None,
    user: str = "",
    source: str | None = None,
    git_sha: str | None = None,
    host: str | None = None,
    pid: int | None = None,
    prompt_version_id: int | None = None,
    model: str | None = None,
    settings: Mapping[str, Any] | None = None,
    suite_digest: str | None = None,
    cells_planned: int | None = None,
    command: str | None = None,
    environment_digest: str | None = None,
) -> RunRow:
    """The new run, with a uid of its own, running; its experiment is made where it is missing.

    Raises RunNotFoundError for a parent that is not there, UsageError for an experiment that is deleted or has no name.
    """
    values = {
        "uid": uuid.uuid4().hex,
        "experiment_id": experiments.experiment_id(connection, experiment),
        "parent_id": None if parent_uid is None else get_run(connection, parent_uid).id,
        "kind": kind,
        "name": name,
        "status": "running",
        "user_name": user,
        "source": source,
        "git_sha": git_sha,
        "host": host,
        "pid": pid,
        "heartbeat_at": started_at,
        "cancel_requested": False,
        "started_at": started_at,
        "prompt_version_id": prompt_version_id,
        "model": model,
        "settings": None if settings is None else dict(settings),
        "suite_digest": suite_digest,
        "cells_planned": cells_planned,
        "note": "",
        "command": command,
        "environment_digest": environment_digest,
    }
    _ADD.one(connection, values)
    return get_run(connection, str(values["uid"]))


def finish_run(
    connection: Connection,
    uid: str,
    status: RunStatus | str,
    *,
    error: str | None = None,
    ended_at: datetime | None = None,
) -> None:
    """Ends a run; a second end replaces the first, as when it is resumed. Raises RunNotFoundError."""
    ended = (ended_at or datetime.now(UTC)) if status != "running" else None
    if _FINISH.one(connection, {"of_uid": uid, "status": status, "error": error, "ended_at": ended}) is None:
        raise RunNotFoundError(f"no run '{uid}'; `promptlab runs list` shows which there are")


def rename_run(connection: Connection, uid: str, name: str) -> None:
    """Gives a run another name. Raises RunNotFoundError, and UsageError for an empty or too long one."""
    _change(connection, uid, {"name": check_name(name, "run")})


def set_note(connection: Connection, uid: str, note: str) -> None:
    """Replaces the note of a run. Raises RunNotFoundError."""
    _change(connection, uid, {"note": note})


def heartbeat(connection: Connection, uids: Sequence[str], at: datetime) -> None:
    """Notes that these runs were alive at that time."""
    connection.execute(sa.update(RUN).where(RUN.c.uid.in_(uids)).values(heartbeat_at=at))


def run_of_job(connection: Connection, job_id: str) -> RunRow | None:
    """The newest run that carries the id of this job; None before it has begun."""
    uid = connection.execute(
        sa.select(RUN.c.uid)
        .join(TAG, TAG.c.run_id == RUN.c.id)
        .where(TAG.c.key == JOB_TAG, TAG.c.value == job_id)
        .order_by(RUN.c.id.desc())
        .limit(1)
    ).scalar()
    return None if uid is None else get_run(connection, uid)


def get_run(connection: Connection, uid: str) -> RunRow:
    """The run with this uid or an unambiguous beginning of it, 4 characters or more, deleted ones too.

    Raises RunNotFoundError.
    """
    wanted = uid.strip().lower()
    if len(wanted) < MIN_PREFIX or not all(character in "0123456789abcdef" for character in wanted):
        raise RunNotFoundError(
            f"no run '{uid}': a run is named by its id or its first {MIN_PREFIX} or more hex digits; "
            "`promptlab runs list` shows them"
        )
    now = datetime.now(UTC)
    rows = connection.execute(_BY_UID, {"wanted": wanted, "wanted_g": f"{wanted}g"}).mappings()
    found = [read_run(row, now) for row in rows]
    if not found:
        raise RunNotFoundError(f"no run '{uid}'; `promptlab runs list` shows which there are")
    if len(found) > 1:
        names = ", ".join(run.uid[: len(wanted) + 4] for run in found[:3])
        raise RunNotFoundError(
            f"'{uid}' fits several runs: {names}{', ...' if len(found) > 3 else ''}; give more digits"
        )
    return found[0]


def parent(connection: Connection, run: RunRow) -> RunRow | None:
    """The run that this one is a variant of, or None."""
    return None if run.parent_uid is None else get_run(connection, run.parent_uid)


def children(connection: Connection, uid: str) -> list[RunRow]:
    """The runs below this one, in the order they were made, deleted ones left out."""
    query = SELECT.where(_PARENT.c.uid == uid, RUN.c.deleted_at.is_(None)).order_by(RUN.c.id)
    return _rows(connection, query)


def list_runs(
    connection: Connection,
    *,
    kinds: Sequence[str] | None = None,
    experiment: str | None = None,
    name_contains: str | None = None,
    status: str | None = None,
    model: str | None = None,
    prompt: str | None = None,
    include_tries: bool = False,
    parents_only: bool = False,
    deleted: bool = False,
    limit: int = 50,
    before_id: int | None = None,
) -> list[RunRow]:
    """Runs, newest first; the next page has the last one's id as before_id.

    Those of a deleted experiment are left out. prompt: `name` or `name@number`. With parents_only, children are left
    out, and model and prompt also find the parents of what has them. deleted: those that were deleted, instead of the
    others.
    """
    query = SELECT.where(RUN.c.deleted_at.is_not(None) if deleted else RUN.c.deleted_at.is_(None))
    query = query.where(EXPERIMENT.c.deleted_at.is_(None))
    if before_id is not None:
        query = query.where(RUN.c.id < before_id)
    if kinds is not None:
        query = query.where(RUN.c.kind.in_(kinds))
    elif not include_tries:
        query = query.where(RUN.c.kind != "try")
    if experiment is not None:
        query = query.where(EXPERIMENT.c.name == experiment)
    if name_contains:
        query = query.where(RUN.c.name.icontains(name_contains, autoescape=True))
    if status is not None:
        query = query.where(_has_status(status))
    if parents_only:
        query = query.where(RUN.c.parent_id.is_(None))
    if model is not None:
        query = query.where(_self_or_child(lambda run: run.c.model == model, parents_only=parents_only))
    if prompt is not None:
        versions = _version_ids(prompt)
        query = query.where(
            _self_or_child(lambda run: run.c.prompt_version_id.in_(versions), parents_only=parents_only)
        )
    return _rows(connection, query.order_by(RUN.c.id.desc()).limit(limit))


def output_counts(connection: Connection, run_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """How many cells of each run ended: {run_id: {"ok": answers, "errors": errors}}."""
    counts = {run_id: {"ok": 0, "errors": 0} for run_id in run_ids}
    for chunk in in_chunks(run_ids):
        query = (
            sa.select(OUTPUT.c.run_id, OUTPUT.c.status, sa.func.count())
            .where(OUTPUT.c.run_id.in_(chunk))
            .group_by(OUTPUT.c.run_id, OUTPUT.c.status)
        )
        for run_id, status, count in connection.execute(query):
            counts[run_id]["ok" if status in ANSWER_STATUSES else "errors"] += count
    return counts


def delete_run(connection: Connection, uid: str, *, at: datetime | None = None) -> None:
    """Hides a run and all below it from lists; nothing is lost, and `restore_run` brings them back."""
    run = get_run(connection, uid)
    if run.deleted_at is None:
        update = sa.update(RUN).where(RUN.c.id.in_(_with_descendants(run)), RUN.c.deleted_at.is_(None))
        connection.execute(update.values(deleted_at=at or datetime.now(UTC)))


def restore_run(connection: Connection, uid: str) -> None:
    """Brings a deleted run back, with those below it that were deleted with it."""
    run = get_run(connection, uid)
    update = sa.update(RUN).where(RUN.c.id.in_(_with_descendants(run)), RUN.c.deleted_at == run.deleted_at)
    connection.execute(update.values(deleted_at=None))


def _with_descendants(run: RunRow) -> sa.Select[Any]:
    below = sa.select(RUN.c.id).where(RUN.c.id == run.id).cte("below", recursive=True)
    below = below.union_all(sa.select(RUN.c.id).where(RUN.c.parent_id == below.c.id))
    return sa.select(below.c.id)


def leaderboard(
    connection: Connection,
    *,
    metric: str,
    direction: Direction,
    kinds: Sequence[str] | None = None,
    experiment: str | None = None,
    dataset_digest: str | None = None,
    limit: int = 50,
) -> list[LeaderboardRow]:
    """Runs that have this metric, best last value first; a metric that is NaN leads nothing.

    dataset_digest: only runs that used this data set, or whose parent did.
    """
    best: tuple[sa.ColumnElement[Any], ...] = (SUMMARY.c.last, SUMMARY.c.run_id)
    if direction == "higher":
        best = (SUMMARY.c.last.desc(), SUMMARY.c.run_id.desc())
    query = (
        SELECT.add_columns(
            *(SUMMARY.c[name].label(f"summary_{name}") for name in ("last", "min", "max", "step", "points"))
        )
        .join(SUMMARY, SUMMARY.c.run_id == RUN.c.id)
        .where(SUMMARY.c.key == metric, SUMMARY.c.last.is_not(None))
        .where(RUN.c.deleted_at.is_(None), EXPERIMENT.c.deleted_at.is_(None))
    )
    if kinds is not None:
        query = query.where(RUN.c.kind.in_(kinds))
    if experiment is not None:
        query = query.where(EXPERIMENT.c.name == experiment)
    if dataset_digest is not None:
        used = (
            sa.select(sa.literal(1))
            .select_from(RUN_DATASET.join(DATASET, DATASET.c.id == RUN_DATASET.c.dataset_id))
            .where(DATASET.c.digest == dataset_digest, RUN_DATASET.c.run_id.in_([RUN.c.id, RUN.c.parent_id]))
        )
        query = query.where(used.exists())
    now = datetime.now(UTC)
    places = []
    for row in connection.execute(query.order_by(*best).limit(limit)):
        found = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
        summary = SummaryRow(*(found[f"summary_{name}"] for name in ("last", "min", "max", "step", "points")))
        places.append(LeaderboardRow(read_run(found, now), summary.last, summary))
    return places


def _rows(connection: Connection, query: sa.Select[Any]) -> list[RunRow]:
    now = datetime.now(UTC)
    return [read_run(row, now) for row in connection.execute(query).mappings()]


def read_run(row: Mapping[Any, Any], now: datetime) -> RunRow:
    """A row of SELECT as a run; now: what tells a silent one from a running one."""
    heard = row[RUN.c.heartbeat_at] or row[RUN.c.started_at]
    silent = row[RUN.c.status] == "running" and heard < now - timedelta(seconds=SILENT_SECONDS)
    return RunRow(
        id=row[RUN.c.id],
        uid=row[RUN.c.uid],
        kind=row[RUN.c.kind],
        name=row[RUN.c.name],
        status="interrupted" if silent else row[RUN.c.status],
        experiment=row["experiment"],
        parent_id=row[RUN.c.parent_id],
        parent_uid=row["parent_uid"],
        user=row[RUN.c.user_name],
        source=row[RUN.c.source],
        git_sha=row[RUN.c.git_sha],
        host=row[RUN.c.host],
        pid=row[RUN.c.pid],
        started_at=row[RUN.c.started_at],
        ended_at=row[RUN.c.ended_at],
        heartbeat_at=row[RUN.c.heartbeat_at],
        cancel_requested=row[RUN.c.cancel_requested],
        error=row[RUN.c.error],
        deleted_at=row[RUN.c.deleted_at],
        prompt_version_id=row[RUN.c.prompt_version_id],
        prompt_name=row["prompt_name"],
        prompt_number=row["prompt_number"],
        model=row[RUN.c.model],
        settings=row[RUN.c.settings],
        suite_digest=row[RUN.c.suite_digest],
        cells_planned=row[RUN.c.cells_planned],
        note=row[RUN.c.note],
        command=row[RUN.c.command],
        environment_digest=row[RUN.c.environment_digest],
    )


def _has_status(status: str) -> sa.ColumnElement[bool]:
    cutoff = datetime.now(UTC) - timedelta(seconds=SILENT_SECONDS)
    heard = sa.func.coalesce(RUN.c.heartbeat_at, RUN.c.started_at)
    if status == "running":
        return sa.and_(RUN.c.status == "running", heard >= cutoff)
    if status == "interrupted":
        return sa.or_(RUN.c.status == "interrupted", sa.and_(RUN.c.status == "running", heard < cutoff))
    return RUN.c.status == status


def _self_or_child(condition: Any, *, parents_only: bool) -> sa.ColumnElement[bool]:
    if not parents_only:
        return condition(RUN)  # type: ignore[no-any-return]  # a lambda over a table or its alias
    below = sa.select(sa.literal(1)).where(_CHILD.c.parent_id == RUN.c.id, condition(_CHILD))
    return sa.or_(condition(RUN), below.exists())


def _version_ids(prompt: str) -> sa.Select[Any]:
    name, _, number = prompt.partition("@")
    query = (
        sa.select(PROMPT_VERSION.c.id)
        .join(PROMPT, PROMPT.c.id == PROMPT_VERSION.c.prompt_id)
        .where(PROMPT.c.name == name)
    )
    return query.where(PROMPT_VERSION.c.number == int(number)) if number.isdecimal() else query


def _change(connection: Connection, uid: str, values: Mapping[str, Any]) -> None:
    changed = connection.execute(sa.update(RUN).where(RUN.c.uid == uid).values(**values))
    if not changed.rowcount:
        raise RunNotFoundError(f"no run '{uid}'; `promptlab runs list` shows which there are")
