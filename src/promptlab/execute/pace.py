"""The pace of one endpoint: how many calls it has in flight, and how many it is sent a minute.

Nobody knows beforehand how much a server bears, so it is found by trying. The limit begins at 20. A clean round (as
many answers as the limit was, no 429 among them, the limit really in use) doubles it until the first 429; from then
on a clean round adds 5%. A 429 cuts it to 0.8, once a rest. Server errors, time-outs and lost connections say nothing
about how many calls are allowed: a broken server breaks one call as well as a hundred, and a run that crawls because
of them would only be broken for longer. So they never shrink the limit; and since nothing was learnt from them, they
neither end a clean round nor count in one.

All on one event loop: no threads, no locks. A call that finds a free place goes on without yielding.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Literal, TypeAlias

Ending: TypeAlias = Literal["ok", "rate_limited", "error"]
"""How a call left: with an answer; with a 429; in any other way."""

START = 20
"""Calls in flight to begin with."""
REST_SECONDS = 15.0
"""How long a 429 that names no time keeps others from cutting the limit again; Inspect's figure."""
SLOW_ROUND_SECONDS = 30.0
"""A round that takes longer grows the limit only where it brought more answers a second."""
WORTHWHILE = 1.25
"""By which factor: what doubling must bring at least to be gone on with."""
BURST_SECONDS = 0.5
"""How much of a minute's rate may go at once."""


