"""Each built-in evaluator against a table, and hostile input against all of them."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
import time

import pytest

from promptlab.errors import EvaluatorError
from promptlab.evaluators.registry import BUILT_IN, bind, known
from promptlab.types import EvaluatorContext, Score


def score(entry, output="", **context):
    bound = bind(entry, where="suite:1")
    scores = asyncio.run(bound.score(EvaluatorContext(inputs={}, output=output, key="1", **context)))
    return scores.get(bound.name)


@pytest.mark.parametrize(
    ("options", "output", "expected", "value"),
    [
        ({}, "positive", "positive", 1),
        ({}, " positive\n", "positive", 1),
        ({"strip": False}, "positive\n", "positive", 0),
        ({}, "Positive", "positive", 0),
        ({"ignore_case": True}, "STRASSE", "straße", 1),
        ({}, "positive.", "positive", 0),
        ({}, "40 km", ["40 km wide", "40 km"], 1),
        ({}, "41 km", ["40 km wide", "40 km"], 0),
        ({}, "5", 5, 1),
        ({}, "true", True, 1),
        ({}, "", "", 1),
    ],
)
def test_exact_match(options, output, expected, value):
    found = score({"exact_match": options}, output, expected=expected)
    assert (found.value, found.passed) == (value, bool(value))


def test_exact_match_says_what_was_expected_and_what_came():
    found = score("exact_match", "Positive.\n" + "x" * 500, expected="positive")
    assert found.reason.startswith("expected 'positive', got 'Positive.⏎xxx")
    assert len(found.reason) <= 200


@pytest.mark.parametrize("entry", ["exact_match", "levenshtein", "rouge_1", "rouge_2", "rouge_l"])
@pytest.mark.parametrize("expected", [None, []])
def test_a_comparison_does_not_apply_without_expected(entry, expected):
    assert score(entry, "x", expected=expected) is None


@pytest.mark.parametrize(
    ("options", "output", "value"),
    [
        ({"word": "cat"}, "concatenate", 1),
        ({"word": "Cat"}, "concatenate", 0),
        ({"word": "Cat", "ignore_case": True}, "concatenate", 1),
        ({"word": ["dog", "cat"]}, "a cat", 1),
        ({"word": ["dog", "cow"]}, "a cat", 0),
    ],
)
def test_contains(options, output, value):
    found = score({"contains": options}, output)
    assert (found.value, found.passed) == (value, bool(value))


@pytest.mark.parametrize("word", ["", [], ["a", ""]])
def test_an_empty_word_is_refused_at_load_time(word):
    with pytest.raises(EvaluatorError, match="suite:1: contains: option `word` is empty"):
        bind({"contains": {"word": word}}, where="suite:1")


@pytest.mark.parametrize(
    ("options", "output", "value"),
    [
        ({"pattern": r"\d+\.\d\d"}, "Total: 12.50", 1),
        ({"pattern": r"^\d+$"}, "12.50", 0),
        ({"pattern": "PARIS", "ignore_case": True}, "in Paris", 1),
        ({"pattern": "é"}, "café \ud800", 1),
    ],
)
def test_regex(options, output, value):
    found = score({"regex": options}, output)
    assert (found.value, found.passed, found.error) == (value, bool(value), None)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(?<=a)b", "no lookahead and no lookbehind"),
        ("(?=a)b", "no lookahead and no lookbehind"),
        (r"(a)\1", "no backreferences"),
        ("[a", "missing ]"),
        ("a**", "bad repetition"),
    ],
)
def test_a_pattern_that_re2_lacks_is_named_at_load_time(pattern, words):
    with pytest.raises(EvaluatorError, match="suite:1: regex: pattern") as caught:
        bind({"regex": {"pattern": pattern}}, where="suite:1")
    assert words in str(caught.value)


def test_a_refused_pattern_writes_nothing_to_standard_error(capfd):
    with pytest.raises(EvaluatorError):
        bind({"regex": {"pattern": "(?<=x)y"}}, where="suite:1")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){12}$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_catastrophic_patterns_end_quickly(pattern):
    begun = time.perf_counter()
    assert score({"regex": {"pattern": pattern}}, "a" * 20_000 + "!").value == 0
    schema = {"type": "string", "pattern": pattern}
    assert score({"json_schema": {"schema": schema}}, json.dumps("a" * 20_000 + "!")).value == 0
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ('{"a": 1}', 1),
        (" [1, 2]\n", 1),
        ("3", 1),
        ("null", 1),
        ('"x"', 1),
        ("1" * 5000, 1),
        ("{'a': 1}", 0),
        ('{"a": 1,}', 0),
        ("NaN", 0),
        ('{"a": Infinity}', 0),
        ("", 0),
        ('{"a": 1} and more', 0),
        ("[" * 100_000, 0),
        ('```json\n{"a": 1}\n```', 0),
    ],
)
def test_is_json(output, value):
    found = score("is_json", output)
    assert (found.value, found.passed, found.error) == (value, bool(value), None)


def test_is_json_accepts_a_code_fence_when_asked():
    assert score({"is_json": {"fenced": True}}, '```json\n{"a": 1}\n```\n').passed
    assert score({"is_json": {"fenced": True}}, '{"a": 1}').passed
    assert not score({"is_json": {"fenced": True}}, "```\nnot json\n```").passed


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"$ref": "#/$defs/age"}},
    "$defs": {"age": {"type": "integer", "minimum": 0}},
    "patternProperties": {"^x_": {"type": "number"}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ({"name": "A"}, None),
        ({"name": "A", "age": 3, "x_1": 2.5}, None),
        ({"age": 3}, "$: 'name' is a required property"),
        ({"name": "A", "age": -1}, "$.age: -1 is less than the minimum of 0"),
        ({"name": "A", "x_1": "no"}, "$.x_1: 'no' is not of type 'number'"),
        ({"name": "A", "other": 1}, "$: has properties that the schema does not name: 'other'"),
        ({"name": 1, "age": "b"}, "is not of type"),
    ],
)
def test_json_schema(output, reason):
    found = score({"json_schema": {"schema": SCHEMA}}, json.dumps(output))
    assert found.passed is (reason is None)
    if reason:
        assert reason in found.reason


def test_json_schema_takes_the_schema_of_the_prompt():
    assert score("json_schema", '{"a": 1}', response_schema={"required": ["b"]}).passed is False
    assert score("json_schema", '{"b": 1}', response_schema={"required": ["b"]}).passed is True
    assert "there is no schema" in score("json_schema", "{}").error


def test_json_schema_of_an_output_that_is_no_json_fails_and_says_so():
    found = score({"json_schema": {"schema": {}}}, "Sure! {}")
    assert (found.passed, found.error) == (False, None)
    assert found.reason.startswith("not JSON: Expecting value at line 1 column 1: 'Sure!")


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "objct"}, "the schema is wrong at $.type"),
        ({"pattern": "(?<=a)b"}, "no lookahead"),
        ({"patternProperties": {"(?=a)": {}}}, "no lookahead"),
        ({"$ref": "other.json"}, "remote $ref, 'other.json'"),
    ],
)
def test_a_schema_that_can_never_work_is_refused_at_load_time(schema, words):
    with pytest.raises(EvaluatorError, match="suite:1: json_schema") as caught:
        bind({"json_schema": {"schema": schema}}, where="suite:1")
    assert words in str(caught.value)


def test_a_schema_may_refer_to_its_own_identifier():
    schema = {
        "$id": "https://example.org/a",
        "$ref": "https://example.org/b",
        "$defs": {"b": {"$id": "b", "type": "null"}},
    }
    assert score({"json_schema": {"schema": schema}}, "null").passed
    assert not score({"json_schema": {"schema": schema}}, "1").passed


def test_words_inside_of_data_are_no_keywords():
    schema = {"enum": [{"$ref": "http://example.org/"}, {"pattern": "(?=a)"}], "default": {"pattern": "("}}
    assert not score({"json_schema": {"schema": schema}}, "1").passed


def test_a_remote_reference_fetches_nothing():
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/schema.json"
            with pytest.raises(EvaluatorError, match="never fetched"):
                bind({"json_schema": {"schema": {"$ref": url}}}, where="suite:1")
            found = score("json_schema", "{}", response_schema={"properties": {"a": {"$ref": url}}})
            assert "never fetched" in found.error
        finally:
            server.shutdown()
            thread.join()
    assert asked == []


@pytest.mark.parametrize(
    ("options", "output", "expected", "value", "passed"),
    [
        ({}, "kitten", "sitting", 3, None),
        ({}, "same\n", "same", 0, None),
        ({"at_most": 2}, "kitten", "sitting", 3, False),
        ({"at_most": 3}, "kitten", "sitting", 3, True),
        ({"normalised": True}, "abcd", "abce", 0.25, None),
        ({"normalised": True}, "", "", 0, None),
        ({"ignore_case": True}, "ABC", "abc", 0, None),
        ({"strip": False}, "abc\n", "abc", 1, None),
        ({}, "cat", ["horse", "cart"], 1, None),
    ],
)
def test_levenshtein(options, output, expected, value, passed):
    found = score({"levenshtein": options}, output, expected=expected)
    assert (found.value, found.passed) == (value, passed)


@pytest.mark.parametrize(
    ("entry", "output", "expected", "value"),
    [
        ("rouge_1", "the cat", "the cat sat", 0.8),
        ("rouge_2", "the cat", "the cat sat", 2 / 3),
        ("rouge_l", "the sat cat", "the cat sat", 2 / 3),
        ({"rouge_1": {"measure": "precision"}}, "the cat", "the cat sat", 1.0),
        ({"rouge_1": {"measure": "recall"}}, "the cat", "the cat sat", 2 / 3),
        ({"rouge_1": {"use_stemmer": True}}, "cats running", "cat runs", 1.0),
        ("rouge_1", "the cat", ["a dog", "the cat"], 1.0),
        ("rouge_1", "", "the cat", 0.0),
    ],
)
def test_rouge_by_hand(entry, output, expected, value):
    assert score(entry, output, expected=expected).value == pytest.approx(value)


def test_rouge_of_another_script_is_an_error_and_not_zero():
    assert "a-z and 0-9 only" in score("rouge_1", "猫", expected="猫").error


@pytest.mark.parametrize(
    ("options", "output", "found"),
    [
        ({}, "Paris, of course.", Score(3.0)),
        ({"at_most": 2}, "a b c", Score(3.0, passed=False, reason="3 words, more than 2")),
        ({"at_least": 4}, "a b c", Score(3.0, passed=False, reason="3 words, fewer than 4")),
        ({"at_least": 3, "at_most": 3}, "a\nb\tc", Score(3.0, passed=True)),
        ({}, "", Score(0.0)),
    ],
)
def test_word_count(options, output, found):
    assert score({"word_count": options}, output) == found


def test_word_count_refuses_a_range_that_holds_nothing():
    with pytest.raises(EvaluatorError, match="at_least is 5 and at_most is 2"):
        bind({"word_count": {"at_least": 5, "at_most": 2}}, where="suite:1")


def test_latency_and_cost():
    assert score("latency", seconds=0.8) == Score(0.8)
    assert score({"latency": {"at_most": 0.5}}, seconds=0.8) == Score(0.8, passed=False, reason="0.8 s, more than 0.5")
    assert score({"cost": {"at_most": 0.01}}, cost_usd=0.0006) == Score(0.0006, passed=True)
    assert score("cost", cost_usd=0.0) == Score(0.0)
    assert score("latency", seconds=None) is None
    assert score("cost", cost_usd=None) is None


def test_directions_say_whether_more_is_better():
    lower = {name for name in BUILT_IN if known()[name].direction == "lower"}
    measures = {"word_count", "sentence_count", "tokens", "latency", "cost"}
    assert lower == {"levenshtein", "numeric_diff", "ter", "perplexity", *measures}


def test_every_built_in_evaluator_documents_itself():
    for name in BUILT_IN:
        text = known()[name].function.__doc__
        assert "Example:" in text, name
        assert "better" in text, name


HOSTILE = ["\ud800\udfff\udc00", "\0", "a" * 200_000, "\u202e\u2028\u0085", "🏳️‍🌈" * 100, "{{ 7*7 }}", "</script>" * 10]


@pytest.mark.parametrize("output", HOSTILE, ids=range(len(HOSTILE)))
def test_no_output_makes_an_evaluator_fail(output):
    entries = [
        "exact_match",
        {"contains": {"word": "ell"}},
        {"regex": {"pattern": "l+"}},
        "is_json",
        {"json_schema": {"schema": {"type": "string"}}},
        "levenshtein",
        "rouge_l",
        "word_count",
        "sentence_count",
        {"list_contains": {"items": ["hello"]}},
        {"tool_call": {"count": 0}},
        "is_sql",
        "is_python",
        "is_xml",
        "refusal",
        "pii",
    ]
    for entry in entries:
        found = score(entry, output, expected="hello")
        assert found.error is None, entry
        assert found.reason is None or "\n" not in found.reason
