"""Defaults: what cases and evaluators of a suite have where they say nothing themselves."""

from __future__ import annotations

import asyncio

import pytest

from promptlab.errors import EvaluatorError, SuiteError, UsageError
from promptlab.suites.load import load_suite
from promptlab.types import Case, EvaluatorContext

DEFAULTS = "defaults:\n  inputs: {tone: kind, text: none}\n  expected: yes it is\n  metadata: {source: here}\n"


@pytest.fixture
def load(tmp_path):
    def load(text, **files):
        for name, content in files.items():
            (tmp_path / name.replace("_", ".")).write_text(content, encoding="utf-8")
        path = tmp_path / "suite.yaml"
        path.write_text(text, encoding="utf-8")
        return load_suite(path)

    return load


def test_a_case_has_the_defaults_where_it_says_nothing(load):
    rows = "cases:\n- {inputs: {}}\n- {inputs: {text: a}, expected: no, metadata: {source: there, n: 1}}\n"
    assert load(DEFAULTS + rows).cases == (
        Case("1", {"tone": "kind", "text": "none"}, "yes it is", {"source": "here"}),
        Case("2", {"tone": "kind", "text": "a"}, "no", {"source": "there", "n": 1}),
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [("rows_jsonl", '{"inputs": {"text": "a"}}\n'), ("rows_csv", "text\na\n"), ("rows_yaml", "- inputs: {text: a}\n")],
)
def test_cases_of_a_file_have_them_too(load, name, content):
    suite = load(f"{DEFAULTS}cases: {name.replace('_', '.')}\n", **{name: content})
    for _ in range(2):
        assert list(suite.cases) == [Case("1", {"tone": "kind", "text": "a"}, "yes it is", {"source": "here"})]


def test_a_case_without_anything_of_its_own_may_read_a_default_input(load):
    entry = "evaluators: [{contains: {word: '{{ inputs.tone }}'}}]\n"
    assert len(load(DEFAULTS + entry + "cases: rows.csv\n", rows_csv="text\na\n").evaluators) == 1


def test_defaults_are_part_of_what_the_cases_say(load):
    rows = "cases: rows.csv\n"
    without = load(rows, rows_csv="text\na\n").cases_digest.digest
    tone = load(f"defaults: {{inputs: {{tone: kind}}}}\n{rows}").cases_digest.digest
    written = load(rows, rows_csv="tone,text\nkind,a\n").cases_digest.digest
    assert tone != without
    assert tone == written


def test_a_transform_is_done_before_every_evaluator_without_its_own(load):
    suite = load(
        """\
defaults: {transform: [first_line, lower]}
evaluators:
  - exact_match
  - exact_match: {transform: strip, as: whole}
  - exact_match: {transform: [], as: untouched}
cases:
  - {inputs: {}, expected: yes, evaluators: [{contains: {word: "yes"}}]}
"""
    )
    context = EvaluatorContext({}, "YES\nand more", "yes")
    (case,) = suite.cases
    found = {item.name: item for item in suite.evaluators_for(case)}
    passed = {name: asyncio.run(item.score(context))[name].passed for name, item in found.items()}
    assert passed == {"exact_match": True, "whole": False, "untouched": False, "contains": True}


def test_a_default_transform_may_be_a_function_of_the_suite(load):
    code = "from promptlab.evaluators.transforms import transform\n@transform\ndef tail(text): return text[-3:]\n"
    suite = load(
        "defaults: {transform: {function: tail}}\nevaluators: [exact_match]\ncases: [{inputs: {}, expected: yes}]\n",
        evaluators_py=code,
    )
    (score,) = asyncio.run(suite.evaluators[0].score(EvaluatorContext({}, "oh yes", "yes"))).values()
    assert score.passed


MISTAKES = {
    "defaults that are a list": ("defaults: [a]\n", 1, "`defaults` is ['a']; it is a mapping with any of inputs,"),
    "an unknown key": ("defaults:\n  input: {}\n", 2, "unknown key 'input' of `defaults`; did you mean 'inputs'?"),
    "inputs that are text": ("defaults:\n\n  inputs: a\n", 3, "`inputs` is 'a'; it is a mapping of names to values"),
    "an unknown step": (
        "defaults: {transform: frist_line}\nevaluators:\n- is_json\n",
        1,
        "unknown step 'frist_line'; did you mean 'first_line'?",
    ),
}


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_defaults_is_named_with_its_line(load, text, line, message):
    with pytest.raises(UsageError) as caught:
        load(text + "cases: [{inputs: {}}]\n")
    assert isinstance(caught.value, SuiteError | EvaluatorError)
    assert f"suite.yaml:{line}: " in str(caught.value)
    assert message in str(caught.value)


def test_defaults_of_included_files_are_merged_name_by_name(load):
    suite = load(
        "include: common.yaml\ndefaults: {inputs: {b: 3}}\ncases: [{inputs: {}}]\n",
        common_yaml="defaults: {inputs: {a: 1, b: 2}, expected: x}\n",
    )
    assert suite.cases == (Case("1", {"a": 1, "b": 3}, "x"),)
