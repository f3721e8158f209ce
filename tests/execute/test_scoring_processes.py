"""A command whose scoring runs in worker processes: it stops in good order, and they never outlive it."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from promptlab import Lab

TEXT = "the cat sat on a mat and a dog ran to the park where it met another cat that had no hat"
WORDS = TEXT.split()


@pytest.fixture
def long_texts(workspace: Path) -> Path:
    """A suite of 150 texts of 25,000 characters, which take half a minute and more to score."""
    with (workspace / "cases.jsonl").open("w") as lines:
        for number in range(150):
            words = [f"w{number}", *(WORDS[(place * (number + 1)) % len(WORDS)] for place in range(7_000))]
            case = {"inputs": {"text": " ".join(words)}, "expected": " ".join(words[::-1])}
            lines.write(json.dumps({"id": f"c{number}", **case}) + "\n")
    (workspace / "long.yaml").write_text(
        'name: long\nprompts: [plain]\nmodels: ["fake:echo"]\ncases: cases.jsonl\nevaluators: [meteor, rouge_l, chrf]\n'
    )
    return workspace / "long.yaml"


def workers_of(process_id: int) -> list[int]:
    """The processes that a process has started to score in."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_text()
        except OSError:
            continue
        if parent == process_id and str(Path("evaluators", "worker.py")) in command:
            found.append(int(folder.name))
    return found


def wait_for_workers(process_id: int) -> list[int]:
    until = time.monotonic() + 60
    while not (found := workers_of(process_id)):
        assert time.monotonic() < until
        time.sleep(0.1)
    return found


def assert_gone(workers: list[int]) -> None:
    until = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_ctrl_c_while_long_texts_are_scored_keeps_what_is_scored_and_ends_with_its_workers(
    long_texts: Path, command, wait_for_cells, lab: Lab
):
    process = command("eval", "long.yaml")
    workers = wait_for_workers(process.pid)
    uid = wait_for_cells(2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert f"eval --resume {uid[:8]}" in err
    assert "Traceback" not in err
    assert_gone(workers)
    report = lab.report(uid)
    assert report.run.status == "interrupted"
    assert report.ended >= 2


def test_scores_of_answers_from_the_cache_are_stored_as_they_come(long_texts: Path, command, wait_for_cells, lab: Lab):
    text = long_texts.read_text()
    long_texts.write_text(text.replace("meteor, rouge_l, chrf", "exact_match"))
    assert lab.evaluate(long_texts).calls.made == 150
    long_texts.write_text(text)
    process = command("eval", "long.yaml")
    wait_for_workers(process.pid)
    uid = wait_for_cells(2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    report = lab.report(uid)
    assert 2 <= report.ended < 150
    assert report.calls.made == 0


def test_a_second_ctrl_c_waits_for_no_score(long_texts: Path, command):
    process = command("eval", "long.yaml")
    workers = wait_for_workers(process.pid)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, "go on: " in err) == (130, True)
    assert time.monotonic() - began < 5
    assert_gone(workers)


def test_a_killed_command_leaves_no_worker(long_texts: Path, command):
    process = command("eval", "long.yaml")
    workers = wait_for_workers(process.pid)
    process.kill()
    process.communicate(timeout=20)
    assert_gone(workers)
