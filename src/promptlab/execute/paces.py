"""The pace of every endpoint of a run: those that adapt share one by address, the others keep what suits them."""

from __future__ import annotations

from promptlab.config import Workspace
from promptlab.execute.pace import Pace
from promptlab.models.base import Model

MOST_CONNECTIONS = 4000
"""Calls in flight to one endpoint that nobody has limited."""
_OTHER_FILES = 128
"""Open files that are no connections: the database, pipes, libraries."""


def most_connections() -> int:
    """How many connections this process may have: each is an open file, of which the system allows so many."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return MOST_CONNECTIONS
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(1, min(MOST_CONNECTIONS, allowed - _OTHER_FILES))


class Paces:
    """One Pace an endpoint. concurrency: the most calls in flight to any of them; None: as many as it bears."""

    def __init__(self, workspace: Workspace, *, concurrency: int | None) -> None:
        self._workspace = workspace
        self._concurrency = concurrency
        self._paces: dict[str, Pace] = {}

    def of(self, model: Model) -> Pace:
        """The pace of a model's endpoint; of the model alone where it is no endpoint's."""
        key = model.endpoint or f"model:{model.name}"
        pace = self._paces.get(key)
        if pace is None:
            pace = self._paces[key] = self._make(model)
        return pace

    def _make(self, model: Model) -> Pace:
        if model.endpoint is None:
            return Pace(fixed=min(self._concurrency or model.concurrency, model.concurrency))
        limits = self._workspace.limits_for(model.provider)
        caps = [most for most in (self._concurrency, limits.max_concurrency) if most is not None]
        return Pace(
            start=model.concurrency,
            cap=min([*caps, most_connections()]),
            requests_per_minute=limits.requests_per_minute,
            tokens_per_minute=limits.tokens_per_minute,
        )
