"""Runs opened: new ones with all that says where they come from, and stored ones to log more into."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from promptlab.config import Workspace
from promptlab.store import environments, params, runs
from promptlab.store.artifacts import ArtifactStore
from promptlab.store.database import Connection, Database
from promptlab.store.rows import RunRow
from promptlab.store.statements import check_name
from promptlab.tracking.environment import command
from promptlab.tracking.environment import environment as this_environment
from promptlab.tracking.provenance import provenance
from promptlab.tracking.run import Predictions, Run


class Opener:
    """Opens the runs of one lab."""

    def __init__(self, database: Database, workspace: Workspace, *, score_predictions: Predictions) -> None:
        self._database = database
        self._workspace = workspace
        self._score_predictions = score_predictions
        self._environment: str | None = None

    def open(
        self,
        name: str,
        *,
        kind: str,
        params: Mapping[str, Any] | None,
        tags: Mapping[str, Any] | None,
        experiment: str,
        parent: str | None = None,
        note: str = "",
        system_metrics: bool = True,
    ) -> Run:
        """A new run, stored and running, with its origin, its environment, and its first params and tags."""
        creation = _Creation(
            self._workspace,
            name,
            kind=kind,
            params=params or {},
            tags=tags or {},
            experiment=experiment,
            parent=parent,
            note=note,
            environment=self._environment,
        )
        row = self._database.write_now(creation)
        self._environment = creation.environment
        return self._handle(row, owned=True, system_metrics=system_metrics)

    def reopen(self, row: RunRow) -> Run:
        """A handle of a stored run to log more into it; it does not end the run."""
        return self._handle(row, owned=False, system_metrics=False)

    def _handle(self, row: RunRow, *, owned: bool, system_metrics: bool) -> Run:
        return Run(
            self._database,
            row,
            artifacts=ArtifactStore(self._workspace.artifacts),
            score_predictions=self._score_predictions,
            open_run=self.open,
            owned=owned,
            system_metrics=system_metrics,
            folder=self._workspace.root,
        )


class _Creation:
    """One transaction: the run with all that it begins with, or nothing.

    environment: the digest of this process's one, where the database has it already.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        *,
        kind: str,
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
        experiment: str,
        parent: str | None,
        note: str,
        environment: str | None,
    ) -> None:
        self._known = environment is not None
        self.environment = environment or environments.environment_digest(this_environment())
        self._name = check_name(name, "run")
        self._kind = kind
        self._params = {str(key): value for key, value in params.items()}
        self._tags = {str(key): value for key, value in tags.items()}
        self._experiment = experiment
        self._parent = parent
        self._note = note
        self._origin = provenance(workspace.root)
        self._started_at = datetime.now(UTC)

    def __call__(self, connection: Connection) -> RunRow:
        if not self._known:
            environments.add_environment(connection, this_environment(), digest=self.environment)
        row = runs.create_run(
            connection,
            kind=self._kind,
            name=self._name,
            experiment=self._experiment,
            parent_uid=self._parent,
            user=self._origin.user,
            source=self._origin.source,
            git_sha=self._origin.git_sha,
            host=self._origin.host,
            pid=self._origin.pid,
            command=command(),
            environment_digest=self.environment,
            started_at=self._started_at,
        )
        if self._params:
            params.set_params(connection, row.id, self._params)
        if self._tags:
            params.set_tags(connection, row.id, self._tags)
        if self._note:
            runs.set_note(connection, row.uid, self._note)
        return row
