"""How an evaluation stops: at once for new calls, in good order for those in flight."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from loopback import Loopback
from promptlab import Lab
from promptlab.store import runs as run_rows


@pytest.fixture
def endpoint(workspace, loopback: Loopback) -> Loopback:
    (workspace / "promptlab.toml").write_text(f'[endpoints.loop]\nbase_url = "{loopback.base_url}"\n')
    return loopback


def test_ctrl_c_sends_nothing_new_lets_calls_end_and_says_how_to_go_on(
    endpoint: Loopback, write_suite, command, wait_for_cells, lab: Lab
):
    write_suite(model="loop:slow", cases=300)
    process = command("eval", "words.yaml", "--concurrency", "4")
    uid = wait_for_cells(8)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    sent = len(endpoint.requests)
    _, err = process.communicate(timeout=15)
    assert process.returncode == 130, err
    assert len(endpoint.requests) == sent
    assert re.search(rf"interrupted: \d+ of 300 cells are stored, run {uid[:8]}\ngo on: .*eval --resume {uid[:8]}", err)
    report = lab.report(uid)
    assert (report.run.status, report.calls.lost, report.calls.failed) == ("interrupted", 0, 0)
    assert report.ended == report.calls.made == sent
    assert report.partial


def test_kill_is_like_ctrl_c(endpoint: Loopback, write_suite, command, wait_for_cells, lab: Lab):
    write_suite(model="loop:slow", cases=300)
    process = command("eval", "words.yaml", "--concurrency", "4")
    uid = wait_for_cells(4)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=15)
    assert process.returncode == 130, err
    assert lab.report(uid).run.status == "interrupted"


def test_a_second_ctrl_c_ends_at_once_and_the_calls_in_flight_are_known(
    endpoint: Loopback, write_suite, command, lab: Lab
):
    write_suite(model="loop:hang", cases=20)
    process = command("eval", "words.yaml", "--concurrency", "3")
    for _ in range(600):
        if len(endpoint.requests) == 3:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=5)
    assert time.monotonic() - began < 2.5
    assert process.returncode == 130
    assert "go on: " in err
    (run,) = lab.runs(kinds=["eval"])
    attempts = lab.report(run.uid).calls
    assert attempts.made == 3
    assert attempts.failed + attempts.lost == 3


def test_calls_that_do_not_end_are_given_up_after_ten_seconds(endpoint: Loopback, write_suite, command, lab: Lab):
    write_suite(model="loop:hang", cases=20)
    process = command("eval", "words.yaml", "--concurrency", "3")
    for _ in range(600):
        if len(endpoint.requests) == 3:
            break
        time.sleep(0.05)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert 9 < time.monotonic() - began < 15
    assert process.returncode == 130
    (run,) = lab.runs(kinds=["eval"])
    calls = lab.report(run.uid).calls
    assert (calls.made, calls.failed, calls.lost) == (3, 3, 0)


def test_too_many_errors_stop_a_run_and_it_goes_on_when_they_are_mended(lab: Lab, write_suite, workspace, command):
    write_suite(model="fake:fail?status=client&concurrency=1", cases=60)
    process = command("eval", "words.yaml", "--max-errors", "5")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    (run,) = lab.runs(kinds=["eval"])
    assert run.status == "stopped"
    assert "errors" in (run.error or "")
    report = lab.report(run.uid)
    assert 6 <= report.errors <= 8
    assert "go on: " in out
    assert lab.resume(run.uid, retry_errors=True).report.ended == 60


def test_a_share_of_errors_stops_a_run(lab: Lab, write_suite):
    path = write_suite(model="fake:fail?status=client&concurrency=1&times=30", cases=200)
    result = lab.evaluate(path, max_errors=0.5)
    assert result.stopped is not None
    assert result.report.run.status == "stopped"
    assert 20 <= result.report.ended < 60
    assert result.exit_code == 3


def test_few_errors_stop_nothing(lab: Lab, write_suite):
    path = write_suite(model="fake:fail?status=client&times=3", cases=60)
    result = lab.evaluate(path, max_errors=3)
    assert (result.stopped, result.report.errors, result.report.ended) == (None, 3, 60)


def test_a_run_that_another_process_took_over_is_left_to_it(
    write_suite, command, wait_for_cells, lab: Lab, monkeypatch
):
    write_suite(model="fake:echo?seconds=0.1&concurrency=1", cases=400)
    process = command("eval", "words.yaml")
    uid = wait_for_cells(2)
    run = lab.find_run(uid)
    lab.database.write(
        lambda connection: connection.execute(
            run_rows.RUN.update().where(run_rows.RUN.c.id == run.id).values(pid=os.getpid())
        )
    ).result()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "another process goes on with this run" in err
    assert lab.find_run(uid).pid == os.getpid()
