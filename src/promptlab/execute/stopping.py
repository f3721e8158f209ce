"""How a running evaluation is told to stop: no new calls, what is in flight may end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, TypeAlias

StopKind: TypeAlias = Literal["interrupted", "errors", "cancelled", "taken over"]
"""Why: somebody pressed Ctrl-C; too many errors; somebody asked for it elsewhere; another process goes on with it."""

DRAIN_SECONDS = 10.0
"""How long calls in flight may take to end once a run was told to stop."""


@dataclass(frozen=True, slots=True)
class StopReason:
    """What kind of stop it is, and the reason in words."""

    kind: StopKind
    message: str


class Stop:
    """Told once, from its own event loop; asked by everything that would begin something new."""

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self._told = asyncio.Event()

    def tell(self, kind: StopKind, message: str) -> None:
        """Stop, for this reason; only the first counts."""
        if self.reason is None:
            self.reason = StopReason(kind, message)
            self._told.set()

    @property
    def requested(self) -> bool:
        """Whether nothing new may begin."""
        return self.reason is not None

    async def wait(self) -> None:
        """Returns when it is told."""
        await self._told.wait()


class StoppedError(Exception):
    """A cell that did not come to an end, since its run was told to stop: nothing is stored of it but its attempts."""
