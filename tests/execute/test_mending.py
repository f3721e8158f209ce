"""A run that has ended is mended in place: no call for what is only scored again, one call for one cell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptlab import Lab
from promptlab.errors import UsageError
from promptlab.reports import MENDED_TAG


def outputs(lab: Lab, uid: str) -> dict[str, str | None]:
    return {cell.key: cell.output for cell in lab.report(uid).cells}


def test_what_is_expected_is_put_right_in_a_run_without_a_call(lab: Lab, write_suite):
    path = write_suite(model="fake:echo", cases=4)
    path.write_text(path.read_text().replace("expected: w2", "expected: wrong"))
    first = lab.evaluate(path)
    assert first.metrics == {"exact_match": 0.75}
    mended = lab.rescore(first.run[:8], expected={"c2": "w2"})
    assert (mended.run, mended.calls.made, mended.metrics) == (first.run, 0, {"exact_match": 1.0})
    assert lab.report(first.run).calls.made == 4
    (cell,) = [cell for cell in lab.report(first.run).cells if cell.key == "c2"]
    assert (cell.expected, cell.scores["exact_match"].passed) == ("w2", True)
    assert lab.summaries([lab.run_detail(first.run).children[0].id]).popitem()[1]["exact_match"] == 1.0


def test_the_run_says_which_data_it_used_before_and_uses_now(lab: Lab, write_suite):
    first = lab.evaluate(write_suite(model="fake:echo", cases=3))
    lab.rescore(first.run, expected={"c1": {"any": ["json"]}})
    detail = lab.run_detail(first.run)
    assert [data.reference for _, data in detail.datasets] == ["words@2"]
    assert [data.reference for _, data in lab.run_detail(detail.children[0].uid).datasets] == ["words@2"]
    (mended,) = json.loads(detail.tags[MENDED_TAG])
    assert (mended["before"], mended["after"], mended["cases"]) == ("words@1", "words@2", ["c1"])
    assert [case.expected for case in lab.dataset("words@1").cases] == ["w0", "w1", "w2"]
    lab.rescore(first.run, expected={"c1": "w1"})
    assert [data.reference for _, data in lab.run_detail(first.run).datasets] == ["words@1"]
    assert lab.report(first.run).variants[0].scores["exact_match"].mean == 1.0


def test_status_times_and_gates_are_those_of_the_run_as_it_is_now(lab: Lab, write_suite):
    path = write_suite(model="fake:echo", cases=2, more='gates: {exact_match: ">= 0.9"}\n')
    path.write_text(path.read_text().replace("expected: w1", "expected: wrong"))
    first = lab.evaluate(path)
    before = lab.find_run(first.run)
    assert [gate.passed for gate in first.gates] == [False]
    mended = lab.rescore(first.run, expected={"c1": "w1"})
    after = lab.find_run(first.run)
    assert (after.status, after.started_at, after.ended_at) == (before.status, before.started_at, before.ended_at)
    assert [gate.passed for gate in mended.gates] == [True]
    assert [gate.passed for gate in lab.report(first.run).gates] == [True]


def test_a_partial_run_stays_partial_and_nothing_is_asked(lab: Lab, write_suite):
    path = write_suite(model="fake:fail?status=client&times=100", cases=20)
    first = lab.evaluate(path, max_errors=3, concurrency=1)
    assert (first.report.run.status, first.report.partial) == ("stopped", True)
    ended, made = first.report.ended, first.report.calls.made
    mended = lab.rescore(first.run, expected={"c0": "other"})
    assert (mended.report.run.status, mended.report.ended, mended.report.calls.made) == ("stopped", ended, made)
    assert mended.report.run.error == first.report.run.error


def test_a_changed_evaluator_is_brought_up_to_date(lab: Lab, workspace: Path, write_suite):
    source = (
        "from promptlab import evaluator\n\n\n@evaluator\ndef long(context):\n    return len(context.output) > LIMIT\n"
    )
    (workspace / "evaluators.py").write_text(source.replace("LIMIT", "1"))
    path = write_suite(model="fake:echo", cases=12)
    path.write_text(path.read_text().replace("[exact_match]", "[long]"))
    first = lab.evaluate(path)
    (workspace / "evaluators.py").write_text(source.replace("LIMIT", "2"))
    assert lab.rescore(first.run).metrics == {"long": pytest.approx(2 / 12)}


def test_answers_of_a_function_are_scored_again_without_the_function(lab: Lab, write_suite):
    path = write_suite(model="fake:echo", cases=3)
    model = lab.model("upper", lambda rows: [row["text"].upper() for row in rows])
    first = lab.evaluate(path, models=[model])
    assert lab.rescore(first.run, expected={"c0": "W0"}).metrics == {"exact_match": pytest.approx(1 / 3)}
    (variant,) = lab.run_detail(first.run).children
    with pytest.raises(UsageError, match="function of a script"):
        lab.ask_again(variant.uid, "c0")


def test_an_unknown_case_or_a_value_that_json_has_not_changes_nothing(lab: Lab, write_suite):
    first = lab.evaluate(write_suite(model="fake:echo", cases=2))
    with pytest.raises(UsageError, match=r"has no case 'c7'|has no case c7"):
        lab.rescore(first.run, expected={"c7": "x"})
    with pytest.raises(UsageError, match="JSON cannot say"):
        lab.rescore(first.run, expected={"c0": object()})
    assert [data.reference for _, data in lab.run_detail(first.run).datasets] == ["words@1"]


def test_a_classic_run_says_what_to_do_instead(lab: Lab, write_suite):
    path = write_suite(model="fake:echo", cases=2)
    with lab.run("tree") as run:
        run.log_predictions(path, ["w0", "x"])
    with pytest.raises(UsageError, match="log its predictions again"):
        lab.rescore(run.uid)


def test_one_cell_is_asked_again_past_the_cache_and_its_neighbours_are_not(lab: Lab, write_suite):
    path = write_suite(model="fake:fail?status=client&times=1", cases=4)
    first = lab.evaluate(path)
    assert first.report.errors == 1
    (variant,) = lab.run_detail(first.run).children
    broken = next(cell.key for cell in lab.report(first.run).cells if cell.output is None)
    again = lab.ask_again(variant.uid, broken)
    assert (again.error, again.cell.cell.output, len(again.cell.attempts)) == (None, f"w{broken[1:]}", 2)
    answered = lab.ask_again(variant.uid, broken)
    assert (answered.error, answered.cell.cell.cached, len(answered.cell.attempts)) == (None, False, 3)
    report = lab.report(first.run)
    assert (report.calls.made, report.errors, report.run.status) == (6, 0, "finished")
    assert lab.summaries([variant.id])[variant.id]["exact_match"] == 1.0


def test_an_answer_stays_where_asking_again_fails(lab: Lab, workspace: Path, write_suite):
    script = workspace / "answers.jsonl"
    script.write_text(json.dumps({"input": "w0", "output": "w0"}) + "\n")
    path = write_suite(model="fake:script?file=answers.jsonl", cases=1)
    first = lab.evaluate(path)
    (variant,) = lab.run_detail(first.run).children
    script.write_text(json.dumps({"input": "w0", "output": "", "status": "client"}) + "\n")
    lab._models.clear()
    again = lab.ask_again(variant.uid, "c0")
    assert again.error
    assert (again.cell.cell.output, again.cell.cell.status) == ("w0", "ok")
    assert [attempt.status for attempt in again.cell.attempts] == ["ok", "client"]
    assert outputs(lab, first.run) == {"c0": "w0"}
