"""A run that ended early goes on: asked once is paid once, whatever became of its files."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from promptlab import Lab
from promptlab.errors import ModelError, RunNotFoundError, UsageError

SLOW = "fake:echo?seconds=0.05&concurrency=4"


def kill(process) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_killed_run_goes_on_as_the_same_run_and_asks_only_for_what_is_missing(
    lab: Lab, write_suite, command, wait_for_cells
):
    write_suite(model=SLOW, cases=60)
    process = command("eval", "words.yaml")
    uid = wait_for_cells(8)
    kill(process)
    before = lab.report(uid)
    result = lab.resume(uid[:8])
    assert result.run == uid
    assert result.report.run.status == "finished"
    assert [cell.key for cell in result.cells] == [f"c{n}" for n in range(60)]
    assert result.metrics == {"exact_match": 1.0}
    assert 60 - before.ended - 4 <= result.calls.made <= 60 - before.ended
    assert result.calls.lost <= 4
    assert lab.report(uid).calls.made == 60 + result.calls.lost


def test_it_goes_on_as_it_was_begun_when_its_suite_has_been_edited_or_is_gone(
    lab: Lab, write_suite, command, wait_for_cells
):
    path = write_suite(model=SLOW, cases=40)
    process = command("eval", "words.yaml")
    uid = wait_for_cells(4)
    kill(process)
    path.write_text(path.read_text().replace("w3", "changed").replace("exact_match", "is_json"))
    (path.parent / "prompts" / "plain.j2").write_text("another {{ text }}")
    ended = command("eval", "--resume", uid[:8], "--json", "-")
    out, err = ended.communicate(timeout=60)
    document = json.loads(out)
    assert ended.returncode == 0, err
    assert (document["run"], document["status"], len(document["cells"])) == (uid, "finished", 40)
    assert {cell["output"] for cell in document["cells"]} == {f"w{n}" for n in range(40)}
    assert document["variants"][0]["scores"]["exact_match"]["mean"] == 1.0
    path.unlink()
    assert lab.resume(uid).calls.made == 0


def test_a_suite_may_be_named_beside_the_run_if_it_is_its_own(command, write_suite, lab: Lab):
    write_suite(model="fake:echo", cases=3)
    write_suite("other", model="fake:echo", cases=3)
    uid = lab.evaluate(lab.workspace.root / "words.yaml").run
    same = command("eval", "words.yaml", "--resume", uid[:8])
    _, err = same.communicate(timeout=60)
    assert (same.returncode, "edited" in err) == (0, False)
    path = lab.workspace.root / "words.yaml"
    path.write_text(path.read_text().replace("w2", "other"))
    edited = command("eval", "words.yaml", "--resume", uid[:8])
    _, err = edited.communicate(timeout=60)
    assert (edited.returncode, "the suite has been edited since; the run goes on as it was begun" in err) == (0, True)
    wrong = command("eval", "other.yaml", "--resume", uid[:8])
    _, err = wrong.communicate(timeout=60)
    assert (wrong.returncode, "the suite 'words', not of 'other'" in err) == (2, True)


def test_a_changed_evaluator_scores_again_without_one_call(lab: Lab, workspace: Path, write_suite):
    evaluators = workspace / "evaluators.py"
    source = (
        "from promptlab import EvaluatorContext, evaluator\n\n\n@evaluator\n"
        "def long(context: EvaluatorContext):\n    return len(context.output) > LIMIT\n"
    )
    evaluators.write_text(source.replace("LIMIT", "1"))
    path = write_suite(model="fake:echo", cases=12)
    path.write_text(path.read_text().replace("[exact_match]", "[exact_match, long]"))
    first = lab.evaluate(path)
    assert first.metrics["long"] == 1.0
    evaluators.write_text(source.replace("LIMIT", "2"))
    found = lab.resumable(first.run)
    assert found.changed == ["long"]
    again = lab.resume(found)
    assert again.calls.made == 0
    assert again.metrics == {"exact_match": 1.0, "long": pytest.approx(2 / 12)}


def test_without_the_cache_a_run_still_does_not_pay_twice_for_its_own_answers(
    lab: Lab, write_suite, command, wait_for_cells
):
    path = write_suite(model=SLOW, cases=40)
    lab.evaluate(path)
    process = command("eval", "words.yaml", "--no-cache")
    uid = wait_for_cells(6)
    kill(process)
    result = lab.resume(uid)
    report = lab.report(uid)
    assert report.calls.made == 40 + report.calls.lost
    assert result.report.ended == 40
    assert not any(cell.cached for cell in result.cells)


def test_retrying_errors_asks_again_only_for_those(lab: Lab, write_suite):
    path = write_suite(model="fake:fail?status=client&times=5", cases=12)
    first = lab.evaluate(path)
    assert first.report.errors == 5
    assert lab.resume(first.run).calls.made == 0
    again = lab.resume(first.run, retry_errors=True)
    assert (again.calls.made, again.report.errors, again.report.run.uid) == (5, 0, first.run)
    assert again.metrics == {"exact_match": 1.0}


def test_retrying_errors_of_a_suite_takes_its_newest_run(command, write_suite, lab: Lab, workspace: Path):
    write_suite(model="fake:fail?status=client&times=2", cases=6)
    first = command("eval", "words.yaml")
    assert first.wait(60) == 3
    again = command("eval", "words.yaml", "--retry-errors", "--json", "-")
    out, err = again.communicate(timeout=60)
    assert json.loads(out)["calls"]["made"] == 2, err
    assert len(lab.runs(kinds=["eval"])) == 1


def test_a_run_that_still_runs_is_left_alone(lab: Lab, write_suite, command, wait_for_cells):
    write_suite(model=SLOW, cases=200)
    command("eval", "words.yaml")
    uid = wait_for_cells(2)
    with pytest.raises(UsageError, match=r"is running, in process \d+ on "):
        lab.resume(uid)


def test_of_two_that_take_a_run_up_at_once_one_gets_it(lab: Lab, write_suite, command, wait_for_cells):
    write_suite(model=SLOW, cases=40)
    process = command("eval", "words.yaml")
    uid = wait_for_cells(4)
    kill(process)
    found = [lab.resumable(uid), lab.resumable(uid)]
    ended: list[object] = []

    def go_on(resumable) -> None:
        try:
            ended.append(lab.resume(resumable).calls.made)
        except UsageError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=go_on, args=[one]) for one in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, str) and "is running" in one for one in ended) == 1


def test_a_python_model_has_to_be_brought_along(lab: Lab, write_suite):
    def shout(inputs):
        return [one["text"] for one in inputs]

    path = write_suite(model="fake:echo", cases=3)
    run = lab.evaluate(path, models=[lab.model("shout", shout)]).run
    with pytest.raises(ModelError, match="a function of a script"):
        lab.resume(run)
    assert lab.resume(run, models=[lab.model("shout", shout)]).calls.made == 0


def test_what_cannot_be_resumed_says_why(lab: Lab):
    with lab.run("fit") as run:
        run.log_metrics(loss=1.0)
    with pytest.raises(UsageError, match="a run of kind train, which cannot be resumed"):
        lab.resume(run.uid)
    with pytest.raises(RunNotFoundError):
        lab.resume("0123abcd")


def test_repeating_the_command_after_a_kill_pays_for_nothing_twice(lab: Lab, write_suite, command, wait_for_cells):
    path = write_suite(model=SLOW, cases=40)
    process = command("eval", "words.yaml")
    uid = wait_for_cells(6)
    kill(process)
    answered = lab.report(uid).ended
    again = lab.evaluate(path)
    assert again.calls.cached >= answered
    assert again.calls.made + again.calls.cached == 40
