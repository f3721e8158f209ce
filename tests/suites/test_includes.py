"""A suite made of several files: lists joined, mappings merged, every mistake named with the file it stands in."""

from __future__ import annotations

import os

import pytest

from promptlab.errors import EvaluatorError, SuiteError, UsageError
from promptlab.suites.load import load_suite, restore_suite, suite_from_mapping

CASES = "cases: [{inputs: {text: a}, expected: b}]\n"
CODE = "from promptlab import evaluator\n@evaluator\ndef {name}(context): return {value}\n"


@pytest.fixture
def write(tmp_path):
    """Writes a file below the folder `project`; its path."""

    def write(name, text):
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def names(suite):
    return [evaluator.name for evaluator in suite.evaluators]


def test_lists_are_joined_and_mappings_merged_and_what_the_suite_says_wins(write):
    write(
        "evals/common.yaml",
        """\
name: common
description: shared
prompts: [plain, loud]
models: ["fake:echo"]
settings: {temperature: 0, max_tokens: 4}
matrix: {top_k: [1, 2], seed: [1]}
repeats: 3
evaluators:
  - exact_match: {strip: false}
  - is_json
gates:
  exact_match: ">= 0.5"
  is_json: ">= 0.1"
cases:
  - {id: first, inputs: {text: a}}
""",
    )
    suite = load_suite(
        write(
            "evals/own.yaml",
            """\
include: common.yaml
prompts: [loud, quiet]
settings: {max_tokens: 8}
matrix: {top_k: [5]}
evaluators:
  - latency
  - exact_match: {ignore_case: true}
gates: {exact_match: ">= 0.9"}
cases:
  - {id: second, inputs: {text: b}}
""",
        )
    )
    assert (suite.name, suite.description, suite.repeats) == ("own", "shared", 3)
    assert suite.prompts == ("plain", "loud", "quiet")
    assert suite.models == ("fake:echo",)
    assert suite.settings == {"temperature": 0, "max_tokens": 8}
    assert suite.matrix == {"top_k": (5,), "seed": (1,)}
    assert names(suite) == ["exact_match", "is_json", "latency"]
    assert suite.evaluators[0].options == {"ignore_case": True}
    assert [(gate.evaluator, gate.rule) for gate in suite.gates] == [("exact_match", ">= 0.9"), ("is_json", ">= 0.1")]
    assert [case.key for case in suite.cases] == ["first", "second"]
    assert "include" not in suite.document


def test_a_suite_and_the_same_suite_written_out_have_one_digest(write):
    write("common.yaml", "prompts: [plain]\nevaluators: [is_json]\n")
    parts = load_suite(write("parts.yaml", f"include: [common.yaml]\nevaluators: [latency]\n{CASES}"))
    whole = load_suite(write("whole.yaml", f"prompts: [plain]\nevaluators: [is_json, latency]\n{CASES}"))
    assert parts.digest == whole.digest


def test_of_several_files_a_later_one_wins_and_the_own_entry_over_all(write):
    write("a.yaml", "settings: {temperature: 0.1, top_k: 1}\nevaluators: [{contains: {word: a, as: x}}, is_json]\n")
    write("b.yaml", "settings: {temperature: 0.2}\nevaluators: [{contains: {word: b, as: x}}]\n")
    suite = load_suite(write("s.yaml", f"include: [a.yaml, b.yaml]\n{CASES}"))
    assert suite.settings == {"temperature": 0.2, "top_k": 1}
    assert [(item.name, dict(item.options)) for item in suite.evaluators] == [("x", {"word": "b"}), ("is_json", {})]
    own = "evaluators: [{contains: {word: c, as: x}}]\nsettings: {temperature: 0.3}\n"
    suite = load_suite(write("o.yaml", f"include: [a.yaml, b.yaml]\n{own}{CASES}"))
    assert suite.settings == {"temperature": 0.3, "top_k": 1}
    assert [(item.name, dict(item.options)) for item in suite.evaluators] == [("x", {"word": "c"}), ("is_json", {})]


def test_included_files_include_others_each_once(write):
    write("deep/base.yaml", "evaluators: [is_json]\n")
    write("deep/a.yaml", "include: base.yaml\nevaluators: [latency]\n")
    write("deep/b.yaml", "include: [./base.yaml]\nevaluators: [word_count]\n")
    suite = load_suite(write("evals/s.yaml", f"include: [../deep/a.yaml, ../deep/b.yaml]\n{CASES}"))
    assert names(suite) == ["is_json", "latency", "word_count"]


