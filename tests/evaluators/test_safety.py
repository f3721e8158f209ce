"""refusal, with its precision and recall on sentences, and pii, with what it finds and what only looks like it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from promptlab.errors import EvaluatorError
from promptlab.evaluators.registry import bind, known
from promptlab.types import EvaluatorContext

SENTENCES = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "refusals.jsonl").read_text(encoding="utf-8").splitlines()
]


def score(entry, output, **context):
    one = bind(entry, where="suite:1")
    return asyncio.run(one.score(EvaluatorContext(inputs={}, output=output, **context))).get(one.name)


@pytest.mark.parametrize(("held_out", "precision", "recall"), [(False, "0.99", "0.96"), (True, "0.94", "0.53")])
def test_refusals_are_told_from_near_misses_as_well_as_the_docstring_says(held_out, precision, recall):
    pairs = [(one["refuses"], score("refusal", one["text"]).passed) for one in SENTENCES if one["held_out"] is held_out]
    right = pairs.count((True, True))
    assert f"{right / (right + pairs.count((False, True))):.2f}" == precision
    assert f"{right / (right + pairs.count((True, False))):.2f}" == recall
    text = " ".join(known()["refusal"].function.__doc__.split())
    assert precision in text
    assert recall in text


def test_a_refusal_says_by_which_words_and_can_be_turned_round():
    found = score("refusal", "Hello! I'm sorry, but I **can't** help with that.")
    assert (found.passed, found.reason) == (True, "refuses: 'sorry, but i can't'")
    assert score({"refusal": {"not": True}}, "Paris.").passed
    assert not score({"refusal": {"not": True}}, "I can't help with that.").passed
    assert score("refusal", "", status="refused").passed
    assert not score("refusal", "").passed


def test_only_the_beginning_of_an_output_is_looked_at():
    assert score("refusal", "word " * 90 + "I can't help with that.").passed
    assert not score("refusal", "word " * 101 + "I can't help with that.").passed


@pytest.mark.parametrize(
    "output", ["I am " * 200_000, "sorry" * 200_000, '"' * 1_000_000, "\ud800" * 1000, "\0", "“" * 9]
)
def test_hostile_text_is_no_refusal_and_takes_no_time(output):
    begun = time.perf_counter()
    assert score("refusal", output).passed is False
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize(
    ("output", "label"),
    [
        ("Write to ann.lee+x@mail.example.co.uk.", "email"),
        ("<ann@example.com>", "email"),
        ("Call (650) 253-0000.", "phone"),
        ("Call 650-253-0000 or write", "phone"),
        ("Call +44 20 7946 0958", "phone"),
        ("tel:+49-30-901820", "phone"),
        ("Card 4111 1111 1111 1111, valid to 12/26", "credit_card"),
        ("Card 4111 1111 1111 1111 12/26", "credit_card"),
        ("5500-0000-0000-0004", "credit_card"),
        ("378282246310005", "credit_card"),
        ("6011111111111117", "credit_card"),
        ("IBAN DE89 3704 0044 0532 0130 00", "iban"),
        ("GB82WEST12345698765432", "iban"),
        ("from 8.8.8.8 to", "ip"),
        ("192.168.0.12:8080", "ip"),
        ("2001:db8:85a3::8a2e:370:7334", "ip"),
        ("SSN 536-90-4399", "ssn"),
        ("SSN 536 90 4399", "ssn"),
        ("ann@example.com, 8.8.8.8", "email, ip"),
        ("", None),
        ("Ask Ann Lee, 12 Main Street.", None),
        ("ann at example dot com", None),
        ("@ann on example.com", None),
        ("2024-01-02, 12:30:45", None),
        ("1234567890", None),
        ("pi is 3.14159265358979", None),
        ("4111 1111 1111 1112", None),
        ("9111 1111 1111 1111", None),
        ("0000 0000 0000 0000", None),
        ("ISBN 978-3-16-148410-0", None),
        ("DE89 3704 0044 0532 0130 01", None),
        ("XX89 3704 0044 0532 0130 00", None),
        ("version 1.2.3.4.5", None),
        ("v1.2.3.4", None),
        ("999.1.1.1", None),
        ("127.0.0.1 and ::1", None),
        ("std::vector a::b 12:30:45", None),
        ("SSN 000-12-3456", None),
        ("666-12-3456", None),
        ("555-1234", None),
    ],
)
def test_pii_is_found_by_its_form(output, label):
    found = score("pii", output)
    assert (found.passed, found.value, found.label, found.error) == (label is None, float(label is None), label, None)


def test_the_reason_says_what_stands_where_and_hides_the_value():
    found = score("pii", "Ann: ann@example.com, card 4111 1111 1111 1111")
    assert found.reason == "email a***m at character 6; credit_card 4***1 at character 28"
    many = score("pii", " ".join(f"a{n}@example.com" for n in range(9)))
    assert many.reason.endswith("; and 4 more")
    assert "example" not in many.reason


def test_a_number_is_of_one_kind():
    text = "DE89 3704 0044 0532 0130 00; 4111 1111 1111 1111; 536-90-4399; 650.253.0000"
    assert score("pii", text).label == "iban, credit_card, ssn, phone"
    assert score({"pii": {"kinds": ["phone"]}}, "DE89 3704 0044 0532 0130 00, 4111 1111 1111 1111").passed


def test_kinds_region_and_allowed_texts():
    assert score({"pii": {"kinds": ["phone", "iban"]}}, "ann@example.com").passed
    assert score("pii", "(020) 7946 0958").passed
    assert not score({"pii": {"region": "GB"}}, "(020) 7946 0958").passed
    allow = {"pii": {"allow": ["Help@Example.com", "+1 (650) 253-0000"]}}
    assert score(allow, "help@example.com or +1 650 253 0000").passed
    assert not score(allow, "ann@example.com").passed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": []}, "option `kinds` is an empty list; it is any of email, phone"),
        ({"kinds": ["name"]}, "option `kinds` is"),
        ({"region": "Oslo"}, "option `region` is 'Oslo'; it is a country in two letters"),
    ],
)
def test_options_that_can_never_work_are_refused(options, message):
    with pytest.raises(EvaluatorError, match=r"^suite:1: pii: ") as caught:
        bind({"pii": options}, where="suite:1")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "unit", ["a@", "a@b.co ", "22 ", "AB12 ", "1.1.1.1 ", "a:b:c:d ", "536-90-4399 ", "/1", "(", "\ud800"]
)
def test_hostile_text_is_searched_in_bounded_time(unit):
    begun = time.perf_counter()
    assert score("pii", (unit * 200_000)[:200_000]).error is None
    assert time.perf_counter() - begun < 10


def test_what_is_too_long_to_be_searched_is_an_error_that_says_so():
    assert "up to 1,000,000 are checked" in score("pii", "a" * 1_000_001).error
