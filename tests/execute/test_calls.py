"""One call through its attempts: written down before it is sent, completed with its answer."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from promptlab import Lab, portal
from promptlab.errors import CallError
from promptlab.execute.budget import Budget
from promptlab.execute.calling import Caller, Tally, Worst
from promptlab.execute.cells import Cell, cache_key
from promptlab.execute.journal import Journal
from promptlab.execute.liveness import is_alive
from promptlab.execute.pace import Pace
from promptlab.execute.stopping import Stop, StoppedError
from promptlab.prompts.digest import canonical_json
from promptlab.store import cells as cell_rows
from promptlab.store import runs
from promptlab.types import Case, Message, Request, Response, Usage


@dataclass
class ScriptedModel:
    """Answers with what is next in `script`, or raises it."""

    script: list[object]
    name: str = "loop:model"
    provider: str = "loop"
    identity: str | None = "loop:model@here"
    endpoint: str | None = None
    concurrency: int = 4
    seen: list[Request] = field(default_factory=list)
    before: object = None
    prepared: int = 0

    async def generate(self, request: Request) -> Response:
        self.seen.append(request)
        if callable(self.before):
            self.before()
        following = self.script.pop(0)
        if isinstance(following, BaseException):
            raise following
        if isinstance(following, float):
            await asyncio.sleep(following)
            return Response("late")
        assert isinstance(following, Response)
        return following

    async def prepare(self) -> None:
        self.prepared += 1

    def stream(self, request: Request):
        raise NotImplementedError

    async def close(self) -> None:
        return None


def cell(model: ScriptedModel) -> Cell:
    request = Request((Message("user", "hello"),), {"max_tokens": 5})
    return Cell(Case("a", {"text": "hello"}), "digest", 0, request, None, None, cache_key(model, request))


def caller(lab: Lab, model: ScriptedModel, **more: object) -> Caller:
    values: dict = {
        "model": model,
        "journal": Journal(lab.database),
        "pace": Pace(fixed=4),
        "stop": Stop(),
        "tally": Tally(),
        "price": lambda _model, _response: 0.25,
    }
    return Caller(**(values | more))


@pytest.fixture
def run_id(lab: Lab) -> int:
    return (
        lab.database.write(
            lambda connection: runs.create_run(connection, kind="eval", name="r", started_at=datetime.now(UTC))
        )
        .result()
        .id
    )


def call(made: Caller, one: Cell, run_id: int, worst: Worst = Worst()):  # noqa: B008 - a frozen value
    async def scene():
        await made.enter(worst)
        called = await made.call(one, worst, run_id=run_id)
        await made.journal.close()
        return called

    return portal.run(scene())


def attempts(lab: Lab, run_id: int):
    return lab.database.read(lambda connection: cell_rows.attempts_of(connection, run_id))


def test_the_attempt_is_committed_before_the_request_is_sent(lab: Lab, run_id: int):
    model = ScriptedModel([Response("yes", usage=Usage(3, 2))])
    known: list[object] = []
    model.before = lambda: known.extend(attempts(lab, run_id))
    called = call(caller(lab, model), cell(model), run_id)
    assert [(attempt.status, attempt.key) for attempt in known] == [(None, "a")]
    (ended,) = attempts(lab, run_id)
    assert (ended.status, ended.usage, ended.cost_usd) == ("ok", Usage(3, 2), 0.25)
    assert called.response.cost_usd == 0.25
    key = cell(model).cache_key
    found = lab.database.read(lambda connection: cell_rows.find_answers(connection, [key]))
    assert (found[key].response.text, found[key].run_id) == ("yes", run_id)


def test_what_a_model_raises_that_it_should_not_is_a_failed_call_with_no_key_in_it(lab: Lab, run_id: int):
    model = ScriptedModel([ZeroDivisionError("sk-canary-1234567890 leaked")])
    made = caller(lab, model)
    called = call(made, cell(model), run_id)
    assert (called.status, made.tally.made, made.tally.failed) == ("client", 1, 1)
    assert "ZeroDivisionError" in called.error
    assert "canary" not in called.error
    assert made.pace.in_flight == 0


def test_only_what_may_pass_is_tried_again_and_every_attempt_is_a_row(lab: Lab, run_id: int):
    model = ScriptedModel(
        [
            CallError("rate_limited", "later", retry_after=0.0),
            CallError("server", "oops", retry_after=0.0),
            Response("ok"),
        ]
    )
    assert call(caller(lab, model), cell(model), run_id).status == "ok"
    assert [attempt.status for attempt in attempts(lab, run_id)] == ["rate_limited", "server", "ok"]
    model = ScriptedModel([CallError("quota", "pay first")])
    assert call(caller(lab, model), cell(model), run_id).status == "quota"


def test_a_stop_lets_nothing_new_out(lab: Lab, run_id: int):
    model = ScriptedModel([Response("never")])
    made = caller(lab, model)
    made.stop.tell("interrupted", "stop")
    with pytest.raises(StoppedError):
        call(made, cell(model), run_id)
    assert not model.seen
    assert [attempt.status for attempt in attempts(lab, run_id)] == ["cancelled"]


def test_a_call_that_is_cancelled_in_flight_is_known_and_its_place_and_money_are_settled(lab: Lab, run_id: int):
    model = ScriptedModel([60.0])
    budget = Budget(1.0)
    made = caller(lab, model, budget=budget)

    async def scene() -> None:
        sent = asyncio.Event()
        model.before = sent.set
        await made.enter(Worst())
        task = asyncio.create_task(made.call(cell(model), Worst(usd=0.4), run_id=run_id))
        await sent.wait()
        assert task in made.busy
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await made.journal.close()

    portal.run(scene())
    (attempt,) = attempts(lab, run_id)
    assert (attempt.status, made.pace.in_flight, made.busy) == ("cancelled", 0, set())
    # It may have been billed.
    assert (budget.spent_usd, budget.reserved_usd) == (0.4, 0.0)


def test_money_that_is_not_there_sends_nothing(lab: Lab, run_id: int):
    model = ScriptedModel([Response("never")])
    called = call(caller(lab, model, budget=Budget(0.1)), cell(model), run_id, Worst(usd=0.2))
    assert called.status == "budget"
    assert not model.seen
    assert not attempts(lab, run_id)


def test_the_cache_key_is_the_digest_of_its_canonical_json():
    import hashlib

    model = ScriptedModel([])
    request = Request(
        (Message("user", "é\ud800"), Message("assistant", "b")),
        {"temperature": 1.0, "stop": ["x"]},
        {"type": "object"},
        {},
        3,
    )
    content = {
        "model": model.identity,
        "settings": dict(request.settings),
        "messages": [[message.role, message.content] for message in request.messages],
        "response_schema": request.response_schema,
        "repeat": request.repeat,
    }
    assert cache_key(model, request) == hashlib.sha256(canonical_json(content).encode()).hexdigest()
    model.identity = None
    assert cache_key(model, request) is None


def test_one_broken_write_leaves_the_others_of_its_turn_alone(lab: Lab, run_id: int):
    journal = Journal(lab.database)

    def broken(_connection: object) -> None:
        raise ZeroDivisionError("no")

    async def scene() -> list[object]:
        good = [journal._hand_in(lambda _connection, n=n: n) for n in range(3)]
        bad = journal._hand_in(broken)
        return await asyncio.gather(*good, bad, return_exceptions=True)

    results = portal.run(scene())
    assert results[:3] == [0, 1, 2]
    assert isinstance(results[3], ZeroDivisionError)


def test_a_process_is_alive_while_it_lives_and_was_there_before_its_last_heartbeat(lab: Lab, run_id: int):
    (row,) = lab.runs()
    here = replace(row, host=socket.gethostname(), pid=os.getpid(), heartbeat_at=datetime.now(UTC))
    assert is_alive(here)
    assert not is_alive(replace(here, status="finished"))
    assert is_alive(replace(here, host="elsewhere", pid=1))
    # The same number, but the process that has it now began after the run was last heard of.
    assert not is_alive(replace(here, heartbeat_at=datetime.now(UTC) - timedelta(days=30)))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_process_that_is_dead_but_not_buried_is_dead(lab: Lab, run_id: int):
    (row,) = lab.runs()
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    for _ in range(200):
        if Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.05)
    now = datetime.now(UTC)
    assert not is_alive(replace(row, host=socket.gethostname(), pid=process.pid, heartbeat_at=now))
    process.wait()
    assert not is_alive(replace(row, host=socket.gethostname(), pid=process.pid, heartbeat_at=now))
