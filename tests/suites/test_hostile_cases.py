"""Files of cases that somebody made to do harm, or that went wrong: one line each, in time, and nothing is done."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from case_reading import cases_of, refusal

from promptlab.suites.cases import MAX_KEY
from promptlab.suites.document import MAX_DEPTH


def case(value: str, field: str = "expected") -> str:
    return f'{{"inputs": {{"text": "a"}}, "{field}": {value}}}'


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


NOISE = bytes(range(256)) * 4
BOMB = "- inputs:\n    a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"    {name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in itertools.pairwise("abcdefghij")
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", case("NaN"), "a.jsonl:1: not valid JSON: NaN is no JSON number"),
        ("a.jsonl", case("-Infinity"), "a.jsonl:1: not valid JSON: -Infinity is no JSON number"),
        ("a.jsonl", case("1e999"), "a.jsonl:1: not valid JSON: 1e999 is too large for a number; put it in quotes"),
        ("a.jsonl", case("-" + "9" * 5000), "99999... has 5,001 digits; put it in quotes, or use 1,000 at most"),
        ("a.json", f"[\n{case('1e999')}]", "a.json:2: not valid JSON: 1e999 is too large for a number"),
        ("a.jsonl", case(nested(MAX_DEPTH + 2)), "a.jsonl:1: not valid JSON: nested too deeply"),
        ("a.jsonl", case(nested(900)), "a.jsonl:1: not valid JSON: nested too deeply"),
        ("a.jsonl", case(nested(100_000)), "a.jsonl:1: not valid JSON: nested too deeply"),
        ("a.json", f"[\n{case(nested(900))}]", "a.json:2: not valid JSON: nested too deeply"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.yaml", "[" * 20_000, "a.yaml: not valid YAML: nested too deeply"),
        ("a.jsonl", '{"inputs": {"a": 1, "a": 2}}', "a.jsonl:1: not valid JSON: the key 'a' stands twice"),
        ("a.jsonl", case('"k"', "id").replace("k", "k" * (MAX_KEY + 1)), "a.jsonl:1: the id has 251 characters"),
        ("a.yaml", BOMB, "too large once its aliases are followed"),
        ("a.yaml", "- &a {inputs: {text: *a}}", "too large once its aliases are followed"),
        ("a.yaml", "- !!python/object/apply:os.system [touch pwned]", "python/object/apply:os.system is not known"),
        ("a.yaml", "- inputs: {text: .nan}", "a.yaml:1: .nan is no JSON number"),
        ("a.csv", "text,text\n1,2\n", "a.csv:1: the column 'text' stands twice; rename one"),
        ("a.csv", "text,inputs.text\n1,2\n", "the input 'text' stands twice, as 'text' and as 'inputs.text'"),
        ("a.csv", "text,,\n1,2,3\n", "a.csv:1: column 2 has no name; give it one"),
        ("a.csv", "text,expected\n1\n", "a.csv:2: 1 cell for 2 columns; missing: expected"),
        ("a.tsv", "text\n1\t2\n", "a.tsv:2: 2 cells for 1 column"),
        ("a.csv", 'text\n"never closed\n' + "x\n" * 1000, "a.csv:1002: not valid CSV"),
        ("a.csv", b"text\ncaf\xe9\n", "is not UTF-8 at byte 8; save it as UTF-8"),
        ("a.csv", "text\na\n".encode("utf-16"), "is not UTF-8 at byte 0; save it as UTF-8"),
        ("a.jsonl", b'{"inputs": {"text": "\xff"}}', "is not UTF-8 at byte 21; save it as UTF-8"),
        ("a.jsonl", b"\x00\x01\x02", "a.jsonl:1: not valid JSON"),
        ("a.csv", "", "a.csv: has no cases"),
        ("a.csv", "text,expected\n", "a.csv: has no cases"),
        ("a.xlsx", b"PK\x03\x04 no zip", "no XLSX file that can be read"),
        ("a.parquet", NOISE, "no Parquet file that can be read"),
        ("a.arrow", NOISE, "no Arrow file that can be read"),
    ],
)
def test_a_hostile_file_is_refused_in_one_line_and_in_time(tmp_path, monkeypatch, name, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    began = time.monotonic()
    assert message in refusal(tmp_path, name)
    assert time.monotonic() - began < 30
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "content", "inputs"),
    [
        ("a.csv", "\ufefftext\na\n", {"text": "a"}),
        ("a.csv", "text\ra\r", {"text": "a"}),
        ("a.csv", "text\na\0b\n", {"text": "a\0b"}),
        ("a.csv", "text\n=1+1\n", {"text": "=1+1"}),
        ("a.csv", "text\nNaN\n", {"text": "NaN"}),
        ("a.csv", "text\n{{ 7 * 7 }}\n", {"text": "{{ 7 * 7 }}"}),
        ("a.jsonl", json.dumps({"inputs": {"text": "\ud800"}}), {"text": "\ud800"}),
        ("a.jsonl", json.dumps({"inputs": {"__class__": "a"}}), {"__class__": "a"}),
        ("a.jsonl", json.dumps({"inputs": {"n": 10**999}}), {"n": 10**999}),
        ("a.jsonl", f'{{"inputs": {{"n": {nested(MAX_DEPTH - 2)}}}}}', {"n": json.loads(nested(MAX_DEPTH - 2))}),
        ("a.jsonl", json.dumps({"inputs": {"text": "x" * 10_000_000}}), {"text": "x" * 10_000_000}),
        ("a.csv", "text\n" + "x" * 10_000_000 + "\n", {"text": "x" * 10_000_000}),
    ],
)
def test_what_only_looks_hostile_is_read_as_it_is(tmp_path, name, content, inputs):
    (tmp_path / name).write_bytes(content.encode())
    (read,) = cases_of(tmp_path, name)
    assert read.inputs == inputs


def test_of_many_mistakes_some_are_told(tmp_path):
    (tmp_path / "a.csv").write_text(",".join(f"c{i}" for i in range(5000)) + "\n1\n")
    said = refusal(tmp_path, "a.csv")
    assert "a.csv:2: 1 cell for 5000 columns; missing: c1, c10, c100" in said
    assert said.endswith("4,979 more")
