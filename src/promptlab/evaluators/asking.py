"""How an evaluator asks a base model: its deadline stands still while it waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

from promptlab.types import Ask, EvaluatorContext, Likelihood, Message


def asked(context: EvaluatorContext) -> Ask:
    """What the context's evaluator asks through. Raises ValueError where there is nothing."""
    if context.ask is None:
        raise ValueError("it asks a base model, and none can be asked here; score it with a suite")
    return context.ask


class Untimed:
    """An Ask whose time does not count against a deadline: a model may be busy for long with everybody's questions.

    deadline: set by who calls the evaluator, while it runs.
    """

    def __init__(self, ask: Ask) -> None:
        self.deadline: asyncio.Timeout | None = None
        self._ask = ask
        self._waiting = 0
        self._left = 0.0

    async def embed(self, texts: Sequence[str], *, model: str) -> Sequence[Sequence[float]]:
        """As of types.Ask."""
        with self._stopped():
            return await self._ask.embed(texts, model=model)

    async def likelihoods(
        self,
        context: Sequence[Message] | str,
        continuations: Sequence[str],
        *,
        model: str | None = None,
        spaced: bool = False,
    ) -> Sequence[Likelihood]:
        """As of types.Ask."""
        with self._stopped():
            return await self._ask.likelihoods(context, continuations, model=model, spaced=spaced)

    @contextlib.contextmanager
    def _stopped(self) -> Iterator[None]:
        deadline = self.deadline
        if deadline is None:
            yield
            return
        clock = asyncio.get_running_loop().time
        if not self._waiting:
            self._left = (deadline.when() or clock()) - clock()
            deadline.reschedule(None)
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                # Of a task that has outlived its evaluator nobody keeps the time any more.
                with contextlib.suppress(RuntimeError):
                    deadline.reschedule(clock() + self._left)
