"""The worker processes of heavy evaluators: real ones, which die, hang, print, and outlive nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pool_functions as functions
import pytest

from promptlab.evaluators.base import BoundEvaluator
from promptlab.evaluators.jobs import LONG_CHARACTERS, Job
from promptlab.evaluators.pool import Pool
from promptlab.types import EvaluatorContext, Score

LONG = "x" * (LONG_CHARACTERS + 1)
ME = {"spared": os.getpid()}


def run(
    pool: Pool, *calls: tuple[Callable[..., Any], str], seconds: float = 30, expected: Any = None, kill: bool = False
) -> Sequence[Any]:
    """What the calls return or raise, submitted together. kill: end its worker while they are at it."""

    async def submit() -> Sequence[Any]:
        loop = asyncio.get_running_loop()
        jobs = [
            Job(function, EvaluatorContext({}, output, expected), {}, seconds, loop, loop.create_future())
            for function, output in calls
        ]
        pool.submit(jobs)
        if kill:
            await asyncio.sleep(0.5)
            os.kill(pool.process_ids[0], signal.SIGKILL)
        return await asyncio.gather(*(job.future for job in jobs), return_exceptions=True)

    return asyncio.run(submit())


def is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def ends(process_id: int, *, within: float = 10) -> bool:
    until = time.monotonic() + within
    while is_alive(process_id) and time.monotonic() < until:
        time.sleep(0.05)
    return not is_alive(process_id)


@pytest.fixture
def pool() -> Iterator[Pool]:
    """A pool whose one worker process is there."""
    with closing(Pool(most_workers=1)) as pool:
        assert run(pool, (functions.length, LONG)) == [len(LONG)]
        assert len(pool.process_ids) == 1
        yield pool


def test_a_little_work_runs_in_this_process_and_a_long_text_in_another():
    with closing(Pool(most_workers=1)) as pool:
        few = run(pool, *[(functions.process, "short")] * 50)
        assert (set(few), pool.process_ids) == ({os.getpid()}, [])
        (other,) = run(pool, (functions.process, LONG))
        assert (pool.process_ids, other == os.getpid()) == ([other], False)
    assert ends(other)


def test_much_work_gets_a_process_of_its_own():
    with closing(Pool(most_workers=1)) as pool:
        found = run(pool, *[(functions.sleep, "0.02")] * 80, *[(functions.process, "")] * 300)
        assert len(pool.process_ids) == 1
        assert pool.process_ids[0] in found


def test_results_come_in_the_order_of_the_calls(pool: Pool):
    outputs = ["x" * n for n in range(500)]
    assert run(pool, *((functions.length, output) for output in outputs)) == list(range(500))


def test_a_call_whose_worker_is_killed_runs_again_in_another(pool: Pool):
    (first,) = pool.process_ids
    found = run(pool, (functions.sleep, "1.5"), *[(functions.length, "abc")] * 100, kill=True)
    assert found == [1, *[3] * 100]
    assert first not in pool.process_ids


def test_a_call_that_kills_its_worker_once_runs_again(pool: Pool, tmp_path: Path):
    expected = ME | {"file": str(tmp_path / "died")}
    assert run(pool, (functions.die_once, LONG), expected=expected) == [1]


def test_a_call_that_kills_every_worker_is_an_error_and_all_others_are_there(pool: Pool):
    calls = [*[(functions.length, "abc")] * 50, (functions.die, LONG), *[(functions.length, "abcd")] * 50]
    found = run(pool, *calls, expected=ME)
    assert repr(found.pop(50)) == "RuntimeError('the process that it ran in ended: killed by SIGKILL')"
    assert found == [*[3] * 50, *[4] * 50]


def test_a_call_that_hangs_is_ended_with_its_process_and_all_others_are_there(pool: Pool):
    (first,) = pool.process_ids
    began = time.monotonic()
    found = run(pool, *[(functions.length, "abc")] * 20, (functions.spin, LONG), (functions.length, LONG), seconds=1)
    assert isinstance(found.pop(20), TimeoutError)
    assert found == [*[3] * 20, len(LONG)]
    assert ends(first)
    assert isinstance(run(pool, (functions.hold, LONG), seconds=1)[0], TimeoutError)
    assert time.monotonic() - began < 30


def test_a_call_that_hangs_in_this_process_holds_nobody_up():
    with closing(Pool(most_workers=1)) as pool:
        found = run(pool, (functions.sleep, "3"), *[(functions.length, "abc")] * 20, seconds=0.5)
    assert isinstance(found[0], TimeoutError)
    assert list(found[1:]) == [3] * 20


def test_an_evaluator_says_that_its_time_was_up_or_its_process_ended(pool: Pool):
    def score(function: Callable[..., Any], seconds: float) -> Score:
        bound = BoundEvaluator("bad", function, {}, "", heavy=True, seconds=seconds)
        return asyncio.run(bound.score(EvaluatorContext({}, LONG, ME)))["bad"]

    assert score(functions.spin, 0.5) == Score(error="took longer than 0.5 s")
    assert score(functions.die, 30) == Score(error="RuntimeError: the process that it ran in ended: killed by SIGKILL")
    assert score(functions.leave, 30) == Score(error="RuntimeError: SystemExit: 3")


def test_what_a_function_prints_disturbs_nothing(pool: Pool):
    assert run(pool, (functions.shout, LONG), (functions.length, "abc"), (functions.shout, LONG)) == [1, 3, 1]


def test_a_function_that_no_worker_can_import_runs_here(pool: Pool):
    def local(context: EvaluatorContext) -> int:
        return os.getpid()

    found = run(pool, (local, LONG), (local, "short"), (functions.length, "abc"))
    assert found == [os.getpid(), os.getpid(), 3]


# Whole programs

USES_A_WORKER = """
import asyncio, os, sys
from promptlab.evaluators.registry import bind
from promptlab.evaluators.pool import shared_pool
from promptlab.types import EvaluatorContext

