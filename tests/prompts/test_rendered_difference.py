"""What two versions send for the same cases, held against each other."""

from __future__ import annotations

from promptlab.prompts.files import parse_prompt
from promptlab.prompts.rendered_difference import rendered_difference

CASES = {"a": {"text": "x", "long": True}, "b": {"text": "y", "long": False}, "c": {"text": "z"}}
BEFORE = parse_prompt("system:\nBe kind.\nuser:\n{{ text }}{% if long %} at length{% endif %}", name="p")


def after(source: str):
    return rendered_difference(BEFORE, parse_prompt(source, name="q"), CASES)


def test_only_cases_that_are_sent_something_else_count():
    found = after("system:\nBe kind.\nuser:\n{{ text }}{% if long is defined and long %} in full{% endif %}")
    # The third case cannot be rendered before and can be now.
    assert [one.key for one in found.changed] == ["a", "c"]
    assert found.same == 1
    assert "-x at length\n+x in full\n" in found.changed[0].diff
    assert found.changed[1].before == "cannot be rendered: `long` has no value; the inputs are: text"
    assert found.changed[1].after == "system:\nBe kind.\n\nuser:\nz"


def test_another_way_to_write_the_same_is_no_difference():
    found = after("system:\nBe kind.\nuser:\n{{ text ~ (' at length' if long else '') }}")
    assert found.changed == ()
    assert found.same == 3


def test_a_role_is_part_of_what_is_sent():
    found = after("user:\nBe kind.\nuser:\n{{ text }}{% if long %} at length{% endif %}")
    assert "-system:\n+user:\n" in found.changed[0].diff
