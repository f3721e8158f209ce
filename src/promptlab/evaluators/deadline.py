"""A plain function run beside the event loop, for at most so many seconds.

Threads here are daemons of their own, not of an executor: Python waits for executor threads at exit, so one
evaluator that never returns would hold the whole process.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

THREADS = min(8, (os.cpu_count() or 1) + 2)

_slots: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()


async def run_in_thread(function: Callable[[], Any], *, seconds: float) -> Any:
    """What `function()` returned, run in a thread; a few run at once, the others wait their turn.

    seconds: counted from when it begins. Raises TimeoutError after that: the thread cannot be killed and is left
    behind; it no longer counts among those that run. What the function raises is raised here; so that it cannot
    end the process or the loop, SystemExit and the like become RuntimeError.
    """
    loop = asyncio.get_running_loop()
    if loop not in _slots:
        _slots[loop] = asyncio.Semaphore(THREADS)
    async with _slots[loop]:
        ended: asyncio.Future[Any] = loop.create_future()
        context = contextvars.copy_context()

        def work() -> None:
            value: Any = None
            problem: Exception | None = None
            try:
                value = context.run(function)
            except Exception as error:  # noqa: BLE001 - handed to the waiting task
                problem = error
            except BaseException as error:  # noqa: BLE001 - exit() in an evaluator must not end anything
                problem = RuntimeError(f"{type(error).__name__}: {error}")
            try:
                loop.call_soon_threadsafe(_settle, ended, value, problem)
            except RuntimeError:
                return  # the loop has closed: nobody waits any more

        threading.Thread(target=work, name="promptlab-evaluator", daemon=True).start()
        async with asyncio.timeout(seconds):
            return await ended


def _settle(ended: asyncio.Future[Any], value: Any, problem: Exception | None) -> None:
    if ended.done():
        return
    if isinstance(problem, StopIteration):  # a future cannot carry it
        problem = RuntimeError("StopIteration")
    if problem is not None:
        ended.set_exception(problem)
    else:
        ended.set_result(value)
