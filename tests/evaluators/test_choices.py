"""choice and list_contains: the spellings of models, hostile text, and what is refused."""

from __future__ import annotations

import asyncio
import time

import pytest

from promptlab.errors import EvaluatorError
from promptlab.evaluators.registry import bind
from promptlab.types import EvaluatorContext


def score(entry, output, expected=None, **context):
    bound = bind(entry, where="suite:1")
    scores = asyncio.run(bound.score(EvaluatorContext(output=output, expected=expected, **{"inputs": {}, **context})))
    return scores.get(bound.name)


B = [
    "B",
    "b",
    " B\n",
    "B.",
    "B)",
    "(B)",
    "(b)",
    "[B]",
    "<b>",
    '"B"',
    "“B”",
    "**B**",
    "`B`",
    "B. Paris",
    "B) Paris",
    "B: Paris",
    "B - Paris",
    "b) Paris",
    "(B) Paris",
    "**B. Paris**",
    "Answer: B",
    "answer: b",
    "**Answer:** B",
    "Answer is B",
    "The answer is B.",
    "The answer is (b).",
    "The correct answer is B",
    "The correct answer is: B) Paris",
    "The correct option is B.",
    "The correct choice is (B) Paris.",
    "The answer must be B, since A and C are no capitals.",
    "I would choose B.",
    "I pick option B",
    "I'll go with B.",
    "Final answer: B",
    "<answer>B</answer>",
    r"\boxed{B}",
    r"So the answer is $\boxed{\text{B}}$.",
    "Let me think. A is wrong, C is wrong.\nAnswer: B",
    "Option B",
    "It is option B, clearly.",
    "B\n\nParis has been the capital since 987.",
    "B\nC\nD",
    "Paris",
    "paris.",
    "The answer is Paris.",
    "It is Paris of course",
    "**Paris**",
    "I think (B) is right.",
    "\u202eB",
    "Not A, but B",
]
NO_B = [
    "",
    "A",
    "C. Oslo",
    "Either A or B.",
    "(A) or (B)",
    "The answer is A. The answer is B.",
    "I do not know.",
    "Rome or Paris",
    "Bonn",
    "a bee",
    "E",
    "The answer is (a).",
    "B-sides are the best",
    "Vitamin B12",
    "\ud800",
    "\0",
]


@pytest.mark.parametrize("output", B)
def test_a_choice_is_found_as_models_write_it(output):
    found = score({"choice": {"options": ["Rome", "Paris", "Oslo"]}}, output, "B")
    assert (found.passed, found.label, found.error) == (True, "B", None), found.reason


@pytest.mark.parametrize("output", NO_B)
def test_another_choice_none_or_several_fail(output):
    found = score({"choice": {"options": ["Rome", "Paris", "Oslo"]}}, output, "B")
    assert (found.passed, found.value, found.error) == (False, 0.0, None)
    assert found.reason.startswith("expected B (Paris), found ")


@pytest.mark.parametrize(
    ("options", "output", "expected", "passed"),
    [
        ({}, "B", "B", True),
        ({}, "B", "(b)", True),
        ({}, "B", 1, True),
        ({}, "B", "1", True),
        ({}, "E", 4, True),
        ({}, "B", ["A", "B"], True),
        ({}, "C", ["A", "B"], False),
        ({"options": ["yes", "no"]}, "No.", "no", True),
        ({"options": ["yes", "no"]}, "No.", 1, True),
        ({"options": ["yes", "no"]}, "yes, no", "no", False),
        ({"options": [3, 4]}, "4", 4, True),
        ({"options": ["New York", "York"]}, "I live in New York", 0, True),
        ({"options": ["1", "2", "3"], "letters": "123"}, "The answer is 2", "2", True),
        ({"letters": "XYZ"}, "Answer: y", "Y", True),
        ({"options": "{{ inputs.choices }}"}, "Oslo", "Oslo", True),
        ({}, "Answer: I think it is B", "B", True),
        ({}, "A is correct.", "A", True),
    ],
)
def test_what_is_expected_is_a_letter_a_text_or_an_index(options, output, expected, passed):
    found = score({"choice": options}, output, expected, inputs={"choices": ["Rome", "Oslo"]})
    assert (found.passed, found.error) == (passed, None), found.reason


def test_a_choice_does_not_apply_without_expected():
    assert score("choice", "B") is None
    assert score("choice", "B", []) is None


