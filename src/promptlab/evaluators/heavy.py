"""Calls of heavy evaluators, gathered: all that are made in one turn of the event loop go to the pool together."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from promptlab.evaluators import jobs
from promptlab.evaluators.jobs import Job
from promptlab.types import EvaluatorContext

INLINE_CHARACTERS = 4000

_gathered: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, list[Job]] = weakref.WeakKeyDictionary()


def is_long(context: EvaluatorContext) -> bool:
    """Whether the texts are so long that comparing them could hold up the event loop."""
    return jobs.characters(context) > INLINE_CHARACTERS


async def run_heavy(
    function: Callable[..., Any], context: EvaluatorContext, options: Mapping[str, Any], *, seconds: float
) -> Any:
    """What the function returns of the output, `expected` and response_schema, run beside the event loop.

    seconds: counted from when it begins. Raises what the function raises, TimeoutError after so long.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    waiting = _gathered.setdefault(loop, [])
    if not waiting:
        loop.call_soon(_hand_over, waiting)
    waiting.append(Job(function, jobs.stripped(context), options, seconds, loop, future))
    return await future


def _hand_over(waiting: list[Job]) -> None:
    from promptlab.evaluators.pool import shared_pool

    batch = waiting.copy()
    waiting.clear()
    shared_pool().submit(batch)
