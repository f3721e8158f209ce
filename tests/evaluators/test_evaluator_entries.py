"""Entries of a suite: names, options, templates over the case, Python files, digests."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from promptlab.errors import EvaluatorError
from promptlab.evaluators.base import REGISTERED
from promptlab.evaluators.registry import BUILT_IN, bind, known, load_functions
from promptlab.types import EvaluatorContext, Score


def configurable(
    context,
    *,
    text: str,
    number: float = 0.5,
    count: int = 1,
    flag: bool = False,
    words: list[str] | None = None,
    table: dict | None = None,
    anything=None,
):
    return Score(1.0, label=repr((text, number, count, flag, words, table, anything)))


def bound(entry, function=configurable):
    return bind(entry, where="evals/a.yaml:7", functions={"custom": function})


def label(options, **context):
    evaluator = bound({"custom": options})
    given = {"inputs": {}, "output": "", "key": "c1", **context}
    return asyncio.run(evaluator.score(EvaluatorContext(**given)))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("exact_mach", "unknown evaluator 'exact_mach'; did you mean 'exact_match'? `promptlab evaluators list` names"),
        ({"custom": {}}, "custom: option `text` is missing; it is text"),
        ({"custom": {"txt": "a"}}, "custom: unknown option 'txt'; did you mean 'text'? known: "),
        ({"custom": {"text": 5}}, "custom: option `text` is 5; it is text"),
        ({"custom": {"text": "a", "number": "b"}}, 'custom: option `number` is "b"; it is a number'),
        ({"custom": {"text": "a", "number": True}}, "custom: option `number` is true; it is a number"),
        ({"custom": {"text": "a", "count": 1.5}}, "custom: option `count` is 1.5; it is a whole number"),
        ({"custom": {"text": "a", "flag": "yes"}}, 'custom: option `flag` is "yes"; it is true or false'),
        ({"custom": {"text": "a", "flag": 1}}, "custom: option `flag` is 1; it is true or false"),
        ({"custom": {"text": "a", "words": "b"}}, 'custom: option `words` is "b"; it is a list or null'),
        ({"custom": {"text": "a", "words": [1]}}, "custom: option `words` is [1]; it is a list or null"),
        ({"custom": {"text": "a", "table": []}}, "custom: option `table` is []; it is a mapping or null"),
        ({"rouge_1": {"measure": "f1"}}, '`measure` is "f1"; it is one of fmeasure, precision, recall'),
        ({"custom": "text"}, "custom: its options are a mapping, `custom: {option: value}`, not 'text'"),
        ({"custom": None, "text": "a"}, "'custom' and 'text' stand side by side; options are indented below"),
        ({}, "an evaluator is a name, or"),
        (5, "an evaluator is a name, or"),
        (None, "an evaluator is a name, or"),
        ({"exact_match": {"as": "a b"}}, "`as` is 'a b'"),
        ({"exact_match": {"as": 5}}, "`as` is 5"),
        ({"exact_match": {"direction": "up"}}, "direction is 'up'; it is 'higher' or 'lower'"),
        ({"custom": {"text": "{{ output }}"}}, "option `text`: the template uses 'output'; known: expected, inputs"),
        ({"custom": {"text": "{{ input.x }}"}}, "the template uses 'input'; did you mean 'inputs'?"),
    ],
)
def test_a_wrong_entry_names_the_place_the_thing_and_the_remedy(entry, message):
    with pytest.raises(EvaluatorError) as caught:
        bound(entry)
    assert str(caught.value).startswith("evals/a.yaml:7: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_built_in_evaluator_is_known_by_its_name(name):
    assert known()[name].name == name


def test_an_entry_renames_and_turns_around():
    evaluator = bind({"word_count": {"as": "length", "direction": "higher", "at_most": 3}}, where="here")
    assert (evaluator.name, evaluator.kind, evaluator.direction, evaluator.options) == (
        "length",
        "word_count",
        "higher",
        {"at_most": 3},
    )


def test_options_are_optional_where_there_are_defaults():
    for entry in ("exact_match", {"exact_match": None}, {"exact_match": {}}):
        assert bind(entry, where="here").options == {}


def test_a_whole_number_is_a_number():
    assert "'a', 1, 1" in label({"text": "a", "number": 1})["custom"].label


@pytest.mark.parametrize(
    ("options", "context", "shown"),
    [
        ({"text": "{{ expected }}"}, {"expected": "yes"}, "'yes', 0.5"),
        ({"text": "{{ expected }}"}, {"expected": 5}, "'5', 0.5"),
        ({"text": "{{ expected }}"}, {"expected": True}, "'true', 0.5"),
        ({"text": "{{expected.name}}"}, {"expected": {"name": "A"}}, "'A', 0.5"),
        ({"text": "{{ inputs.q }}"}, {"inputs": {"q": "{{ 7*7 }}"}}, "'{{ 7*7 }}', 0.5"),
        ({"text": "{{ key }}"}, {}, "'c1', 0.5"),
        ({"text": "a", "number": "{{ metadata.limit }}"}, {"metadata": {"limit": 0.75}}, "'a', 0.75"),
        ({"text": "a", "words": "{{ expected }}"}, {"expected": ["x", "y"]}, "False, ['x', 'y']"),
        ({"text": "a", "words": ["{{ expected }}", "z"]}, {"expected": "x"}, "False, ['x', 'z']"),
        ({"text": "a", "table": {"k": "{{ expected }}"}}, {"expected": [1]}, "{'k': [1]}"),
    ],
)
def test_a_path_in_an_option_keeps_the_value_of_the_case(options, context, shown):
    assert shown in label(options, **context)["custom"].label


@pytest.mark.parametrize(
    ("options", "context", "message"),
    [
        ({"text": "{{ inputs.q }}"}, {"inputs": {"r": 1}}, "`inputs.q` has no value in case 'c1'"),
        ({"text": "{{ expected.a.b }}"}, {"expected": {"a": 1}}, "`expected.a.b` has no value"),
        ({"text": "{{ expected }}"}, {"expected": ["x"]}, 'option `text` became ["x"]; it is text'),
        (
            {"text": "a", "count": "{{ expected }}"},
            {"expected": "x"},
            'option `count` became "x"; it is a whole number',
        ),
    ],
)
def test_a_template_without_a_fitting_value_is_the_scores_error(options, context, message):
    assert message in label(options, **context)["custom"].error


def test_a_template_over_expected_does_not_apply_without_it():
    assert label({"text": "{{ expected }}"}, expected=None) == {}
    assert label({"text": "it is {{ expected }}"}, expected=None) == {}


def test_a_longer_template_is_rendered_in_the_sandbox():
    found = label({"text": "The answer is {{ expected | upper }}."}, expected="yes {{ key }}")
    assert "'The answer is YES {{ KEY }}.'" in found["custom"].label


def test_a_template_that_does_not_compile_is_refused_at_load_time():
    with pytest.raises(EvaluatorError, match=r"evals/a.yaml:7: custom: option `text`"):
        bound({"custom": {"text": "{% if %}"}})


def test_a_template_cannot_leave_the_sandbox():
    found = label({"text": "x{{ ''.__class__.__mro__ }}"})
    assert found["custom"].error


# Python files


FILE = '''
from promptlab import EvaluatorContext, Score, evaluator

HELPFUL = 3

@evaluator
def mentions(context: EvaluatorContext, *, word: str) -> bool:
    """True where the output contains `word`."""
    return helper(context.output, word)

@evaluator(name="brevity", direction="lower")
def anything(context: EvaluatorContext) -> float:
    return len(context.output) * HELPFUL

def helper(text, word):
    return word in text
'''


def test_a_python_file_gives_its_decorated_functions(tmp_path):
    path = tmp_path / "evaluators.py"
    path.write_text(FILE)
    functions = load_functions(path)
    assert sorted(functions) == ["brevity", "mentions"]
    evaluator = bind({"mentions": {"word": "ell"}}, where="here", functions=functions)
    context = EvaluatorContext(inputs={}, output="hello")
    assert asyncio.run(evaluator.score(context)) == {"mentions": Score(1.0, passed=True)}
    assert bind("brevity", where="here", functions=functions).direction == "lower"
    assert "brevity" not in REGISTERED
    assert list(tmp_path.iterdir()) == [path]  # no bytecode beside it


def test_an_edited_file_is_loaded_anew_at_once(tmp_path):
    path = tmp_path / "evaluators.py"
    path.write_text(FILE)
    load_functions(path)
    path.write_text(FILE.replace("word in text", "text in word"))
    evaluator = bind({"mentions": {"word": "hello"}}, where="here", functions=load_functions(path))
    assert asyncio.run(evaluator.score(EvaluatorContext(inputs={}, output="ell")))["mentions"].passed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(:\n", r"evaluators.py:1: not valid Python"),
        ("\nimport no_such_package_at_all\n", r"evaluators.py:2: cannot be run: ModuleNotFoundError: No module"),
        ("raise SystemExit(4)\n", r"evaluators.py:1: cannot be run: SystemExit: 4"),
        (
            "from promptlab import evaluator\n\n@evaluator\ndef contains(context): return True\n",
            "'contains' is an evaluator of promptlab; give this one another name",
        ),
        (
            "from promptlab import evaluator\n\n@evaluator\ndef a(context, b): return True\n",
            r"evaluators.py:3: evaluator 'a': option `b` is positional",
        ),
    ],
)
def test_a_python_file_that_cannot_be_used_says_where(tmp_path, text, message):
    path = tmp_path / "evaluators.py"
    path.write_text(text)
    with pytest.raises(EvaluatorError, match=message) as caught:
        load_functions(path)
    assert str(caught.value).startswith(str(path))


def test_a_python_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(EvaluatorError, match="cannot be read: No such file"):
        load_functions(tmp_path / "none.py")


# Digests


def digest_of(tmp_path, text, entry="mentions", name="evaluators.py"):
    path = tmp_path / name
    path.write_text(text)
    return bind(
        {entry: {"word": "x"} if entry == "mentions" else {}}, where="here", functions=load_functions(path)
    ).digest


def test_the_digest_changes_with_the_options_the_source_and_what_it_uses(tmp_path):
    first = digest_of(tmp_path, FILE)
    assert digest_of(tmp_path, FILE) == first
    assert digest_of(tmp_path, FILE, name="other.py") == first
    assert digest_of(tmp_path, FILE + "\ndef unrelated(): pass\n") == first
    assert digest_of(tmp_path, FILE.replace("word in text", "text in word")) != first
    assert digest_of(tmp_path, FILE.replace("HELPFUL = 3", "HELPFUL = 4")) == first
    assert digest_of(tmp_path, FILE, "brevity") != digest_of(tmp_path, FILE.replace("= 3", "= 4"), "brevity")
    words = [bind({"contains": {"word": word}}, where="here").digest for word in ("a", "b", "a")]
    assert words[0] == words[2] != words[1]


USES_MORE = """
import re

