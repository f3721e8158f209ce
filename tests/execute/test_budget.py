import asyncio
import random
import time
from collections.abc import Awaitable
from typing import Any

import pytest

from promptlab.errors import UsageError
from promptlab.execute.budget import Budget, worst_case_usd
from promptlab.pricing import Price, Tier


async def settle_down(coroutine: Awaitable[bool]) -> "asyncio.Future[bool]":
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    return task


async def spend(
    budget: Budget,
    *,
    cells: int,
    in_flight: int,
    worst: float,
    actual: float | None,
    failing: float = 0.0,
    seed: int = 0,
) -> int:
    """How many of so many calls were made, each ending after a random time; some end in a failure of some kind."""
    rng = random.Random(seed)
    places = asyncio.Semaphore(in_flight)
    made = 0

    async def call() -> None:
        nonlocal made
        async with places:
            if not await budget.reserve(worst):
                return
            made += 1
            for _ in range(rng.randrange(8)):
                await asyncio.sleep(0)
            if rng.random() < failing:
                budget.settle(worst, billed=rng.choice(["no", "maybe"]))  # type: ignore[arg-type]
            else:
                budget.settle(worst, actual, billed="yes")
            assert budget.spent_usd + budget.reserved_usd <= budget.max_usd

    await asyncio.gather(*(call() for _ in range(cells)))
    return made


def test_a_dollar_pays_for_a_hundred_calls_of_a_cent_with_sixteen_in_flight_and_not_for_one_more() -> None:
    budget = Budget(1.0)
    made = asyncio.run(spend(budget, cells=500, in_flight=16, worst=0.01, actual=0.01))
    assert made == 100
    assert (budget.spent_usd, budget.reserved_usd, budget.is_spent) == (1.0, 0.0, True)


@pytest.mark.parametrize("seed", range(5))
def test_failures_never_take_a_budget_above_its_limit(seed: int) -> None:
    budget = Budget(1.0)
    asyncio.run(spend(budget, cells=500, in_flight=16, worst=0.01, actual=0.01, failing=0.3, seed=seed))
    assert 0.99 <= budget.spent_usd <= 1.0


def test_what_calls_give_back_is_spent_on_others() -> None:
    budget = Budget(1.0)
    made = asyncio.run(spend(budget, cells=5000, in_flight=16, worst=0.05, actual=0.001))
    # With less than one worst case left, nothing is risked any more.
    assert made >= 950
    assert 0.95 <= budget.spent_usd <= 1.0


def test_a_call_waits_for_money_in_flight_and_is_refused_where_none_can_come_back() -> None:
    async def body() -> None:
        budget = Budget(1.0)
        assert await budget.reserve(0.6)
        waiting = await settle_down(budget.reserve(0.6))
        assert not waiting.done()
        budget.settle(0.6, 0.3, billed="yes")
        assert await waiting
        budget.settle(0.6, 0.5, billed="yes")
        assert not await budget.reserve(0.3)
        assert budget.spent_usd == 0.8

    asyncio.run(body())


def test_a_call_that_cannot_fit_even_if_all_in_flight_were_free_is_refused_at_once() -> None:
    async def body() -> None:
        budget = Budget(1.0)
        assert await budget.reserve(0.5)
        assert not await budget.reserve(1.01)

    asyncio.run(body())


def test_once_refused_everything_is_refused_but_what_is_free() -> None:
    async def body() -> None:
        budget = Budget(1.0)
        assert await budget.reserve(0.9)
        first, second = await settle_down(budget.reserve(0.95)), await settle_down(budget.reserve(0.2))
        budget.settle(0.9, 0.5, billed="yes")
        assert not await first
        assert not await second
        assert not await budget.reserve(0.01)
        assert await budget.reserve(0.0)
        assert budget.explanation == (
            "the budget is used up: 0.50 of 1.00 US dollars are spent, and the next call may cost 0.95"
        )

    asyncio.run(body())


@pytest.mark.parametrize(
    ("actual", "billed", "spent"),
    [(0.2, "yes", 0.2), (None, "yes", 0.5), (0.7, "yes", 0.7), (None, "maybe", 0.5), (None, "no", 0.0)],
)
def test_what_a_call_costs_in_the_end(actual: float | None, billed: Any, spent: float) -> None:
    async def body() -> None:
        budget = Budget(1.0)
        assert await budget.reserve(0.5)
        assert budget.reserved_usd == 0.5
        budget.settle(0.5, actual, billed=billed)
        assert (budget.spent_usd, budget.reserved_usd) == (spent, 0.0)

    asyncio.run(body())


