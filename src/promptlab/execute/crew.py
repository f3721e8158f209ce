"""What the tasks of one run share while it is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from promptlab.execute.calling import Caller
from promptlab.execute.flights import Flights
from promptlab.execute.paces import Paces
from promptlab.execute.session import Column, Session
from promptlab.execute.worst_cases import WorstCases

MOST_LIVE = 5000
"""Cells of one run that ask at once, those that rest after a failure included; and as many that wait for these."""


@dataclass(slots=True)
class Crew:
    """A session with its tasks, its callers and the paces of its endpoints."""

    session: Session
    group: asyncio.TaskGroup
    flights: Flights
    paces: Paces
    worst_cases: WorstCases
    callers: dict[str, Caller] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    asking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_LIVE))
    waiting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_LIVE))
    """For cells that wait for another's call: places of their own, or they could keep the one that asks from its."""
    processor: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the local model whose turn it is."""

    def caller(self, column: Column) -> Caller:
        """What makes the calls to a variant's model; variants of one model share it."""
        model = column.variant.model
        caller = self.callers.get(model.name)
        if caller is None:
            session = self.session
            caller = Caller(
                model=model,
                journal=session.journal,
                pace=self.paces.of(model),
                stop=session.stop,
                tally=session.tally,
                price=session.price,
                budget=session.plan.limits.budget,
            )
            self.callers[model.name] = caller
        return caller

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task of this run, which a stop can find."""
        task = self.group.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def cancel_idle(self) -> None:
        """Cancels whatever has no call in flight and no answer to store."""
        busy = {task for caller in self.callers.values() for task in caller.busy}
        for task in self.tasks - busy:
            task.cancel()
