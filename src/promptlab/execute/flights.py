"""Identical calls in flight become one: the first asks, the others wait for its answer."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

from promptlab.store.database import Database
from promptlab.types import CellStatus, Response


@dataclass(frozen=True, slots=True)
class Landing:
    """How a call ended: with a stored answer, or with the error that all its retries came to."""

    status: CellStatus
    answer_id: int | None = None
    response: Response | None = None
    error: str | None = None


class Flight:
    """A call that somebody is making. Await `landing`: None where it was given up before it ended."""

    def __init__(self, landing: asyncio.Future[Landing | None]) -> None:
        self.landing = landing

    def land(self, landing: Landing | None) -> None:
        """Tells those who wait; the first word counts."""
        if not self.landing.done():
            self.landing.set_result(landing)


class Flights:
    """The calls in flight to one database, by cache key; used on one event loop.

    A call is registered before the cache is asked for the next ones, and stays known as long as somebody who asked
    the cache before it landed may still be looking: so no two ever miss each other.
    """

    def __init__(self) -> None:
        self._known: dict[str, Flight] = {}
        self._looking = 0
        self._landed: list[str] = []

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """To be held from before the cache is asked until every call that it did not have is registered."""
        self._looking += 1
        try:
            yield
        finally:
            self._looking -= 1
            if not self._looking:
                for key in self._landed:
                    self._forget(key)
                self._landed.clear()

    def find(self, key: str) -> Flight | None:
        """The flight of this key; None where nobody is making the call."""
        return self._known.get(key)

    def start(self, key: str) -> Flight:
        """A new flight; whoever starts it has to end it."""
        flight = Flight(asyncio.get_running_loop().create_future())
        self._known[key] = flight
        return flight

    def end(self, key: str, flight: Flight, landing: Landing | None) -> None:
        """Tells those who wait how it ended, and forgets it; nothing where it has ended already."""
        if flight.landing.done():
            return
        flight.land(landing)
        if self._known.get(key) is not flight:
            return
        if landing is None or not self._looking:
            del self._known[key]
        else:
            self._landed.append(key)

    def _forget(self, key: str) -> None:
        flight = self._known.get(key)
        if flight is not None and flight.landing.done():
            del self._known[key]


_flights: weakref.WeakKeyDictionary[Database, Flights] = weakref.WeakKeyDictionary()


def flights_of(database: Database) -> Flights:
    """The flights of a database: every evaluation and try of this process shares them."""
    return _flights.setdefault(database, Flights())
