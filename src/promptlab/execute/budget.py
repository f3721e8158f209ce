"""The budget of what one command runs: money is reserved before each call, so that it is never passed.

Amounts are decimals, made of the digits that a number is written with: 100 calls of 0.01 are exactly 1.00, which they
are not in binary floating point. Whole nano-dollars would be as exact for most prices, but not for a token at 0.0375
US dollars a million. All on one event loop, no locks.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from decimal import Decimal
from typing import Literal, TypeAlias

from promptlab.errors import UsageError
from promptlab.pricing import Price, exact
from promptlab.types import Usage

Billed: TypeAlias = Literal["no", "maybe", "yes"]
"""Whether the provider charges for a call: surely not (refused, never sent); nobody knows (it broke off); it does."""

_NOTHING = Decimal(0)


class Budget:
    """So many US dollars for all calls of one command, whoever makes them.

    A call that does not fit waits while calls in flight may still give money back, in the order of coming. Where even
    that could not make room, the budget is spent: that call and every later one that costs anything is refused, also
    a cheaper one that would still fit, since answers only to the short questions would be a biased sample.

    bounded: False once money was reserved for an answer without max_tokens, which may cost more than was reserved.
    """

    def __init__(self, max_cost_usd: float) -> None:
        """max_cost_usd: from 0, where only what is free can be called. Raises UsageError where it is no amount."""
        if isinstance(max_cost_usd, bool) or not math.isfinite(max_cost_usd) or max_cost_usd < 0:
            raise UsageError(f"a budget of {max_cost_usd} US dollars is no amount; it is a number from 0, such as 0.5")
        self.bounded = True
        self._most = exact(max_cost_usd)
        self._spent = _NOTHING
        self._reserved = _NOTHING
        self._refused: Decimal | None = None
        self._waiting: deque[tuple[asyncio.Future[bool], Decimal]] = deque()

    @property
    def max_usd(self) -> float:
        """What may be spent, in US dollars."""
        return float(self._most)

    @property
    def spent_usd(self) -> float:
        """What was spent, in US dollars, with what nobody knows whether it was billed."""
        return float(self._spent)

    @property
    def reserved_usd(self) -> float:
        """What calls in flight may cost at most, in US dollars."""
        return float(self._reserved)

    @property
    def is_spent(self) -> bool:
        """Whether a call was refused."""
        return self._refused is not None

    @property
    def explanation(self) -> str:
        """Why a call was refused, in words; how things stand where none was."""
        stand = f"{_words(self._spent)} of {_words(self._most)} US dollars are spent"
        if self._refused is None:
            return stand
        loose = "" if self.bounded else "; max_tokens is not set: an answer may cost more than was reserved"
        return f"the budget is used up: {stand}, and the next call may cost {_words(self._refused)}{loose}"

    async def reserve(self, worst_usd: float) -> bool:
        """Whether a call that may cost so much can be made; `settle` gives back what it did not cost.

        True: reserved. False: the budget is spent. Waits while that is not decided; who is cancelled has reserved
        nothing. A call that costs nothing is always let through.
        """
        amount = exact(worst_usd)
        if not amount:
            return True
        if self._refused is not None:
            return False
        if not self._waiting and self._fits(amount):
            self._reserved += amount
            return True
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((place, amount))
        self._wake()
        try:
            return await place
        except asyncio.CancelledError:
            if not place.cancelled() and place.result():
                self._reserved -= amount
            self._wake()
            raise

    def settle(self, reserved_usd: float, actual_usd: float | None = None, *, billed: Billed) -> None:
        """Ends a reservation of so much.

        billed: `yes`: it cost actual_usd, or where that is unknown what was reserved. `maybe`: what was reserved
        counts as spent, since nothing says that it was not. `no`: all of it comes back.
        """
        amount = exact(reserved_usd)
        self._reserved -= amount
        if billed == "yes" and actual_usd is not None:
            self._spent += exact(actual_usd)
        elif billed != "no":
            self._spent += amount
        self._wake()

    def _fits(self, amount: Decimal) -> bool:
        return self._spent + self._reserved + amount <= self._most

    def _wake(self) -> None:
        while self._waiting:
            place, amount = self._waiting[0]
            if not place.done():
                if self._refused is not None:
                    place.set_result(False)
                elif self._fits(amount):
                    self._reserved += amount
                    place.set_result(True)
                elif self._spent + amount > self._most:
                    # Not even if everything in flight turned out to be free.
                    self._refused = amount
                    place.set_result(False)
                else:
                    return
            self._waiting.popleft()


def worst_case_usd(price: Price, *, input_tokens: int, output_tokens: int) -> float:
    """The most that a call of at most so many tokens may cost, in US dollars, each token at its dearest rate.

    input_tokens: `most_input_tokens`. output_tokens: max_tokens makes this a true bound, anything else a guess, of
    which Budget.bounded keeps note. Raises UsageError where a rate of the price is unknown.
    """
    most = 0.0
    for rates in price.rates(input_tokens):
        # Whether a prompt is found in the provider's cache is not known before; it is the cheaper rate everywhere.
        flat = Price(
            rates.input_usd_per_million, rates.output_usd_per_million, None, price.source, (), price.request_usd
        )
        cost = flat.cost_usd(Usage(input_tokens, output_tokens))
        if cost is None:
            raise UsageError(
                f"{price.source} has no price for one side of a call, so no budget can hold; give both "
                "input_usd_per_million and output_usd_per_million in promptlab.toml"
            )
        most = max(most, cost)
    return most


def _words(amount: Decimal) -> str:
    """The amount without an exponent, with at least two decimals and no needless zeros."""
    short = amount.normalize()
    exponent = short.as_tuple().exponent
    return f"{short:f}" if isinstance(exponent, int) and exponent <= -2 else f"{amount:.2f}"
