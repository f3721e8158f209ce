"""A plain function as a base model: classic machine learning beside prompts, scored on the same cases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from promptlab.errors import CallError, ModelError
from promptlab.redact import redact
from promptlab.types import Chunk, Request, Response, Usage

Predict: TypeAlias = Callable[[list[Mapping[str, Any]]], Sequence[str]]
"""The inputs of several cases -> one text for each, in order."""

BATCH_SIZE = 256


@dataclass(slots=True)
class _Waiting:
    inputs: Mapping[str, Any]
    future: asyncio.Future[Response]


class PythonModel:
    """A model that answers by a function of the case's inputs; messages and settings are not looked at.

    Calls that come together become one call of `predict`, in a thread, one at a time. Nothing says what the function
    does, so its answers are never reused: `identity` is None.
    """

    provider = "python"
    identity = None
    endpoint = None
    concurrency = BATCH_SIZE

    def __init__(self, name: str, predict: Predict) -> None:
        """name: with or without `python:`. Raises ModelError where it is empty or predict cannot be called."""
        bare = name.removeprefix("python:")
        if not bare.strip() or not callable(predict):
            raise ModelError(
                f"a Python model needs a name and a function of a list of inputs; got {name!r}, {predict!r}"
            )
        self.name = f"python:{bare}"
        self._predict = predict
        self._waiting: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Nothing: the function is there."""

    async def generate(self, request: Request) -> Response:
        """What the function says to the request's inputs. Raises CallError of status client where it fails.

        `seconds` is the call's share of the batch; there are no tokens and no cost.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(request.inputs, loop.create_future())
        self._waiting.append(waiting)
        if self._worker is None or self._worker.done():
            self._worker = loop.create_task(self._work())
        return await waiting.future

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        """The whole answer in one piece, since a function has no smaller ones."""
        response = await self.generate(request)
        if response.text:
            yield Chunk(response.text)
        yield Chunk("", response)

    async def close(self) -> None:
        """Nothing: the function is its owner's."""

    async def _work(self) -> None:
        # One turn of the loop lets calls that begin together all arrive.
        await asyncio.sleep(0)
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH_SIZE], self._waiting[BATCH_SIZE:]
            batch = [waiting for waiting in batch if not waiting.future.done()]
            if not batch:
                continue
            started = time.perf_counter()
            try:
                texts = await asyncio.to_thread(self._call, [waiting.inputs for waiting in batch])
            except CallError as error:
                for waiting in batch:
                    if not waiting.future.done():
                        waiting.future.set_exception(CallError(error.status, str(error)))
                continue
            seconds = (time.perf_counter() - started) / len(batch)
            for waiting, text in zip(batch, texts, strict=True):
                if not waiting.future.done():
                    waiting.future.set_result(
                        Response(text, finish_reason="stop", usage=Usage(0, 0, 0), seconds=seconds, cost_usd=0.0)
                    )

    def _call(self, inputs: list[Mapping[str, Any]]) -> list[str]:
        try:
            texts = list(self._predict(inputs))
        # The function is the user's: whatever it raises is this call's error, and the run goes on.
        except Exception as error:
            raise CallError("client", redact(f"{self.name} raised {type(error).__name__}: {error}")) from error
        if len(texts) != len(inputs):
            raise CallError(
                "client", f"{self.name} gave {len(texts)} texts for {len(inputs)} inputs; give one for each"
            )
        wrong = next((text for text in texts if not isinstance(text, str)), None)
        if wrong is not None:
            raise CallError("client", f"{self.name} gave {wrong!r}, a {type(wrong).__name__}; an answer is a str")
        # A subclass such as numpy's str_ would not survive a database driver.
        return [str(text) for text in texts]
