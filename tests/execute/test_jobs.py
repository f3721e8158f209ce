"""Evaluations in processes of their own: launched, found again, stopped from elsewhere, gone on with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loopback import Loopback
from promptlab import Lab
from promptlab.errors import UsageError
from promptlab.store.rows import RunRow


@pytest.fixture
def endpoint(workspace, loopback: Loopback) -> Loopback:
    (workspace / "promptlab.toml").write_text(f'[endpoints.loop]\nbase_url = "{loopback.base_url}"\n')
    return loopback


def until(found: Callable[[], object], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def ended(lab: Lab, job_id: str) -> RunRow:
    """The job's run once its process has ended."""
    job = lab.job(job_id)
    until(lambda: job.ended)
    run = lab.job_run(job_id)
    assert run is not None, job.said()
    return run


def test_a_job_is_an_evaluation_that_needs_nobody(endpoint: Loopback, write_suite, lab: Lab):
    suite = write_suite(model="loop:echo", cases=5)
    job = lab.launch(suite)
    run = ended(lab, job.id)
    assert run.status == "finished"
    assert lab.report(run.uid).ended == 5
    assert "exact_match" in lab.job(job.id).said()
    assert [one.uid for one in lab.runs(kinds=["eval"])] == [run.uid]


def test_what_was_chosen_is_what_runs(endpoint: Loopback, workspace: Path, write_suite, lab: Lab):
    (workspace / "prompts" / "loud.j2").write_text("{{ text }}!")
    suite = write_suite(model="loop:echo", cases=5)
    job = lab.launch(suite, prompts=["loud"], models=["fake:echo", "loop:echo"], limit=2)
    report = lab.report(ended(lab, job.id).uid)
    assert {(one.prompt, one.model) for one in report.variants} == {("loud@1", "fake:echo"), ("loud@1", "loop:echo")}
    assert report.ended == 4
    unpriced = lab.launch(suite, max_cost=1.0)
    until(lambda: unpriced.ended)
    assert "--max-cost cannot hold" in unpriced.said()


def test_it_goes_on_when_the_process_that_launched_it_is_killed(endpoint: Loopback, workspace, write_suite, lab: Lab):
    suite = write_suite(model="loop:slow", cases=40)
    code = (
        "import os, signal, sys; from promptlab import Lab; "
        f"print(Lab(workspace={str(workspace)!r}).launch({str(suite)!r}).id, flush=True); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    run = ended(lab, found.stdout.strip())
    assert (run.status, lab.report(run.uid).ended) == ("finished", 40)


def test_a_run_in_another_process_is_stopped_on_request_and_goes_on(endpoint: Loopback, write_suite, lab: Lab):
    job = lab.launch(write_suite(model="loop:slow", cases=400))
    until(lambda: (run := lab.job_run(job.id)) is not None and lab.report(run.uid).ended > 5)
    run = lab.job_run(job.id)
    assert run is not None
    variant = lab.run_detail(run.uid).children[0]
    assert lab.stop(variant.uid).uid == run.uid
    begun = time.monotonic()
    stopped = ended(lab, job.id)
    assert time.monotonic() - begun < 15
    report = lab.report(stopped.uid)
    assert (stopped.status, report.partial, report.calls.lost) == ("cancelled", True, 0)
    sent = len(endpoint.requests)
    again = lab.launch(resume=stopped.uid)
    assert again.id != job.id
    whole = ended(lab, again.id)
    assert (whole.uid, whole.status, lab.report(whole.uid).ended) == (run.uid, "finished", 400)
    assert len(endpoint.requests) - sent == 400 - report.ended


def test_a_mistake_is_in_what_it_said_and_there_is_no_run(workspace: Path, lab: Lab):
    job = lab.launch("nowhere.yaml")
    until(lambda: job.ended)
    assert lab.job_run(job.id) is None
    assert "nowhere.yaml" in job.said()
    assert "Traceback" not in job.said()


def test_a_name_that_looks_like_an_option_is_none(workspace: Path, lab: Lab):
    job = lab.launch("--help")
    until(lambda: job.ended)
    assert "error" in job.said()
    assert "Usage:" not in job.said()


def test_a_key_that_is_printed_is_masked(monkeypatch: pytest.MonkeyPatch, workspace: Path, lab: Lab):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary0123456789canary")
    job = lab.launch("sk-canary0123456789canary.yaml")
    until(lambda: job.ended)
    assert "canary0123456789" not in job.said()


@pytest.mark.parametrize("wrong", ["", "../../etc/passwd", "0123456789abcdef", "0123456789abcdeg", "a" * 16])
def test_only_jobs_of_this_workspace_are_found(wrong: str, lab: Lab):
    with pytest.raises(UsageError, match="there is no job"):
        lab.job(wrong)


def test_a_job_is_one_thing(lab: Lab):
    with pytest.raises(UsageError, match="give one of both"):
        lab.launch()
    with pytest.raises(UsageError, match="give one of both"):
        lab.launch("a.yaml", resume="abcd")


def test_what_has_ended_cannot_be_stopped(endpoint: Loopback, write_suite, lab: Lab):
    run = lab.evaluate(write_suite(model="loop:echo", cases=1)).run
    with pytest.raises(UsageError, match="is not running: it is finished"):
        lab.stop(run)


def test_logs_of_old_jobs_are_forgotten_and_those_that_run_are_kept(workspace: Path, lab: Lab):
    folder = workspace / ".promptlab" / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(60):
        path = folder / f"{number:016x}.log"
        path.write_text("")
        os.utime(path, (number, number))
    (folder / f"{0:016x}.pid").write_text(str(os.getpid()))
    job = lab.launch("nowhere.yaml")
    until(lambda: job.ended)
    left = sorted(path.stem for path in folder.glob("*.log"))
    assert len(left) == 52  # fifty of the past, one that runs, and the new one
    assert f"{0:016x}" in left
