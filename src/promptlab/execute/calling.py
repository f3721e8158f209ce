"""One call to a base model through all its attempts: paced, within the budget, written down before it is sent."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from promptlab.errors import CallError
from promptlab.execute.budget import Budget
from promptlab.execute.cells import Cell
from promptlab.execute.journal import Journal, StoredAnswer
from promptlab.execute.pace import Ending, Pace
from promptlab.execute.stopping import Stop, StoppedError
from promptlab.models.base import Model
from promptlab.redact import redact
from promptlab.store.rows import AttemptStart, Purpose
from promptlab.types import RETRIED_STATUSES, CellStatus, Request, Response

MAX_ATTEMPTS = 5
BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 8.0
RATE_LIMIT_REST_SECONDS = 2.0

_UNBILLED = frozenset({"rate_limited", "quota", "client", "server"})
"""Failures that no provider charges for; a time-out or a cut answer may have been."""


@dataclass(slots=True)
class Tally:
    """What one invocation did: requests made and failed; cells that ended, in an error, or without a call (cached)."""

    made: int = 0
    failed: int = 0
    cached: int = 0
    ended: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Worst:
    """The most that one call may take: tokens in and out together, and US dollars; 0 where nobody counts them."""

    tokens: int = 0
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """A call as its attempts make it.

    purpose: as of an attempt. send: asks the model, once; raises CallError. keep: hands what came back of an attempt
    to the journal. key, repeat: the cell it is for; None where it is for several.
    """

    purpose: Purpose
    cache_key: str | None
    send: Callable[[], Awaitable[Response]]
    keep: Callable[[int, Response], StoredAnswer | None]
    key: str | None = None
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Called:
    """How a call ended, after all its attempts; stored: the answer on its way into the database.

    divisible: whether what was asked together may pass in parts.
    """

    status: CellStatus
    response: Response | None = None
    stored: StoredAnswer | None = None
    error: str | None = None
    divisible: bool = False


@dataclass(slots=True)
class Caller:
    """Makes the calls of a run to one base model.

    price: what an answer cost, None where unknown. worst: what a cell's call may take at most. send: default, the
    model's generate. busy: the tasks with a call in flight or an answer to store; a stop lets these go on. Who calls
    takes its task out when the answer is stored.
    """

    model: Model
    journal: Journal
    pace: Pace
    stop: Stop
    tally: Tally
    price: Callable[[Model, Response], float | None]
    budget: Budget | None = None
    worst: Callable[[Cell], Worst] = lambda _: Worst()
    send: Callable[[Request], Awaitable[Response]] | None = None
    busy: set[asyncio.Task[object]] = field(default_factory=set)
    ready: bool = False
    preparing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def enter(self, worst: Worst) -> None:
        """Waits for a place in flight, and before the first for the model to be ready; whoever has one calls."""
        if not self.ready:
            async with self.preparing:
                if not self.ready:
                    await self.model.prepare()
                    self.ready = True
        await self.pace.enter(tokens=worst.tokens)

    async def call(self, cell: Cell, worst: Worst, *, run_id: int) -> Called:
        """The answer to a cell, as `make` gets it."""
        request = cell.request
        if request is None:
            raise LookupError("a call is made for a cell that has been rendered")
        call = Call(
            "generate",
            cell.cache_key,
            lambda: (self.send or self.model.generate)(request),
            lambda attempt_id, response: self.journal.answer(attempt_id, cache_key=cell.cache_key, response=response),
            cell.case.key,
            cell.repeat,
        )
        return await self.make(call, worst, run_id=run_id)

    async def make(self, call: Call, worst: Worst, *, run_id: int) -> Called:
        """What came of a call, or the error that up to five attempts came to; a place was entered before and is left.

        Never raises CallError. Raises StoppedError where the run was told to stop before an attempt could be made.
        """
        attempt = 1
        while True:
            try:
                called = await self._paid(call, worst, run_id=run_id)
            except CallError as error:
                self.pace.leave(
                    "rate_limited" if error.status == "rate_limited" else "error",
                    retry_after=error.retry_after,
                    reserved_tokens=worst.tokens,
                )
                if error.status not in RETRIED_STATUSES or attempt == MAX_ATTEMPTS:
                    return Called(error.status, error=redact(str(error)), divisible=error.divisible)
                rest = rest_seconds(error, attempt)
            except BaseException:
                self.pace.leave("error", reserved_tokens=worst.tokens)
                raise
            else:
                self.pace.leave(_ending(called), reserved_tokens=worst.tokens, used_tokens=_used(called))
                return called
            if self.stop.requested:
                raise StoppedError
            await asyncio.sleep(rest)
            await self.enter(worst)
            attempt += 1

    async def _paid(self, call: Call, worst: Worst, *, run_id: int) -> Called:
        if self.budget is None:
            return await self._attempt(call, run_id=run_id)
        if not await self.budget.reserve(worst.usd):
            return Called("budget", error=self.budget.explanation)
        try:
            called = await self._attempt(call, run_id=run_id)
        except CallError as error:
            self.budget.settle(worst.usd, billed="no" if error.status in _UNBILLED else "maybe")
            raise
        except StoppedError:
            self.budget.settle(worst.usd, billed="no")
            raise
        except BaseException:
            self.budget.settle(worst.usd, billed="maybe")
            raise
        self.budget.settle(worst.usd, called.response.cost_usd if called.response else None, billed="yes")
        return called

    async def _attempt(self, call: Call, *, run_id: int) -> Called:
        task = asyncio.current_task()
        if task is None:
            raise LookupError("a call is made in a task")
        self.busy.add(task)
        try:
            return await self._recorded(call, run_id)
        except BaseException:
            self.busy.discard(task)
            raise

    async def _recorded(self, call: Call, run_id: int) -> Called:
        attempt_id = await self.journal.begin(
            AttemptStart(
                run_id, call.cache_key or "", call.purpose, datetime.now(UTC), key=call.key, repeat=call.repeat
            )
        )
        self.tally.made += 1
        if self.stop.requested:
            self.tally.failed += 1
            await self.journal.fail(attempt_id, status="cancelled", error="stopped before it was sent")
            raise StoppedError
        try:
            response = await call.send()
        except asyncio.CancelledError:
            # Not awaited: the task is ending. Writes keep their order and are drained before the process ends.
            self.tally.failed += 1
            self.journal.fail(attempt_id, status="cancelled", error="cancelled in flight; it may have been billed")
            raise
        except Exception as error:
            failure = error if isinstance(error, CallError) else _broken(self.model, error)
            self.tally.failed += 1
            # Models take keys out of what they raise; nothing is stored that looks like one all the same.
            await self.journal.fail(attempt_id, status=failure.status, error=redact(str(failure)))
            raise failure from error
        if response.cost_usd is None:
            response = replace(response, cost_usd=self.price(self.model, response))
        return Called(response.status, response, call.keep(attempt_id, response))


def rest_seconds(error: CallError, attempt: int) -> float:
    """How long to rest after attempt number `attempt` (1 is the first) failed so, in seconds."""
    if error.retry_after is not None:
        return max(0.0, error.retry_after)
    if error.status == "rate_limited":
        return RATE_LIMIT_REST_SECONDS
    backoff = min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2.0 ** (attempt - 1))
    return backoff * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


def _broken(model: Model, error: Exception) -> CallError:
    """What a model raised that should have raised CallError: a failed call all the same, not a crashed run."""
    return CallError("client", f"{model.name} failed: {type(error).__name__}: {redact(str(error))}")


def _ending(called: Called) -> Ending:
    return "ok" if called.response is not None else "error"


def _used(called: Called) -> int | None:
    if called.response is None:
        return 0
    usage = called.response.usage
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    return usage.input_tokens + usage.output_tokens
