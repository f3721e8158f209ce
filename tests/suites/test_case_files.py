"""Cases from JSONL, CSV and YAML files, and what is wrong with them by line."""

from __future__ import annotations

import json

import pytest

from promptlab.errors import SuiteError
from promptlab.suites.case_sources import load_cases
from promptlab.types import Case


def cases_of(folder, text, name):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return tuple(load_cases(path, name=name))


JSONL = """\
{"id": "a", "inputs": {"text": "good"}, "expected": "positive", "metadata": {"n": 1}}

{"inputs": {"text": "line\\u2028inside\u2028too"}, "expected": ["x", "y"]}
{"id": 7, "inputs": {}, "evaluators": ["is_json"]}
"""


def test_jsonl(tmp_path):
    assert cases_of(tmp_path, JSONL, "a.jsonl") == (
        Case("a", {"text": "good"}, "positive", {"n": 1}),
        Case("2", {"text": "line\u2028inside\u2028too"}, ["x", "y"]),
        Case("7", {}, None, {}, ("is_json",)),
    )


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    text = b"\xef\xbb\xbf" + JSONL.replace("\n", "\r\n").encode()
    assert cases_of(tmp_path, text, "a.jsonl") == cases_of(tmp_path, JSONL, "b.jsonl")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"inputs": {"a": 1}', "not valid JSON: Expecting ',' delimiter at column 20"),
        ("{'inputs': {}}", "not valid JSON: Expecting property name enclosed in double quotes at column 2"),
        ('{"text": "good", "label": 1}', "the case has no `inputs`, only text, label; put what fills the template"),
        ('{"inputs": {}, "inputs": {}}', "not valid JSON: the key 'inputs' stands twice"),
        ('{"inputs": {"a": NaN}}', "not valid JSON: NaN is no JSON number"),
        ('{"inputs": [1]}', "`inputs` is [1]; it is a mapping"),
        ('{"inputs": {}, "metadata": 3}', "`metadata` is 3; it is a mapping"),
        ('{"inputs": {}, "evaluators": "is_json"}', '`evaluators` is "is_json"; it is a list'),
        ('{"inputs": {}, "expeced": 3}', "unknown key 'expeced'; did you mean 'expected'?"),
        ('{"id": "", "inputs": {}}', '`id` is ""; it is a text or a whole number'),
        ('{"id": true, "inputs": {}}', "`id` is true"),
        ('{"id": "first", "inputs": {}}', "the id 'first' is taken; it stands first at a.jsonl:1"),
        ('"text"', 'a case is a mapping with `inputs`, not "text"'),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_broken_jsonl_line_is_named_by_its_number(tmp_path, line, message):
    text = '{"id": "first", "inputs": {}}\n\n' + line + "\n"
    with pytest.raises(SuiteError) as caught:
        cases_of(tmp_path, text, "a.jsonl")
    assert str(caught.value).startswith("a.jsonl:3: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


CSV = 'id,text,question,expected,metadata.source\r\nx,"good, really",why?,positive,me\r\n,"two\nlines",,,\r\n'


def test_csv_columns_are_inputs_except_id_expected_and_metadata(tmp_path):
    assert cases_of(tmp_path, CSV, "a.csv") == (
        Case("x", {"text": "good, really", "question": "why?"}, "positive", {"source": "me"}),
        Case("2", {"text": "two\nlines", "question": ""}, None, {"source": ""}),
    )


def test_a_table_may_have_tabs_a_byte_order_mark_and_blank_lines(tmp_path):
    text = b"\xef\xbb\xbftext\texpected\n\ngood\tpositive\n\n"
    assert cases_of(tmp_path, text, "a.tsv") == (Case("1", {"text": "good"}, "positive"),)


def test_a_cell_longer_than_pythons_limit_is_read(tmp_path):
    (case,) = cases_of(tmp_path, f"text\n{'a' * 300_000}\n", "a.csv")
    assert len(case.inputs["text"]) == 300_000


def test_values_of_a_csv_stay_text(tmp_path):
    (case,) = cases_of(tmp_path, "n,expected\n007,1.50\n", "a.csv")
    assert (case.inputs, case.expected) == ({"n": "007"}, "1.50")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text,expected\na,b\nc\n", "a.csv:3: 1 cell for 2 columns; missing: expected"),
        (
            'text,expected\n"a\nb",c\nd,e,f\n',
            "a.csv:4: 3 cells for 2 columns; a cell with a comma is put in double quotes",
        ),
        ("text,\na,b\n", "a.csv:1: column 2 has no name"),
        ("text,text\na,b\n", "a.csv:1: the column 'text' stands twice"),
        ("inputs,expected\na,b\n", "a.csv:2: a table has no column 'inputs'"),
        ('text\n"a"b\n', "a.csv:2: not valid CSV"),
        ('text\n"a\n', "a.csv:2: not valid CSV: unexpected end of data"),
        ("id,text\na,b\na,c\n", "a.csv:3: the id 'a' is taken; it stands first at a.csv:2"),
        ("text,expected\n", "a.csv: has no cases"),
        ("", "a.csv: has no cases"),
    ],
)
def test_a_broken_csv_is_named_by_its_line(tmp_path, text, message):
    with pytest.raises(SuiteError) as caught:
        cases_of(tmp_path, text, "a.csv")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_yaml_cases(tmp_path):
    text = "- inputs: {text: good}\n  expected: no\n- id: b\n  inputs: {}\n"
    assert cases_of(tmp_path, text, "a.yaml") == (Case("1", {"text": "good"}, "no"), Case("b", {}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: []\n", "a.yaml:1: a file of cases is a list"),
        ("- inputs: {}\n- text: a\n", "a.yaml:2: the case has no `inputs`"),
        ("", "a.yaml: has no cases"),
        ("- [\n", "a.yaml:2: not valid YAML"),
    ],
)
def test_broken_yaml_cases_are_named_by_their_line(tmp_path, text, message):
    with pytest.raises(SuiteError) as caught:
        cases_of(tmp_path, text, "a.yaml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["a.txt", "a.xls", "a"])
def test_another_kind_of_file_is_refused(tmp_path, name):
    with pytest.raises(SuiteError, match=r"cases are JSONL, JSON, CSV, YAML, Parquet, Arrow or XLSX, told by \.jsonl"):
        cases_of(tmp_path, "[]", name)


def test_text_that_is_not_utf8_is_refused(tmp_path):
    with pytest.raises(SuiteError, match="is not UTF-8 at byte 5; save it as UTF-8"):
        cases_of(tmp_path, b"text\n\xe9t\xe9\n", "a.csv")


def test_ten_thousand_cases_are_read_quickly(tmp_path):
    rows = "\n".join(json.dumps({"inputs": {"text": f"row {n}"}, "expected": n}) for n in range(10_000))
    assert len(cases_of(tmp_path, rows, "a.jsonl")) == 10_000
