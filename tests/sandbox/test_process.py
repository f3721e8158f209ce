"""The worker process: lazily started, replaced when it dies, gone when we are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from promptlab.errors import PromptlabError, TemplateLimitError
from promptlab.sandbox import RenderJob, render_many, renderer
from promptlab.sandbox.process import WorkerProcess

only_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX processes")
only_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")


def run_script(source: str, *, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """The outcome of a fresh Python that runs `source` with every warning an error."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(source)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def is_running(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ended(process_id: int, *, within_seconds: float = 20) -> bool:
    due = time.monotonic() + within_seconds
    while is_running(process_id) and time.monotonic() < due:
        time.sleep(0.05)
    return not is_running(process_id)


def hello(name: str = "x") -> tuple[str, ...]:
    (result,) = render_many([RenderJob(("hi {{ name }}",), {"name": name})])
    assert isinstance(result, tuple)
    return result


@only_posix
def test_a_worker_that_was_killed_is_replaced_unseen() -> None:
    hello()
    first = renderer.worker_id()
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert hello("again") == ("hi again",)
    assert renderer.worker_id() not in {None, first}


@only_posix
def test_a_worker_killed_in_the_middle_of_a_message_loses_no_job() -> None:
    hello()
    worker = renderer.worker_id()
    assert worker is not None
    slow = "{% for a in range(400) %}{% for b in range(400) %}{% endfor %}{% endfor %}{{ n }}"
    killer = threading.Timer(0.15, os.kill, (worker, signal.SIGKILL))
    killer.start()
    results = render_many([RenderJob((slow,), {"n": n}) for n in range(80)])
    killer.join()
    assert results == [(str(n),) for n in range(80)]
    assert renderer.worker_id() != worker


def test_threads_share_the_worker_and_get_their_own_results() -> None:
    results: dict[int, list[object]] = {}

    def work(number: int) -> None:
        jobs = [RenderJob(("{{ a }}-{{ b }}",), {"a": number, "b": n}) for n in range(150)]
        results[number] = list(render_many(jobs))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [(f"{number}-{n}",) for n in range(150)] for number in range(6)}


def test_closing_ends_the_worker_and_the_next_job_starts_another() -> None:
    hello()
    renderer.close()
    assert renderer.worker_id() is None
    renderer.close()
    assert hello() == ("hi x",)


def test_importing_starts_no_worker_and_no_template_engine() -> None:
    done = run_script("""
        import sys
        import promptlab.prompts.files, promptlab.prompts.rendering
        from promptlab.sandbox import renderer
        assert renderer.worker_id() is None
        slow = {"jinja2", "ruamel.yaml", "jsonschema", "asyncio", "subprocess"} & set(sys.modules)
        print(sorted(slow - {"subprocess"}))
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


@only_proc
def test_the_worker_ends_with_us_without_a_warning() -> None:
    done = run_script("""
        from promptlab.sandbox import RenderJob, render_many, renderer
        render_many([RenderJob(("x",), {})])
        print(renderer.worker_id())
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert ended(int(done.stdout))


@only_proc
def test_the_worker_ends_when_we_are_killed_even_in_the_middle_of_a_bomb() -> None:
    source = """
        import threading, time
        from promptlab.sandbox import RenderJob, render_many, renderer
        render_many([RenderJob(("x",), {})])
        bomb = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
        threading.Thread(target=render_many, args=([RenderJob((bomb,), {})],), daemon=True).start()
        time.sleep(0.3)
        print(renderer.worker_id(), flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        process.kill()
    assert ended(worker)


@only_proc
def test_the_worker_sees_no_file_and_no_key_of_ours() -> None:
    done = run_script("""
        import os
        os.environ["OPENAI_API_KEY"] = "sk-secret-value"
        mine = open("/dev/null")
        os.set_inheritable(mine.fileno(), True)
        from promptlab.sandbox import RenderJob, render_many, renderer
        render_many([RenderJob(("x",), {})])
        worker = renderer.worker_id()
        folder = f"/proc/{worker}/fd"
        files = sorted(os.readlink(f"{folder}/{fd}").partition(":")[0] for fd in os.listdir(folder))
        with open(f"/proc/{worker}/environ", "rb") as environment:
            print(files, b"sk-secret" in environment.read())
        mine.close()
    """)
    assert (done.stdout, done.stderr) == ("['/dev/null', 'pipe', 'pipe'] False\n", "")


@only_proc
def test_a_forked_child_has_its_own_worker_and_leaves_ours_alone() -> None:
    done = run_script("""
        import os
        from promptlab.sandbox import RenderJob, render_many, renderer
        job = RenderJob(("{{ n }}",), {"n": 1})
        render_many([job])
        ours = renderer.worker_id()
        child = os.fork()
        if child == 0:
            assert renderer.worker_id() is None
            good = render_many([job]) == [("1",)] and renderer.worker_id() != ours
            renderer.close()
            os._exit(0 if good else 1)
        print(os.waitpid(child, 0)[1], render_many([job]), renderer.worker_id() == ours)
    """)
    assert (done.stdout, done.stderr) == ("0 [('1',)] True\n", "")


@only_posix
def test_an_interrupt_in_the_middle_leaves_no_answer_for_the_next_message() -> None:
    done = run_script("""
        import os, signal, threading
        from promptlab.sandbox import RenderJob, render_many
        slow = "{% for a in range(600) %}{% for b in range(600) %}{% endfor %}{% endfor %}{{ n }}"
        threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            render_many([RenderJob((slow,), {"n": n}) for n in range(90)])
        except KeyboardInterrupt:
            print("interrupted")
        print(render_many([RenderJob(("next",), {})]))
    """)
    assert (done.stdout, done.stderr) == ("interrupted\n[('next',)]\n", "")


def test_a_worker_that_cannot_start_says_so() -> None:
    with pytest.raises(PromptlabError, match="the template worker did not start"):
        WorkerProcess({"no_such_limit": 1})


@only_posix
def test_a_job_that_ends_two_workers_is_the_guilty_one() -> None:
    """A stand-in for a crash inside Python: whoever kills every worker while this job runs."""
    hello()
    stop = threading.Event()

    def kill_all() -> None:
        while not stop.wait(0.05):
            worker = renderer.worker_id()
            if worker is not None:
                os.kill(worker, signal.SIGKILL)

    killer = threading.Thread(target=kill_all)
    killer.start()
    slow = "{% for a in range(3000) %}{% for b in range(3000) %}{% endfor %}{% endfor %}"
    (result,) = render_many([RenderJob((slow,), {}, name="crash")])
    stop.set()
    killer.join()
    assert isinstance(result, TemplateLimitError)
    assert str(result).startswith("prompt 'crash': took more than 512 MB of memory, or ended the worker")


def test_a_thousand_renders_take_little() -> None:
    examples = [{"text": f"sentence {n}", "label": "positive"} for n in range(16)]
    source = "{% for e in examples %}{{ e.text }}: {{ e.label }}\n{% endfor %}{{ text }}:"
    jobs = [RenderJob(("Answer.", source), {"text": f"case {n}", "examples": examples}) for n in range(1000)]
    hello()
    begin = time.monotonic()
    results = render_many(jobs)
    seconds = time.monotonic() - begin
    assert all(isinstance(result, tuple) for result in results)
    # 0.2 s alone on two cores; the bar leaves room for whatever else the machine does.
    assert seconds < 5
