"""A training that a callback follows: which run it is logged into, and what every callback logs alike."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any, Self

from promptlab.estimators.params import param_text
from promptlab.tracking.direction import infer_direction
from promptlab.tracking.estimator_batch import Batch
from promptlab.types import Direction

if TYPE_CHECKING:
    from promptlab.tracking.run import Run


class CallbackWarning(UserWarning):
    """A training goes on without being logged."""


class Trainings:
    """The trainings of one callback: the first is logged into its run, each later one into a run within it.

    Copies of a callback (scikit-learn clones estimators with all they hold) share it. One that was pickled, with a
    fitted model or into another process, has no run any more and logs nothing.
    """

    def __init__(self, run: Run) -> None:
        self._run: Run | None = run
        self._lock = threading.Lock()
        self._begun = 0

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self._run, self._lock, self._begun = None, threading.Lock(), 0

    def begin(
        self,
        *,
        packages: tuple[str, ...],
        params: Mapping[str, Any],
        tags: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Training | None:
        """A training that starts now, its params, versions and files logged; None, with a warning, without a run.

        packages: distributions whose versions count; the first one that is installed is kept. Params that the run
        has already stay as they are.
        """
        if self._run is None:
            warnings.warn(
                "this callback was copied into another process or file, away from its run: it logs nothing",
                CallbackWarning,
                stacklevel=3,
            )
            return None
        with self._lock:
            self._begun += 1
            number = self._begun
        run = self._run if number == 1 else self._run.run(f"training {number}")
        batch = Batch(params={name: param_text(value) for name, value in params.items()}, files=dict(files or {}))
        batch.tags = {**(tags or {}), **_version(packages)}
        batch.write(run)
        return Training(run, owned=number > 1)

    def before_end(self, action: Callable[[], None]) -> None:
        """Has `action` called once, before the callback's run ends."""
        if self._run is not None:
            self._run.before_end(action)


class Training:
    """One training in its run."""

    def __init__(self, run: Run, *, owned: bool) -> None:
        self.run = run
        self._owned = owned
        self._directed: set[str] = set()

    def log(self, values: Mapping[str, Any], *, step: int, directions: Mapping[str, Direction] | None = None) -> None:
        """Metrics of one step; directions of those whose name does not tell it. Does not wait."""
        self.run.log_metrics(values, step=step)
        told = {
            name: direction
            for name, direction in (directions or {}).items()
            if name not in self._directed and infer_direction(name) != direction
        }
        self._directed.update(directions or {})
        if told:
            self.run.set_direction(**told)

    def end(self, batch: Batch | None = None) -> None:
        """Logs what is known at the end; a run that was opened for this training ends with it."""
        if batch is not None:
            batch.write(self.run)
        if self._owned:
            self.run.end()


def _version(packages: tuple[str, ...]) -> dict[str, str]:
    for package in packages:
        try:
            return {f"version.{packages[0]}": metadata.version(package)}
        except metadata.PackageNotFoundError:
            continue
    return {}
