"""Which run's `with` block this thread, or this task, is in: for what is logged without naming a run."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptlab.store.database import Database
    from promptlab.tracking.run import Run

_ENTERED: ContextVar[tuple[Run, ...]] = ContextVar("promptlab_entered_runs", default=())


def enter(run: Run) -> None:
    """From now on the run is the current one here."""
    _ENTERED.set((*_ENTERED.get(), run))


def leave(run: Run) -> None:
    """The run is not entered any more; the one around it is the current one again."""
    _ENTERED.set(tuple(other for other in _ENTERED.get() if other is not run))


def current_run(database: Database) -> Run | None:
    """The innermost run of this database whose block this is in; None where it is in none."""
    return next((run for run in reversed(_ENTERED.get()) if run.database is database), None)
