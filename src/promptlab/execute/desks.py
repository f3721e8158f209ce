"""Questions of evaluators to one base model: answered from the cache, gathered, sent together, each only once.

A question is answered by a text: an embedding or a likelihood, packed. Who asks the same as somebody else waits for
the same answer, in this run or another one of this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from promptlab.errors import CallError
from promptlab.execute.calling import Call, Called, Caller, Worst
from promptlab.execute.flights import Flight, Flights, Landing
from promptlab.execute.journal import Journal
from promptlab.execute.stopping import StoppedError
from promptlab.redact import redact
from promptlab.store.rows import AnswerRow, Purpose
from promptlab.types import ErrorStatus, Response


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one text. key: its content address; None: never reused.

    group: questions of one group, and only these, may be sent together. content: for who sends it.
    """

    key: str | None
    group: str
    content: Any


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model said to several questions, in order; whole: usage, seconds and cost of all of them together."""

    texts: Sequence[str]
    whole: Response


@dataclass(slots=True)
class _Entry:
    """A question with who waits for its landing. flight: where this desk is the one that asks."""

    question: Question
    place: asyncio.Future[Landing | None]
    flight: Flight | None = None


@dataclass(slots=True)
class Desk:
    """The questions of one kind of one run to one model.

    send: asks the model, once; raises CallError. most: questions sent together. pause_seconds: how long a request that
    is not full waits for more. worst: what a request may take at most. look_up: answers by key. start: a task that is
    ended with the run. told: hears how each call ended.
    """

    run_id: int
    purpose: Purpose
    caller: Caller
    flights: Flights
    journal: Journal
    send: Callable[[Sequence[Question]], Awaitable[Answers]]
    most: int
    pause_seconds: float
    worst: Callable[[Sequence[Question]], Worst]
    look_up: Callable[[Sequence[str]], Mapping[str, AnswerRow]]
    start: Callable[[Coroutine[Any, Any, None]], object]
    told: Callable[[Called], None]
    _open: dict[str, asyncio.Future[Landing | None]] = field(default_factory=dict)
    _new: list[_Entry] = field(default_factory=list)
    _queue: list[_Entry] = field(default_factory=list)
    _sending: bool = False

    async def ask(self, questions: Sequence[Question]) -> list[str]:
        """The answers, in order.

        Raises CallError where one of them could not be had, CancelledError where the run was told to stop before.
        """
        places = [self._place(question) for question in questions]
        landings = [await place for place in places]
        texts = []
        for landing in landings:
            if landing is None:
                # Not an error of the evaluator: whose cell this is has not ended, and is taken up again by a resume.
                raise asyncio.CancelledError
            if landing.response is None:
                raise CallError(cast("ErrorStatus", landing.status), landing.error or "no answer")
            texts.append(landing.response.text)
        return texts

    def _place(self, question: Question) -> asyncio.Future[Landing | None]:
        """Where the question's landing will be; an entry is made where nobody has asked it."""
        known = None if question.key is None else self._open.get(question.key)
        if known is not None:
            return known
        place: asyncio.Future[Landing | None] = asyncio.get_running_loop().create_future()
        if question.key is not None:
            self._open[question.key] = place
        self._enter(_Entry(question, place))
        return place

    def _enter(self, entry: _Entry) -> None:
        if not self._new:
            # All that is asked in this turn of the loop is looked up together.
            asyncio.get_running_loop().call_soon(self._begin)
        self._new.append(entry)

    def _begin(self) -> None:
        entries, self._new = self._new, []
        self.start(self._serve(entries))

    async def _serve(self, entries: Sequence[_Entry]) -> None:
        """Answers what is known; what is not is queued, or somebody else's to ask."""
        settled = False
        followed: list[tuple[_Entry, Flight]] = []
        try:
            keys = [entry.question.key for entry in entries if entry.question.key is not None]
            with self.flights.looking():
                found = await asyncio.to_thread(self.look_up, keys) if keys else {}
                for entry in entries:
                    key = entry.question.key
                    if key is None:
                        self._queue.append(entry)
                    elif key in found:
                        answer = found[key]
                        self._land(entry, Landing(answer.response.status, answer.id, answer.response))
                    elif (flight := self.flights.find(key)) is not None:
                        followed.append((entry, flight))
                    else:
                        entry.flight = self.flights.start(key)
                        self._queue.append(entry)
            for entry, flight in followed:
                self.start(self._follow(entry, flight))
            if self._queue and not self._sending:
                self._sending = True
                self.start(self._send_all())
            settled = True
        except Exception as error:  # noqa: BLE001 - whoever waits is told; the run's own writes show it too
            self._fail(entries, error)
            settled = True
        finally:
            if not settled:
                self._give_up(entries)

    async def _follow(self, entry: _Entry, flight: Flight) -> None:
        landing: Landing | None = None
        try:
            landing = await flight.landing
        except BaseException:
            self._land(entry, None)
            raise
        if landing is None and not self.caller.stop.requested:
            # Who asked has given up.
            self._enter(entry)
        else:
            self._land(entry, landing)

    async def _send_all(self) -> None:
        """Sends what is queued, request by request, each when there is a place in flight."""
        try:
            while self._queue:
                if self.pause_seconds and len(self._queue) < self.most:
                    await asyncio.sleep(self.pause_seconds)
                if self.caller.stop.requested:
                    return
                batch = self._take()
                try:
                    worst = self.worst([entry.question for entry in batch])
                    await self.caller.enter(worst)
                except BaseException:
                    self._give_up(batch)
                    raise
                self.start(self._send(batch, worst))
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(self._queue, error)
            self._queue = []
        finally:
            self._sending = False
            self._give_up(self._queue)
            self._queue = []

    def _take(self) -> list[_Entry]:
        """The first questions of the queue that may be sent together."""
        group = self._queue[0].question.group
        count = 1
        while count < min(self.most, len(self._queue)) and self._queue[count].question.group == group:
            count += 1
        batch, self._queue = self._queue[:count], self._queue[count:]
        return batch

    async def _send(self, batch: Sequence[_Entry], worst: Worst) -> None:
        """One request and what comes of it, a place in flight having been entered."""
        try:
            called, landings = await self._call(batch, worst)
            if called.divisible and len(batch) > 1:
                # One text that the server does not take must not fail the others.
                for part in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                    least = self.worst([entry.question for entry in part])
                    await self.caller.enter(least)
                    await self._send(part, least)
                return
            for entry, landing in zip(batch, landings, strict=True):
                self._land(entry, landing)
        except StoppedError:
            return
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(batch, error)
        finally:
            task = asyncio.current_task()
            if task is not None:
                self.caller.busy.discard(task)
            self._give_up(batch)

    async def _call(self, batch: Sequence[_Entry], worst: Worst) -> tuple[Called, list[Landing]]:
        questions = [entry.question for entry in batch]
        texts: list[str] = []
        stored: list[tuple[list[Response], asyncio.Future[None]]] = []

        async def send() -> Response:
            answers = await self.send(questions)
            texts[:] = answers.texts
            return answers.whole

        def keep(attempt_id: int, whole: Response) -> None:
            share = 1 / len(questions)
            cost = None if whole.cost_usd is None else whole.cost_usd * share
            found = [Response(text, seconds=whole.seconds * share, cost_usd=cost) for text in texts]
            keyed = [(question.key, response) for question, response in zip(questions, found, strict=True)]
            stored.append((found, self.journal.answers(attempt_id, keyed, whole=whole)))

        call = Call(self.purpose, questions[0].key, send, keep)
        called = await self.caller.make(call, worst, run_id=self.run_id)
        self.told(called)
        if called.response is None:
            return called, [Landing(called.status, error=called.error)] * len(batch)
        found, written = stored[-1]
        # Only what is in the database may be forgotten here.
        await written
        return called, [Landing("ok", response=response) for response in found]

    def _land(self, entry: _Entry, landing: Landing | None) -> None:
        key = entry.question.key
        if key is not None:
            self._open.pop(key, None)
            if entry.flight is not None:
                self.flights.end(key, entry.flight, landing)
        if not entry.place.done():
            entry.place.set_result(landing)

    def _give_up(self, entries: Sequence[_Entry]) -> None:
        for entry in entries:
            if not entry.place.done():
                self._land(entry, None)

    def _fail(self, entries: Sequence[_Entry], error: Exception) -> None:
        for entry in entries:
            if not entry.place.done():
                self._land(entry, Landing("client", error=redact(f"{type(error).__name__}: {error}")))
