"""Regular expressions that hang others, on a million characters, and JSON schemas that would fetch something."""

from __future__ import annotations

import asyncio
import http.server
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from promptlab.errors import EvaluatorError
from promptlab.evaluators.registry import bind
from promptlab.types import EvaluatorContext, Score

MOST_SECONDS = 2.0
MEGABYTE = 1_000_000

CATASTROPHIC = [
    # Nested and overlapping repetitions: exponential where a matcher tries every way.
    (r"(a+)+$", "a"),
    (r"^(a*)*$", "a"),
    (r"(a|aa)+$", "a"),
    (r"^(a|a?)+$", "a"),
    (r"^([a-zA-Z]+)*$", "a"),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a"),
    (r"^(a?){50}a{50}$", "a"),
    (r"(x+x+)+y", "x"),
    (r"(.*)*(.*)*(.*)*z", "a"),
    (r"(?:(?:(?:a+)+)+)+$", "a"),
    (r"^(\d+)*[^\d!]$", "1"),
    (r"(\w+\s?)+$", "a "),
    # Repetitions side by side: a high power of the length.
    (r".*.*.*.*=.*$", "x"),
    (r"(.*a){12}$", "a"),
    (r"\s+$", " "),
    (r"a.*b.*c.*d.*e.*f", "abcde"),
    (
        r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$",
        "a",
    ),
    # Large counted repetitions, whose automaton is large: on a text of this length they are refused.
    (r"(?:a{1,30}){1,30}$", "a"),
    (r"(?:[ab]{0,1000}c)?d$", "ab"),
    # What RE2 does not have.
    (r"^(?=(a+))\1b$", "a"),
]


def score(entry, output, **context) -> Score:
    one = bind(entry, where="suite:1")
    return asyncio.run(one.score(EvaluatorContext(inputs={}, output=output, **context)))[one.name]


def text_of(unit: str) -> str:
    return (unit * MEGABYTE)[: MEGABYTE - 1] + "!"


@pytest.mark.parametrize(("pattern", "unit"), CATASTROPHIC, ids=range(len(CATASTROPHIC)))
@pytest.mark.parametrize("kind", ["regex", "json_schema", "patternProperties"])
def test_a_catastrophic_pattern_on_a_megabyte_ends_within_two_seconds_or_is_refused_by_name(kind, pattern, unit):
    text = text_of(unit)
    if kind == "regex":
        entry, output = {"regex": {"pattern": pattern}}, text
    elif kind == "json_schema":
        entry, output = {"json_schema": {"schema": {"type": "string", "pattern": pattern}}}, json.dumps(text)
    else:
        schema = {"patternProperties": {pattern: {"type": "null"}}, "additionalProperties": False}
        entry, output = {"json_schema": {"schema": schema}}, json.dumps({text: 1})
    begun = time.perf_counter()
    refusal = None
    try:
        found = score(entry, output)
        refusal = found.error
    except EvaluatorError as error:
        refusal = str(error)
        assert refusal.startswith("suite:1: ")
    assert time.perf_counter() - begun < MOST_SECONDS
    if refusal is None:
        assert found.passed is False
    else:
        assert pattern[:30] in refusal, "what is refused is named"
        assert re.search(r"steps are too many for|RE2 has no|invalid|bad repetition", refusal)


def test_there_are_twenty_and_most_of_them_are_answered():
    assert len(CATASTROPHIC) == 20
    answered = 0
    for pattern, unit in CATASTROPHIC:
        try:
            answered += score({"regex": {"pattern": pattern}}, text_of(unit)).error is None
        except EvaluatorError:
            continue
    assert answered >= 15


# Schemas that name what stands elsewhere


@dataclass
class Elsewhere:
    """A server that would have the schemas. asked: the paths that anybody came for."""

    url: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    state = Elsewhere()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            state.asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "null"}')

        do_HEAD = do_POST = do_GET  # noqa: N815 - the names that the server looks for

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


SCHEMAS = [
    {"$ref": "URL/a.json"},
    {"$ref": "URL/a.json#/$defs/x"},
    {"properties": {"a": {"$ref": "URL/a.json"}}},
    {"items": {"anyOf": [{"$ref": "URL/a.json"}, {"type": "null"}]}},
    {"$dynamicRef": "URL/a.json#x"},
    {"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveRef": "URL/a.json"},
    {"$id": "URL/root.json", "$ref": "a.json"},
    {"$id": "URL/root.json", "$ref": "#/$defs/x", "$defs": {"x": {"$ref": "other.json"}}},
    {"$id": "URL/root.json", "$dynamicRef": "other.json#node"},
    {"$defs": {"x": {"$id": "URL/x/", "$ref": "y.json"}}, "$ref": "#/$defs/x"},
    {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"x": {"$ref": "URL/a.json"}}},
    {"$schema": "http://json-schema.org/draft-04/schema#", "id": "URL/", "properties": {"a": {"$ref": "b.json"}}},
    {"$ref": "file:///etc/hostname"},
    {"$ref": "//127.0.0.1/a.json"},
    {"$ref": "ftp://127.0.0.1/a.json"},
    {"$schema": "URL/schema.json", "type": "string"},
    {"$defs": {"x": {"$schema": "URL/schema.json", "$id": "URL/x", "type": "null"}}, "$ref": "#/$defs/x"},
    {"$id": "URL/root.json", "$vocabulary": {"URL/vocabulary": True}, "type": "string"},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
def test_a_schema_that_names_what_stands_elsewhere_fetches_nothing(elsewhere: Elsewhere, schema):
    given = json.loads(json.dumps(schema).replace("URL", elsewhere.url))
    said = []
    try:
        said.append(score({"json_schema": {"schema": given}}, '{"a": 1}').error)
    except EvaluatorError as error:
        said.append(str(error))
    # The same, of a prompt: it is seen when the first output is scored.
    said.append(score("json_schema", '{"a": 1}', response_schema=given).error)
    assert elsewhere.asked == []
    for line in said:
        assert line is None or "\n" not in line


@pytest.mark.parametrize("schema", SCHEMAS[:15], ids=range(15))
def test_a_remote_reference_is_refused_in_one_clear_line(elsewhere: Elsewhere, schema):
    given = json.loads(json.dumps(schema).replace("URL", elsewhere.url))
    with pytest.raises(EvaluatorError) as caught:
        bind({"json_schema": {"schema": given}}, where="suite:1")
    message = str(caught.value)
    assert message.startswith("suite:1: json_schema: the schema has a remote $ref, '")
    assert message.endswith("', which is never fetched; copy it in")
    assert "\n" not in message