class Pace:
    """How many calls of one endpoint are in flight; who waits for a place gets one in the order of coming.

    start: the limit to begin with. cap: the most it may become. fixed: a limit that never changes, for a model that
    answers in this process and says itself what suits it: nothing it answers cuts or rests it. requests_per_minute,
    tokens_per_minute: above 0, or None for no limit; they hold for any minute, spread over it evenly.
    clock: seconds that only go forward, at the pace of the event loop's.
    """

    def __init__(
        self,
        *,
        start: int = START,
        cap: int | None = None,
        fixed: int | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ValueError where a limit is below 1 or a rate is not above 0."""
        if fixed is not None:
            self.limit = fixed
        else:
            self.limit = start if cap is None else min(start, cap)
        self.in_flight = 0
        self.most_in_flight = 0
        if self.limit < 1:
            raise ValueError(f"a pace of {self.limit} calls in flight would never send one; it is at least 1")
        self._adapts = fixed is None
        self._cap = cap
        self._clock = clock
        self._requests = _Bucket(requests_per_minute, clock()) if requests_per_minute is not None else None
        self._tokens = _Bucket(tokens_per_minute, clock()) if tokens_per_minute is not None else None
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed_until = 0.0
        self._rests_until = 0.0
        self._sent_before_cut = 0
        self._doubles = True
        self._best_rate = 0.0
        self._begin_round()

    async def enter(self, *, tokens: int = 0) -> None:
        """Returns when the call may be sent: it has a place, which `leave` gives back.

        tokens: what it may take, in and out together; how much of that calls really take is learnt. Waits for a free
        place, for the end of a rest that the server named, and for the minute's budget. Who is cancelled while waiting
        has no place.
        """
        if not self._waiting and self.in_flight < self.limit and self._delay(tokens) <= 0.0:
            self._take(tokens)
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((place, tokens))
        self._wake()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                # The place had been given already, but nothing was sent.
                self.in_flight -= 1
                if self._requests is not None:
                    self._requests.settle(1, 0)
                if self._tokens is not None:
                    self._tokens.settle(tokens, 0)
            self._wake()
            raise

    def leave(
        self,
        ending: Ending,
        *,
        retry_after: float | None = None,
        reserved_tokens: int = 0,
        used_tokens: int | None = None,
    ) -> None:
        """Gives the place back and learns from how the call ended.

        retry_after: seconds that a 429 asked to rest; until they are over, nothing is sent to the endpoint. None: the
        others go on. reserved_tokens: as given to `enter`; used_tokens: what the call really took; None: unknown, so
        it counts for as much as others took. So do refused calls, which providers count too.
        """
        if self.in_flight >= self.limit:
            self._filled = True
        self.in_flight -= 1
        if self._requests is not None:
            self._requests.settle(1, 1)
        if self._tokens is not None:
            self._tokens.settle(reserved_tokens, used_tokens)
        if self._adapts:
            if ending == "rate_limited":
                self._slow_down(retry_after)
            elif ending == "ok":
                self._count_answer()
            self._sent_before_cut = max(0, self._sent_before_cut - 1)
        if self._waiting:
            self._wake()

    def _slow_down(self, retry_after: float | None) -> None:
        now = self._clock()
        resting = now < self._rests_until or now < self._closed_until
        if retry_after is not None:
            self._closed_until = max(self._closed_until, now + retry_after)
        self._begin_round()
        # Calls in flight at a cut were sent at the old limit: their 429s are no news. Calls are taken to end in about
        # the order they were sent, so the next that leave are those; at worst a cut comes that many calls late.
        if resting or self._sent_before_cut:
            return
        self._doubles = False
        self.limit = max(1, self.limit * 4 // 5)
        self._rests_until = now + (REST_SECONDS if retry_after is None else retry_after)
        # One more than are left, since the leaving call is taken off it too.
        self._sent_before_cut = self.in_flight + 1
        self._begin_round()

    def _count_answer(self) -> None:
        self._answers += 1
        if self._answers < self._round:
            return
        now = self._clock()
        seconds = now - self._round_began
        rate = self._answers / seconds if seconds > 0 else 0.0
        # A server that never says 429 but lets calls queue, as local ones do, would be sent ever more until all of
        # them timed out: there a slow round has to show that the last growth brought more answers a second.
        worthwhile = seconds <= SLOW_ROUND_SECONDS or not self._doubles or rate >= self._best_rate * WORTHWHILE
        self._best_rate = max(self._best_rate, rate)
        if self._filled and worthwhile and now >= self._rests_until and now >= self._closed_until:
            most = self.limit * 2 if self._doubles else self.limit + max(1, self.limit // 20)
            self.limit = most if self._cap is None else min(most, self._cap)
        self._begin_round()

    def _begin_round(self) -> None:
        self._round = self.limit
        self._round_began = self._clock()
        self._answers = 0
        self._filled = False

    def _delay(self, tokens: int) -> float:
        """Seconds until a call of so many tokens may be sent, as far as time decides; 0 or less: now."""
        if self._closed_until:
            closed = self._closed_until - self._clock()
            if closed > 0:
                return closed
            self._closed_until = 0.0
        if self._requests is None and self._tokens is None:
            return 0.0
        now = self._clock()
        delay = self._requests.delay(1, now) if self._requests is not None else 0.0
        return max(delay, self._tokens.delay(tokens, now)) if self._tokens is not None else delay

    def _take(self, tokens: int) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if self._requests is not None:
            self._requests.reserved += 1
        if self._tokens is not None:
            self._tokens.reserved += tokens

    def _wake(self) -> None:
        """Gives places to as many as there are places for, and has itself called again when time lets more go."""
        while self._waiting:
            place, tokens = self._waiting[0]
            if not place.done():
                if self.in_flight >= self.limit:
                    return
                delay = self._delay(tokens)
                if delay > 0:
                    self._wake_in(delay)
                    return
                self._take(tokens)
                place.set_result(None)
            self._waiting.popleft()

    def _wake_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._wake()


class _Bucket:
    """What may be sent by now of so much a minute: it fills steadily and holds half a second's worth, or one request.

    It fills by a 120th slower than the rate, so that what it holds at once and what flows in within a minute come to
    no more than the rate: no minute, wherever it begins, has more.

    Calls in flight hold as much of what was reserved for them as calls took of it so far. Holding all of it, for
    answers of 50 tokens where max_tokens allows 4,000, would keep all but one call waiting for each other.
    """

    __slots__ = ("_at", "_burst", "_level", "_per_second", "_seen_reserved", "_seen_used", "reserved")

    def __init__(self, per_minute: float, now: float) -> None:
        if not per_minute > 0:
            raise ValueError(f"a rate of {per_minute} a minute would never send anything; it is above 0")
        self._burst = max(1.0, per_minute * BURST_SECONDS / 60.0)
        self._per_second = per_minute * (60.0 - BURST_SECONDS) / 3600.0
        self._at = now
        self._level = self._burst
        self._seen_reserved = 0
        self._seen_used = 0
        self.reserved = 0

    @property
    def _share(self) -> float:
        return self._seen_used / self._seen_reserved if self._seen_reserved else 1.0

    def delay(self, amount: int, now: float) -> float:
        """Seconds until `amount` may be reserved; 0 or less: now.

        What is more than the bucket holds may go when it is full, and leaves a debt that is filled up first.
        """
        share = self._share
        held = self.reserved * share
        self._level = min(self._burst + held, self._level + (now - self._at) * self._per_second)
        self._at = now
        wanted = min(amount * share, self._burst)
        missing = wanted - (self._level - held)
        # A rounding error must not have anyone wait for a time too short for the clock to show.
        return missing / self._per_second if missing > 1e-9 * self._burst else 0.0

    def settle(self, reserved: int, used: int | None) -> None:
        """Ends a reservation; used: how much of it was taken, None: unknown, 0 where nothing was sent."""
        self.reserved -= reserved
        if used is None:
            self._level -= reserved * self._share
            return
        self._level -= used
        if used and reserved:
            if not self._seen_reserved:
                # As if one call had taken all of it: short answers come first, and are no measure for the others.
                self._seen_reserved = self._seen_used = reserved
            self._seen_reserved += reserved
            self._seen_used += used
