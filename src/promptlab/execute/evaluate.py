"""One evaluation from plan to result: begun or taken up again, worked on, ended, held against its gates."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

from promptlab import portal
from promptlab.config import Workspace
from promptlab.execute import session as sessions
from promptlab.execute.engine import work
from promptlab.execute.gates import hold, unheld
from promptlab.execute.plan import Plan
from promptlab.execute.progress import Watcher
from promptlab.execute.result import Evaluation, EvaluationInterrupted
from promptlab.execute.resume import Resumable, take_up
from promptlab.execute.session import Mending, Session
from promptlab.execute.stopping import Stop
from promptlab.reports import GATES_TAG, Calls, read_report
from promptlab.store import cells as cell_rows
from promptlab.store import runs
from promptlab.store.database import Database
from promptlab.tracking.provenance import provenance


def evaluate(
    plan: Plan,
    *,
    database: Database,
    workspace: Workspace,
    experiment: str = "Default",
    watcher: Watcher | None = None,
) -> Evaluation:
    """The plan's evaluation, ended and stored, with its gates; blocks until then.

    Ctrl-C lets calls in flight end, for 10 s at most, and then raises EvaluationInterrupted, with what there is; a
    second one raises KeyboardInterrupt at once.
    """
    stop = Stop()

    async def run() -> Session:
        return await sessions.begin(
            plan,
            database=database,
            workspace=workspace,
            provenance=await asyncio.to_thread(provenance, workspace.root),
            experiment=experiment,
            watcher=watcher,
            stop=stop,
        )

    return _run(run, stop)


def resume(
    resumable: Resumable,
    *,
    database: Database,
    workspace: Workspace,
    watcher: Watcher | None = None,
    mending: Mending | None = None,
) -> Evaluation:
    """A run taken up again where it ended, and brought to its end; as `evaluate`, and its cells are asked once.

    mending: what is done instead of going on; the run stays as partial as it was.
    """
    stop = Stop()

    async def run() -> Session:
        return await take_up(
            resumable,
            database=database,
            workspace=workspace,
            provenance=await asyncio.to_thread(provenance, workspace.root),
            watcher=watcher,
            stop=stop,
            mending=mending,
        )

    return _run(run, stop)


def _run(open_session: sessions.Opener, stop: Stop) -> Evaluation:
    session = portal.run(
        _run_session(open_session),
        on_interrupt=lambda: stop.tell("interrupted", "interrupted"),
    )
    database, suite = session.database, session.plan.suite
    row = database.read(lambda connection: runs.get_run(connection, session.parent.uid))
    if stop.reason is None and (session.mending is None or row.status == "finished"):
        gates = hold(suite.gates, read_report(database, row, with_cells=False).variants)
        if gates:
            tags = {GATES_TAG: json.dumps([asdict(gate) for gate in gates])}
            database.write(lambda connection: runs.set_tags(connection, row.id, tags)).result()
    lost = database.read(lambda connection: cell_rows.attempt_counts(connection, session.run_ids)).lost
    report = read_report(database, row, with_cells=False)
    evaluation = Evaluation(
        report,
        Calls(session.tally.made, session.tally.cached, session.tally.failed, lost),
        database,
        stopped=stop.reason,
        unheld=unheld(suite.gates, report.variants),
    )
    if stop.reason is not None and stop.reason.kind in ("interrupted", "cancelled", "taken over"):
        raise EvaluationInterrupted(evaluation)
    return evaluation


async def _run_session(open_session: sessions.Opener) -> Session:
    """A session, opened and worked on to its end. Raises what a broken evaluation raises; its run says `failed`."""
    session = await open_session()
    try:
        await work(session)
    except asyncio.CancelledError:
        sessions.end_unawaited(session, "interrupted")
        raise
    except BaseException as error:
        await sessions.end(session, "failed", error=f"{type(error).__name__}: {error}", measured=False)
        raise
    session.tell("summing up")
    reason = session.stop.reason
    budget = session.plan.limits.budget
    if reason is None and session.overspent and budget is not None:
        await sessions.end(session, "stopped", error=budget.explanation)
    elif reason is None:
        await sessions.end(session, "finished")
    elif reason.kind == "errors":
        await sessions.end(session, "stopped", error=reason.message, measured=False)
    elif reason.kind != "taken over":
        await sessions.end(session, reason.kind, measured=False)
    return session