print("begun", flush=True)
def score():
    context = EvaluatorContext({}, "a cat sat " * 3000, "a dog sat " * 3000)
    return asyncio.run(bind("rouge_l", where="here").score(context))["rouge_l"]
print(round(score().value, 4), *shared_pool().process_ids, flush=True)
"""
KEEPS_IT_BUSY = """
import pool_functions
from promptlab.evaluators.jobs import Job

async def hang():
    loop = asyncio.get_running_loop()
    context = EvaluatorContext({{}}, "x" * 30_000)
    job = Job(pool_functions.{function}, context, {{}}, 600, loop, loop.create_future())
    shared_pool().submit([job])
    await asyncio.sleep(1)
    print("busy", flush=True)
    await job.future
asyncio.run(hang())
"""


@pytest.fixture
def program() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a program from standard input, as one has no file to run again; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdin is not None
        process.stdin.write(textwrap.dedent(code))
        process.stdin.close()
        process.stdin = None
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_a_program_without_a_file_or_a_guard_is_not_run_again_by_its_workers():
    for arguments, text in ((["-c", USES_A_WORKER], ""), (["-"], USES_A_WORKER)):
        ended = subprocess.run(
            [sys.executable, *arguments], input=text, capture_output=True, text=True, check=False, timeout=60
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        begun, line = ended.stdout.splitlines()
        value, worker = line.split()
        assert (begun, value) == ("begun", "0.6667")
        assert ends(int(worker))


@pytest.mark.parametrize("busy", ["", "spin", "hold"])
def test_a_killed_program_leaves_no_process_behind(busy: str, program):
    rest = KEEPS_IT_BUSY.format(function=busy) if busy else "import time; time.sleep(600)"
    path = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})"
    process = program(f"{path}\n{USES_A_WORKER}\n{rest}\n")
    assert process.stdout is not None
    process.stdout.readline()
    worker = int(process.stdout.readline().split()[1])
    if busy:
        assert process.stdout.readline() == "busy\n"
    assert is_alive(worker)
    process.kill()
    process.communicate(timeout=20)
    assert ends(worker)


def test_a_forked_child_has_workers_of_its_own(program):
    ended = program(
        USES_A_WORKER
        + """
child = os.fork()
if child == 0:
    print("child", round(score().value, 4), *shared_pool().process_ids, flush=True)
    sys.exit(0)
os.waitpid(child, 0)
print("parent", round(score().value, 4), *shared_pool().process_ids, flush=True)
"""
    )
    out, err = ended.communicate(timeout=60)
    assert (ended.returncode, err) == (0, "")
    first, child, parent = (line.split()[-2:] for line in out.splitlines()[1:])
    assert first == parent == ["0.6667", first[1]]
    assert child[0] == "0.6667"
    assert child[1] != first[1]
    assert ends(int(first[1]))
    assert ends(int(child[1]))


def test_few_short_texts_start_no_process_and_other_evaluators_import_no_pool(program):
    code = """
        import asyncio, sys
        from promptlab.evaluators.registry import bind
        from promptlab.types import EvaluatorContext
        def score(name, count):
            bound, context = bind(name, where="here"), EvaluatorContext({}, "a cat", "a dog")
            async def run():
                return await asyncio.gather(*(bound.score(context) for _ in range(count)))
            return asyncio.run(run())
        score("exact_match", 100), score("levenshtein", 100)
        print("promptlab.evaluators.pool" in sys.modules)
        score("rouge_l", 200)
        from promptlab.evaluators.pool import shared_pool
        print("promptlab.evaluators.pool" in sys.modules, shared_pool().process_ids)
    """
    out, err = program(code).communicate(timeout=60)
    assert (out, err) == ("False\nTrue []\n", "")