def test_money_is_given_out_in_the_order_of_coming() -> None:
    async def body() -> None:
        budget = Budget(1.0)
        assert await budget.reserve(0.9)
        order: list[str] = []

        async def call(name: str, worst: float) -> None:
            assert await budget.reserve(worst)
            order.append(name)

        # The second would fit, but it does not overtake the first.
        calls = [asyncio.ensure_future(call("dear", 0.5)), asyncio.ensure_future(call("cheap", 0.05))]
        await asyncio.sleep(0)
        assert order == []
        budget.settle(0.9, billed="no")
        await asyncio.gather(*calls)
        assert order == ["dear", "cheap"]

    asyncio.run(body())


def test_a_cancelled_call_reserves_nothing_whether_it_still_waited_or_not() -> None:
    async def body() -> None:
        budget = Budget(1.0)
        assert await budget.reserve(0.9)
        waiting = [await settle_down(budget.reserve(0.9)) for _ in range(3)]
        behind = await settle_down(budget.reserve(0.1))
        waiting[0].cancel()
        budget.settle(0.9, billed="no")
        # The second has been given the money but has not run yet.
        waiting[1].cancel()
        assert await waiting[2]
        assert await behind
        assert budget.reserved_usd == 1.0
        budget.settle(0.9, billed="no")
        budget.settle(0.1, billed="no")
        assert (budget.spent_usd, budget.reserved_usd) == (0.0, 0.0)

    asyncio.run(body())


def test_who_waits_behind_a_cancelled_call_goes_on() -> None:
    async def body() -> None:
        budget = Budget(1.0)
        assert await budget.reserve(0.5)
        dear, cheap = await settle_down(budget.reserve(0.9)), await settle_down(budget.reserve(0.4))
        dear.cancel()
        assert await cheap

    asyncio.run(body())


def test_an_answer_without_a_bound_is_said() -> None:
    async def body() -> None:
        budget = Budget(0.001)
        budget.bounded = False
        assert not await budget.reserve(0.002)
        assert budget.explanation.endswith("max_tokens is not set: an answer may cost more than was reserved")

    asyncio.run(body())


def test_a_budget_of_nothing_lets_through_what_is_free() -> None:
    async def body() -> None:
        budget = Budget(0)
        assert await budget.reserve(0.0)
        assert not await budget.reserve(0.0000001)
        assert budget.explanation.endswith("0.00 of 0.00 US dollars are spent, and the next call may cost 0.0000001")

    asyncio.run(body())


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf"), True])
def test_a_budget_that_is_no_amount_is_refused(wrong: float) -> None:
    with pytest.raises(UsageError, match="is no amount"):
        Budget(wrong)


def test_the_worst_case_is_the_dearest_rate_of_every_token() -> None:
    price = Price(1.0, 4.0, 0.1, "a table", tiers=(Tier(2.0, 3.0, 0.2, 1000),), request_usd=0.5)
    assert worst_case_usd(price, input_tokens=1000, output_tokens=100) == 0.5 + 0.001 + 0.0004
    # The tier's input is dearer, its output cheaper; a call is in one of the two.
    assert worst_case_usd(price, input_tokens=2000, output_tokens=100) == 0.5 + 0.004 + 0.0003
    assert worst_case_usd(price, input_tokens=1001, output_tokens=100_000) == 0.5 + 0.001001 + 0.4
    assert worst_case_usd(Price(0.0, 0.0, None, "runs here"), input_tokens=9, output_tokens=9) == 0.0


def test_half_a_price_has_no_worst_case_and_the_message_says_what_to_write() -> None:
    price = Price(1.0, None, None, "promptlab.toml [endpoints.x]")
    with pytest.raises(UsageError, match=r"^promptlab.toml \[endpoints.x\] has no price.* output_usd_per_million"):
        worst_case_usd(price, input_tokens=10, output_tokens=1)


def test_a_reservation_takes_a_small_part_of_a_call() -> None:
    price = Price(0.15, 0.6, 0.075, "a table")

    async def body() -> float:
        budget = Budget(1000)
        started = time.process_time()
        for _ in range(2000):
            worst = worst_case_usd(price, input_tokens=500, output_tokens=20)
            assert await budget.reserve(worst)
            budget.settle(worst, 0.0000301, billed="yes")
        return (time.process_time() - started) / 2000

    # Measured 8 microseconds; the bound is loose, since other processes disturb the figure.
    assert asyncio.run(body()) < 80e-6
