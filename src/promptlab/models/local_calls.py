"""From an event loop to the thread of a local model and back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

from promptlab.errors import CallError
from promptlab.models.local_engine import Engine
from promptlab.models.local_jobs import Job

T = TypeVar("T")


async def result_of(engine: Engine, ask: Callable[[Callable[[T | CallError], None]], Job]) -> T:
    """What the engine delivers to the job that `ask` makes. Raises CallError; cancelling gives the job up."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | CallError) -> None:
        if future.done():
            return
        if isinstance(result, CallError):
            future.set_exception(result)
        else:
            future.set_result(result)

    job = ask(to_loop(loop, settle))
    engine.submit(job)
    try:
        return await future
    finally:
        job.cancelled = True


def to_loop(loop: asyncio.AbstractEventLoop, function: Callable[[T], None]) -> Callable[[T], None]:
    """The function, called on the loop from any thread; not at all once the loop is closed."""

    def call(value: T) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(function, value)

    return call
