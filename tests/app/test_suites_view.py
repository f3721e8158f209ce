"""Suites, and a run in a process of its own: begun, watched, stopped and gone on with from the page."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import seeding

from promptlab.lab import Lab

SLOW = """
name: slow
description: Sixty cases that take their time
prompts: [plain]
models: ["fake:echo?seconds=0.3&concurrency=3"]
evaluators: [word_count]
cases:
""" + "".join(f"  - {{id: c{n}, inputs: {{text: film {n}}}}}\n" for n in range(60))


@pytest.fixture
def suites(workspace: Path) -> Path:
    """The workspace with its suite, and a slow one, where suites are looked for."""
    folder = workspace / "evals"
    folder.mkdir()
    (folder / "films.yaml").write_text(seeding.SUITE)
    (folder / "slow.yaml").write_text(SLOW)
    return workspace


def until(found: Callable[[], object], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def texts(page) -> str:
    """All that the page says, without the marks that keep names from being Markdown."""
    said = "\n".join(
        element.value for element in [*page.code, *page.text, *page.caption, *page.markdown, *page.info, *page.warning]
    )
    return said.replace("\\", "")


def test_a_suite_says_what_it_asks_and_how_much(app, suites):
    page = app("suites", suite="evals/films.yaml")
    assert not page.exception
    said = texts(page)
    assert "4 cases · scored by exact_match, mentions" in said
    assert "gates: exact_match" in said
    assert "4 cases x 2 prompts x 2 base models = 16 cells" in said
    page.number_input(key="suites:limit:evals/films.yaml").set_value(2).run()
    assert "2 cases x 2 prompts x 2 base models = 8 cells" in texts(page)
    assert len(page.dataframe[0].value) == 4


def test_calls_and_cost_are_said_before(app, suites):
    page = app("suites", suite="evals/films.yaml")
    page.button(key="suites:forecast").click().run()
    assert "16 calls would be sent" in texts(page)


def test_a_run_begins_in_a_process_of_its_own_and_its_page_opens(app, suites, lab: Lab):
    page = app("suites", suite="evals/films.yaml")
    page.multiselect(key="suites:prompts:evals/films.yaml").set_value(["plain"]).run()
    page.button(key="suites:run").click().run()
    assert not page.exception
    until(lambda: [run for run in lab.runs(kinds=["eval"]) if run.status == "finished"])
    (run,) = lab.runs(kinds=["eval"])
    page = app("suites", suite="evals/films.yaml")
    assert lab.report(run.uid).ended == 8
    assert run.uid[:8] in page.dataframe[-1].value["id"].tolist()


def test_what_cannot_run_is_said_before_a_process_begins(app, suites, lab: Lab):
    page = app("suites", suite="evals/films.yaml")
    page.multiselect(key="suites:models:evals/films.yaml").set_value(["nobody:knows"]).run()
    page.button(key="suites:run").click().run()
    assert not page.exception
    assert any("nobody" in text.value for text in page.text)
    assert not (suites / ".promptlab" / "jobs").exists()


def test_a_suite_that_is_wrong_is_one_line(app, suites):
    (suites / "evals" / "broken.yaml").write_text("name: broken\nnonsense: 1\n")
    page = app("suites", suite="evals/broken.yaml")
    assert not page.exception
    assert any("nonsense" in text.value for text in page.text)


def test_without_a_suite_the_page_says_what_to_do(app):
    page = app("suites")
    assert not page.exception
    assert "promptlab init" in texts(page)


def test_a_running_evaluation_is_stopped_and_gone_on_with_from_its_page(app, suites, lab: Lab):
    job = lab.launch("evals/slow.yaml")
    until(lambda: (run := lab.job_run(job.id)) is not None and lab.report(run.uid).ended > 3)
    run = lab.job_run(job.id)
    assert run is not None
    page = app("run", run=run.uid)
    assert "of 60 cells** have ended; all figures are of those" in texts(page)
    page.button(key="run:stop").click().run()
    assert not page.exception
    until(lambda: job.ended)
    page = app("run", run=run.uid)
    assert "Partial" in texts(page)
    assert f"promptlab eval --resume {run.uid[:8]}" in texts(page)
    page.button(key="run:resume").click().run()
    assert not page.exception
    until(lambda: lab.find_run(run.uid).status == "finished")
    page.run()
    assert lab.report(run.uid).ended == 60
    assert "Partial" not in texts(page)


def test_errors_are_asked_again(app, suites, lab: Lab):
    result = lab.evaluate(suites / "evals" / "films.yaml")
    errors = sum(variant.errors for variant in lab.report(result.run).variants)
    assert errors
    page = app("run", run=result.run)
    good = (suites / "good.jsonl").read_text()
    (suites / "poor.jsonl").write_text(good)
    page.button(key="run:retry").click().run()
    assert not page.exception
    until(lambda: sum(variant.errors for variant in lab.report(result.run).variants) == 0)


def test_a_job_that_ended_before_it_began_says_why(app, suites, lab: Lab):
    job = lab.launch("evals/nowhere.yaml")
    until(lambda: job.ended)
    page = app("run", job=job.id)
    assert not page.exception
    assert "ended before it began" in texts(page)
    assert "nowhere.yaml" in texts(page)


def test_a_job_that_is_none_is_one_line(app, suites):
    page = app("run", job="../../etc/passwd")
    assert not page.exception
    assert any("there is no job" in text.value for text in page.text)
