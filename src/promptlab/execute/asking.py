"""A cell that needs a call: one asks, others that need the very same call wait for its answer."""

from __future__ import annotations

import asyncio

from promptlab.execute.calling import Caller, Worst
from promptlab.execute.cells import Cell, Outcome
from promptlab.execute.crew import Crew
from promptlab.execute.flights import Flight, Flights, Landing
from promptlab.execute.session import Column
from promptlab.execute.stopping import StoppedError
from promptlab.execute.storing import store_called, store_outcomes


def register(flights: Flights, cell: Cell, *, shared: bool) -> tuple[Flight | None, bool]:
    """The flight that answers a cell, and whether this cell is the one that asks.

    shared: whether an answer to the same call will do. None where the call is its own.
    """
    if not shared or cell.cache_key is None:
        return None, True
    flight = flights.find(cell.cache_key)
    if flight is not None:
        return flight, False
    return flights.start(cell.cache_key), True


def landed(cell: Cell, landing: Landing) -> Outcome:
    """The outcome of a cell whose call somebody else has made."""
    return Outcome(cell, landing.status, landing.response, landing.answer_id, cached=True, error=landing.error)


async def lead(crew: Crew, column: Column, cell: Cell, worst: Worst, flight: Flight | None) -> None:
    """Asks for a cell's answer, a place in flight having been entered, and stores what comes of it."""
    caller = crew.caller(column)
    task = asyncio.current_task()
    landing: Landing | None = None
    try:
        called = await caller.call(cell, worst, run_id=column.run.id)
        if called.response is not None:
            crew.worst_cases.learn(caller.model, called.response)
        elif called.status == "budget":
            crew.session.overspent = True
        answer_id = await store_called(crew.session, column, cell, called)
        landing = Landing(called.status, answer_id, called.response, called.error)
    except StoppedError:
        return
    finally:
        if task is not None:
            caller.busy.discard(task)
        if flight is not None:
            crew.flights.end(cell.cache_key or "", flight, landing)


async def follow(crew: Crew, column: Column, cell: Cell, flight: Flight) -> None:
    """Takes the answer of the same call that somebody else is making; asks itself where that one was given up."""
    while True:
        landing = await flight.landing
        if landing is not None:
            await store_outcomes(crew.session, column, [landed(cell, landing)])
            return
        other, leads = register(crew.flights, cell, shared=True)
        if leads:
            await enter_and_lead(crew, column, crew.caller(column), cell, other)
            return
        flight = other or flight


async def enter_and_lead(crew: Crew, column: Column, caller: Caller, cell: Cell, flight: Flight | None) -> None:
    """Waits for a place in flight, then asks."""
    worst = crew.worst_cases.of(caller.model, cell)
    try:
        await caller.enter(worst)
    except BaseException:
        if flight is not None:
            crew.flights.end(cell.cache_key or "", flight, None)
        raise
    await lead(crew, column, cell, worst, flight)
