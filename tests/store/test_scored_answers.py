"""Pages of scored answers: each answer once, whatever its key, in time that does not grow with the pages before."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from promptlab import Lab
from promptlab.store.scored_answers import START, scored_answers

KEYS = ["a\0b", "\ud800x", "Z", "z", "é", "e\u0301", "\U0001f600", "10", "9", " 1", "%", "'"]
REPEATS = 3


@pytest.mark.parametrize("limit", [1, 5, 1000])
def test_pages_hold_each_answer_of_a_run_once(database_url: str, tmp_path: Path, limit: int):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "plain.j2").write_text("{{ text }}")
    cases = [{"id": key, "inputs": {"text": f"t{n}"}, "expected": f"t{n}"} for n, key in enumerate(KEYS)]
    with Lab(database_url, workspace=tmp_path) as lab:
        suite = {"name": "keys", "prompts": ["plain"], "models": ["fake:echo"], "evaluators": ["exact_match"]}
        result = lab.evaluate(suite | {"repeats": REPEATS, "cases": cases})
        run_id = lab.run_detail(result.variants[0].id).run.id
        found = []
        after = START
        while page := lab.database.read(
            lambda connection: scored_answers(connection, run_id, after=after, limit=limit)  # noqa: B023 - read at once
        ):
            found += page
            after = page[-1].place
    assert len(found) == len(KEYS) * REPEATS
    assert {answer.place for answer in found} == {(key, repeat) for key in KEYS for repeat in range(REPEATS)}
    assert all(answer.expected == answer.output for answer in found)
    assert all(one.place[0] == other.place[0] for one, other in pairwise(found) if other.place[1] > 0)
