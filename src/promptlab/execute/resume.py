"""A run that ended early, taken up again: from what the database knows of it, whatever became of its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from promptlab.config import Workspace
from promptlab.errors import ModelError, UsageError
from promptlab.execute.jobs import job_tags
from promptlab.execute.journal import Journal
from promptlab.execute.liveness import is_alive
from promptlab.execute.plan import Limits, Plan, Variant
from promptlab.execute.progress import Progress, VariantProgress, Watcher
from promptlab.execute.session import Column, Mending, Session
from promptlab.execute.stopping import Stop
from promptlab.models.base import Model
from promptlab.store import datasets, locks, params, plans, registry, runs
from promptlab.store.database import Connection, Database
from promptlab.store.rows import DatasetRow, RunRow
from promptlab.suites.load import restore_suite
from promptlab.suites.model import Suite
from promptlab.suites.selection import CaseChoice
from promptlab.tracking.provenance import Provenance
from promptlab.types import Case, PromptVersion


@dataclass(frozen=True, slots=True)
class Resumable:
    """A run that can go on. changed: its evaluators that are other ones now, so that they score again."""

    parent: RunRow
    children: Sequence[RunRow]
    dataset: DatasetRow
    plan: Plan
    retry_errors: bool
    changed: Sequence[str]

    @property
    def suite(self) -> Suite:
        """The suite as the run has it."""
        return self.plan.suite


@dataclass(frozen=True, slots=True)
class _Stored:
    parent: RunRow
    children: Sequence[RunRow]
    content: Mapping[str, Any]
    dataset: DatasetRow
    with_evaluators: Sequence[Case]
    prompts: Mapping[int, PromptVersion]


def find_resumable(
    uid: str,
    *,
    database: Database,
    workspace: Workspace,
    resolve: Callable[[str], Model],
    models: Mapping[str, Model] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - a frozen value
    retry_errors: bool = False,
) -> Resumable:
    """The run with this uid, ready to go on; a variant stands for its evaluation. Nothing is written.

    resolve: the model of a name. models: Python models by name, which no name can bring back. Raises RunNotFoundError,
    and UsageError for a run that is no evaluation, is running still, or whose models or evaluators are gone.
    """
    stored = database.read(lambda connection: _read(connection, uid))
    refuse_living(stored.parent)
    folder = workspace.root / (stored.content["folder"] or "")
    path = stored.content["path"]
    suite = restore_suite(
        stored.content["suite"],
        folder=folder,
        name=stored.parent.name,
        path=None if path is None else workspace.root / Path(path),
        with_evaluators=stored.with_evaluators,
        dataset_name=stored.dataset.name,
        dataset_source=stored.dataset.source,
        choices=[CaseChoice.from_json(choice) for choice in stored.content.get("choices", ())],
    )
    variants = tuple(
        Variant(
            stored.prompts.get(child.id),
            child.prompt_version_id,
            _model(child, stored.parent, resolve, models or {}),
            dict(child.settings or {}),
            tuple(name for name in stored.content.get("varied", ()) if name in (child.settings or {})),
        )
        for child in stored.children
    )
    plan = Plan(suite, variants, stored.content["repeats"], stored.content["use_cache"], limits)
    before = stored.content.get("evaluators", {})
    return Resumable(
        parent=stored.parent,
        children=stored.children,
        dataset=stored.dataset,
        plan=plan,
        retry_errors=retry_errors,
        changed=[item.name for item in plan.all_evaluators if before.get(item.name) != item.digest],
    )


def refuse_living(run: RunRow) -> None:
    """Raises UsageError where the run's process is still at work on it."""
    if is_alive(run):
        raise UsageError(
            f"run {run.uid[:8]} is running, in process {run.pid} on {run.host}; wait for it or stop that one, "
            "and resume it then"
        )


async def take_up(
    resumable: Resumable,
    *,
    database: Database,
    workspace: Workspace,
    provenance: Provenance,
    watcher: Watcher | None,
    stop: Stop,
    mending: Mending | None = None,
) -> Session:
    """The session of a run that goes on in this process, which from now on owns it.

    Of two processes that take it up at once, one gets it; the other gets a UsageError.
    """
    ids = [resumable.parent.id, *(child.id for child in resumable.children)]

    def claim(connection: Connection) -> None:
        locks.lock_run(connection, resumable.parent.id)
        now = runs.get_run(connection, resumable.parent.uid)
        if (now.pid, now.host, now.started_at) != (
            resumable.parent.pid,
            resumable.parent.host,
            resumable.parent.started_at,
        ) or now.heartbeat_at != resumable.parent.heartbeat_at:
            refuse_living(now)
        plans.take_over(connection, ids, host=provenance.host, pid=provenance.pid, at=datetime.now(UTC))
        params.set_tags(connection, resumable.parent.id, job_tags())

    await database.commit(claim)
    plan = resumable.plan
    rows = resumable.dataset.rows * plan.repeats
    columns = [
        Column(variant, run, VariantProgress(run.name, run.cells_planned or rows))
        for variant, run in zip(plan.variants, resumable.children, strict=True)
    ]
    session = Session(
        plan=plan,
        database=database,
        workspace=workspace,
        provenance=provenance,
        parent=resumable.parent,
        columns=columns,
        dataset=resumable.dataset,
        progress=Progress(resumable.parent.uid, [column.progress for column in columns]),
        journal=Journal(database),
        stop=stop,
        watcher=watcher,
        resumed=True,
        retry_errors=resumable.retry_errors,
        mending=mending,
    )
    session.tell("going on")
    return session


def _read(connection: Connection, uid: str) -> _Stored:
    run = runs.get_run(connection, uid)
    run = runs.parent(connection, run) or run
    content = plans.plan_of(connection, run.id)
    if content is None:
        what = "an evaluation of an older promptlab" if run.kind == "eval" else f"a run of kind {run.kind}"
        raise UsageError(
            f"run {run.uid[:8]} is {what}, which cannot be resumed; run its suite again: what was answered is not "
            "asked for again"
        )
    children = [child for child in runs.children(connection, run.uid) if child.kind == "prompt"]
    dataset = datasets.linked_datasets(connection, run.id, context="evaluation")[0]
    prompts = {
        child.id: registry.get_version(connection, child.prompt_name, child.prompt_number)
        for child in children
        if child.prompt_name is not None and child.prompt_number is not None
    }
    with_evaluators = datasets.cases_with_evaluators(connection, dataset.id)
    return _Stored(run, children, content, dataset, with_evaluators, prompts)


def _model(child: RunRow, parent: RunRow, resolve: Callable[[str], Model], models: Mapping[str, Model]) -> Model:
    name = child.model or ""
    if name in models:
        return models[name]
    if name.startswith("python:"):
        raise ModelError(
            f"run {parent.uid[:8]} has the model '{name}', a function of a script; go on with it there: "
            f"lab.resume('{parent.uid[:8]}', models=[lab.model(...)])"
        )
    return resolve(name)
