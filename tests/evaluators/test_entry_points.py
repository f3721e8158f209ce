"""Evaluators of installed packages: a real distribution on the path of a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

MODULE = '''
from promptlab import EvaluatorContext, evaluator

@evaluator
def polite(context: EvaluatorContext, *, word: str = "please") -> bool:
    """Whether the output is polite.

    word: what has to be in it.
    """
    return word in context.output

def positional(context, word):
    return True
'''
POINTS = """[promptlab.evaluators]
polite = acme_evaluators:polite
gone = acme_evaluators:nothing_there
positional = acme_evaluators:positional
"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "acme_evaluators.py").write_text(MODULE)
    info = tmp_path / "acme_evaluators-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-evaluators\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    return tmp_path


def python(site, code):
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    return done.stdout.strip(), done.stderr


def test_an_installed_package_brings_an_evaluator_that_a_suite_can_name(site):
    said, problem = python(
        site,
        """
import asyncio, json
from promptlab import EvaluatorContext
from promptlab.evaluators.registry import bind
one = bind({"polite": {"word": "kindly"}}, where="here")
score = asyncio.run(one.score(EvaluatorContext(inputs={}, output="kindly wait")))
print(json.dumps([score["polite"].value, one.digest]))
""",
    )
    value, digest = json.loads(said or "[]") or (None, problem)
    assert value == 1.0
    assert len(digest) == 64


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('"gone"', "evaluator 'gone' of the package acme-evaluators cannot be loaded: AttributeError"),
        (
            '"positional"',
            "evaluator 'positional' of the package acme-evaluators: evaluator 'positional': option `word`",
        ),
        ('{"polite": {"wrod": 1}}', "here: polite: unknown option 'wrod'; did you mean 'word'?"),
        ('"polit"', "unknown evaluator 'polit'; did you mean 'polite'?"),
    ],
)
def test_what_is_wrong_with_it_is_said_in_one_line(site, entry, message):
    said, problem = python(
        site,
        f"""
from promptlab.errors import EvaluatorError
from promptlab.evaluators.registry import bind
try:
    bind({entry}, where="here")
except EvaluatorError as error:
    print(error)
""",
    )
    assert message in said, problem
    assert "\n" not in said


def test_the_names_of_packages_are_not_looked_up_where_promptlab_has_the_evaluator(site):
    said, problem = python(
        site,
        """
import sys
from promptlab.evaluators.registry import bind
bind("exact_match", where="here")
print("acme_evaluators" in sys.modules)
""",
    )
    assert said == "False", problem
