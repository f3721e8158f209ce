"""Transforms: what is done to an output before it is scored."""

from __future__ import annotations

import asyncio
import time

import pytest

from promptlab import transform
from promptlab.errors import EvaluatorError
from promptlab.evaluators.registry import bind, load_functions, needs_functions
from promptlab.evaluators.transforms import STEPS, parse_transform
from promptlab.types import EvaluatorContext

THOUGHT = "<think>\nIs it 3?\n</think>\n\nIt is 4."


@pytest.mark.parametrize(
    ("steps", "output", "scored"),
    [
        ("strip", "  a b \n", "a b"),
        ("lower", "AbC", "abc"),
        ("upper", "AbC", "ABC"),
        ("first_line", "\n\n  yes \nbecause", "yes"),
        ("first_line", "", ""),
        ("last_line", "because\n yes \n\n", "yes"),
        (["first_line", "lower"], "Yes\nno", "yes"),
        ("without_thinking", THOUGHT, "It is 4."),
        ("without_thinking", "Is it 3?</think>It is 4.", "It is 4."),
        ("without_thinking", "Answer. <think>and then it was cut", "Answer."),
        ("without_thinking", "no thought", "no thought"),
        ("code_block", "Here:\n```python\nx = 1\n```\nDone.", "x = 1"),
        ("code_block", "```\na\nb\n```", "a\nb"),
        ("code_block", "```sql\nselect 1", "select 1"),
        ("code_block", "none", "none"),
        ("extract_json", 'Sure! {"a": [1, 2]} Anything else?', '{"a": [1, 2]}'),
        ("extract_json", 'In {braces}: {"a": "}"}', '{"a": "}"}'),
        ("extract_json", "a list: [1, 2]", "[1, 2]"),
        ("extract_json", "not {json}", "not {json}"),
        ("extract_json", '{"a": NaN}', '{"a": NaN}'),
        ({"after": "Answer:"}, "Thought. Answer: 4", " 4"),
        ({"after": "Answer:"}, "4", "4"),
        ({"before": "\n"}, "4\nand so on", "4"),
        ({"regex": "[0-9]+"}, "It is 42.", "42"),
        ({"regex": "is ([0-9]+)"}, "It is 42.", "42"),
        ({"regex": {"pattern": "(IS) ([0-9]+)", "group": 2, "ignore_case": True}}, "It is 42.", "42"),
        ({"regex": {"pattern": "(?P<n>[0-9]+)", "group": "n"}}, "It is 42.", "42"),
        ({"regex": {"pattern": "is ([0-9]+)", "group": 0}}, "It is 42.", "is 42"),
        ({"regex": "[0-9]+"}, "none", ""),
        ([{"regex": "(?s)<a>(.*)</a>"}, "strip", "upper"], "<a> b </a>", "B"),
    ],
)
def test_a_step_gives_the_text_that_is_scored(steps, output, scored):
    assert parse_transform(steps, where="here").apply(output) == scored


def test_every_step_is_tried_here():
    assert set(STEPS) == {
        "strip", "lower", "upper", "first_line", "last_line", "without_thinking", "code_block", "extract_json",
        "after", "before", "regex", "function",
    }  # fmt: skip


@pytest.mark.parametrize(
    "output", ["[" * 300_000, "{" * 300_000, '{"a":' * 100_000, "```\n" * 100_000, " \n" * 200_000]
)
def test_hostile_texts_take_no_time(output):
    steps = ["code_block", "extract_json", "without_thinking", "first_line", "last_line", {"regex": "(a*)*b"}]
    before = time.process_time()
    for step in steps:
        parse_transform(step, where="here").apply(output)
    assert time.process_time() - before < 2.0


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("stripp", "transform: unknown step 'stripp'; did you mean 'strip'?"),
        ({"strip": True}, "`strip` takes no value; write `- strip`"),
        ("regex", "`regex` needs a value"),
        ({"regex": "("}, "regex: pattern '(': "),
        ({"regex": {"pattern": "a", "group": 1}}, "group is 1; the pattern has 0"),
        ({"regex": {"pattern": "a", "grp": 1}}, "unknown option 'grp'; did you mean 'group'?"),
        ({"regex": {"pattern": "(?P<n>a)", "group": "m"}}, "the pattern has no group 'm'"),
        ({"after": 3}, "after: its value is 3; it is a text"),
        ({"function": "clean"}, "unknown function 'clean'"),
        ([["strip"]], "a step is a name such as `strip`"),
    ],
)
def test_a_wrong_step_names_the_place_and_the_remedy(steps, message):
    with pytest.raises(EvaluatorError) as caught:
        parse_transform(steps, where="evals/a.yaml:3: exact_match")
    assert str(caught.value).startswith("evals/a.yaml:3: exact_match: transform")
    assert message in str(caught.value)


