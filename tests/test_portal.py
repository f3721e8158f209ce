import asyncio
import concurrent.futures
import os
import signal
import subprocess
import sys
import threading

import pytest

from promptlab import portal


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


async def failing() -> None:
    raise ValueError("as told")


def test_run_gives_what_the_coroutine_returned() -> None:
    assert portal.run(double(21)) == 42


def test_run_raises_what_the_coroutine_raised() -> None:
    with pytest.raises(ValueError, match="as told"):
        portal.run(failing())


def test_submit_gives_a_future() -> None:
    assert portal.submit(double(2)).result(5) == 4


def test_every_thread_uses_the_same_loop() -> None:
    async def loop_id() -> int:
        return id(asyncio.get_running_loop())

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        loops = set(pool.map(lambda _: portal.run(loop_id()), range(8)))
    assert len(loops) == 1


def test_run_inside_the_loop_is_refused_and_not_a_deadlock() -> None:
    async def inner() -> None:
        with pytest.raises(RuntimeError, match="await"):
            portal.run(double(1))

    portal.run(inner())


def test_is_here_only_on_the_loops_thread() -> None:
    async def here() -> bool:
        return portal.is_here()

    assert portal.run(here())
    assert not portal.is_here()


def test_an_interrupt_cancels_the_coroutine_and_waits_for_its_cleanup() -> None:
    done: list[str] = []

    async def work() -> None:
        try:
            threading.Timer(0.1, lambda: signal.raise_signal(signal.SIGINT)).start()
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.1)
            done.append("cleaned up")

    # raise_signal in a thread is delivered to the main thread, which waits in run.
    with pytest.raises(KeyboardInterrupt):
        portal.run(work())
    assert done == ["cleaned up"]


SCRIPT = """
import asyncio
from promptlab import portal

async def closer():
    await asyncio.sleep(0)
    print("closed", flush=True)

async def open_something():
    portal.on_close(closer)

async def for_ever():
    try:
        await asyncio.sleep(1000)
    finally:
        print("cancelled", flush=True)

portal.run(open_something())
portal.submit(for_ever())
"""


def test_the_end_of_the_process_cancels_and_closes() -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.split() == ["cancelled", "closed"]
    assert result.stderr == ""


def test_closing_twice_and_using_it_again_works() -> None:
    portal.close()
    portal.close()
    assert portal.run(double(3)) == 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_starts_its_own_loop() -> None:
    portal.run(double(1))
    child = os.fork()
    if child == 0:
        os._exit(portal.run(double(4)))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 8