def test_paths_of_an_included_file_are_relative_to_it(write):
    write("shared/data/rows.jsonl", '{"inputs": {"text": "a"}}\n')
    write("shared/checks.py", CODE.format(name="shared", value=1))
    write("shared/common.yaml", "cases: data/rows.jsonl\nfunctions: checks.py\nevaluators: [shared]\n")
    suite = load_suite(write("evals/s.yaml", "include: ../shared/common.yaml\n"))
    assert (suite.dataset_name, suite.dataset_source) == ("rows", "../shared/data/rows.jsonl")
    assert names(suite) == ["shared"]
    assert suite.document["functions"] == "../shared/checks.py"


def test_evaluators_of_several_files_stand_side_by_side_each_from_its_own_python_file(write):
    write("shared/evaluators.py", CODE.format(name="shared", value=1))
    write("shared/common.yaml", "evaluators: [shared]\n")
    write("evals/evaluators.py", CODE.format(name="mine", value=2))
    path = write("evals/s.yaml", f"include: ../shared/common.yaml\nevaluators: [mine]\n{CASES}")
    assert names(load_suite(path)) == ["shared", "mine"]
    write("evals/s.yaml", f"include: ../shared/common.yaml\n{CASES[:-3]}, evaluators: [mine]}}]\n")
    assert [item.name for item in load_suite(path).case_evaluators["1"]] == ["mine"]


def test_an_evaluator_of_the_suite_s_own_file_wins_over_one_of_its_name(write):
    write("shared/evaluators.py", CODE.format(name="mine", value=1))
    write("shared/common.yaml", "evaluators: [mine]\n")
    write("evals/evaluators.py", CODE.format(name="mine", value=2))
    suite = load_suite(write("evals/s.yaml", f"include: ../shared/common.yaml\nevaluators: [mine]\n{CASES}"))
    assert suite.evaluators[0].function(None) == 2


def test_code_beside_an_included_file_that_needs_none_is_not_run(write):
    write("shared/evaluators.py", "raise RuntimeError('run')\n")
    write("shared/common.yaml", "evaluators: [is_json]\n")
    assert names(load_suite(write("evals/s.yaml", f"include: ../shared/common.yaml\n{CASES}"))) == ["is_json"]


def test_the_stored_document_makes_the_same_evaluators_and_gates_again(write):
    write("shared/checks.py", CODE.format(name="shared", value=1))
    write("shared/common.yaml", "functions: checks.py\nevaluators: [shared]\ngates: {shared: '> 0'}\n")
    suite = load_suite(write("evals/s.yaml", f"include: ../shared/common.yaml\nevaluators: [is_json]\n{CASES}"))
    again = restore_suite(
        suite.document,
        folder=suite.folder,
        name=suite.name,
        path=suite.path,
        with_evaluators=(),
        dataset_name=suite.dataset_name,
        dataset_source=suite.dataset_source,
    )
    assert [item.digest for item in again.evaluators] == [item.digest for item in suite.evaluators]
    assert again.gates == suite.gates


def test_a_mapping_includes_files_too(write, tmp_path):
    write("common.yaml", "evaluators: [is_json]\n")
    mapping = {"include": "common.yaml", "cases": [{"inputs": {}}]}
    assert names(suite_from_mapping(mapping, folder=tmp_path / "project", name="made")) == ["is_json"]


def test_an_empty_included_file_says_nothing(write):
    write("common.yaml", "# nothing yet\n")
    assert names(load_suite(write("s.yaml", f"include: common.yaml\nevaluators: [is_json]\n{CASES}"))) == ["is_json"]


COMMON_MISTAKES = {
    "an unknown key": ("prompts: [a]\npromts: [b]\n", 2, "unknown key 'promts'; did you mean 'prompts'?"),
    "prompts that are text": ("\nprompts: plain\n", 2, "`prompts` is 'plain'; it is a list"),
    "a wrong setting": ("settings:\n  temperature: hot\n", 2, "temperature is 'hot'"),
    "settings that are a list": ("settings: [a]\n", 1, "settings are ['a']"),
    "an unknown evaluator": ("evaluators:\n  - latency\n  - is_jsn\n", 3, "unknown evaluator 'is_jsn'"),
    "an unknown option": ("evaluators:\n  - contains: {wrd: a}\n", 2, "did you mean 'word'?"),
    "a bad gate": ("gates:\n\n  is_json: high\n", 3, "'high' is no rule"),
    "a bad value of the matrix": ("matrix:\n  temperature: [0, hot]\n", 2, "temperature is 'hot'"),
    "a case without inputs": ("cases:\n  - {text: a}\n", 2, "the case has no `inputs`"),
    "functions that are not there": ("functions: none.py\n", 1, "the file of evaluators 'none.py' does not exist"),
    "a file included that is not there": ("include: none.yaml\n", 1, "the included file 'none.yaml' does not exist"),
    "repeats of nothing": ("repeats: 0\n", 1, "`repeats` is 0"),
    "broken YAML": ("a: [\n", 2, "not valid YAML"),
    "a list": ("- a\n", 1, "a suite is a mapping with the keys"),
}


