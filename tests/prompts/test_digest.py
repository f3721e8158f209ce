"""Canonical JSON and digests: the same for the same content, everywhere and for good."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.errors import UsageError
from promptlab.prompts.digest import canonical_json, content_digest, rendered_digest
from promptlab.types import Message

MESSAGES = (Message("system", "You are kind."), Message("user", "{{ question }}"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [None, True]}, '{"a":[null,true],"b":1}'),
        (1.0, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        ("é\ud800\x00", '"\\u00e9\\ud800\\u0000"'),
        ((1, 2), "[1,2]"),
        (MappingProxyType({"a": MappingProxyType({})}), '{"a":{}}'),
        (True, "true"),
    ],
)
def test_canonical_json_writes_a_value_in_one_way(value: Any, text: str) -> None:
    assert canonical_json(value) == text


@settings(deadline=None)  # the machine may be busy
@given(JSON)
def test_canonical_json_says_the_same_value_and_is_stable(value: Any) -> None:
    text = canonical_json(value)
    assert text.isascii()
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {2}]}, r"a\[1\] is a set"),
        ({"a": {1: 2}}, "a has the key 1; keys are text"),
        ({"a": float("nan")}, "a is nan"),
        (float("inf"), "the value is inf"),
        pytest.param(10**5000, "cannot be written as JSON", id="a number beyond Python's limit"),
    ],
)
def test_what_json_cannot_say_is_refused_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        canonical_json(value)


def test_a_value_that_holds_itself_has_no_canonical_json() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(UsageError, match="holds itself"):
        canonical_json(loop)


def test_digests_never_change_from_release_to_release() -> None:
    digest = content_digest(MESSAGES, {"temperature": 0, "max_tokens": 4}, {"type": "object"})
    assert digest == "31a085897375df48a8a53b622c52f48d316c43338c38a95aa9205bac84dd3530"
    assert rendered_digest(MESSAGES) == "439da3693964c86a26b3be737a797e488fa959ad9fa52aa2421291f07d997760"


def test_line_ends_and_a_trailing_newline_do_not_change_a_content_digest() -> None:
    plain = content_digest([Message("user", "a\nb")], {}, None)
    for content in ("a\r\nb", "a\rb", "a\nb\n", "a\r\nb\r\n\r\n"):
        assert content_digest([Message("user", content)], {}, None) == plain


@pytest.mark.parametrize(
    "changed",
    [
        content_digest(MESSAGES[:1], {}, None),
        content_digest(MESSAGES[::-1], {}, None),
        content_digest(MESSAGES, {"temperature": 0}, None),
        content_digest(MESSAGES, {}, {}),
        content_digest((Message("user", "You are kind."), MESSAGES[1]), {}, None),
        content_digest((Message("system", "You are kind. "), MESSAGES[1]), {}, None),
    ],
)
def test_any_other_change_gives_another_content_digest(changed: str) -> None:
    assert changed != content_digest(MESSAGES, {}, None)


def test_the_order_and_the_spelling_of_settings_do_not_matter() -> None:
    assert content_digest(MESSAGES, {"a": 0, "b": 1.0}, None) == content_digest(MESSAGES, {"b": 1, "a": 0.0}, None)


def test_every_character_counts_in_a_rendered_digest() -> None:
    texts = ["a", "a\n", "a\r\n", "a ", "A"]
    assert len({rendered_digest([Message("user", text)]) for text in texts}) == len(texts)
