"""An evaluator that fails is a recorded error of every case and nothing else; one that changes costs no model call."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from loopback import Loopback
from promptlab import Lab

BROKEN = """
import asyncio

from promptlab import EvaluatorContext, evaluator


@evaluator
def raises(context: EvaluatorContext):
    return context.metadata["score"]


@evaluator
def leaves(context: EvaluatorContext):
    raise SystemExit(1)


@evaluator
def says(context: EvaluatorContext):
    return "very good"


@evaluator
async def waits(context: EvaluatorContext):
    await asyncio.sleep(0)
    return 1 / len(context.output.replace("w", "")[8:])


@evaluator
def sound(context: EvaluatorContext):
    return len(context.output) > 1
"""
ERRORS = {
    "raises": "KeyError: 'score'",
    "leaves": "RuntimeError: SystemExit: 1",
    "says": "returned str 'very good'; an evaluator returns a bool, a number, a Score, a mapping or None",
    "waits": "ZeroDivisionError: division by zero",
}
SOUND = {"exact_match": 1.0, "rouge_l": 1.0, "levenshtein": 0.0, "sound": 1.0}


def test_broken_evaluators_are_500_errors_each_all_other_scores_are_there_and_the_exit_code_is_3(
    workspace: Path, write_suite, command
):
    (workspace / "evaluators.py").write_text(BROKEN)
    path = write_suite(model="fake:echo", cases=500)
    path.write_text(path.read_text().replace("[exact_match]", f"[{', '.join([*ERRORS, *SOUND])}]"))
    process = command("eval", "words.yaml", "--json", "result.json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    assert "Traceback" not in out + err
    document = json.loads((workspace / "result.json").read_text())
    assert document["status"] == "finished"
    cells = document["cells"]
    assert len(cells) == 500
    for cell in cells:
        assert (cell["status"], cell["error"]) == ("ok", None)
        scores = cell["scores"]
        assert {name: scores[name]["error"] for name in ERRORS} == ERRORS
        assert all(scores[name]["value"] is None and scores[name]["passed"] is None for name in ERRORS)
        assert {name: scores[name]["value"] for name in SOUND} == SOUND
    means = document["variants"][0]["scores"]
    assert {name: (means[name]["mean"], means[name]["n"]) for name in SOUND} == {
        name: (value, 500) for name, value in SOUND.items()
    }
    assert all(name in out for name in ERRORS)
    # And in the database, whatever a report makes of it.
    with closing(connect(workspace / ".promptlab" / "lab.db")) as database:
        stored = dict(database.execute("SELECT name, count(*) FROM score WHERE error IS NOT NULL GROUP BY name"))
    assert stored == dict.fromkeys(ERRORS, 500)


def test_a_mended_evaluator_scores_again_what_failed_and_all_is_well(workspace: Path, write_suite, command, lab: Lab):
    (workspace / "evaluators.py").write_text(BROKEN)
    path = write_suite(model="fake:echo", cases=40)
    path.write_text(path.read_text().replace("[exact_match]", "[exact_match, raises]"))
    assert command("eval", "words.yaml").wait(60) == 3
    (run,) = lab.runs(kinds=["eval"])
    (workspace / "evaluators.py").write_text(BROKEN.replace('["score"]', '.get("score", 0.5)'))
    process = command("eval", "--resume", run.uid[:8], "--json", "-")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    document = json.loads(out)
    assert (document["run"], document["calls"]["made"]) == (run.uid, 0)
    assert document["variants"][0]["scores"]["raises"]["mean"] == 0.5


# What changes without a call

OWN = """
import re

from promptlab import EvaluatorContext, evaluator

WORD = re.compile("w1")


def found(text):
    return WORD.search(text) is not None


@evaluator
def mentions(context: EvaluatorContext, *, at_least: int = 1):
    return found(context.output) and len(context.output) >= at_least
"""
CHANGES = {
    "its source": ("evaluators.py", "found(context.output) and", "not found(context.output) and"),
    "its helper": ("evaluators.py", "is not None", "is None"),
    "its pattern": ("evaluators.py", '"w1"', '"w[12]"'),
    "its default": ("evaluators.py", "at_least: int = 1", "at_least: int = 3"),
    "its option": ("words.yaml", "mentions: {at_least: 1}", "mentions: {at_least: 3}"),
    "expected": ("words.yaml", "expected: w1}", "expected: w2}"),
    "an option of a built-in one": ("words.yaml", "rouge_l: {measure: recall}", "rouge_l: {at_least: 0.5}"),
}


@pytest.fixture
def endpoint(workspace: Path, loopback: Loopback) -> Loopback:
    (workspace / "promptlab.toml").write_text(f'[endpoints.loop]\nbase_url = "{loopback.base_url}"\n')
    return loopback


@pytest.fixture
def scored(workspace: Path, endpoint: Loopback, write_suite, lab: Lab):
    """A suite of 20 cases that has run once, at an endpoint that counts: its path, the run and the endpoint."""
    (workspace / "evaluators.py").write_text(OWN)
    path = write_suite(model="loop:echo", cases=20)
    entries = "[exact_match, {mentions: {at_least: 1}}, {rouge_l: {measure: recall}}]"
    path.write_text(path.read_text().replace("[exact_match]", entries))
    first = lab.evaluate(path)
    assert first.metrics == {"exact_match": 1.0, "mentions": 11 / 20, "rouge_l": 1.0}
    assert len(endpoint.requests) == 20
    return path, first.run, endpoint


def change(folder: Path, what: str) -> None:
    name, old, new = CHANGES[what]
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


AFTER = {
    "its source": {"exact_match": 1.0, "mentions": 9 / 20, "rouge_l": 1.0},
    "its helper": {"exact_match": 1.0, "mentions": 9 / 20, "rouge_l": 1.0},
    "its pattern": {"exact_match": 1.0, "mentions": 12 / 20, "rouge_l": 1.0},
    "its default": {"exact_match": 1.0, "mentions": 11 / 20, "rouge_l": 1.0},
    "its option": {"exact_match": 1.0, "mentions": 10 / 20, "rouge_l": 1.0},
    "expected": {"exact_match": 19 / 20, "mentions": 11 / 20, "rouge_l": 19 / 20},
    "an option of a built-in one": {"exact_match": 1.0, "mentions": 11 / 20, "rouge_l": 1.0},
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_new_run_after_a_change_is_scored_anew_without_a_call(what: str, scored, lab: Lab):
    path, _, endpoint = scored
    change(path.parent, what)
    again = lab.evaluate(path)
    assert (again.calls.made, again.calls.cached, len(endpoint.requests)) == (0, 20, 20)
    assert again.metrics == pytest.approx(AFTER[what])


@pytest.mark.parametrize("what", [what for what, (name, *_) in CHANGES.items() if name == "evaluators.py"])
def test_a_run_that_goes_on_after_its_evaluator_changed_is_scored_anew_without_a_call(what: str, scored, command, lab):
    path, run, endpoint = scored
    change(path.parent, what)
    assert lab.resumable(run).changed == ["mentions"]
    process = command("eval", "--resume", run[:8], "--json", "-")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    document = json.loads(out)
    assert (document["run"], len(endpoint.requests)) == (run, 20)
    means = {name: score["mean"] for name, score in document["variants"][0]["scores"].items()}
    assert means == pytest.approx(AFTER[what])


def test_a_run_keeps_the_expected_texts_that_it_was_begun_with(scored, lab: Lab):
    path, run, endpoint = scored
    change(path.parent, "expected")
    again = lab.resume(run)
    assert (again.metrics["exact_match"], len(endpoint.requests)) == (1.0, 20)
