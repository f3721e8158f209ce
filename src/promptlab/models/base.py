"""The one face of every base model: a request goes in, a response or one classed error comes out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from promptlab.types import Chunk, Request, Response


@runtime_checkable
class Model(Protocol):
    """A base model. Every method may be called many times at once, all on one event loop."""

    @property
    def name(self) -> str:
        """`provider:name`, as in a suite."""

    @property
    def provider(self) -> str:
        """`openai`, `local`, `fake`, `python` or the name of an endpoint."""

    @property
    def identity(self) -> str | None:
        """What stands for the model in the cache key: its name with its revision or endpoint.

        None: nothing says that it would answer the same again, so its answers are never reused. It may read files
        the first time it is asked for.
        """

    @property
    def concurrency(self) -> int:
        """How many calls in flight suit it; for a model of an endpoint, how many to begin with."""

    @property
    def endpoint(self) -> str | None:
        """The address of the server that it shares with other models, whose pace is found by trying.

        None for a model that answers in this process.
        """

    async def prepare(self) -> None:
        """Gets ready for the first call what takes a while and is no part of it, such as importing a client.

        May be awaited more than once. A model whose every answer comes from the cache is never prepared.
        """

    async def generate(self, request: Request) -> Response:
        """The whole answer. Raises CallError, with the status of the cell; no retries. Cancelling stops the work."""

    def stream(self, request: Request) -> AsyncIterator[Chunk]:
        """The answer in pieces; their texts joined are the response's text, and the last chunk carries the response.

        Raises CallError as `generate` does, also in the middle. Closing the iterator stops the work.
        """

    async def close(self) -> None:
        """Give back connections and memory; the model may be used again afterwards."""


def last_text(request: Request) -> str:
    """The content of the request's last message; empty where there is none."""
    return request.messages[-1].content if request.messages else ""
