"""What running calls write, gathered: all that arrives in one turn of the event loop is one write of the database.

An attempt is committed before its request is sent. An answer is handed in the moment it arrives and does not wait for
its scores; the output that uses it is written behind it, in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from promptlab.store import outputs
from promptlab.store.database import Connection, Database
from promptlab.store.rows import AttemptStart, OutputInsert
from promptlab.types import CellStatus, Message, Response

T = TypeVar("T")


@dataclass(slots=True)
class StoredAnswer:
    """An answer that is on its way into the database; `id` is known once it is there."""

    id: int | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    write: Callable[[Connection], Any]
    waiter: asyncio.Future[Any] | None


class Journal:
    """The writes of the calls of one event loop. Order is kept; what was handed in is written, whoever is cancelled."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: list[_Entry] = []
        self._flushes: set[asyncio.Task[None]] = set()
        self._failure: Exception | None = None

    async def begin(self, start: AttemptStart) -> int:
        """The id of a new attempt, committed: now its request may be sent."""
        attempt_id: int = await self._hand_in(lambda connection: outputs.begin_attempts(connection, [start])[0])
        return attempt_id

    def fail(self, attempt_id: int, *, status: CellStatus, error: str) -> asyncio.Future[None]:
        """Notes how an attempt ended without an answer; to be awaited, or not where nobody can wait any more."""
        at = datetime.now(UTC)
        return self._hand_in(
            lambda connection: outputs.finish_attempt(connection, attempt_id, status=status, error=error, ended_at=at)
        )

    def answer(self, attempt_id: int, *, cache_key: str | None, response: Response) -> StoredAnswer:
        """The answer that an attempt ended with, handed in; both are written or neither."""
        stored = StoredAnswer()
        at = datetime.now(UTC)

        def write(connection: Connection) -> None:
            # Set anew each time, since a write may run twice.
            stored.id = outputs.finish_with_answer(
                connection,
                attempt_id,
                cache_key=cache_key or "",
                reusable=cache_key is not None,
                response=response,
                ended_at=at,
            )

        self._hand_in(write, waited=False)
        return stored

    def answers(
        self, attempt_id: int, answers: Sequence[tuple[str | None, Response]], *, whole: Response
    ) -> asyncio.Future[None]:
        """What an attempt got for several questions, by their cache keys, handed in; to be awaited.

        whole: all of it together, for the attempt: its usage and its cost.
        """
        at = datetime.now(UTC)

        def write(connection: Connection) -> None:
            outputs.finish_attempt(
                connection,
                attempt_id,
                status=whole.status,
                usage=whole.usage,
                cost_usd=whole.cost_usd,
                ended_at=at,
            )
            for cache_key, response in answers:
                outputs.store_answer(
                    connection,
                    response=response,
                    attempt_id=attempt_id,
                    cache_key=cache_key or "",
                    reusable=cache_key is not None,
                )

        return self._hand_in(write)

    async def output(self, output: Callable[[], OutputInsert]) -> None:
        """Stores an ended cell. output: makes the row when its answer has been written, so that its id is known."""
        await self._hand_in(lambda connection: outputs.store_outputs(connection, [output()]))

    def rendered(self, messages: Mapping[str, Sequence[Message]]) -> None:
        """Rendered prompts by digest, handed in before the outputs that name them."""
        if messages:
            self._hand_in(lambda connection: outputs.store_rendered(connection, messages), waited=False)

    async def outputs(self, rows: Sequence[OutputInsert]) -> None:
        """Stores cells whose answers were there before."""
        if rows:
            await self._hand_in(lambda connection: outputs.store_outputs(connection, rows))

    async def close(self) -> None:
        """Waits until all that was handed in is written; raises the failure of a write that nobody waited for."""
        self._flush()
        while self._flushes:
            await asyncio.gather(*self._flushes)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _hand_in(self, write: Callable[[Connection], T], *, waited: bool = True) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        if not self._entries:
            loop.call_soon(self._flush)
        self._entries.append(_Entry(write, waiter if waited else None))
        return waiter

    def _flush(self) -> None:
        entries, self._entries = self._entries, []
        if entries:
            task = asyncio.get_running_loop().create_task(self._write(entries))
            self._flushes.add(task)
            task.add_done_callback(self._flushes.discard)

    async def _write(self, entries: list[_Entry]) -> None:
        try:
            results = await self._database.commit(lambda connection: [entry.write(connection) for entry in entries])
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits for the write
            if len(entries) > 1:
                # One of them is wrong: the others must not suffer for it.
                for entry in entries:
                    await self._write([entry])
                return
            waiter = entries[0].waiter
            if waiter is None:
                self._failure = self._failure or error
            elif not waiter.done():
                waiter.set_exception(error)
            return
        for entry, result in zip(entries, results, strict=True):
            if entry.waiter is not None and not entry.waiter.done():
                entry.waiter.set_result(result)
