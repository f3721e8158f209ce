"""A run as it is begun, taken up again, kept alive and ended: its rows in the database."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias

from promptlab import pricing, reports
from promptlab.config import Workspace
from promptlab.execute import whole_run
from promptlab.execute.calling import Tally
from promptlab.execute.evaluator_calls import EvaluatorCalls
from promptlab.execute.jobs import job_tags
from promptlab.execute.journal import Journal
from promptlab.execute.plan import Plan, Variant
from promptlab.execute.progress import Progress, VariantProgress, Watcher
from promptlab.execute.stopping import Stop
from promptlab.models.base import Model
from promptlab.store import datasets, metrics, params, plans, runs
from promptlab.store.artifacts import ArtifactStore
from promptlab.store.database import Connection, Database
from promptlab.store.rows import DatasetRow, RunRow
from promptlab.tracking.provenance import Provenance
from promptlab.types import Ask, Response

HEARTBEAT_SECONDS = 5.0
LOOK_SECONDS = 1.0
"""How often a run looks whether somebody asked it to stop."""
CellName: TypeAlias = tuple[int, str, int]
"""A cell of a run: the id of its variant's run, the key of its case, its repeat from 0."""
PRICE_TAG = "promptlab.price"
"""A variant's tag with the price that its costs were counted by, as JSON; none where the price is unknown."""


@dataclass(slots=True)
class Column:
    """A variant with its child run, the counts of its progress and how many of its cells are under way."""

    variant: Variant
    run: RunRow
    progress: VariantProgress
    live: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        """One more cell is under way."""
        self.live += 1
        self.idle.clear()

    def end(self) -> None:
        """One cell less."""
        self.live -= 1
        if not self.live:
            self.idle.set()


@dataclass(frozen=True, slots=True)
class Mending:
    """What of a run that has ended is done anew, besides scores of evaluators that changed.

    cells: those that are asked again, past the cache; no others are. answered: those of them that have an answer now,
    which no error replaces.
    """

    cells: frozenset[CellName] = frozenset()
    answered: frozenset[CellName] = frozenset()


@dataclass(slots=True)
class Session:
    """All that belongs to a run while this process works on it.

    retry_errors: of a run that is taken up again, also the cells that ended in an error. last_attempt: the newest
    attempt of the database before it was begun or taken up: later ones are this invocation's. overspent: a call was
    not made for want of money.
    """

    plan: Plan
    database: Database
    workspace: Workspace
    provenance: Provenance
    parent: RunRow
    columns: list[Column]
    dataset: DatasetRow
    progress: Progress
    journal: Journal
    stop: Stop
    watcher: Watcher | None
    resumed: bool = False
    retry_errors: bool = False
    overspent: bool = False
    mending: Mending | None = None
    """Set where a run that has ended is not gone on with but mended."""
    tally: Tally = field(default_factory=Tally)
    evaluator_calls: EvaluatorCalls | None = None
    """What evaluators ask base models through, while it is worked on."""

    @property
    def run_ids(self) -> list[int]:
        """The parent and its variants."""
        return [self.parent.id, *(column.run.id for column in self.columns)]

    def tell(self, phase: str | None = None) -> None:
        """Has the watcher look; phase: what is going on from now on."""
        if phase is not None:
            self.progress.phase = phase
        if self.watcher is not None:
            self.watcher(self.progress)

    def ask(self, column: Column) -> Ask | None:
        """What the evaluators of a variant ask through."""
        calls = self.evaluator_calls
        return None if calls is None else calls.of(column.run.id, column.variant.model)

    def price(self, model: Model, response: Response) -> float | None:
        """What an answer cost in US dollars, None where that is unknown."""
        return pricing.cost_of(model.name, response.usage, workspace=self.workspace)


Opener: TypeAlias = Callable[[], Coroutine[Any, Any, Session]]
"""Begins a run, or takes one up again."""


async def begin(
    plan: Plan,
    *,
    database: Database,
    workspace: Workspace,
    provenance: Provenance,
    experiment: str,
    watcher: Watcher | None,
    stop: Stop,
) -> Session:
    """A new run with its variants, its data set and all that it takes to go on with it later; committed."""
    suite = plan.suite
    # Reading and hashing many cases takes a while, which the writer's thread should not spend.
    digests = await asyncio.to_thread(lambda: suite.cases_digest)
    content = _content(plan, workspace)

    def create(connection: Connection) -> tuple[RunRow, list[RunRow], DatasetRow]:
        create_run = partial(
            runs.create_run,
            connection,
            experiment=experiment,
            user=provenance.user,
            source=provenance.source,
            git_sha=provenance.git_sha,
            host=provenance.host,
            pid=provenance.pid,
            suite_digest=suite.digest,
            started_at=datetime.now(UTC),
        )
        dataset = datasets.store_dataset(
            connection, name=suite.dataset_name, source=suite.dataset_source, cases=suite.cases, digests=digests
        )
        parent = create_run(kind="eval", name=suite.name, cells_planned=plan.cells_per_variant * len(plan.variants))
        children = [
            create_run(
                kind="prompt",
                name=variant.name,
                parent_uid=parent.uid,
                prompt_version_id=variant.prompt_id,
                model=variant.model.name,
                settings=dict(variant.settings),
                cells_planned=plan.cells_per_variant,
            )
            for variant in plan.variants
        ]
        for row in (parent, *children):
            datasets.link_dataset(connection, row.id, dataset.id, context="evaluation")
        for evaluator in plan.all_evaluators:
            metrics.set_direction(connection, evaluator.name, evaluator.direction)
        whole_run.set_directions(connection, suite)
        names = json.dumps([evaluator.name for evaluator in plan.all_evaluators])
        params.set_tags(connection, parent.id, {reports.EVALUATORS_TAG: names, **job_tags()})
        for variant, child in zip(plan.variants, children, strict=True):
            price = pricing.price_of(variant.model.name, workspace=workspace)
            if price is not None:
                params.set_tags(connection, child.id, {PRICE_TAG: json.dumps(price.to_json())})
        plans.store_plan(connection, parent.id, content)
        return parent, children, dataset

    parent, children, dataset = await database.commit(create)
    columns = [
        Column(variant, run, VariantProgress(variant.name, plan.cells_per_variant))
        for variant, run in zip(plan.variants, children, strict=True)
    ]
    progress = Progress(parent.uid, [column.progress for column in columns])
    session = Session(
        plan=plan,
        database=database,
        workspace=workspace,
        provenance=provenance,
        parent=parent,
        columns=columns,
        dataset=dataset,
        progress=progress,
        journal=Journal(database),
        stop=stop,
        watcher=watcher,
    )
    session.tell("starting")
    return session