def test_expected_that_is_no_choice_is_an_error_that_says_what_there_is():
    assert score("choice", "B", "Q").error == (
        "ValueError: `expected` is 'Q'; it is one of A, B, C, D, E, an option's text or its index"
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"choice": {"options": ["one"]}}, "option `options` has 1; a choice is between 2 to 26"),
        ({"choice": {"letters": "AA"}}, "option `letters` is 'AA'"),
        ({"choice": {"options": ["a", "b", "c"], "letters": "AB"}}, "there are 3 options and 2 letters"),
        ({"list_contains": {"mode": "some"}}, "option `mode`"),
        ({"list_contains": {"mode": "any", "ordered": True}}, "`ordered` has no meaning with `mode: any`"),
        ({"list_contains": {"items": []}}, "option `items` is an empty list"),
    ],
)
def test_options_that_can_never_work_are_refused(entry, message):
    with pytest.raises(EvaluatorError, match=r"^suite:1: ") as caught:
        bind(entry, where="suite:1")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "output", "expected", "passed"),
    [
        ({}, '["red", "blue"]', ["red", "blue"], True),
        ({}, '["red", "blue"]', ["blue"], True),
        ({}, '["red"]', ["red", "blue"], False),
        ({}, '```json\n["red", "blue"]\n```', ["red"], True),
        ({}, "- red\n- blue\n", ["red", "blue"], True),
        ({}, "Here they are:\n* red\n* blue", ["red", "blue"], True),
        ({}, "1. red\n2) blue", ["red", "blue"], True),
        ({}, "  • red\n  • blue", ["blue"], True),
        ({}, "red\nblue", ["blue", "red"], True),
        ({}, "red, blue and green", ["red"], True),
        ({}, "red, blue, and green", ["green"], True),
        ({}, "Paris, France; Rome, Italy", ["Rome, Italy"], True),
        ({}, "red", ["red"], True),
        ({}, "Red, BLUE", ["red", "blue"], False),
        ({"ignore_case": True}, "Red, BLUE", ["red", "blue"], True),
        ({"mode": "any"}, "red, green", ["blue", "green"], True),
        ({"mode": "any"}, "red, green", ["blue"], False),
        ({"mode": "exact"}, "red, green", ["green", "red"], True),
        ({"mode": "exact"}, "red, green, red", ["green", "red"], False),
        ({"mode": "exact"}, "red", ["red", "red"], False),
        ({"ordered": True}, "red, green, blue", ["red", "blue"], True),
        ({"ordered": True}, "red, green, blue", ["blue", "red"], False),
        ({"items": ["red"]}, "red, green", None, True),
        ({}, "[1, 2]", [1, 2], True),
        ({}, "1, 2", [1, 2], True),
        ({}, "[true, null]", [True], True),
        ({}, '{"colours": ["red"]}', ["red"], False),
        ({}, "red, green", "green; red", True),
        ({}, "", ["red"], False),
        ({}, "[" * 100_000, ["red"], False),
    ],
)
def test_a_list_is_read_as_models_write_it(options, output, expected, passed):
    found = score({"list_contains": options}, output, expected)
    assert (found.passed, found.value, found.error) == (passed, float(passed), None), found.reason


def test_the_reason_names_what_is_missing_and_what_is_too_much():
    assert score("list_contains", "red", ["blue", "green"]).reason == "missing 'blue', 'green'"
    found = score({"list_contains": {"mode": "exact"}}, "red, blue", ["blue", "green"])
    assert found.reason == "missing 'green'; not expected 'red'"


@pytest.mark.parametrize("entry", ["choice", {"choice": {"options": ["x", "y"]}}, {"list_contains": {"items": ["A"]}}])
@pytest.mark.parametrize(
    "output",
    [
        "answer is " * 100_000,
        "A" * 1_000_000,
        "(A) " * 250_000,
        "(" * 1_000_000,
        "\n" * 1_000_000,
        "- " * 500_000,
        "\ud800," * 300_000,
        "[" + "1," * 400_000,
        "\0\u202e🏳️‍🌈" * 50_000,
    ],
    ids=range(9),
)
def test_hostile_text_takes_no_time(entry, output):
    begun = time.perf_counter()
    found = score(entry, output, "A")
    assert found.error is None or "`expected` is" in found.error
    assert time.perf_counter() - begun < 2