@pytest.mark.parametrize(("text", "line", "message"), COMMON_MISTAKES.values(), ids=COMMON_MISTAKES)
def test_a_mistake_in_an_included_file_is_named_with_that_file_and_line(write, text, line, message):
    common = write("shared/common.yaml", text)
    own = 'include: [../shared/common.yaml]\nevaluators: [is_json]\ngates: {is_json: "> 0"}\nprompts: [x]\n'
    if "gates" in text:
        own = "include: [../shared/common.yaml]\nevaluators: [is_json]\n"
    path = write("evals/s.yaml", own + CASES)
    with pytest.raises(UsageError) as caught:
        load_suite(path)
    assert isinstance(caught.value, SuiteError | EvaluatorError)
    assert str(caught.value).startswith(f"{common}:{line}: ")
    assert message in str(caught.value)


OWN_MISTAKES = {
    "a suite that includes itself": ("include: s.yaml\n", 1, "'s.yaml' includes itself: s.yaml -> s.yaml"),
    "an address": ("include: https://example.org/a.yaml\n", 1, "is no file here; nothing is fetched"),
    "a file that is not there": ("\ninclude:\n  - comon.yaml\n", 3, "did you mean 'common.yaml'?"),
    "a folder": ("include: [.]\n", 1, "is no plain file"),
    "a device": ("include: /dev/zero\n", 1, "is no plain file"),
    "a number": ("include: [5]\n", 1, "`include` is 5; it is the path of a YAML file"),
    "nothing": ('include: ""\n', 1, "it is the path of a YAML file"),
    "a very long name": (f"include: {'x' * 5000}\n", 1, "does not exist"),
    "an own mistake": ("include: common.yaml\nevaluators:\n  - is_jsn\n", 3, "unknown evaluator 'is_jsn'"),
    "an own mistake in what is merged": ("include: common.yaml\nsettings:\n  top_k: no\n", 3, "top_k is 'no'"),
    "an own evaluator twice": ("include: common.yaml\nevaluators:\n- is_json\n- is_json\n", 4, "two evaluators"),
}


@pytest.mark.parametrize(("text", "line", "message"), OWN_MISTAKES.values(), ids=OWN_MISTAKES)
def test_a_mistake_in_the_suite_itself_keeps_its_line(write, text, line, message):
    write("common.yaml", "\n\n\nsettings: {top_k: 3}\nevaluators: [latency, is_json]\n")
    path = write("s.yaml", text + CASES)
    with pytest.raises(UsageError) as caught:
        load_suite(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_a_circle_of_files_is_named(write):
    write("a.yaml", "evaluators: [is_json]\ninclude: b.yaml\n")
    b = write("b.yaml", "include: a.yaml\n")
    path = write("s.yaml", f"include: a.yaml\n{CASES}")
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    assert str(caught.value).startswith(f"{b}:1: ")
    assert "includes itself: a.yaml -> b.yaml -> a.yaml; take one of these out" in str(caught.value)


def test_a_chain_of_files_has_an_end(write):
    for place in range(50):
        write(f"{place}.yaml", f"include: {place + 1}.yaml\n")
    with pytest.raises(SuiteError, match="is included 20 files deep"):
        load_suite(write("s.yaml", f"include: 0.yaml\n{CASES}"))


def test_a_pipe_is_not_read(write, tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(SuiteError, match="is no plain file"):
        load_suite(write("s.yaml", f"include: ../pipe.yaml\n{CASES}"))


def test_many_included_cases_are_merged_in_time_that_grows_with_their_number(write):
    rows = "".join(f"  - {{id: a{n}, inputs: {{text: x}}}}\n" for n in range(4000))
    write("common.yaml", f"cases:\n{rows}")
    suite = load_suite(write("s.yaml", "include: common.yaml\ncases: [{inputs: {text: y}}]\n"))
    assert len(suite.cases) == 4001


def test_paths_of_other_forms_of_cases_are_rebased_too(write):
    write("shared/a.jsonl", '{"id": "a", "inputs": {"text": "a"}}\n')
    write("shared/b.csv", "id,text\nb,b\n")
    write("shared/list.yaml", "cases: [a.jsonl, {file: b.csv}]\n")
    suite = load_suite(write("evals/s.yaml", "include: ../shared/list.yaml\ncases: [{id: c, inputs: {text: c}}]\n"))
    assert [case.key for case in suite.cases] == ["a", "b", "c"]
    write("shared/source.yaml", "cases: {file: [a.jsonl, b.csv]}\n")
    suite = load_suite(write("evals/s.yaml", "include: ../shared/source.yaml\n"))
    assert [case.key for case in suite.cases] == ["a", "b"]