from promptlab import evaluator

WORD = re.compile("a+")
LEAST = 3


class Rule:
    def holds(self, text):
        return len(text) > LEAST


@evaluator
def mentions(context, *, word: str):
    return bool(WORD.search(context.output)) and Rule().holds(word)
"""


@pytest.mark.parametrize(("old", "new"), [("a+", "b+"), ("text) >", "text) <"), ("LEAST = 3", "LEAST = 4")])
def test_the_digest_changes_with_a_pattern_and_a_class_that_are_used(tmp_path, old, new):
    assert digest_of(tmp_path, USES_MORE) == digest_of(tmp_path, USES_MORE)
    assert digest_of(tmp_path, USES_MORE) != digest_of(tmp_path, USES_MORE.replace(old, new))


def test_the_digest_does_not_depend_on_the_name_it_scores_under():
    assert (
        bind({"contains": {"word": "a", "as": "b"}}, where="here").digest
        == bind({"contains": {"word": "a"}}, where="here").digest
    )


def test_the_digest_is_the_same_in_every_process():
    code = (
        "from promptlab.evaluators.registry import BUILT_IN, bind\n"
        "from promptlab.evaluators.identity import evaluator_digest\n"
        "from promptlab.evaluators.registry import known\n"
        "print([evaluator_digest(name, known()[name].function, {'a': {'b': 1}}) for name in BUILT_IN])\n"
        "print(bind({'contains': {'word': 'a', 'transform': 'strip', 'threshold': 1}}, where='').digest)\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_loading_evaluators_imports_nothing_slow():
    code = (
        "import sys\nfrom promptlab.evaluators.registry import BUILT_IN, bind, known\nknown()\n"
        "bind('rouge_l', where='')\n"
        "slow = {'nltk', 'rouge_score', 'jsonschema', 'torch', 'pandas', 'numpy', 'rapidfuzz', 'openai'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
