"""A run that has ended, mended where it stands: scored again, what was expected put right, one cell asked again.

The run keeps its status, its times and all else that it has: one that ended early is not gone on with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from promptlab.config import Workspace
from promptlab.errors import ModelError, UsageError
from promptlab.execute.evaluate import resume
from promptlab.execute.progress import Watcher
from promptlab.execute.result import Evaluation
from promptlab.execute.resume import Resumable, find_resumable
from promptlab.execute.session import Mending
from promptlab.models.base import Model
from promptlab.models.python import PythonModel
from promptlab.reports import MENDED_TAG
from promptlab.spelling import few
from promptlab.store import datasets, details, params, plans, runs
from promptlab.store.database import Connection, Database
from promptlab.store.rows import CellDetail, DatasetRow, RunRow
from promptlab.suites.json_values import json_value
from promptlab.tracking.provenance import provenance

Resolve = Callable[[str], Model]


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """A cell after it was asked again. error: why there is no new answer; an earlier one then stays."""

    cell: CellDetail
    error: str | None


def rescore(
    uid: str,
    *,
    expected: Mapping[str, Any],
    database: Database,
    workspace: Workspace,
    resolve: Resolve,
    watcher: Watcher | None = None,
) -> Evaluation:
    """The run with its answers scored by the evaluators as they are now; no base model is asked for an answer.

    expected: by the key of a case what is expected from now on: the run then uses a new version of its data set, and
    a tag keeps what it used before. Raises UsageError as `resume` does, and for a key that the run has not.
    """
    found = _find(uid, "score it again", database=database, workspace=workspace, resolve=resolve)
    if expected:
        values = {key: _checked(key, value) for key, value in expected.items()}
        user = provenance(workspace.root).user
        dataset = database.write_now(lambda connection: _expect(connection, found, values, user=user))
        found = replace(found, dataset=dataset)
    return resume(found, database=database, workspace=workspace, watcher=watcher, mending=Mending())


def ask_again(
    uid: str,
    key: str,
    *,
    repeat: int,
    database: Database,
    workspace: Workspace,
    resolve: Resolve,
) -> AskedAgain:
    """One cell of a variant, asked again past the cache and scored; its earlier answer stays where the call fails.

    uid: of the variant. Raises UsageError as `resume` does, and for a case that the run has not.
    """
    before = database.read(lambda connection: details.cell_detail(connection, uid, key, repeat=repeat))
    if (before.run.model or "").startswith("python:"):
        raise UsageError(
            f"variant '{before.run.name}' is answered by a function of a script; run the script again to ask it"
        )
    found = _find(uid, "ask it again", database=database, workspace=workspace, resolve=resolve)
    cell = (before.run.id, key, repeat)
    answered = {cell} if before.cell.answer_status is not None else set()
    # Its own price limits and pace hold as for any call; the rest of the run stays as it is.
    resume(found, database=database, workspace=workspace, mending=Mending(frozenset({cell}), frozenset(answered)))
    after = database.read(lambda connection: details.cell_detail(connection, uid, key, repeat=repeat))
    if after.cell.answer_id is not None and after.cell.answer_id != before.cell.answer_id:
        return AskedAgain(after, None)
    failures = [attempt.error for attempt in after.attempts[len(before.attempts) :] if attempt.error]
    return AskedAgain(after, failures[-1] if failures else after.cell.error or "there is no new answer")


def read_expected(text: str, before: Any) -> Any:
    """What is expected, as somebody typed it: JSON where it was no text before, else the text as it is.

    Raises UsageError for what is no JSON.
    """
    if isinstance(before, str):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        if before is None:
            return text
        raise UsageError(
            f"what is expected is no text here but JSON, such as {json.dumps(before, ensure_ascii=False)[:80]}; "
            f"{text[:80]!r} is not: {error}"
        ) from error


def _find(uid: str, what: str, *, database: Database, workspace: Workspace, resolve: Resolve) -> Resumable:
    """The run as `resume` finds it; models that only a script has, or that are gone, are stood in for."""

    def read(connection: Connection) -> tuple[RunRow, list[RunRow], bool]:
        run = runs.get_run(connection, uid)
        run = runs.parent(connection, run) or run
        return run, runs.children(connection, run.uid), plans.plan_of(connection, run.id) is not None

    run, children, planned = database.read(read)
    if not planned:
        raise UsageError(
            f"run {run.uid[:8]} is no evaluation of a suite, so nothing can {what}; log its predictions again instead"
        )
    names = {child.model for child in children if child.model}
    models = {name: _stand_in(name) for name in names if name.startswith("python:")}

    def known(name: str) -> Model:
        try:
            return resolve(name)
        except ModelError:
            return _stand_in(name)

    return find_resumable(uid, database=database, workspace=workspace, resolve=known, models=models)


def _stand_in(name: str) -> Model:
    """A model for one that is not here: it has its name, and says so where it is asked all the same."""

    def refuse(_: list[Mapping[str, Any]]) -> list[str]:
        raise ModelError(f"the base model '{name}' is not here; `promptlab models list` shows what is")

    return PythonModel(name.removeprefix("python:"), refuse)


def _checked(key: str, value: Any) -> Any:
    try:
        return json_value(value)
    except ValueError as error:
        raise UsageError(f"case '{key}': what is expected {error}") from error


def _expect(connection: Connection, found: Resumable, values: Mapping[str, Any], *, user: str) -> DatasetRow:
    """The version of the run's data set in which these values are expected; the run and its variants use it now."""
    cases = datasets.dataset_cases(connection, found.dataset.id)
    missing = sorted(values.keys() - {case.key for case in cases})
    if missing:
        raise UsageError(
            f"run {found.parent.uid[:8]} has no case {few(missing)}; `promptlab runs show` lists its cases"
        )
    changed = [replace(case, expected=values[case.key]) if case.key in values else case for case in cases]
    old = found.dataset
    new = datasets.store_dataset(connection, name=old.name, source=old.source, cases=changed)
    if new.id == old.id:
        return old
    for run in (found.parent, *found.children):
        datasets.relink_dataset(connection, run.id, old.id, new.id, context="evaluation")
    tags = params.tags(connection, found.parent.id)
    mended = json.loads(tags.get(MENDED_TAG, "[]"))
    mended.append(
        {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "by": user,
            "before": old.reference,
            "after": new.reference,
            "cases": sorted(values),
        }
    )
    params.set_tags(connection, found.parent.id, {MENDED_TAG: json.dumps(mended, ensure_ascii=False)})
    return new
