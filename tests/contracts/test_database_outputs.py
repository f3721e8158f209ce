"""Attempts, answers, outputs, scores, cases: one contract for every database."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from promptlab.errors import RunNotFoundError, UsageError
from promptlab.store import datasets, details, outputs, runs
from promptlab.store.database import Database
from promptlab.store.rows import AttemptStart, OutputInsert, RunRow, ScoreInsert
from promptlab.types import Case, Message, Response, Usage

NOW = datetime(2026, 5, 4, tzinfo=UTC)
CASES = [Case(f"case-{number}", {"text": f"sentence {number}"}, "yes", {"split": "test"}) for number in range(3)]


def write(database: Database, function: Any, *arguments: Any, **options: Any) -> Any:
    return database.write(lambda connection: function(connection, *arguments, **options)).result()


def read(database: Database, function: Any, *arguments: Any, **options: Any) -> Any:
    with database.connect() as connection:
        return function(connection, *arguments, **options)


@pytest.fixture
def run(database: Database) -> RunRow:
    write(database, datasets.store_cases, CASES)
    write(database, outputs.store_rendered, {"rendered": (Message("user", "hello"),)})
    return write(database, runs.create_run, kind="prompt", name="variant", started_at=NOW)


def output(
    run: RunRow, case: Case, *, repeat: int = 0, scores: Sequence[ScoreInsert] = (), **values: Any
) -> OutputInsert:
    values = {"rendered_digest": None, "answer_id": None, "cached": False, "status": "ok", "error": None, **values}
    return OutputInsert(run.id, datasets.case_digest(case), case.key, repeat, scores=scores, **values)


def test_a_cell_comes_back_whole(database: Database, run: RunRow) -> None:
    response = Response(
        "yes!",
        status="truncated",
        finish_reason="length",
        usage=Usage(10, 2, 4),
        seconds=1.5,
        tool_calls=({"name": "look"},),
        cost_usd=0.25,
    )
    first, second = write(
        database,
        outputs.begin_attempts,
        [AttemptStart(run.id, "key", "generate", NOW, CASES[0].key, 0) for _ in range(2)],
    )
    ended = NOW + timedelta(seconds=2)
    write(database, outputs.finish_attempt, first, status="timeout", error="too slow", ended_at=ended)
    answer = write(
        database, outputs.finish_with_answer, second, cache_key="key", reusable=True, response=response, ended_at=ended
    )
    score = ScoreInsert("exact_match", "digest", 1.0, True, "good", "equal")
    write(
        database,
        outputs.store_outputs,
        [output(run, CASES[0], answer_id=answer, rendered_digest="rendered", status="truncated", scores=[score])],
    )
    (cell,) = read(database, outputs.cells, [run.id])
    assert (cell.key, cell.run_uid, cell.repeat, cell.attempts) == ("case-0", run.uid, 0, 2)
    assert (cell.inputs, cell.expected, cell.metadata) == ({"text": "sentence 0"}, "yes", {"split": "test"})
    assert (cell.output, cell.status, cell.finish_reason, cell.seconds) == ("yes!", "truncated", "length", 1.5)
    assert (cell.usage, cell.cost_usd, cell.tool_calls) == (Usage(10, 2, 4), 0.25, ({"name": "look"},))
    assert cell.case_digest == datasets.case_digest(CASES[0])
    assert cell.inputs_digest == datasets.inputs_digest(CASES[0])
    assert cell.scores["exact_match"].reason == "equal"
    assert cell.evaluator_digests == {"exact_match": "digest"}

    detail = read(database, details.cell_detail, run.uid[:8], "case-0")
    assert detail.messages == (Message("user", "hello"),)
    assert [(attempt.status, attempt.error) for attempt in detail.attempts] == [
        ("timeout", "too slow"),
        ("truncated", None),
    ]
    assert detail.attempts[1].usage == Usage(10, 2)
    assert detail.attempts[1].ended_at == ended


def test_a_cell_that_failed_has_no_output_and_says_why(database: Database, run: RunRow) -> None:
    write(database, outputs.store_outputs, [output(run, CASES[0], status="quota", error="no money")])
    (cell,) = read(database, outputs.cells, [run.id])
    assert (cell.output, cell.status, cell.error, cell.seconds, cell.attempts) == (None, "quota", "no money", None, 0)
    assert read(database, runs.output_counts, [run.id, 10**6]) == {
        run.id: {"ok": 0, "errors": 1},
        10**6: {"ok": 0, "errors": 0},
    }


def test_a_cell_stored_again_replaces_itself_and_its_scores(database: Database, run: RunRow) -> None:
    old = output(run, CASES[0], status="timeout", error="slow", scores=[ScoreInsert("a", value=0.0), ScoreInsert("b")])
    new = output(run, CASES[0], scores=[ScoreInsert("a", value=1.0)])
    other = output(run, CASES[0], repeat=1)
    first = write(database, outputs.store_outputs, [old])
    again = write(database, outputs.store_outputs, [other, new])
    assert again[1] == first[0]
    cells = {cell.repeat: cell for cell in read(database, outputs.cells, [run.id])}
    assert (cells[0].status, cells[0].error, {name: score.value for name, score in cells[0].scores.items()}) == (
        "ok",
        None,
        {"a": 1.0},
    )
    assert set(cells) == {0, 1}


def test_cells_are_paged_and_picked_by_key(database: Database, run: RunRow) -> None:
    write(database, outputs.store_outputs, [output(run, case, repeat=repeat) for case in CASES for repeat in (0, 1)])
    page = read(database, outputs.cells, [run.id], limit=4)
    rest = read(database, outputs.cells, [run.id], after=page[-1].id)
    assert [(cell.key, cell.repeat) for cell in [*page, *rest]] == [
        (case.key, repeat) for case in CASES for repeat in (0, 1)
    ]
    picked = read(database, outputs.cells, [run.id], keys=["case-2"])
    assert [cell.key for cell in picked] == ["case-2", "case-2"]
    assert read(database, outputs.cells, []) == []


def test_the_newest_reusable_answer_is_found(database: Database) -> None:
    for text, reusable in (("old", True), ("new", True), ("private", False)):
        write(database, outputs.store_answer, response=Response(text), cache_key="key", reusable=reusable)
    write(database, outputs.store_answer, response=Response("nameless"), cache_key="", reusable=True)
    found = read(database, outputs.find_answers, ["key", "missing", "", *(str(number) for number in range(2000))])
    assert {key: answer.response.text for key, answer in found.items()} == {"key": "new"}


def test_attempts_that_never_ended_are_lost_and_what_was_spent_is_counted(database: Database, run: RunRow) -> None:
    starts = [AttemptStart(run.id, f"key-{number}", "generate", NOW, f"case-{number}") for number in range(4)]
    done, failed, lost, unpriced = write(database, outputs.begin_attempts, starts)
    finish = {"cache_key": "k", "reusable": True, "ended_at": NOW}
    write(database, outputs.finish_with_answer, done, response=Response("a", cost_usd=0.5), **finish)
    write(database, outputs.finish_attempt, failed, status="server", error="500", ended_at=NOW)
    counts = read(database, outputs.attempt_counts, [run.id])
    assert (counts.made, counts.failed, counts.lost, counts.spent_usd) == (4, 1, 2, 0.5)
    write(database, outputs.finish_with_answer, unpriced, response=Response("a"), **finish)
    counts = read(database, outputs.attempt_counts, [run.id])
    assert (counts.lost, counts.spent_usd) == (1, None)
    assert [attempt.id for attempt in read(database, outputs.lost_attempts, run.id)] == [lost]
    assert [attempt.id for attempt in read(database, outputs.attempts_of, run.id, "key-1")] == [failed]
    assert len(read(database, outputs.attempts_of, run.id)) == 4


def test_scores_pair_by_inputs_across_runs_and_leave_errors_out(database: Database, run: RunRow) -> None:
    other = write(database, runs.create_run, kind="prompt", name="other", started_at=NOW)
    changed = Case("renamed", CASES[0].inputs, "another expectation")
    write(database, datasets.store_cases, [changed])
    write(
        database,
        outputs.store_outputs,
        [
            output(
                run, CASES[0], scores=[ScoreInsert("match", value=1.0, passed=True), ScoreInsert("words", value=3.0)]
            ),
            output(run, CASES[0], repeat=1, scores=[ScoreInsert("match", value=0.0, passed=False)]),
            output(run, CASES[1], scores=[ScoreInsert("match", error="boom")]),
            output(run, CASES[2], scores=[ScoreInsert("match", passed=True)]),
            output(other, changed, scores=[ScoreInsert("match", value=math.nan)]),
        ],
    )
    table = read(database, outputs.scores_table, [run.id, other.id], "match")
    same, third = datasets.inputs_digest(CASES[0]), datasets.inputs_digest(CASES[2])
    assert {digest: [(score.value, score.passed) for score in found] for digest, found in table[run.id].items()} == {
        same: [(1.0, True), (0.0, False)],
        third: [(1.0, True)],
    }
    assert math.isnan(table[other.id][same][0].value)
    assert read(database, outputs.score_names, [run.id, other.id]) == ["match", "words"]
    assert read(database, outputs.score_names, []) == []


def test_an_output_of_a_case_that_was_never_stored_is_refused(database: Database, run: RunRow) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        write(database, outputs.store_outputs, [output(run, Case("ghost", {"x": 1}))])


def test_a_data_set_is_stored_once_a_name_and_content(database: Database) -> None:
    first = write(database, datasets.store_dataset, name="sst2", source="a.jsonl", cases=CASES)
    assert write(database, datasets.store_dataset, name="sst2", source="b.jsonl", cases=CASES) == first
    shorter = write(database, datasets.store_dataset, name="sst2", source="a.jsonl", cases=CASES[:2])
    elsewhere = write(database, datasets.store_dataset, name="other", source="a.jsonl", cases=CASES)
    assert len({first.id, shorter.id, elsewhere.id}) == 3
    assert (first.digest, first.rows, shorter.rows) == (elsewhere.digest, 3, 2)
    assert read(database, datasets.dataset_cases, first.id) == CASES
    assert database.stats().rows["case_content"] == 3


def test_a_case_keeps_its_own_evaluators_in_its_data_set(database: Database) -> None:
    case = Case("one", {"x": 1}, evaluators=({"contains": {"word": "a"}}, "is_json"))
    row = write(database, datasets.store_dataset, name="d", source="", cases=[case])
    assert read(database, datasets.dataset_cases, row.id) == [case]


def test_inputs_decide_the_pairing_and_expected_does_not() -> None:
    case = Case("a", {"x": 1, "y": [1, 2]}, "yes")
    assert datasets.inputs_digest(case) == datasets.inputs_digest(Case("b", {"y": [1, 2], "x": 1}, "no", {"m": 1}))
    assert datasets.case_digest(case) == datasets.case_digest(Case("b", {"y": [1, 2], "x": 1}, "yes"))
    assert datasets.case_digest(case) != datasets.case_digest(Case("a", {"x": 1, "y": [1, 2]}, "no"))
    assert datasets.case_digest(case) != datasets.case_digest(Case("a", {"x": 1, "y": [1, 2]}, "yes", {"m": 1}))


def test_a_run_is_linked_to_its_data_sets(database: Database, run: RunRow) -> None:
    row = write(database, datasets.store_dataset, name="d", source="", cases=CASES)
    for _ in range(2):
        write(database, datasets.link_dataset, run.id, row.id, context="evaluation")
    write(database, datasets.link_dataset, run.id, row.id, context="training")
    assert read(database, datasets.linked_datasets, run.id, context="training") == [row]
    detail = read(database, details.run_detail, run.uid)
    assert detail.datasets == [("evaluation", row), ("training", row)]


def test_a_run_is_shown_with_all_that_belongs_to_it(database: Database, run: RunRow) -> None:
    from promptlab.store.artifacts import record_artifact

    child = write(database, runs.create_run, kind="prompt", name="child", parent_uid=run.uid, started_at=NOW)
    write(database, runs.set_params, run.id, {"depth": 3})
    write(database, runs.set_tags, run.id, {"stage": "draft"})
    write(database, runs.log_metrics, run.id, [("loss", 0.5, 0, 0)])
    for name in ("../../etc/passwd", "C:\\x", "a\x00b", "ü/💥", " "):
        write(database, record_artifact, run.id, name, "0" * 64, 2**40, "text/plain")
    write(database, record_artifact, run.id, " ", "1" * 64, 3, "image/png")
    detail = read(database, details.run_detail, run.uid)
    assert (detail.params, detail.tags, detail.parent) == ({"depth": "3"}, {"stage": "draft"}, None)
    assert detail.metrics["loss"].last == 0.5
    assert [row.uid for row in detail.children] == [child.uid]
    assert {item.name: (item.digest[0], item.bytes) for item in detail.artifacts} == {
        "../../etc/passwd": ("0", 2**40),
        "C:\\x": ("0", 2**40),
        "a\x00b": ("0", 2**40),
        "ü/💥": ("0", 2**40),
        " ": ("1", 3),
    }
    assert read(database, details.run_detail, child.uid).parent == read(database, runs.get_run, run.uid)


def test_a_cell_that_is_not_there_is_named(database: Database, run: RunRow) -> None:
    with pytest.raises(UsageError, match="has no output for case 'nowhere', repeat 2"):
        read(database, details.cell_detail, run.uid, "nowhere", repeat=2)
    with pytest.raises(RunNotFoundError):
        read(database, details.cell_detail, "ffffffff", "case-0")
