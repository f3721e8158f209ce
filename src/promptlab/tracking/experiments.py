"""Experiments as people handle them: drawers of runs with a description, tags and a goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promptlab.store import experiments, metrics
from promptlab.store.database import Connection, Database
from promptlab.store.rows import GOAL_TAG, ExperimentRow
from promptlab.types import Direction


class Experiments:
    """The experiments of a database. One is made when a run first names it, or here with a description."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __iter__(self) -> Any:
        return iter(self.list())

    def list(self, *, deleted: bool = False) -> Sequence[ExperimentRow]:
        """Every experiment, the one with the newest run first; deleted: those that are, instead of the others."""
        return self._database.read(lambda connection: experiments.list_experiments(connection, deleted=deleted))

    def get(self, name: str) -> ExperimentRow:
        """The experiment with this name, also a deleted one. Raises UsageError that says what there is."""
        return self._database.read(lambda connection: experiments.get_experiment(connection, name))

    def create(
        self, name: str, *, description: str = "", tags: Mapping[str, Any] | None = None, goal: str | None = None
    ) -> ExperimentRow:
        """The experiment with this name, made where it is missing; what is given replaces what was there.

        goal: the metric that its runs are compared by. Raises UsageError for a deleted one and a name that cannot be.
        """

        def store(connection: Connection) -> ExperimentRow:
            experiments.experiment_id(connection, name)
            if description:
                experiments.describe_experiment(connection, name, description)
            changed = {**(tags or {}), **({} if goal is None else {GOAL_TAG: goal})}
            experiments.set_experiment_tags(connection, name, changed)
            return experiments.get_experiment(connection, name)

        return self._database.write_now(store)

    def rename(self, name: str, to: str) -> None:
        """Gives an experiment another name. Raises UsageError where that is taken, and for `Default`."""
        self._database.write_now(lambda connection: experiments.rename_experiment(connection, name, to))

    def describe(self, name: str, description: str) -> None:
        """Replaces its description."""
        self._database.write_now(lambda connection: experiments.describe_experiment(connection, name, description))

    def set_tags(self, name: str, tags: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Sets tags, as text; None takes one away."""
        values = {**(tags or {}), **more}
        self._database.write_now(lambda connection: experiments.set_experiment_tags(connection, name, values))

    def set_goal(self, name: str, metric: str | None, *, direction: Direction | None = None) -> None:
        """Says by which metric its runs are compared, and whether higher or lower is better; None: by none."""

        def store(connection: Connection) -> None:
            experiments.set_experiment_tags(connection, name, {GOAL_TAG: metric})
            if metric is not None and direction is not None:
                metrics.set_direction(connection, metric, direction)

        self._database.write_now(store)

    def delete(self, name: str) -> None:
        """Hides an experiment with its runs; nothing is lost. Raises UsageError for `Default`."""
        self._database.write_now(lambda connection: experiments.delete_experiment(connection, name))

    def restore(self, name: str) -> None:
        """Brings a deleted experiment back."""
        self._database.write_now(lambda connection: experiments.restore_experiment(connection, name))
