"""Suites whose entries are composed: weights, groups, transforms, and a prompt's own response_schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptlab import Lab
from promptlab.errors import EvaluatorError, SuiteError
from promptlab.suites.load import load_suite

SCHEMA = """---
response_schema: {type: object, required: [word]}
---
{{ text }}
"""
SUITE = """
name: composed
prompts: [plain]
models: ["fake:echo"]
cases:
  - {id: good, inputs: {text: '{"word": "good"}'}, expected: good}
  - {id: bad, inputs: {text: 'bad'}, expected: good}
evaluators:
"""


@pytest.fixture
def evaluate(workspace: Path, lab: Lab):
    def run(evaluators: str, *, name: str = "composed", more: str = ""):
        path = workspace / f"{name}.yaml"
        path.write_text(f"{SUITE}{evaluators}\n{more}")
        return lab.evaluate(path)

    return run


def test_a_weight_gives_every_case_an_overall_score_that_a_gate_can_hold(evaluate):
    result = evaluate(
        "  - contains: {word: good, weight: 3}\n  - is_json: {weight: 1}\n  - latency\n",
        more='gates: {overall: ">= 0.4"}',
    )
    assert {cell.key: cell.scores["overall"].value for cell in result.cells} == {"good": 1.0, "bad": 0.0}
    assert result.metrics["overall"] == 0.5
    assert [gate.passed for gate in result.gates] == [True]


def test_a_case_of_its_own_weights_has_its_own_overall_score(evaluate, workspace: Path, lab: Lab):
    path = workspace / "own.yaml"
    path.write_text(
        SUITE.replace("expected: good}", "expected: good, evaluators: [{contains: {word: bad, weight: 1, as: other}}]}")
        + "  - contains: {word: good, weight: 1}\n"
    )
    result = lab.evaluate(path)
    assert {cell.key: cell.scores["overall"].value for cell in result.cells} == {"good": 0.5, "bad": 0.5}


@pytest.mark.parametrize(
    ("own", "evaluators", "place"),
    [
        (None, "  - is_json\n  - contains: {word: good, weight: 3, as: overall}\n", r"composed\.yaml:10: "),
        (None, "  - is_json: {weight: 0}\n  - contains: {word: good, as: overall}\n", r"composed\.yaml:10: "),
        ("{is_json: {weight: 1}}", "  - contains: {word: good, as: overall}\n", r"composed\.yaml:9: "),
        ("{is_json: {as: overall}}", "  - contains: {word: good, weight: 1}\n", r"composed\.yaml:6: case 'good': "),
    ],
)
def test_two_scores_called_overall_are_refused(tmp_path: Path, own, evaluators, place):
    suite = SUITE if own is None else SUITE.replace("expected: good}", f"expected: good, evaluators: [{own}]}}", 1)
    (tmp_path / "composed.yaml").write_text(suite + evaluators)
    with pytest.raises(EvaluatorError, match=place + "two scores are called 'overall'"):
        load_suite(tmp_path / "composed.yaml")


@pytest.mark.parametrize(
    "entry", ["contains: {word: good, as: overall}", "all_of: {evaluators: [{is_json: {weight: 2}}], as: overall}"]
)
def test_a_score_may_be_called_overall_where_nothing_has_a_weight(evaluate, entry):
    assert evaluate(f"  - {entry}\n", more='gates: {overall: ">= 0.5"}').passed


def test_a_gate_may_hold_the_check_of_a_prompts_response_schema(evaluate, workspace: Path):
    (workspace / "prompts" / "plain.j2").write_text(SCHEMA)
    result = evaluate("  - is_json\n", more='gates: {response_schema: [">= 0.5", ">= 0.9"]}')
    assert [(gate.value, gate.passed) for gate in result.gates] == [(0.5, True), (0.5, False)]
    assert result.exit_code == 1


@pytest.mark.parametrize(("schema", "reason"), [("{{ text }}", "no prompt has one"), (SCHEMA, "'shape' looks at it")])
def test_a_gate_on_a_check_that_is_not_made_is_refused_before_any_call(evaluate, workspace: Path, schema, reason):
    (workspace / "prompts" / "plain.j2").write_text(schema)
    entry = "json_schema: {as: shape}" if schema is SCHEMA else "is_json"
    with pytest.raises(SuiteError, match=reason):
        evaluate(f"  - {entry}\n", more='gates: {response_schema: ">= 0.5"}')


def test_a_group_and_its_members_are_scores_in_the_report(evaluate):
    members = "[is_json, {contains: {word: good}}]"
    result = evaluate(f"  - all_of: {{as: fine, evaluators: {members}}}\n", more='gates: {fine.is_json: ">= 0.5"}')
    assert list(result.variants[0].scores) == ["fine", "fine.contains", "fine.is_json"]
    assert result.metrics["fine"] == 0.5
    assert result.passed


def test_a_prompts_response_schema_is_checked_without_being_asked_for(evaluate, workspace: Path):
    (workspace / "prompts" / "plain.j2").write_text(SCHEMA)
    result = evaluate("  - contains: {word: good}\n")
    assert {cell.key: cell.scores["response_schema"].passed for cell in result.cells} == {"good": True, "bad": False}
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("entry", "checked"),
    [
        ("json_schema", False),
        ("json_schema: {fenced: true, as: shape}", False),
        ("all_of: {evaluators: [json_schema]}", False),
        ("json_schema: {schema: {type: object}}", True),
    ],
)
def test_a_suite_that_looks_at_the_response_schema_itself_is_left_alone(evaluate, workspace: Path, entry, checked):
    (workspace / "prompts" / "plain.j2").write_text(SCHEMA)
    result = evaluate(f"  - {entry}\n")
    assert ("response_schema" in result.metrics) is checked


def test_the_check_is_of_the_variants_whose_prompt_has_a_schema(workspace: Path, lab: Lab):
    (workspace / "prompts" / "shaped.j2").write_text(SCHEMA)
    (workspace / "two.yaml").write_text(SUITE.replace("[plain]", "[plain, shaped]") + "  - is_json\n")
    result = lab.evaluate(workspace / "two.yaml")
    assert ["response_schema" in variant.scores for variant in result.variants] == [False, True]


def test_a_cached_run_scores_the_same(evaluate, workspace: Path):
    (workspace / "prompts" / "plain.j2").write_text(SCHEMA)
    entries = "  - contains: {word: good, weight: 2, transform: [extract_json, lower]}\n  - is_json: {not: true}\n"
    first, second = evaluate(entries), evaluate(entries)
    assert second.calls.made == 0
    assert second.metrics == first.metrics
    assert set(first.metrics) == {"contains", "is_json", "overall", "response_schema"}
