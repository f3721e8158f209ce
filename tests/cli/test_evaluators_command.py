"""`promptlab evaluators`: what a suite can name, and what each does."""

from __future__ import annotations

import json

import pytest

from promptlab.evaluators.groups import COMBINATIONS
from promptlab.evaluators.registry import BUILT_IN

OWN = '''
from promptlab import evaluator, transform

@transform
def clean(output):
    return output

@evaluator(direction="lower")
def shouting(context, *, at_most: int = 0):
    """How many capital letters the output has.

    at_most: passed up to this many.
    """
    return sum(letter.isupper() for letter in context.output)
'''


def test_list_names_every_evaluator_with_what_it_does(promptlab):
    ended = promptlab("evaluators", "list")
    assert ended.code == 0
    names = [line.split()[0] for line in ended.out.splitlines() if line.startswith("  ") and line[2:3].strip()]
    assert {*BUILT_IN, *COMBINATIONS} <= set(names)


def test_list_has_those_of_the_workspace(promptlab, folder):
    (folder / "evals").mkdir()
    (folder / "evals" / "evaluators.py").write_text(OWN)
    ended = promptlab("evaluators", "list", "--json")
    listed = {one["name"]: one for one in json.loads(ended.out)}
    assert listed["shouting"]["from"] == "evals/evaluators.py"
    assert listed["shouting"]["direction"] == "lower"
    assert "clean" not in listed


def test_a_broken_file_of_evaluators_is_one_line(promptlab, folder):
    (folder / "evals").mkdir()
    (folder / "evals" / "evaluators.py").write_text("def broken(:\n")
    ended = promptlab("evaluators", "list")
    assert ended.code == 2
    assert "evaluators.py:1: not valid Python" in ended.err


@pytest.mark.parametrize("name", sorted({*BUILT_IN, *COMBINATIONS}))
def test_show_has_options_an_example_and_an_entry(promptlab, name):
    ended = promptlab("evaluators", "show", name)
    assert ended.code == 0
    for title in ("Options", "Example", "In a suite"):
        assert f"\n{title}\n" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 120


def test_an_unknown_name_has_a_suggestion(promptlab):
    ended = promptlab("evaluators", "show", "rouge")
    assert ended.code == 2
    assert "no evaluator 'rouge'; did you mean 'rouge_" in ended.err
