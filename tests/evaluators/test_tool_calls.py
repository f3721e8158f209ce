"""tool_call: calls compared with what is to be called, as endpoints and suites write them."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from promptlab.errors import EvaluatorError
from promptlab.evaluators.registry import bind
from promptlab.types import EvaluatorContext


def called(*calls):
    """Calls as OpenAI writes them: each a name, or a name with its arguments."""
    pairs = [(call, {}) if isinstance(call, str) else call for call in calls]
    return tuple(
        {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for n, (name, arguments) in enumerate(pairs)
    )


def score(options, calls, expected=None):
    one = bind({"tool_call": options}, where="suite:1")
    context = EvaluatorContext(inputs={}, output="", tool_calls=calls, expected=expected)
    return asyncio.run(one.score(context)).get("tool_call")


LOOK = ("look", {"q": "Oslo", "n": 3})


@pytest.mark.parametrize(
    ("options", "calls", "expected", "passed"),
    [
        ({"name": "look"}, ["look"], None, True),
        ({"name": "look"}, ["send"], None, False),
        ({"name": "look"}, [], None, False),
        ({"name": "look"}, [LOOK], None, True),
        ({"name": "look"}, ["look", "look"], None, False),
        ({"name": "look"}, ["look", "send"], None, False),
        ({"name": "look", "allow_extra": True}, ["send", "look", "look"], None, True),
        ({"name": "look", "arguments": {"n": 3, "q": "Oslo"}}, [LOOK], None, True),
        ({"name": "look", "arguments": {"n": 3.0, "q": "Oslo"}}, [LOOK], None, True),
        ({"name": "look", "arguments": {"q": "Oslo"}}, [LOOK], None, False),
        ({"name": "look", "arguments": {"q": "Oslo"}, "mode": "subset"}, [LOOK], None, True),
        ({"name": "look", "arguments": {"q": "Rome"}, "mode": "subset"}, [LOOK], None, False),
        ({"name": "look", "arguments": {}}, ["look"], None, True),
        ({"name": "look", "arguments": {}}, [LOOK], None, False),
        (
            {"name": "look", "arguments": {"a": {"b": 1}}, "mode": "subset"},
            [("look", {"a": {"b": 1, "c": 2}})],
            None,
            True,
        ),
        ({"name": "look", "arguments": {"a": {"b": 1}}}, [("look", {"a": {"b": 1, "c": 2}})], None, False),
        ({"name": "look", "arguments": {"a": [1, 2]}}, [("look", {"a": [2, 1]})], None, False),
        ({"name": "look", "arguments": {"a": True}}, [("look", {"a": 1})], None, False),
        ({"name": "look", "arguments": {"a": None}}, [("look", {})], None, False),
        ({"name": ["look", "send"]}, ["send", "look"], None, True),
        ({"name": ["look", "send"]}, ["look"], None, False),
        ({"name": ["look", "send"], "ordered": True}, ["look", "send"], None, True),
        ({"name": ["look", "send"], "ordered": True}, ["send", "look"], None, False),
        ({"name": ["look", "send"], "ordered": True}, ["look", "wait", "send"], None, False),
        ({"name": ["look", "send"], "ordered": True, "allow_extra": True}, ["look", "wait", "send"], None, True),
        ({"name": "look", "count": 2}, ["look", "look"], None, True),
        ({"name": "look", "count": 2}, ["look"], None, False),
        ({"name": "look", "count": 2}, ["look", "look", "send"], None, False),
        ({"name": "look", "count": 2, "allow_extra": True}, ["look", "look", "send"], None, True),
        ({"name": "look", "count": 2, "allow_extra": True}, ["look", "look", "look"], None, False),
        ({"name": "send", "count": 0, "allow_extra": True}, ["look"], None, True),
        ({"name": "send", "count": 0, "allow_extra": True}, ["send"], None, False),
        ({"count": 0}, [], None, True),
        ({"count": 0}, ["look"], None, False),
        ({"count": 2}, ["look", "send"], None, True),
        ({}, ["look"], "look", True),
        ({}, [LOOK], {"name": "look", "arguments": {"q": "Oslo", "n": 3}}, True),
        ({}, [LOOK], {"name": "look"}, True),
        ({}, [LOOK], {"name": "look", "arguments": {"q": "Rome", "n": 3}}, False),
        ({}, [LOOK], '{"name": "look", "arguments": {"q": "Oslo", "n": 3}}', True),
        ({}, [LOOK], called(LOOK)[0], True),
        ({}, [LOOK, "send"], ["send", {"name": "look"}], True),
        ({}, [LOOK, "send"], ["send"], False),
        ({}, [], [], True),
        ({}, ["look"], [], False),
        (
            {},
            [("look", {"q": 1}), ("look", {"q": 2})],
            [{"name": "look"}, {"name": "look", "arguments": {"q": 1}}],
            True,
        ),
        ({}, [("look", {"q": 1}), ("look", {"q": 2})], [{"name": "look", "arguments": {"q": 1}}] * 2, False),
    ],
)
def test_calls_are_compared(options, calls, expected, passed):
    found = score(options, called(*calls), expected)
    assert (found.passed, found.value, found.error) == (passed, float(passed), None), found.reason


def test_the_reason_names_what_was_called_and_what_should_have_been():
    assert score({"name": "look"}, called()).reason == "called nothing; expected look"
    found = score({"name": "send", "arguments": {"to": "Ann"}}, called(LOOK))
    assert found.reason == 'called look({"q": "Oslo", "n": 3}); expected send({"to": "Ann"})'
    assert score({"name": "look", "count": 1}, called("look", "look")).reason == (
        "called look({}), look({}); expected look 1 times, found 2"
    )


def test_it_does_not_apply_where_nothing_says_what_is_to_be_called():
    assert score({}, called("look")) is None


@pytest.mark.parametrize(
    "call",
    [
        {"function": {"name": "look", "arguments": {"q": 1}}},
        {"name": "look", "arguments": '{"q": 1}'},
        {"name": "look", "arguments": {"q": 1}, "function": None},
    ],
)
def test_calls_are_read_as_some_servers_write_them_too(call):
    assert score({"name": "look", "arguments": {"q": 1}}, (call,)).passed


@pytest.mark.parametrize("arguments", ["{'q': 1}", "[1]", "3", '{"q": NaN}', "\ud800", "[" * 100_000, 7, None, [1]])
def test_arguments_that_are_no_json_object_are_no_error(arguments):
    calls = ({"function": {"name": "look", "arguments": arguments}},)
    found = score({"name": "look", "arguments": {"q": 1}}, calls)
    assert (found.passed, found.error) == (False, None)
    assert score({"name": "look"}, calls).passed


def test_hostile_calls_take_no_time():
    begun = time.perf_counter()
    assert score({"name": "look"}, called(*["look"] * 100_000)).reason.endswith("more than 100 are not looked at")
    wide = ("look", {str(n): "x" * 50 for n in range(20_000)})
    found = score({"name": ["look"] * 100}, called(*[wide] * 100))
    assert found.passed
    assert score({}, ({}, {"function": 3}, {"function": {"name": ["x"]}}), "look").passed is False
    assert time.perf_counter() - begun < 10


@pytest.mark.parametrize("expected", [3, {"arguments": {}}, {"name": ""}, [""], {"nme": "look"}, {"name": "a", "x": 1}])
def test_expected_that_is_no_call_is_an_error_that_says_what_one_is(expected):
    assert "a call is a tool's name or {name: ..., arguments: {...}}" in score({}, (), expected).error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": ""}, "option `name` is empty"),
        ({"name": []}, "option `name` is empty"),
        ({"arguments": {"q": 1}}, "option `arguments` is of one tool; give its `name` too"),
        ({"name": ["a", "b"], "arguments": {}}, "option `arguments` is of one tool"),
        ({"count": -1}, "option `count` is -1"),
        ({"name": "a", "count": 1, "ordered": True}, "`ordered` has no meaning with `count`"),
        ({"mode": "loose"}, "option `mode`"),
    ],
)
def test_options_that_can_never_work_are_refused(options, message):
    with pytest.raises(EvaluatorError, match=r"^suite:1: tool_call: ") as caught:
        bind({"tool_call": options}, where="suite:1")
    assert message in str(caught.value)
