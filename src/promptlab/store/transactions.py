"""Transactions that happen exactly once, however often the database is busy, restarted or out of reach meanwhile."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.engine import Connection, Engine

from promptlab.store.failures import is_busy, is_lost
from promptlab.store.marks import Marks

RECONNECT_SECONDS = 60.0
"""How long a server that cannot be reached is waited for before what waits for it fails."""

BUSY_ATTEMPTS = 4
"""How often a busy SQLite database is tried; each try waits for the lock as long as the engine says."""

CONFLICT_ATTEMPTS = 20
"""How often a transaction runs that a server ended because others were in its way."""

ALONE_AFTER = 3
"""After so many conflicts a transaction runs while no other writer's does."""

_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 1.0


class Patience:
    """Waits for a server that cannot be reached, in pauses that grow to a second, up to RECONNECT_SECONDS."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._asked = 0.0
        self._pauses = 0

    def pause(self, error: BaseException) -> None:
        """Sleeps before the next try; raises the error where the server has been away for too long."""
        now = time.monotonic()
        if self._since is None or now - self._asked > RECONNECT_SECONDS:
            self._since, self._pauses = now, 0
        self._asked = now
        if now - self._since > RECONNECT_SECONDS:
            raise error
        time.sleep(pause_seconds(self._pauses))
        self._pauses += 1

    def reset(self) -> None:
        """Starts anew: the server has answered."""
        self._since = None


class Transactions:
    """Runs functions of a connection in transactions, one after the other, on a connection that it keeps.

    A lost connection is replaced, and the functions run again unless their commit is known to have happened. Owned
    by one thread.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._marks = Marks() if engine.dialect.name == "postgresql" else None
        self._patience = Patience()

    def run(self, functions: Sequence[Callable[[Connection], Any]]) -> list[Any]:
        """What the functions gave, committed together; raises what one raised, with nothing written.

        They run again where others were in the way or the connection was lost. Raises the driver's error where the
        database stays busy, or out of reach for RECONNECT_SECONDS.
        """
        conflicts = 0
        attempts = BUSY_ATTEMPTS if self._marks is None else CONFLICT_ATTEMPTS
        while True:
            try:
                results = self._once(functions, alone=conflicts >= ALONE_AFTER)
            except BaseException as error:
                if is_lost(error):
                    self.close()
                    self._patience.pause(error)
                    continue
                conflicts += 1
                if not is_busy(error) or conflicts >= attempts:
                    raise
                time.sleep(pause_seconds(conflicts))
                continue
            self._patience.reset()
            return results

    def end(self) -> None:
        """Closes the connection for good, and takes the writer's mark away where the server can be reached."""
        if self._marks is not None and self._connection is not None:
            with contextlib.suppress(Exception), self._connection.begin():
                self._marks.remove(self._connection)
        self.close()

    def close(self) -> None:
        """Closes the connection, also a broken one; the next transaction makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.invalidate()
            with contextlib.suppress(Exception):
                connection.close()

    def _once(self, functions: Sequence[Callable[[Connection], Any]], *, alone: bool) -> list[Any]:
        connection = self._connected()
        mark = 0
        transaction = connection.begin()
        try:
            if self._marks is not None:
                mark = self._marks.leave(connection, alone=alone)
            results = [function(connection) for function in functions]
        except BaseException:
            with contextlib.suppress(Exception):  # what is lost has been rolled back by the server
                transaction.rollback()
            raise
        try:
            transaction.commit()
        except BaseException as error:
            if self._marks is None or not is_lost(error):
                with contextlib.suppress(Exception):
                    transaction.rollback()
                raise
            if not self._is_committed(self._marks, mark, error):
                raise
        return results

    def _is_committed(self, marks: Marks, mark: int, error: BaseException) -> bool:
        """Whether a transaction was committed whose COMMIT was sent and never answered."""
        while True:
            self.close()
            self._patience.pause(error)
            try:
                connection = self._connected()
                with connection.begin():
                    return marks.is_committed(connection, mark)
            except Exception as caught:
                if not is_lost(caught) and not is_busy(caught):
                    raise
                error = caught

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
            if self._marks is not None:
                with self._connection.begin():
                    self._marks.register(self._connection)
        return self._connection


def pause_seconds(tries: int) -> float:
    """How long to sleep after so many tries: longer each time, at most a second, and never the same for two."""
    longest = min(_FIRST_PAUSE_SECONDS * 2.0 ** min(tries, 10), _LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
