"""sentence_count, tokens and finish_reason."""

from __future__ import annotations

import asyncio
import time

import pytest

from promptlab.errors import EvaluatorError
from promptlab.evaluators.registry import bind
from promptlab.types import EvaluatorContext, Score, Usage


def score(entry, output="", **context):
    bound = bind(entry, where="suite:1")
    return asyncio.run(bound.score(EvaluatorContext(inputs={}, output=output, **context))).get(bound.name)


@pytest.mark.parametrize(
    ("output", "count"),
    [
        ("", 0),
        (" \n\n", 0),
        ("...", 0),
        ("Paris", 1),
        ("Paris. Of course.", 2),
        ("Dr. Lee of the U.S. Army paid $3.50. Why?!", 2),
        ("No full stop\n\nbut two paragraphs", 2),
        ("A line\nthat was wrapped.", 1),
        ("1. First\n2. Second\n3. Third", 3),
        ("- red\n- blue\n", 2),
        ("42.", 1),
        ("Really? Yes! See v1.2.3 at example.com.", 3),
        ("你好。再见。", 2),
        ("\ud800 One. Two.", 2),
        ("One.\0 Two.", 2),
    ],
)
def test_sentences_are_counted(output, count):
    assert score("sentence_count", output) == Score(float(count))


def test_sentence_count_has_a_verdict_within_limits():
    limits = {"sentence_count": {"at_least": 2, "at_most": 3}}
    assert score(limits, "One. Two.") == Score(2.0, passed=True)
    assert score(limits, "One.") == Score(1.0, passed=False, reason="1 sentences, fewer than 2")
    assert score(limits, "One. Two. Three. Four.").reason == "4 sentences, more than 3"
    german = {"sentence_count": {"language": "de"}}
    assert score(german, "Das gilt z. B. hier. Ja.") == Score(2.0)


@pytest.mark.parametrize("unit", ["a. ", "a", "(", '"', "\n", "Mr. A. ", "- ", "1. ", "\ud800. ", "。"])
def test_a_million_characters_take_no_time(unit):
    begun = time.perf_counter()
    assert score("sentence_count", (unit * 1_000_000)[:1_000_000]).error is None
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize(
    ("options", "usage", "value"),
    [
        ({}, Usage(7, 3), 3),
        ({"measure": "output"}, Usage(7, 3), 3),
        ({"measure": "input"}, Usage(7, 3), 7),
        ({"measure": "total"}, Usage(7, 3), 10),
        ({"measure": "total"}, Usage(7, 0), 7),
        ({}, Usage(), None),
        ({"measure": "total"}, Usage(7, None), None),
        ({"measure": "input"}, Usage(None, 3), None),
    ],
)
def test_tokens(options, usage, value):
    found = score({"tokens": options}, usage=usage)
    assert (found and found.value) == value


def test_tokens_have_a_verdict_within_limits():
    assert score({"tokens": {"at_most": 2}}, usage=Usage(7, 3)) == Score(
        3.0, passed=False, reason="3 tokens, more than 2"
    )
    assert score({"tokens": {"at_least": 2}}, usage=Usage(7, 3)) == Score(3.0, passed=True)
    with pytest.raises(EvaluatorError, match="at_least is 5 and at_most is 2"):
        bind({"tokens": {"at_least": 5, "at_most": 2}}, where="suite:1")


def test_finish_reason():
    assert score("finish_reason", finish_reason="stop") == Score(1.0, passed=True, label="stop")
    assert score("finish_reason", finish_reason="length") == Score(
        0.0, passed=False, label="length", reason="ended with 'length', expected 'stop'"
    )
    either = {"finish_reason": {"reason": ["stop", "length"]}}
    assert score(either, finish_reason="length").passed
    assert (
        score(either, finish_reason="content_filter").reason
        == "ended with 'content_filter', expected 'stop' or 'length'"
    )
    assert score("finish_reason", finish_reason=None) is None


@pytest.mark.parametrize("reason", ["", [], ["stop", ""]])
def test_an_empty_reason_is_refused(reason):
    with pytest.raises(EvaluatorError, match="suite:1: finish_reason: option `reason` is empty"):
        bind({"finish_reason": {"reason": reason}}, where="suite:1")
