"""json_fields: a JSON object compared field by field, and the names that its fields score under."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from promptlab.errors import EvaluatorError
from promptlab.evaluators.registry import bind
from promptlab.types import EvaluatorContext

PERSON = {"name": "Ann Lee", "age": 30, "address": {"city": "Oslo", "zip": "0150"}, "tags": ["a", "b"]}


def scores(options, output, expected):
    one = bind({"json_fields": options}, where="suite:1")
    output = output if isinstance(output, str) else json.dumps(output)
    return asyncio.run(one.score(EvaluatorContext(inputs={}, output=output, expected=expected)))


def values(options, output, expected):
    found = scores(options, output, expected)
    assert not [score.error for score in found.values() if score.error]
    return {name.removeprefix("json_fields").removeprefix("."): score.value for name, score in found.items()}


def test_every_field_has_a_score_and_the_whole_is_their_mean():
    output = {**PERSON, "age": 31, "address": {"city": "Oslo"}}
    assert values({}, output, PERSON) == {"": 0.6, "name": 1, "age": 0, "address.city": 1, "address.zip": 0, "tags": 1}


def test_the_whole_passes_where_every_field_is_right_and_else_says_which_is_not():
    assert scores({}, PERSON, PERSON)["json_fields"].passed is True
    found = scores({}, {**PERSON, "age": None, "address": {"city": "Rome"}}, PERSON)
    assert found["json_fields"].passed is False
    assert found["json_fields"].reason == (
        "age is null, expected 30; address.city is 'Rome', expected 'Oslo'; address.zip is missing, expected '0150'"
    )
    assert found["json_fields.address.zip"].reason == "is missing, expected '0150'"


@pytest.mark.parametrize("output", ["Ann Lee, 30", "", "{'name': 1}", '{"name": NaN}', "[1, 2]", "3", "[" * 100_000])
def test_an_output_that_is_no_json_object_has_every_field_wrong(output):
    found = scores({}, output, {"name": "Ann", "age": 30})
    assert {name: score.value for name, score in found.items()} == {
        "json_fields": 0,
        "json_fields.name": 0,
        "json_fields.age": 0,
    }
    assert "JSON" in found["json_fields"].reason


@pytest.mark.parametrize(
    ("options", "found", "wanted", "right"),
    [
        ({}, "Oslo ", "Oslo", True),
        ({}, "oslo", "Oslo", False),
        ({"ignore_case": True}, "STRASSE", "straße", True),
        ({}, 30, 30.0, True),
        ({}, 30.4, 30, False),
        ({"tolerance": 0.5}, 30.4, 30, True),
        ({"tolerance": 0.5}, 30.6, 30, False),
        ({}, "30", 30, False),
        ({}, 30, "30", False),
        ({}, True, 1, False),
        ({}, 1, True, False),
        ({}, True, True, True),
        ({}, None, None, True),
        ({}, 0, None, False),
        ({}, [1, 2], [1, 2], True),
        ({}, [2, 1], [1, 2], False),
        ({}, [1, 2, 3], [1, 2], False),
        ({"tolerance": 1}, [1, 2], [2, 3], True),
        ({}, [{"a": 1, "b": 2}], [{"a": 1}], True),
        ({"allow_extra": False}, [{"a": 1, "b": 2}], [{"a": 1}], False),
        ({}, {}, {}, True),
        ({}, {}, [], False),
        ({"tolerance": 1}, 10**400, 1.5, False),
    ],
)
def test_values_are_compared_as_json_has_them(options, found, wanted, right):
    assert values(options, {"x": found}, {"x": wanted}) == {"": right, "x": right}


def test_a_number_too_large_to_be_one_is_wrong_and_no_error():
    assert values({"tolerance": 5}, '{"x": 1e999}', {"x": 3}) == {"": 0, "x": 0}


def test_a_field_that_is_missing_counts_as_null():
    assert values({}, {}, {"x": None}) == {"": 1, "x": 1}


def test_the_fields_can_be_chosen_and_weighed():
    output = {"name": "Ann", "address": {"city": "Rome", "zip": "1"}, "tags": ["a", "c"]}
    expected = {"name": "Ann", "address": {"city": "Oslo", "zip": "1"}, "tags": ["a", "b"]}
    assert values({"fields": ["name", "address"]}, output, expected) == {"": 0.5, "name": 1, "address": 0}
    assert values({"fields": {"name": 3, "address.city": 1}}, output, expected) == {
        "": 0.75,
        "name": 1,
        "address.city": 0,
    }
    assert values({"fields": ["tags.0", "tags.1"]}, output, expected) == {"": 0.5, "tags.0": 1, "tags.1": 0}
    assert values({"fields": ["name", "phone"]}, output, expected) == {"": 1, "name": 1}


def test_a_name_with_a_dot_is_a_field_too():
    assert values({"fields": ["a.b"]}, {"a.b": 1}, {"a.b": 1}) == {"": 1, "a_b": 1}


def test_fields_that_no_case_has_are_an_error_that_says_what_there_is():
    (found,) = scores({"fields": ["nam"]}, {}, {"name": 1, "age": 2}).values()
    assert found.error == "ValueError: `expected` has none of the fields 'nam'; it has 'name', 'age'"


def test_fields_that_are_not_expected_count_as_wrong_where_they_may_not_be():
    output = {"a": 1, "b": {"c": 2, "d": 3}, "e": 4}
    expected = {"a": 1, "b": {"c": 2}}
    assert values({}, output, expected)[""] == 1
    found = scores({"allow_extra": False}, output, expected)["json_fields"]
    assert (found.value, found.passed, found.reason) == (0.5, False, "not expected: 'b.d', 'e'")


def test_expected_may_be_the_text_of_an_object_and_the_output_in_a_fence():
    assert values({"fenced": True}, '```json\n{"a": 1}\n```', '{"a": 1}') == {"": 1, "a": 1}


def test_it_does_not_apply_without_expected():
    assert scores({}, "{}", None) == {}


@pytest.mark.parametrize("expected", ["positive", [1], 3, {}, "{}", "[1]"])
def test_expected_that_is_no_object_is_an_error(expected):
    (found,) = scores({}, "{}", expected).values()
    assert "it is a JSON object" in found.error


def test_field_names_become_names_of_scores():
    expected = {"first name": 1, "first/name": 1, "größe": 1, "": 1, "a\0b\ud800": 1, "n" * 300: 1, "x\ny": 1}
    found = values({}, expected, expected)
    assert list(found) == ["", "first_name", "first_name_2", "größe", "_", "a_b_", "n" * 100, "x_y"]


def test_a_case_has_a_hundred_fields_at_most():
    (found,) = scores({}, "{}", {str(number): number for number in range(101)}).values()
    assert found.error == "ValueError: `expected` has 101 fields, more than 100; name some with `fields`"


def test_what_lies_very_deep_is_compared_as_a_whole():
    deep: dict = {"x": 1}
    for _ in range(30):
        deep = {"a": deep}
    assert values({}, deep, deep) == {"": 1, ".".join("a" * 20): 1}


def test_hostile_objects_take_no_time():
    begun = time.perf_counter()
    assert values({}, '{"x": ' + "[" * 900 + "]" * 900 + "}", {"x": 1})[""] == 0
    many = json.dumps({str(number): number for number in range(100_000)})
    assert values({"allow_extra": False}, many, {"0": 0})[""] == pytest.approx(1e-5)
    assert values({}, json.dumps({"x": list(range(200_000))}), {"x": [1]})[""] == 0
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fields": []}, "option `fields` names none"),
        ({"fields": {"a": -1}}, "a weight in option `fields` is a number from 0"),
        ({"fields": {"a": 0}}, "and one of them is above it"),
        ({"fields": "a"}, "option `fields` is"),
        ({"tolerance": -1}, "option `tolerance` is -1; it is a number from 0"),
    ],
)
def test_options_that_can_never_work_are_refused(options, message):
    with pytest.raises(EvaluatorError, match=r"^suite:1: json_fields: ") as caught:
        bind({"json_fields": options}, where="suite:1")
    assert message in str(caught.value)
