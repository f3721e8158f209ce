"""Evaluators of single cases: every mistake named with the file and the line of its case, wherever cases stand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptlab.errors import UsageError
from promptlab.suites.load import load_suite

OWN = """from promptlab import EvaluatorContext, evaluator

@evaluator
def mentions(context: EvaluatorContext, *, word: str, times: int = 1) -> bool:
    \"\"\"Whether `word` is there.\"\"\"
    return context.output.count(word) >= times
"""
MISTAKES = {
    "an unknown option of one's own": (
        {"mentions": {"wrd": "a"}},
        "mentions: unknown option 'wrd'; did you mean 'word'?",
    ),
    "a wrong type": ({"mentions": {"word": "a", "times": "two"}}, 'option `times` is "two"; it is a whole number'),
    "true for a number": ({"mentions": {"word": "a", "times": True}}, "option `times` is true; it is a whole number"),
    "a missing option": ("mentions", "mentions: option `word` is missing; it is text"),
    "an unknown evaluator": ("mentons", "unknown evaluator 'mentons'; did you mean 'mentions'?"),
    "an unknown option": ({"contains": {"word": "a", "ignore_cse": True}}, "did you mean 'ignore_case'?"),
    "a wrong number": (
        {"equals_number": {"tolerance": "x"}},
        'equals_number: option `tolerance` is "x"; it is a number',
    ),
    "a wrong member of a group": (
        {"all_of": {"evaluators": [{"contians": {"word": "a"}}]}},
        "did you mean 'contains'?",
    ),
    "a wrong weight": ({"contains": {"word": "a", "weight": -1}}, "contains: `weight` is -1; it is 0 or more"),
}


def cases(entry: object) -> list[dict[str, object]]:
    return [{"inputs": {"text": "a"}}, {"id": "b", "inputs": {"text": "b"}, "evaluators": [entry]}]


def in_jsonl(folder: Path, entry: object) -> str:
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(case)}\n" for case in cases(entry)))
    (folder / "a.yaml").write_text("cases: rows.jsonl\n")
    return "rows.jsonl:2"


def in_json(folder: Path, entry: object) -> str:
    (folder / "rows.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases(entry)) + "\n]\n")
    (folder / "a.yaml").write_text("cases: {file: [rows.json]}\n")
    return "rows.json:3"


def in_yaml(folder: Path, entry: object) -> str:
    (folder / "rows.yaml").write_text("\n".join(f"- {json.dumps(case)}" for case in cases(entry)))
    (folder / "a.yaml").write_text("cases: [rows.yaml]\n")
    return "rows.yaml:2"


def in_the_suite(folder: Path, entry: object) -> str:
    first, second = cases(entry)
    own = f"- id: b\n  inputs: {{text: b}}\n  evaluators: {json.dumps(second['evaluators'])}\n"
    (folder / "a.yaml").write_text(f"cases:\n- {json.dumps(first)}\n{own}")
    return "a.yaml:5"


def in_rows(folder: Path, entry: object) -> str:
    (folder / "a.yaml").write_text(f"cases:\n  rows: {json.dumps(cases(entry))}\n")
    return "a.yaml:2 row 2"


def in_an_included_file(folder: Path, entry: object) -> str:
    (folder / "part").mkdir()
    (folder / "part" / "rows.jsonl").write_text("".join(f"{json.dumps(case)}\n" for case in cases(entry)))
    (folder / "part" / "part.yaml").write_text("cases: [rows.jsonl]\n")
    (folder / "a.yaml").write_text("include: [part/part.yaml]\ncases: [{inputs: {}, id: c}]\n")
    return "part/rows.jsonl:2"


@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.parametrize("write", [in_jsonl, in_json, in_yaml, in_the_suite, in_rows, in_an_included_file])
def test_a_mistake_is_named_with_the_place_of_its_case(tmp_path, write, name):
    entry, message = MISTAKES[name]
    (tmp_path / "evaluators.py").write_text(OWN)
    place = write(tmp_path, entry)
    with pytest.raises(UsageError) as caught:
        load_suite(tmp_path / "a.yaml")
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / place}: case 'b': ")
    assert message in said
    assert "\n" not in said


def test_a_case_that_is_right_is_scored_with_its_own(tmp_path):
    (tmp_path / "evaluators.py").write_text(OWN)
    in_jsonl(tmp_path, {"mentions": {"word": "a", "times": 2}})
    suite = load_suite(tmp_path / "a.yaml")
    assert [(key, one.name) for key, (one,) in suite.case_evaluators.items()] == [("b", "mentions")]
