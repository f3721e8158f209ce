"""Cases from JSON files: lists of cases or of records, read piece by piece."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from case_reading import cases_of, refusal, suite_of

from promptlab.types import Case

CASES = [
    {"id": "a", "inputs": {"text": "good"}, "expected": "positive", "metadata": {"n": 1}, "tags": ["short", "easy"]},
    {"inputs": {"text": "line\u2028inside \U0001f600 \ud800"}, "expected": ["x", None, 1.5, True]},
]
READ = [
    Case("a", {"text": "good"}, "positive", {"n": 1, "tags": ["short", "easy"]}),
    Case("2", {"text": "line\u2028inside \U0001f600 \ud800"}, ["x", None, 1.5, True]),
]


@pytest.mark.parametrize("indent", [None, 2], ids=["one line", "indented"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["a list", "under cases"])
def test_a_list_of_cases_alone_or_under_a_key(tmp_path, indent, wrapped):
    content = {"name": "x", "schema": [{"a": "]}"}], "cases": CASES, "more": {"cases": 1}} if wrapped else CASES
    (tmp_path / "a.json").write_text(json.dumps(content, indent=indent))
    assert cases_of(tmp_path, "a.json") == READ


def test_a_byte_order_mark_windows_line_ends_and_blanks_do_no_harm(tmp_path):
    text = json.dumps(CASES, indent=1).replace("\n", "\r\n")
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf \t\n" + text.encode() + b"\n\n ")
    assert cases_of(tmp_path, "a.json") == READ


def test_plain_records_are_read_as_a_table_is_with_the_types_they_have(tmp_path):
    record = {"id": 7, "text": "good", "n": 2, "expected": 1, "metadata.level": "hard", "tags": "a; b,a"}
    records = [record, {"text": "bad", "inputs.n": None, "metadata": {"level": None}, "tags": None, "expected": ""}]
    read = [
        Case("7", {"text": "good", "n": 2}, 1, {"level": "hard", "tags": ["a", "b"]}),
        Case("2", {"text": "bad", "n": None}, None, {"level": None}),
    ]
    (tmp_path / "a.json").write_text(json.dumps(records))
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    assert cases_of(tmp_path, "a.json") == read
    assert cases_of(tmp_path, "a.jsonl") == read


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "has no cases"),
        ("[]", None, "has no cases"),
        ("5", 1, "a JSON file of cases is a list"),
        ('"text"', 1, "a JSON file of cases is a list"),
        ("{}", None, "has no `cases`"),
        ('{"data": [1]}', None, "has no `cases`"),
        ('{"cases": {"a": 1}}', 1, "`cases` is no list"),
        ('[\n {"inputs": {}},\n {"inputs": {},}\n]', 3, "not valid JSON"),
        ('[\n {"inputs": {}},\n', 3, "not valid JSON: Expecting value at column 1"),
        ('[\n {"inputs": {}}\n', 3, "the end of the file where ',' has to stand"),
        ('[\n {"inputs": {}}\n {"inputs": {}}]', 3, "'{' where ',' has to stand"),
        ('[{"inputs": {}}]\n[]', 2, "more follows after its end"),
        ('[\n{"inputs": {"a": NaN}}]', 2, "NaN is no JSON number"),
        ('[\n{"inputs": {"a": 1, "a": 2}}]', 2, "the key 'a' stands twice"),
        ("[\n" + "[" * 100_000, 2, "nested too deeply"),
        ('[\n {"inputs": {}},\n 5]', 3, "a case is a mapping with `inputs`, not 5"),
        ('[\n {"inputs": {}},\n {"text": 5}]', 3, "the case has no `inputs`, only text"),
        ('[\n {"text": "a"},\n {"inputs": {"text": "b"}}]', 3, "a table has no column 'inputs'"),
        ('[\n {"text": "a"},\n {"text": "b", "tags": [1]}]', 3, "`tags` is [1]; it is a list of texts"),
        ('[\n {"inputs": {}, "tags": "a", "metadata": {"tags": "b"}}]', 2, "tags stand twice"),
        ('[{"inputs": {"text": "' + "x" * 200_000, 1, "Unterminated string starting at at column 22"),
    ],
)
def test_a_broken_file_is_named_by_its_line(tmp_path, text, line, message):
    (tmp_path / "a.json").write_text(text)
    said = refusal(tmp_path, "a.json")
    assert message in said
    assert f"a.json:{line}: " in said if line else "a.json: " in said


def test_text_that_is_not_utf8_is_named_by_its_place(tmp_path):
    (tmp_path / "a.json").write_bytes(b'[{"inputs": {"text": "\xff"}}]')
    assert "is not UTF-8 at byte 22" in refusal(tmp_path, "a.json")


def test_values_longer_than_a_piece_are_read_and_rows_are_not_held(tmp_path):
    with (tmp_path / "a.json").open("w") as file:
        file.write("[")
        for number in range(20_000):
            long = "x" * (500_000 if number == 7 else 40)
            file.write((",\n" if number else "") + json.dumps({"text": long, "expected": number}))
        file.write("]")
    suite_of(tmp_path, "a.json")
    tracemalloc.start()
    suite = suite_of(tmp_path, "a.json")
    assert suite.cases_digest.rows == 20_000
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(suite.cases[7].inputs["text"]) == 500_000
    assert suite.cases[19_999].expected == 19_999
    assert kept < 2_000_000