def _content(plan: Plan, workspace: Workspace) -> dict[str, Any]:
    """The plan as plain JSON: what `resume` makes the suite of again."""
    suite = plan.suite
    return {
        "suite": dict(suite.document),
        "folder": _relative(suite.folder, workspace),
        "path": _relative(suite.path, workspace),
        "choices": [choice.to_json() for choice in suite.choices],
        "repeats": plan.repeats,
        "use_cache": plan.use_cache,
        "varied": list(dict.fromkeys(name for variant in plan.variants for name in variant.varied)),
        "evaluators": {evaluator.name: evaluator.digest for evaluator in plan.all_evaluators},
    }


def _relative(path: Any, workspace: Workspace) -> str | None:
    """A path as seen from the workspace, so that a run can go on where the workspace has moved to."""
    if path is None:
        return None
    resolved = path.resolve()
    return str(resolved.relative_to(workspace.root)) if resolved.is_relative_to(workspace.root) else str(resolved)


@contextlib.asynccontextmanager
async def heartbeat(session: Session) -> AsyncIterator[None]:
    """Says every few seconds that the run is alive, and stops it where another process has taken it over or somebody
    asked for it.
    """

    def asked() -> bool:
        return session.database.read(lambda connection: plans.stop_requested(connection, session.parent.id))

    async def beat() -> None:
        who = session.provenance
        next_beat = time.monotonic() + HEARTBEAT_SECONDS
        while True:
            await asyncio.sleep(min(LOOK_SECONDS, HEARTBEAT_SECONDS))
            if await asyncio.to_thread(asked):
                session.stop.tell("cancelled", "stopped on request")
            if time.monotonic() < next_beat:
                continue
            next_beat = time.monotonic() + HEARTBEAT_SECONDS
            alive = await session.database.commit(
                lambda connection: plans.beat(
                    connection, session.run_ids, host=who.host, pid=who.pid, at=datetime.now(UTC)
                )
            )
            if not alive:
                session.stop.tell("taken over", "another process goes on with this run")

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def end(session: Session, status: str, *, error: str | None = None, measured: bool = True) -> None:
    """Ends the run and its variants; measured: with their metrics, for a run whose every cell has ended.

    A run that was mended ends as it had ended before.
    """
    if session.mending is not None:
        status, error = session.parent.status, session.parent.error
        measured = status == "finished"
    values = await asyncio.to_thread(_metrics, session) if measured else {}
    kept = await asyncio.to_thread(_whole_run, session) if measured else {}
    await session.database.commit(lambda connection: _write_end(connection, session, values, kept, status, error))


def end_unawaited(session: Session, status: str) -> None:
    """Writes the end of a cancelled run without awaiting: the loop may not wait any more, the writer does."""
    if session.mending is not None:
        status = session.parent.status
    session.database.write(lambda connection: _write_end(connection, session, {}, {}, status, None))


def _metrics(session: Session) -> dict[int, dict[str, float]]:
    return {
        column.run.id: session.database.read(lambda connection, run=column.run: reports.run_metrics(connection, run))  # type: ignore[misc]
        for column in session.columns
    }


def _whole_run(session: Session) -> dict[int, whole_run.Kept]:
    """The metrics of the suite over all answers of each variant, by its run."""
    suite = session.plan.suite
    seen = whole_run.expected_labels(suite, session.dataset.id, database=session.database)
    store = ArtifactStore(session.workspace.artifacts)
    found = {
        column.run.id: whole_run.measure_run(
            column.run.id, suite.metrics, seen=seen, database=session.database, store=store
        )
        for column in session.columns
    }
    return {run_id: kept for run_id, kept in found.items() if kept is not None}


def _write_end(  # noqa: PLR0917 - what a run ends with, in the order it is made
    connection: Connection,
    session: Session,
    measured: Mapping[int, Mapping[str, float]],
    kept: Mapping[int, whole_run.Kept],
    status: str,
    error: str | None,
) -> None:
    now = datetime.now(UTC)
    at_ms = int(now.timestamp() * 1000)
    ended_at = now if session.mending is None else session.parent.ended_at or now
    if session.mending is not None:
        reports.mark_changed(connection, session.parent.id)
    for run_id, values in measured.items():
        metrics.log_metrics(connection, run_id, [(key, value, 0, at_ms) for key, value in values.items()])
    for run_id, of_run in kept.items():
        whole_run.keep(connection, run_id, of_run, at_ms=at_ms)
    for uid in (*(column.run.uid for column in session.columns), session.parent.uid):
        runs.finish_run(connection, uid, status, error=error, ended_at=ended_at)
