"""The published JSON Schema of a suite says of a file what the loader says of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from test_case_selection import OPTION_MISTAKES
from test_defaults import MISTAKES as DEFAULTS_MISTAKES
from test_matrix_of_settings import MISTAKES as MATRIX_MISTAKES
from test_suite_files import CASES, GOOD, MISTAKES

from promptlab.errors import SuiteError
from promptlab.schemas.entries import option_texts, type_schema
from promptlab.schemas.published import SCHEMAS, schema_text
from promptlab.suites.document import parse_yaml
from promptlab.suites.keys import KEYS

ROOT = Path(__file__).parents[2]


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema_text(name)))


def mistakes(text: str, *, schema: str = "suite") -> list[str]:
    """What the schema says is wrong with a YAML text."""
    return [error.message for error in validator(schema).iter_errors(parse_yaml(text, name="suite").value)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_in_the_repository_is_what_the_code_makes_and_is_a_schema(name):
    published = (ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
    assert published == schema_text(name), "run: promptlab schema --write schemas"
    Draft202012Validator.check_schema(json.loads(published))


@pytest.mark.parametrize("path", sorted((ROOT / "evals").glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_suite_follows_the_schema(path):
    assert mistakes(path.read_text(encoding="utf-8")) == []


def test_a_key_of_a_suite_is_described(tmp_path):
    properties = json.loads(schema_text("suite"))["properties"]
    assert list(properties) == list(KEYS)
    assert all(schema["description"].endswith(".") for schema in properties.values())


GOOD_SUITES = {
    "the one that is read in full": GOOD,
    "the smallest": "cases: [{inputs: {}}]",
    "keys without values": "name:\ndescription:\nprompts:\nmodels:\nsettings:\nevaluators:\ngates:\ncases: a.csv",
    "parts": "include: [a.yaml, ../b.yaml]\nmatrix: {temperature: [0, 0.5], stop: [a, [b]]}",
    "an own evaluator with options": f"{CASES}\nevaluators: [mine, {{mine: {{of: [1], as: x}}}}]\nfunctions: a.py",
    "several functions": f"{CASES}\nfunctions: [a.py, ../b.py]",
    "a template for a number": f"{CASES}\nevaluators: [{{word_count: {{at_most: '{{{{ metadata.most }}}}'}}}}]",
    "an evaluator without its options": f"{CASES}\nevaluators:\n- exact_match:\n- latency",
    "general keys": f"{CASES}\nevaluators: [latency: {{threshold: 2, weight: 0, not: true, direction: lower, as: x}}]",
    "transforms": f"{CASES}\nevaluators:\n- is_json: {{transform: [strip, {{after: x}}, {{regex: {{pattern: a}}}}]}}",
    "a transform alone": f"{CASES}\ndefaults: {{transform: first_line}}\nevaluators: [is_json: {{transform: []}}]",
    "a group": f"{CASES}\nevaluators: [all_of: {{as: both, evaluators: [is_json, {{contains: {{word: a}}}}]}}]",
    "defaults": f"{CASES}\ndefaults: {{inputs: {{a: 1}}, expected: [a], metadata: {{b: 2}}}}",
    "several gates": f"{CASES}\nevaluators: [latency]\ngates: {{latency: ['< 2', {{rule: '<= 1e-1', variant: a}}]}}",
    "files of cases": "cases: [a.jsonl, b.csv]",
    "a source": "cases: {file: a.xlsx, sheet: 2, columns: {expected: label, inputs: [a]}, where: {tags: x}, first: 3}",
    "a query": "cases: {sql: select 1, url_env: X, labels: [no, yes], sample: {n: 3, seed: 1}}",
    "a hub": "cases: {huggingface: a/b, split: test, name: x, columns: {inputs: {text: sentence}}, sample: 5}",
    "rows": "cases: {rows: [{a: 1}]}",
    "tags": "cases: [{inputs: {}, tags: [a]}, {inputs: {}, tags: 'a, b'}]",
}


@pytest.mark.parametrize("text", GOOD_SUITES.values(), ids=GOOD_SUITES)
def test_what_the_loader_takes_follows_the_schema(text):
    assert mistakes(text) == []


OF_NO_STRUCTURE = {
    "a missing file of cases": "the file is not there",
    "a file of cases of another kind": "the reader says so",
    "a case that is text": "it is a file that is not there",
    "two of one name": "names of entries",
    "an unknown evaluator": "it may be an own one",
    "an input that no case has": "what a template reads",
    "a gate on nothing": "what a suite scores",
    "a functions file that is not there": "the file is not there",
    "the same id twice": "ids of cases",
    "an id that equals a row number": "ids of cases",
    "a wrong evaluator of a case": "it may be an own one",
}
"""Mistakes that no JSON Schema can tell, and why."""

STRUCTURAL = {
    name: text for name, (text, *_) in {**MISTAKES, **DEFAULTS_MISTAKES}.items() if name not in OF_NO_STRUCTURE
}


def test_what_no_schema_can_tell_is_still_in_the_table():
    assert set(OF_NO_STRUCTURE) <= set(MISTAKES)


@pytest.mark.parametrize("text", STRUCTURAL.values(), ids=STRUCTURAL)
def test_what_the_loader_refuses_for_its_structure_does_not_follow_the_schema(text):
    text = text if "cases" in text or text in STRUCTURAL["no cases"] else f"{text}\n{CASES}"
    try:
        assert mistakes(text)
    except SuiteError:
        return  # no YAML at all, which an editor says by itself


@pytest.mark.parametrize(
    ("name", "text"),
    [(name, text) for name, (text, *_) in MATRIX_MISTAKES.items() if name != "too many combinations"],
)
def test_a_wrong_matrix_does_not_follow_the_schema(name, text):
    assert mistakes(text + CASES)


WRONG = {
    "an option of a known evaluator": "evaluators: [contains: {wrd: a}]",
    "a wrong type of an option": "evaluators: [exact_match: {ignore_case: 'yes'}]",
    "a missing option": "evaluators: [contains]",
    "two evaluators in one entry": "evaluators: [{is_json: {}, latency: {}}]",
    "a name that cannot be one": "evaluators: ['exact match']",
    "a wrong direction": "evaluators: [latency: {direction: up}]",
    "a weight below 0": "evaluators: [latency: {weight: -1}]",
    "an unknown step": "evaluators: [is_json: {transform: trim}]",
    "a group without members": "evaluators: [all_of: {evaluators: []}]",
    "a wrong member": "evaluators: [all_of: {evaluators: [contains: {wrd: a}]}]",
    "an address that is included": "include: https://example.org/a.yaml",
    "a source twice": "cases: {file: a.csv, sql: select 1}",
    "an option of another source": "cases: {file: a.csv, split: test}",
    "no source": "cases: {name: x}",
    "first and a sample": "cases: {file: a.csv, first: 3, sample: 4}",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_other_mistakes_do_not_follow_it_either(text):
    assert mistakes(text if text.startswith("cases") else f"{text}\n{CASES}")


ONLY_READING_TELLS = (
    "the file of cases 'none.jsonl' does not exist",
    "`sheet` goes with an XLSX file",
    "which `labels` does not name",
)
"""Of wrong options those that only the file itself shows."""


@pytest.mark.parametrize(("text", "line", "message"), OPTION_MISTAKES)
def test_a_wrong_option_of_cases_does_not_follow_the_schema(text, line, message):
    try:
        found = mistakes(text)
    except SuiteError:
        return  # no YAML of texts as keys at all
    assert bool(found) is not any(words in message for words in ONLY_READING_TELLS), line


def test_a_part_needs_no_cases_and_has_the_same_keys():
    assert mistakes("evaluators: [is_json]", schema="part") == []
    assert mistakes("evaluators: [is_json]")
    assert mistakes("evaluators: [contains: {wrd: a}]", schema="part")
    assert mistakes("promts: [a]", schema="part")


def test_options_carry_what_their_docstring_says():
    schema = json.loads(schema_text("suite"))["$defs"]["evaluator_contains"]
    assert schema["required"] == ["word"]
    assert schema["properties"]["word"]["description"].startswith("any text, also part of a word")
    assert schema["properties"]["ignore_case"]["default"] is False
    assert "Example:" in schema["description"]


def test_the_text_of_an_option_ends_where_the_next_one_begins():
    text = "It compares.\nstrip: without\nwhite space. at_least, at_most: within these; word: any"
    assert option_texts(text, ["strip", "at_least", "at_most", "word"]) == {
        "strip": "without white space.",
        "at_least": "within these",
        "at_most": "within these",
        "word": "any",
    }
    assert option_texts("nothing of options", ["a"]) == {}


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (int | None, {"type": ["integer", "null"]}),
        (list[int], {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/template"}]}}),
        (dict[str, str], {"type": "object", "additionalProperties": {"type": "string"}}),
        (object, {}),
    ],
)
def test_an_annotation_is_the_schema_of_its_values(annotation, schema):
    assert type_schema(annotation) == schema


def test_every_option_of_an_evaluator_of_promptlab_is_described():
    definitions = json.loads(schema_text("suite"))["$defs"]
    silent = [
        f"{name.removeprefix('evaluator_')}: {option}"
        for name, schema in definitions.items()
        if name.startswith("evaluator_")
        for option, of_option in schema["properties"].items()
        if "description" not in of_option and "$ref" not in of_option
    ]
    assert silent == []
