"""The one event loop of a process, on a daemon thread, and the doors to it from plain synchronous code.

Everything asynchronous runs on this loop, so API clients, their connections and their locks are made once and
serve scripts, notebooks and web sessions alike.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

WAIT_SECONDS = 0.25
"""How late an interrupt may be noticed while a coroutine is waited for."""
CANCEL_SECONDS = 1.0
"""How long an interrupted caller waits for the cleanup of its coroutine."""
CLOSE_SECONDS = 5.0
"""How long the loop's cleanup may take when the process ends."""


@dataclass(slots=True)
class _Portal:
    """The loop, its thread and what has to be closed at the end; both None until first used."""

    loop: asyncio.AbstractEventLoop | None = None
    thread: threading.Thread | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)


_portal = _Portal()


def run(coroutine: Coroutine[Any, Any, T], *, on_interrupt: Callable[[], None] | None = None) -> T:
    """What the coroutine returned, having run on the process's loop while this thread waited.

    On KeyboardInterrupt the coroutine is cancelled, its cleanup is awaited for a second, and the interrupt goes on.
    With on_interrupt a first one calls that, on the loop, and the coroutine comes to its own end; only a second one
    cancels. Raises what the coroutine raises, and RuntimeError where the loop's own thread would wait for itself.
    """
    loop = _running_loop()
    if is_here():
        coroutine.close()
        raise RuntimeError("portal.run would wait for its own thread; await the coroutine instead")
    finished: concurrent.futures.Future[T] = concurrent.futures.Future()
    tasks: list[asyncio.Task[T]] = []

    def start() -> None:
        task = loop.create_task(coroutine)
        tasks.append(task)
        task.add_done_callback(lambda done: _hand_over(done, finished))

    loop.call_soon_threadsafe(start)
    if on_interrupt is not None:
        try:
            return _wait(finished)
        except KeyboardInterrupt:
            if finished.done():
                raise
            loop.call_soon_threadsafe(on_interrupt)
    try:
        return _wait(finished)
    except KeyboardInterrupt:
        if not finished.done():
            # Looked up on the loop, after `start` has run there.
            loop.call_soon_threadsafe(lambda: tasks[0].cancel())  # noqa: PLW0108 - tasks is empty until then
            concurrent.futures.wait([finished], timeout=CANCEL_SECONDS)
        raise


def _wait(finished: concurrent.futures.Future[T]) -> T:
    # In short waits: a signal that arrives in another thread, or on Windows, does not end a long one.
    while not concurrent.futures.wait([finished], timeout=WAIT_SECONDS).done:
        pass
    return finished.result()


def submit(coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
    """A future of the coroutine, which starts on the process's loop at once; its `cancel` cancels the coroutine."""
    return asyncio.run_coroutine_threadsafe(coroutine, _running_loop())


def on_close(closer: Callable[[], Awaitable[None]]) -> None:
    """Have `closer` awaited on the loop when the process ends."""
    with _portal.lock:
        _portal.closers.append(closer)


def not_on_close(closer: Callable[[], Awaitable[None]]) -> None:
    """Forget a closer, since what it closes is closed already; nothing where it is not known."""
    with _portal.lock:
        if closer in _portal.closers:
            _portal.closers.remove(closer)


def is_here() -> bool:
    """True in the loop's own thread, where coroutines are awaited instead of run."""
    return threading.current_thread() is _portal.thread


def close() -> None:
    """Cancel what still runs, await every closer and stop the loop; the next use starts a new one.

    Runs by itself when the process ends. Waits at most CLOSE_SECONDS.
    """
    with _portal.lock:
        loop, thread = _portal.loop, _portal.thread
        closers = list(_portal.closers)
        _portal.loop, _portal.thread = None, None
        _portal.closers.clear()
    if loop is None or thread is None:
        return
    future = asyncio.run_coroutine_threadsafe(_clean_up(closers), loop)
    with contextlib.suppress(concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
        future.result(timeout=CLOSE_SECONDS)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=CLOSE_SECONDS)
    if not thread.is_alive():
        loop.close()


def _running_loop() -> asyncio.AbstractEventLoop:
    with _portal.lock:
        if _portal.loop is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever, name="promptlab-loop", daemon=True)
            thread.start()
            _portal.loop, _portal.thread = loop, thread
        return _portal.loop


def _hand_over(task: asyncio.Task[T], finished: concurrent.futures.Future[T]) -> None:
    if task.cancelled():
        finished.set_exception(concurrent.futures.CancelledError())
        return
    error = task.exception()
    if error is not None:
        finished.set_exception(error)
    else:
        finished.set_result(task.result())


async def _clean_up(closers: list[Callable[[], Awaitable[None]]]) -> None:
    mine = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not mine]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # One closer that fails must not keep the others from running; the process is ending, nobody is left to tell.
    await asyncio.gather(*(closer() for closer in closers), return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


def _forget() -> None:
    """A forked child has no such thread: it starts its own loop when it needs one."""
    _portal.loop, _portal.thread = None, None
    _portal.lock = threading.Lock()
    _portal.closers.clear()


atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
