"""A suite file becomes a Suite, and every mistake in it is named with file and line."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab.errors import EvaluatorError, SuiteError, UsageError
from promptlab.suites.load import load_suite, suite_from_mapping
from promptlab.suites.selection import CaseChoice
from promptlab.types import Case, EvaluatorContext, Score

GOOD = """\
name: sentiment
description: Film reviews
prompts: [plain, fewshot@production, prompts/draft.j2, plain@3]
models: [local:smollm2-135m, openai:gpt-4o-mini]
settings: {temperature: 0, max_tokens: 4}
repeats: 2
cases:
  - inputs: {text: good}
    expected: positive
  - id: b
    inputs: {text: bad}
    expected: negative
    metadata: {source: me}
    evaluators: [{contains: {word: neg}}]
evaluators:
  - exact_match: {ignore_case: true}
  - contains: {word: "{{ expected }}", as: mentions}
gates:
  exact_match: ">= 0.80"
  mentions: {rule: "> .5", variant: plain}
"""


def write(folder, text, name="suite.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_suite_file_is_read_in_full(tmp_path):
    path = write(tmp_path, GOOD)
    suite = load_suite(path)
    assert (suite.name, suite.description, suite.path, suite.repeats) == ("sentiment", "Film reviews", path, 2)
    assert suite.prompts == ("plain", "fewshot@production", "prompts/draft.j2", "plain@3")
    assert suite.models == ("local:smollm2-135m", "openai:gpt-4o-mini")
    assert suite.settings == {"temperature": 0, "max_tokens": 4}
    assert suite.cases == (
        Case("1", {"text": "good"}, "positive"),
        Case("b", {"text": "bad"}, "negative", {"source": "me"}, ({"contains": {"word": "neg"}},)),
    )
    assert [item.name for item in suite.evaluators] == ["exact_match", "mentions"]
    assert [(gate.evaluator, gate.operator, gate.bound, gate.variant) for gate in suite.gates] == [
        ("exact_match", ">=", 0.8, None),
        ("mentions", ">", 0.5, "plain"),
    ]
    assert (suite.dataset_name, suite.dataset_source) == ("sentiment", "inline")


def test_the_smallest_suite_is_its_cases(tmp_path):
    suite = load_suite(write(tmp_path, "cases: [{inputs: {}}]", "tiny.yaml"))
    assert (suite.name, suite.prompts, suite.models, suite.evaluators, suite.repeats) == ("tiny", (), (), (), 1)


def test_a_case_adds_its_own_evaluators_and_replaces_those_of_the_same_name(tmp_path):
    text = GOOD.replace("evaluators: [{contains: {word: neg}}]", "evaluators: [{exact_match: {strip: false}}, is_json]")
    suite = load_suite(write(tmp_path, text))
    first, second = suite.cases
    assert [item.name for item in suite.evaluators_for(first)] == ["exact_match", "mentions"]
    assert [item.name for item in suite.evaluators_for(second)] == ["mentions", "exact_match", "is_json"]
    assert suite.evaluators_for(second)[1].options == {"strip": False}


def lines(*wanted):
    return "\n".join(wanted) + "\n"


CASES = "cases: [{inputs: {text: a}}]"

MISTAKES = {
    "an unknown key": (lines(CASES, "promts: [a]"), 2, "unknown key 'promts'; did you mean 'prompts'? known: cases,"),
    "no cases": ("name: a", 0, "the suite has no `cases`; name a JSONL, CSV or YAML file"),
    "an empty list of cases": ("cases: []", 1, "has no cases"),
    "cases that are a number": ("cases: 5", 1, "`cases` is 5; it is the path of a file or a list"),
    "a missing file of cases": ("name: a\ncases: none.jsonl", 2, "the file of cases 'none.jsonl' does not exist in"),
    "a file of cases of another kind": (
        "cases: suite.txt",
        0,
        "cases are JSONL, JSON, CSV, YAML, Parquet, Arrow or XLSX",
    ),
    "a list instead of a mapping": ("- a", 1, "a suite is a mapping with the keys name,"),
    "prompts that are text": (
        lines(CASES, "prompts: plain"),
        2,
        "`prompts` is 'plain'; it is a list, `prompts: [plain]`",
    ),
    "a prompt that is a number": (lines(CASES, "prompts:", "  - 5"), 3, "an entry of `prompts` is 5; it is a name"),
    "a model twice": (lines(CASES, "models: [a, b, a]"), 2, "'a' stands twice in `models`"),
    "repeats of nothing": (lines(CASES, "repeats: 0"), 2, "`repeats` is 0; it is a whole number from 1"),
    "repeats that are true": (lines(CASES, "repeats: true"), 2, "`repeats` is True"),
    "a name that is a number": (lines("name: 5", CASES), 1, "`name` is 5; it is text, so put it in quotes"),
    "a name with a slash": (lines("name: a/b", CASES), 1, "the name is 'a/b'"),
    "an unknown setting": (lines(CASES, "settings:", "  max_tokens: 3", "  temprature: 0"), 4, "temprature"),
    "a wrong setting": (lines(CASES, "settings:", "  temperature: hot"), 3, "temperature is 'hot'"),
    "settings that are a list": (lines(CASES, "settings: [a]"), 2, "settings"),
    "evaluators that are a mapping": (lines(CASES, "evaluators:", "  exact_match: {}"), 2, "evaluators are a list"),
    "an unknown evaluator": (lines(CASES, "evaluators:", "  - is_json", "  - contians: {word: a}"), 4, "'contians'"),
    "an unknown option": (lines(CASES, "evaluators:", "  - contains: {wrd: a}"), 3, "did you mean 'word'?"),
    "an unindented option": (lines(CASES, "evaluators:", "  - contains:", "    word: a"), 3, "stand side by side"),
    "two of one name": (
        lines(CASES, "evaluators:", "- is_json", "- is_json"),
        4,
        "give one another name with `as: ...`",
    ),
    "an input that no case has": (
        lines(CASES, "evaluators:", "- contains: {word: '{{ inputs.txt }}'}"),
        3,
        "contains: no case has the input 'txt'; did you mean 'text'?",
    ),
    "a gate on nothing": (
        lines(CASES, "evaluators: [exact_match]", "gates:", "  exact_mach: '> 0'"),
        4,
        "no evaluator scores under that name; did you mean 'exact_match'?",
    ),
    "a gate that is no rule": (
        lines(CASES, "evaluators: [is_json]", "gates:", "  is_json: high"),
        4,
        "'high' is no rule",
    ),
    "a gate in percent": (
        lines(CASES, "evaluators: [is_json]", "gates: {is_json: '>= 80%'}"),
        3,
        "write a share, such as 0.8",
    ),
    "a gate that is a number": (
        lines(CASES, "evaluators: [is_json]", "gates: {is_json: 0.8}"),
        3,
        "is 0.8; it is a rule",
    ),
    "a gate with an unknown key": (
        lines(CASES, "evaluators: [is_json]", "gates: {is_json: {rul: '> 0'}}"),
        3,
        "unknown key 'rul'; did you mean 'rule'?",
    ),
    "a gate without rule": (
        lines(CASES, "evaluators: [is_json]", "gates: {is_json: {variant: a}}"),
        3,
        "`rule` is None",
    ),
    "gates that are a list": (lines(CASES, "gates: ['> 1']"), 2, "gates are a mapping"),
    "a functions file that is not there": (
        lines(CASES, "functions: f.py"),
        2,
        "the file of evaluators 'f.py' does not exist",
    ),
    "functions that are no Python": (lines(CASES, "functions: f.txt"), 2, "it is the path of a Python file"),
    "a key that stands twice": (lines("name: a", CASES, "name: b"), 3, "the key 'name' stands twice, first in line 1"),
    "broken YAML": (lines("name: a", "cases: [{"), 3, "not valid YAML: "),
    "a tab": (lines("name: a", "\tcases: []"), 2, "not valid YAML"),
    "a live object": (lines("name: !!python/object/apply:os.system [ls]", CASES), 1, "the tag"),
    "a key that is a number": (lines("cases:", "  - inputs: {1: a}"), 2, "a key is text, not '1'; put it in quotes"),
    "a NaN": (lines("cases:", "  - inputs: {a: .nan}"), 2, "no JSON number"),
    "a case without inputs": (
        lines("cases:", "  - inputs: {a: 1}", "  - text: a"),
        3,
        "the case has no `inputs`, only text",
    ),
    "a case with an unknown key": (lines("cases:", "  - inputs: {}", "    expectd: 1"), 2, "did you mean 'expected'?"),
    "a case that is text": (lines("cases:", "  - good"), 2, "the file of cases 'good' does not exist in"),
    "inputs that are text": (lines("cases:", "  - inputs: good"), 2, '`inputs` is "good"; it is a mapping'),
    "the same id twice": (lines("cases:", "- {id: a, inputs: {}}", "- {id: a, inputs: {}}"), 3, "the id 'a' is taken"),
    "an id that equals a row number": (
        lines("cases:", "- {id: 2, inputs: {}}", "- {inputs: {}}"),
        3,
        "the id '2' is taken",
    ),
    "an id that is a list": (
        lines("cases:", "- {id: [a], inputs: {}}"),
        2,
        '`id` is ["a"]; it is a text or a whole number',
    ),
    "a wrong evaluator of a case": (
        lines("cases:", "- {inputs: {}, evaluators: [is_jsn]}"),
        0,
        "case '1': unknown evaluator",
    ),
}


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_file_and_line(tmp_path, text, line, message):
    path = write(tmp_path, text)
    (tmp_path / "suite.txt").write_text("")
    with pytest.raises(UsageError) as caught:
        load_suite(path)
    text = str(caught.value)
    assert isinstance(caught.value, SuiteError | EvaluatorError)
    assert message in text
    assert text.startswith(f"{path}:{line}: " if line else str(tmp_path))
    assert "\n" not in text


def test_a_missing_suite_names_the_nearest(tmp_path):
    write(tmp_path, GOOD, "sentiment.yaml")
    with pytest.raises(SuiteError, match=r"does not exist; did you mean 'sentiment.yaml'\?"):
        load_suite(tmp_path / "sentment.yaml")
    with pytest.raises(SuiteError, match="does not exist"):
        load_suite(tmp_path / "nowhere" / "a.yaml")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_suite_says_what_it_needs(tmp_path, text):
    with pytest.raises(SuiteError, match="the suite is empty; it needs `cases`"):
        load_suite(write(tmp_path, text))


def test_a_folder_and_a_file_that_is_not_text_are_refused(tmp_path):
    with pytest.raises(SuiteError, match="is a folder"):
        load_suite(tmp_path)
    (tmp_path / "a.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(SuiteError, match="is not UTF-8 at byte 6"):
        load_suite(tmp_path / "a.yaml")


def test_aliases_of_aliases_end_with_one_line(tmp_path):
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(SuiteError, match="too large once its aliases are followed"):
        load_suite(write(tmp_path, "\n".join(bomb)))


def test_yaml_values_are_read_as_they_look(tmp_path):
    text = "cases:\n  - inputs: {a: no, b: 12:30, c: 2024-01-02, d: 0x10, e: 1e3, f: ~, g: 'true', h: true, i: 1_000}\n"
    (case,) = load_suite(write(tmp_path, text)).cases
    assert case.inputs == {
        "a": "no",
        "b": "12:30",
        "c": "2024-01-02",
        "d": 16,
        "e": 1000.0,
        "f": None,
        "g": "true",
        "h": True,
        "i": 1000,
    }


def test_an_alias_stands_for_its_value(tmp_path):
    text = "cases:\n  - inputs: &same {a: [1]}\n  - inputs: *same\n"
    assert [case.inputs for case in load_suite(write(tmp_path, text)).cases] == [{"a": [1]}, {"a": [1]}]


def test_the_limit_takes_the_first_cases(tmp_path):
    path = write(tmp_path, GOOD)
    assert [case.key for case in load_suite(path, choice=CaseChoice(limit=1)).cases] == ["1"]
    assert len(load_suite(path, choice=CaseChoice(limit=99)).cases) == 2
    with pytest.raises(SuiteError, match="the limit is 0"):
        load_suite(path, choice=CaseChoice(limit=0))


def test_several_gates_on_one_evaluator_are_a_list(tmp_path):
    text = lines(CASES, "evaluators: [latency]", "gates:", "  latency: ['< 2', {rule: '<= 1e-1', variant: a}]")
    suite = load_suite(write(tmp_path, text))
    assert [(gate.rule, gate.operator, gate.bound) for gate in suite.gates] == [
        ("< 2", "<", 2.0),
        ("<= 1e-1", "<=", 0.1),
    ]


def test_a_gate_may_be_on_a_key_of_an_evaluator(tmp_path):
    write(
        tmp_path, "from promptlab import evaluator\n@evaluator\ndef parts(context): return {'a': 1}\n", "evaluators.py"
    )
    suite = load_suite(write(tmp_path, lines(CASES, "evaluators: [parts]", "gates: {parts.a: '== 1'}")))
    assert suite.gates[0].evaluator == "parts.a"


def test_own_evaluators_come_from_evaluators_py_or_the_file_named(tmp_path):
    code = "from promptlab import evaluator\n@evaluator\ndef mine(context): return %s\n"
    write(tmp_path, code % 1, "evaluators.py")
    write(tmp_path, code % 2, "checks.py")
    context = EvaluatorContext(inputs={}, output="")
    for more, value in (("", 1.0), ("functions: checks.py", 2.0)):
        suite = load_suite(write(tmp_path, lines(CASES, "evaluators: [mine]", more)))
        assert asyncio.run(suite.evaluators[0].score(context)) == {"mine": Score(value)}


def test_code_beside_a_suite_that_needs_none_is_not_run(tmp_path):
    write(tmp_path, "raise RuntimeError('run')\n", "evaluators.py")
    load_suite(write(tmp_path, lines(CASES, "evaluators: [exact_match]")))
    with pytest.raises(EvaluatorError, match=r"evaluators.py:1: cannot be run: RuntimeError: run"):
        load_suite(write(tmp_path, lines(CASES, "evaluators: [mine]")))


def test_paths_are_relative_to_the_folder_of_the_suite(tmp_path, monkeypatch):
    (tmp_path / "evals" / "data").mkdir(parents=True)
    write(tmp_path / "evals" / "data", '{"inputs": {}}\n', "a.jsonl")
    path = write(tmp_path / "evals", "cases: data/a.jsonl\n")
    monkeypatch.chdir(tmp_path)
    for given in (path, Path("evals/suite.yaml")):
        suite = load_suite(given)
        assert (suite.dataset_name, suite.dataset_source) == ("a", "data/a.jsonl")
    absolute = write(tmp_path, f"cases: {tmp_path / 'evals' / 'data' / 'a.jsonl'}\n", "absolute.yaml")
    assert len(load_suite(absolute).cases) == 1


def test_a_mapping_is_a_suite_too(tmp_path):
    mapping = {
        "prompts": ("plain",),
        "cases": ({"inputs": {"text": "a"}, "expected": "b"},),
        "evaluators": ["exact_match"],
    }
    suite = suite_from_mapping(mapping, folder=tmp_path, name="made")
    assert (suite.name, suite.path, suite.prompts) == ("made", None, ("plain",))
    with pytest.raises(SuiteError, match="suite 'made': unknown key 'promts'; did you mean 'prompts'"):
        suite_from_mapping({**mapping, "promts": []}, folder=tmp_path, name="made")


# Digests


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("good", "great"),
        ("expected: positive", "expected: neutral"),
        ("source: me", "source: you"),
        ("id: b", "id: c"),
        ("word: neg", "word: pos"),
        ("ignore_case: true", "ignore_case: false"),
        ("as: mentions}", "as: mentions, ignore_case: true}"),
        ("temperature: 0", "temperature: 1"),
        ("repeats: 2", "repeats: 3"),
        ("fewshot@production", "fewshot@2"),
        ("gpt-4o-mini", "gpt-4o"),
        (">= 0.80", ">= 0.81"),
    ],
)
def test_the_digest_changes_with_what_affects_results(tmp_path, old, new):
    assert old in GOOD
    assert load_suite(write(tmp_path, GOOD)).digest != load_suite(write(tmp_path, GOOD.replace(old, new))).digest


@pytest.mark.parametrize(
    ("old", "new"), [("Film reviews", "Other words"), ("prompts:", "# a comment\nprompts:"), (">= 0.80", ">=0.8")]
)
def test_the_digest_does_not_change_with_what_does_not(tmp_path, old, new):
    assert old in GOOD
    assert (
        load_suite(write(tmp_path, GOOD)).digest == load_suite(write(tmp_path, GOOD.replace(old, new), "b.yaml")).digest
    )


def test_a_suite_with_other_cases_has_its_own_digest(tmp_path):
    suite = load_suite(write(tmp_path, GOOD))
    fewer = replace(suite, cases=suite.cases[:1])
    assert fewer.digest != suite.digest
    assert fewer.digest == load_suite(write(tmp_path, GOOD), choice=CaseChoice(limit=1)).digest
