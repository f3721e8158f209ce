"""One evaluation from plan to result: run, gates, report."""

from __future__ import annotations

import json
from dataclasses import asdict

from promptlab import portal
from promptlab.config import Workspace
from promptlab.execute.engine import run_plan
from promptlab.execute.gates import hold
from promptlab.execute.plan import Plan
from promptlab.execute.progress import Watcher
from promptlab.execute.result import Evaluation
from promptlab.reports import GATES_TAG, read_report
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
    """The plan's evaluation, ended and stored, with its gates; blocks until then. Ctrl-C marks it interrupted."""
    uid = portal.run(
        run_plan(
            plan,
            database=database,
            workspace=workspace,
            provenance=provenance(workspace.root),
            experiment=experiment,
            watcher=watcher,
        )
    )
    with database.connect() as connection:
        row = runs.get_run(connection, uid)
    gates = hold(plan.suite.gates, read_report(database, row, with_cells=False).variants)
    if gates:
        tags = {GATES_TAG: json.dumps([asdict(gate) for gate in gates])}
        database.write(lambda connection: runs.set_tags(connection, row.id, tags)).result()
    return Evaluation(read_report(database, row))