def score(entry, output, *, functions=None, expected=None):
    one = bind(entry, where="here", functions=functions)
    return asyncio.run(one.score(EvaluatorContext(inputs={}, output=output, expected=expected)))[one.name]


def test_an_evaluator_sees_the_transformed_output_and_no_other_one_does():
    entry = {"exact_match": {"transform": ["first_line", "lower"]}}
    assert score(entry, "Yes\nsince it is so", expected="yes").passed is True
    assert score("exact_match", "Yes\nsince it is so", expected="yes").passed is False


def test_a_transform_of_a_group_is_done_before_those_of_its_members():
    entry = {"all_of": {"transform": "first_line", "evaluators": [{"exact_match": {"transform": "lower"}}]}}
    assert score(entry, "Yes\nsince it is so", expected="yes").passed is True


FILE = """
from promptlab import evaluator, transform

@transform
def clean(output):
    return output.replace("#", "")

@transform
def wrong(output):
    return 1

@transform
def failing(output):
    raise KeyError("x")

@evaluator
def short(context):
    return len(context.output) < 5
"""


@pytest.fixture
def functions(tmp_path):
    path = tmp_path / "evaluators.py"
    path.write_text(FILE)
    return load_functions(path)


def test_a_function_of_the_suites_file_transforms(functions):
    entry = {"exact_match": {"transform": [{"function": "clean"}, "strip"]}}
    assert score(entry, "## a ##", functions=functions, expected="a").passed is True
    assert score({"short": {"transform": {"function": "clean"}}}, "###a###", functions=functions).passed is True


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong", "transform wrong returned int; it returns the text to score"),
        ("failing", "transform failing: KeyError"),
    ],
)
def test_a_function_that_fails_is_that_scores_error(functions, name, message):
    found = score({"exact_match": {"transform": {"function": name}}}, "a", functions=functions, expected="a")
    assert found.error is not None
    assert message in found.error


def test_a_changed_function_changes_the_digest(tmp_path):
    digests = []
    for sign in "#*":
        path = tmp_path / "evaluators.py"
        path.write_text(FILE.replace("#", sign))
        entry = {"exact_match": {"transform": {"function": "clean"}}}
        digests.append(bind(entry, where="here", functions=load_functions(path)).digest)
    assert digests[0] != digests[1]


def test_a_transform_is_no_evaluator(functions):
    with pytest.raises(EvaluatorError, match="unknown evaluator 'clean'"):
        bind("clean", where="here", functions=functions)


@pytest.mark.parametrize(
    ("entries", "needed"),
    [
        (["exact_match", {"contains": {"word": "a", "transform": ["strip"]}}], False),
        ([{"exact_match": {"transform": [{"function": "clean"}]}}], True),
        ([{"all_of": {"evaluators": ["exact_match"]}}], False),
        ([{"all_of": {"evaluators": ["short"]}}], True),
        ([{"all_of": {"evaluators": ["exact_match"], "transform": {"function": "clean"}}}], True),
        (["short"], True),
    ],
)
def test_a_suites_python_file_is_run_only_where_something_of_it_is_used(entries, needed):
    assert needs_functions(entries) is needed


def test_transform_is_a_public_name():
    @transform
    def shout(output: str) -> str:
        return output.upper()

    assert shout("a") == "A"
