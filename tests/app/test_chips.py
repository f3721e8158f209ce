"""Which rows are worth a look, on an evaluation whose answers are known."""

from __future__ import annotations

import json

import pytest

import chips
import matrix
from promptlab.lab import Lab

CASES = [
    {"id": "a", "inputs": {"text": "1"}, "expected": "yes", "metadata": {"tags": ["short", "old"]}},
    {"id": "b", "inputs": {"text": "2"}, "expected": "yes", "metadata": {"tags": ["short"]}},
    {"id": "c", "inputs": {"text": "3"}, "expected": "yes"},
    {"id": "d", "inputs": {"text": "4"}, "expected": "yes"},
]
SUITE = {"name": "known", "cases": CASES, "evaluators": ["exact_match", "word_count"]}


def answers(workspace, name: str, given: dict[str, object]) -> str:
    """A base model that gives these answers; one that is no text is an error."""
    lines = [
        {"input": text, "output": answer}
        if isinstance(answer, str)
        else {"input": text, "output": "", "status": "quota"}
        for text, answer in given.items()
    ]
    (workspace / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return f"fake:script?file={name}.jsonl"


@pytest.fixture
def report(lab: Lab, workspace):
    """A answers a, b and not c, d; B answers b, c; its d is an error."""
    (workspace / "prompts" / "only.j2").write_text("{{ text }}")
    models = [
        answers(workspace, "first", {"1": "yes", "2": "yes", "3": "no", "4": "no"}),
        answers(workspace, "second", {"1": "no", "2": "yes", "3": "yes and more words", "4": None}),
    ]
    return lab.report(lab.evaluate({**SUITE, "prompts": ["only"], "models": models}).run)


def of(report, place: int) -> list:
    return [cell for cell in report.cells if cell.run_uid == report.variants[place].id]


def keys(report, by: chips.Judge, **view) -> list[str]:
    return [row.key for row in chips.chosen(matrix.rows(report), chips.View(**view), by)]


def against_a(report, measure: str = "exact_match") -> chips.Judge:
    direction = "lower" if measure == "word_count" else "higher"
    return chips.judge(report, measure, direction=direction, baseline=of(report, 0), own=report.variants[0].id)


def test_each_chip_leaves_its_rows(report):
    by = against_a(report)
    assert keys(report, by) == ["a", "b", "c", "d"]
    assert keys(report, by, chip="Failed") == ["a", "c", "d"]
    assert keys(report, by, chip="Differ") == ["a"]
    assert keys(report, by, chip="Errors") == ["d"]
    assert keys(report, by, chip="Regressed") == ["a"]
    assert keys(report, by, chip="Fixed") == []
    assert chips.counts(matrix.rows(report), by) == {
        "All": 4,
        "Failed": 3,
        "Differ": 1,
        "Regressed": 1,
        "Fixed": 0,
        "Errors": 1,
        "Slow": 0,
        "Costly": 0,
    }


def test_without_a_baseline_nothing_has_changed(report):
    by = chips.judge(report, "exact_match", direction="higher")
    assert keys(report, by, chip="Regressed") == keys(report, by, chip="Fixed") == []


def test_a_number_changes_in_its_direction(report):
    by = against_a(report, "word_count")
    assert keys(report, by, chip="Regressed") == ["c"]  # more words, and fewer are better
    assert by.why(matrix.rows(report)[2]) == "REGRESSED"


def test_cells_of_another_run_pair_by_their_inputs(lab: Lab, workspace, report):
    later = {**SUITE, "cases": [{**case, "id": f"new {case['id']}"} for case in CASES], "prompts": ["only"]}
    model = answers(workspace, "third", {"1": "yes", "2": "no", "3": "yes", "4": "yes"})
    new = lab.report(lab.evaluate({**later, "models": [model]}).run)
    by = chips.judge(new, "exact_match", direction="higher", baseline=of(report, 0))
    assert keys(new, by, chip="Regressed") == ["new b"]
    assert keys(new, by, chip="Fixed") == ["new c", "new d"]


def test_rows_come_in_the_order_that_is_asked_for(report):
    by = against_a(report)
    assert keys(report, by, order="regressions first") == ["a", "b", "c", "d"]
    assert keys(report, by, order="longest first")[0] == "c"
    assert keys(report, by, order="worst first")[-1] == "b"


def test_tags_and_kinds_of_errors_are_counted_and_choose(report):
    rows = matrix.rows(report)
    assert chips.tags(rows) == {"short": 2, "old": 1}
    assert keys(report, against_a(report), tag="old") == ["a"]
    assert chips.error_kinds(rows) == {"quota": 1}
    assert keys(report, against_a(report), kind="quota") == ["d"]
    assert keys(report, against_a(report), tag="short", search="2") == ["b"]


def test_slow_and_costly_are_far_from_the_others_and_need_enough_of_them():
    assert chips._far_out([1.0] * 10 + [9.0]) == float("inf")
    assert chips._far_out([1.0] * 38 + [9.0, 9.0]) == 9.0
    assert chips._far_out([1.0] * 40) == 2.0  # nothing is so far out
    assert chips._far_out([None, 0.0] * 40) == float("inf")
