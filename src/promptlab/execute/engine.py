"""All cells of a plan: in what order, how many at once, with a heartbeat, to a clean end.

Variants that share a base model run one after the other, so that a local model is in memory once and its
batches stay alike; different base models run side by side, local ones in turn, since they share the processor.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from promptlab import pricing, reports
from promptlab.config import Workspace
from promptlab.execute.cells import Cell, Outcome, ask, commit, make_cells, output_insert, reuse, score
from promptlab.execute.plan import Plan, Variant
from promptlab.execute.progress import Progress, VariantProgress, Watcher
from promptlab.models.base import Model
from promptlab.store import cells as cell_rows
from promptlab.store import datasets, metrics, outputs, params, runs
from promptlab.store.database import Connection, Database
from promptlab.store.rows import AnswerRow, RunRow
from promptlab.tracking.provenance import Provenance
from promptlab.types import Case, Response

CHUNK = 200
HEARTBEAT_SECONDS = 5.0

T = TypeVar("T")


async def run_plan(
    plan: Plan,
    *,
    database: Database,
    workspace: Workspace,
    provenance: Provenance,
    experiment: str = "Default",
    watcher: Watcher | None = None,
) -> str:
    """The uid of the parent run, once every cell has ended with an answer or a classed error.

    An interruption marks the run `interrupted` and is raised again; what was answered stays stored.
    """
    session = await _begin(
        plan,
        database=database,
        workspace=workspace,
        provenance=provenance,
        experiment=experiment,
        watcher=watcher,
    )
    try:
        async with _heartbeat(session), asyncio.TaskGroup() as tasks:
            for group in _by_model(session.columns):
                tasks.create_task(_run_group(session, group))
    except asyncio.CancelledError:
        _end_unawaited(session, "interrupted")
        raise
    except BaseExceptionGroup as group_error:
        error = _first_leaf(group_error)
        await _end(session, "failed", error=f"{type(error).__name__}: {error}")
        raise error from group_error
    session.tell("summing up")
    await _end(session, "finished")
    return session.parent.uid


@dataclass(frozen=True, slots=True)
class _Column:
    """A variant with its child run and the counts of its progress."""

    variant: Variant
    run: RunRow
    progress: VariantProgress


@dataclass(slots=True)
class _Session:
    plan: Plan
    database: Database
    workspace: Workspace
    parent: RunRow
    columns: list[_Column]
    progress: Progress
    case_digests: dict[str, str]
    watcher: Watcher | None
    processor: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the local model whose turn it is."""

    def tell(self, phase: str = "") -> None:
        self.progress.phase = phase
        if self.watcher is not None:
            self.watcher(self.progress)

    def price(self, model: Model, response: Response) -> float | None:
        return pricing.cost_usd(model.name, response.usage, endpoint=self.workspace.endpoints.get(model.provider))


async def _begin(
    plan: Plan,
    *,
    database: Database,
    workspace: Workspace,
    provenance: Provenance,
    experiment: str,
    watcher: Watcher | None,
) -> _Session:
    suite = plan.suite

    def create(connection: Connection) -> tuple[RunRow, list[RunRow]]:
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
        dataset = datasets.store_dataset(
            connection, name=suite.dataset_name, source=suite.dataset_source, cases=plan.cases
        )
        for row in (parent, *children):
            datasets.link_dataset(connection, row.id, dataset.id, context="evaluation")
        for evaluator in suite.all_evaluators:
            metrics.set_direction(connection, evaluator.name, evaluator.direction)
        names = json.dumps([evaluator.name for evaluator in suite.all_evaluators])
        params.set_tags(connection, parent.id, {reports.EVALUATORS_TAG: names})
        return parent, children

    parent, children = await commit(database, create)
    columns = [
        _Column(variant, run, VariantProgress(variant.name, plan.cells_per_variant))
        for variant, run in zip(plan.variants, children, strict=True)
    ]
    digests = {case.key: datasets.case_digest(case) for case in plan.cases}
    progress = Progress(parent.uid, [column.progress for column in columns])
    session = _Session(plan, database, workspace, parent, columns, progress, digests, watcher)
    session.tell("starting")
    return session


def _by_model(columns: Sequence[_Column]) -> list[list[_Column]]:
    groups: dict[str, list[_Column]] = {}
    for column in columns:
        groups.setdefault(column.variant.model.name, []).append(column)
    return list(groups.values())


