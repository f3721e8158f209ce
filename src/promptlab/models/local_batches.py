"""Rows run in one batch, or in as many as the memory asks for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar


class Batched(Protocol):
    """A row of a batch. error: why it has no result."""

    error: str | None

    @property
    def wanted(self) -> Callable[[], bool]:
        """Whether anybody still waits for it."""

    def restart(self) -> None:
        """Forget what it has so far."""


R = TypeVar("R", bound=Batched)


def run_within_memory(
    rows: Sequence[R],
    *,
    fits: Callable[[Sequence[R]], bool],
    run: Callable[[list[R]], str | None],
    turn: AbstractContextManager[Any],
) -> Iterator[list[R]]:
    """Runs the wanted ones of these rows, and gives them as they are done, with their result or their error.

    fits: whether there is memory for a batch; a single row is tried in any case. run: runs a batch; why it failed, or
    None. turn is held while something is computed and given back between batches.
    """
    waiting = deque([[row for row in rows if row.wanted()]])
    while waiting:
        batch = [row for row in waiting.popleft() if row.wanted()]
        if not batch:
            continue
        if len(batch) == 1 or fits(batch):
            with turn:
                failure = run(batch)
            if failure is None:
                yield batch
                continue
            if len(batch) == 1:
                batch[0].error = failure
                yield batch
                continue
        # What was too much for the memory may fit in halves; what fails for another reason fails alone.
        for row in batch:
            row.restart()
        waiting.extendleft((batch[len(batch) // 2 :], batch[: len(batch) // 2]))
