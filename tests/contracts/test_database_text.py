"""What every database has to give back exactly as it was given: text of any characters, JSON, NaN, moments."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptlab.errors import DatabaseError
from promptlab.store import datasets, metrics, outputs, runs
from promptlab.store.database import Database
from promptlab.store.rows import OutputInsert, RunRow, ScoreInsert
from promptlab.types import Case, Message, Response

NOW = datetime(2026, 5, 4, 3, 2, 1, 123456, tzinfo=UTC)

any_text = st.text(st.characters(exclude_categories=()) | st.sampled_from("\x00\ud800\udfff\ufdd0\U0010ffff"))
any_number = st.floats(allow_nan=True, allow_infinity=True)
any_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)
often = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def new_run(database: Database) -> RunRow:
    return database.write(
        lambda connection: runs.create_run(connection, kind="train", name="r", started_at=NOW)
    ).result()


@often
@given(text=any_text)
def test_text_of_any_characters_comes_back_as_it_was(database: Database, text: str) -> None:
    run = new_run(database)
    database.write(lambda connection: runs.set_tags(connection, run.id, {"tag": text})).result()
    answer = database.write(
        lambda connection: outputs.store_answer(connection, response=Response(text), cache_key=run.uid, reusable=True)
    ).result()
    with database.connect() as connection:
        assert runs.tags(connection, run.id) == {"tag": text}
        found = outputs.find_answers(connection, [run.uid])[run.uid]
    assert (found.id, found.response.text) == (answer, text)


@often
@given(inputs=st.dictionaries(any_text, any_json, max_size=4), expected=any_json)
def test_a_case_of_any_json_comes_back_as_it_was(database: Database, inputs: dict, expected: object) -> None:
    case = Case("one", inputs, expected, {"from": "hypothesis"})
    row = database.write(
        lambda connection: datasets.store_dataset(connection, name="d", source="s", cases=[case])
    ).result()
    with database.connect() as connection:
        (found,) = datasets.dataset_cases(connection, row.id)
    assert datasets.case_digest(found) == datasets.case_digest(case)
    assert (found.key, found.metadata) == ("one", {"from": "hypothesis"})


@often
@given(values=st.lists(any_number, min_size=1, max_size=6))
def test_metrics_keep_nan_and_the_infinities(database: Database, values: list[float]) -> None:
    run = new_run(database)
    points = [("loss", value, step, 1) for step, value in enumerate(values)]
    database.write(lambda connection: runs.log_metrics(connection, run.id, points)).result()
    with database.connect() as connection:
        found = [point.value for point in metrics.metric_history(connection, run.id, "loss")]
    assert [(value, math.isnan(value)) for value in found if not math.isnan(value)] == [
        (value, False) for value in values if not math.isnan(value)
    ]
    assert [math.isnan(value) for value in found] == [math.isnan(value) for value in values]


def test_a_score_of_nan_is_not_a_score_without_a_value(database: Database) -> None:
    run = new_run(database)
    case = Case("one", {"x": 1})
    scores = [
        ScoreInsert("nan", value=math.nan),
        ScoreInsert("infinite", value=-math.inf),
        ScoreInsert("none", label="blue"),
        ScoreInsert("broken", error="boom"),
    ]
    output = OutputInsert(run.id, datasets.case_digest(case), "one", 0, None, None, False, "ok", None, scores)

    def store(connection: runs.Connection) -> None:
        datasets.store_cases(connection, [case])
        outputs.store_outputs(connection, [output])

    database.write(store).result()
    with database.connect() as connection:
        (cell,) = outputs.cells(connection, [run.id])
    assert cell.scores["nan"].value is not None
    assert math.isnan(cell.scores["nan"].value)
    assert cell.scores["infinite"].value == -math.inf
    assert (cell.scores["none"].value, cell.scores["none"].label) == (None, "blue")
    assert (cell.scores["broken"].value, cell.scores["broken"].error) == (None, "boom")


def test_a_moment_comes_back_in_utc_whatever_zone_it_was_given_in(database: Database) -> None:
    given_at = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    run = database.write(
        lambda connection: runs.create_run(connection, kind="train", name="r", started_at=given_at)
    ).result()
    assert run.started_at == NOW
    assert run.started_at.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(Exception, match="has no time zone"):
        database.write(
            lambda connection: runs.create_run(connection, kind="train", name="r", started_at=naive)
        ).result()


def test_rendered_messages_come_back_in_order(database: Database) -> None:
    messages = (Message("system", "be\x00kind"), Message("user", "\ud800 hello"))
    database.write(lambda connection: outputs.store_rendered(connection, {"d": messages})).result()
    database.write(lambda connection: outputs.store_rendered(connection, {"d": ()})).result()
    with database.connect() as connection:
        assert outputs.rendered(connection, "d") == messages
        assert outputs.rendered(connection, "missing") == ()


def test_a_connection_only_reads(database: Database) -> None:
    with pytest.raises(Exception, match=r"read-?only"), database.connect() as connection:
        runs.create_run(connection, kind="train", name="r", started_at=NOW)


def test_closing_keeps_what_was_handed_in(database_url: str) -> None:
    database = Database.open(database_url)
    for number in range(50):
        database.write(
            lambda connection, number=number: runs.create_run(
                connection, kind="train", name=str(number), started_at=NOW
            )
        )
    database.close()
    database.close()
    with pytest.raises(DatabaseError, match="closed"):
        database.write(lambda _: None)
    with Database.open(database_url) as again, again.connect() as connection:
        assert [run.name for run in runs.list_runs(connection)] == [str(number) for number in range(49, -1, -1)]