async def _run_group(session: _Session, columns: Sequence[_Column]) -> None:
    turn = session.processor if columns[0].variant.model.provider == "local" else contextlib.nullcontext()
    async with turn:
        for column in columns:
            await _run_variant(session, column)


async def _run_variant(session: _Session, column: _Column) -> None:
    plan = session.plan
    model = column.variant.model
    slots = asyncio.Semaphore(min(plan.concurrency or model.concurrency, model.concurrency))
    async with asyncio.TaskGroup() as tasks:
        for cases in _chunks(plan.cases, CHUNK):
            session.tell(f"rendering {column.variant.name}")
            cells = await asyncio.to_thread(make_cells, column.variant, cases, plan.repeats)
            await _store_rendered(session, cells)
            found = await asyncio.to_thread(_look_up, session, cells)
            session.tell(f"running {column.variant.name}")
            for cell in cells:
                await slots.acquire()
                task = tasks.create_task(_run_cell(session, column, cell, found.get(cell.cache_key or "")))
                task.add_done_callback(lambda _: slots.release())


async def _store_rendered(session: _Session, cells: Sequence[Cell]) -> None:
    messages = {cell.rendered: cell.request.messages for cell in cells if cell.rendered and cell.request}
    if messages:
        await commit(session.database, lambda connection: outputs.store_rendered(connection, messages))


def _look_up(session: _Session, cells: Sequence[Cell]) -> dict[str, AnswerRow]:
    keys = [cell.cache_key for cell in cells if cell.cache_key]
    if not keys or not session.plan.use_cache:
        return {}
    with session.database.connect() as connection:
        return cell_rows.find_answers(connection, keys)


async def _run_cell(session: _Session, column: _Column, cell: Cell, answer: AnswerRow | None) -> None:
    if answer is not None:
        outcome = reuse(cell, answer)
    else:
        outcome = await ask(cell, column.variant, database=session.database, run_id=column.run.id, price=session.price)
    evaluators = session.plan.suite.evaluators_for(cell.case)
    scores = await score(outcome, column.variant, evaluators)
    row = output_insert(
        outcome,
        run_id=column.run.id,
        case_digest=session.case_digests[cell.case.key],
        scores=scores,
        digests={evaluator.name: evaluator.digest for evaluator in evaluators},
    )
    await commit(session.database, lambda connection: outputs.store_outputs(connection, [row]))
    _count(session, column, outcome)


def _count(session: _Session, column: _Column, outcome: Outcome) -> None:
    counts = column.progress
    counts.done += 1
    counts.cached += outcome.cached
    if outcome.response is None:
        counts.errors += 1
    else:
        counts.seconds += outcome.response.seconds
        if not outcome.cached:
            session.progress.spent_usd += outcome.response.cost_usd or 0.0
    session.tell(session.progress.phase)


@contextlib.asynccontextmanager
async def _heartbeat(session: _Session) -> AsyncIterator[None]:
    uids = [session.parent.uid, *(column.run.uid for column in session.columns)]

    async def beat() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await commit(session.database, lambda connection: runs.heartbeat(connection, uids, datetime.now(UTC)))

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _end(session: _Session, status: str, *, error: str | None = None) -> None:
    measured = await asyncio.to_thread(_metrics, session)
    await commit(session.database, lambda connection: _write_end(connection, session, measured, status, error))


def _end_unawaited(session: _Session, status: str) -> None:
    """Writes the end of a cancelled run without awaiting: the loop may not wait any more, the writer does."""
    session.database.write(lambda connection: _write_end(connection, session, {}, status, None))


def _metrics(session: _Session) -> dict[int, dict[str, float]]:
    return {column.run.id: reports.run_metrics(session.database, column.run) for column in session.columns}


def _write_end(
    connection: Connection,
    session: _Session,
    measured: dict[int, dict[str, float]],
    status: str,
    error: str | None,
) -> None:
    now = datetime.now(UTC)
    at_ms = int(now.timestamp() * 1000)
    for run_id, values in measured.items():
        metrics.log_metrics(connection, run_id, [(key, value, 0, at_ms) for key, value in values.items()])
    for uid in (*(column.run.uid for column in session.columns), session.parent.uid):
        runs.finish_run(connection, uid, status, error=error, ended_at=now)


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _chunks(cases: Sequence[Case], size: int) -> Iterator[Sequence[Case]]:
    for start in range(0, len(cases), size):
        yield cases[start : start + size]
