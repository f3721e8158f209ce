"""Local base models on transformers: `local:NAME` of a packaged model, a folder, or a model hub id.

Settings: temperature is 0 (greedy) where none is given, max_tokens 256. A prompt goes through the chat template of the
model; one without gets the contents of the messages joined by blank lines. A response_schema is not enforced: what
the model wrote is for the evaluators to judge. `seconds` is the call's share of its batch.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

from promptlab.config import Workspace
from promptlab.errors import CallError
from promptlab.models.local_engine import CONCURRENCY, Engine, Job, engine_for
from promptlab.models.snapshots import Snapshot, find_snapshot, folder_digest
from promptlab.types import Chunk, Request, Response

T = TypeVar("T")


class LocalModel:
    """A base model of this machine. Calls that come together are answered in one batch.

    Its weights are loaded when it is first asked, once a process, and shared by all that name the same ones. They stay
    until another local model needs their memory.
    """

    provider = "local"
    endpoint = None
    concurrency = CONCURRENCY

    def __init__(self, name: str, snapshot: Snapshot, *, threads: int | None = None) -> None:
        self.name = name
        self._snapshot = snapshot
        self._threads = threads
        self._identity = snapshot.identity

    @property
    def identity(self) -> str:
        """The name with its revision; for a folder the digest of its files, wherever the folder is."""
        if self._identity is None:
            self._identity = f"local:sha256-{folder_digest(Path(self._snapshot.location))}"
        return self._identity

    async def prepare(self) -> None:
        """Nothing: the weights are loaded by the thread that uses them, when the first batch comes."""

    async def generate(self, request: Request) -> Response:
        """The answer, made in a batch with what else is asked now. Raises CallError; cancelling stops it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Response] = loop.create_future()

        def settle(result: Response | CallError) -> None:
            if future.done():
                return
            if isinstance(result, CallError):
                future.set_exception(result)
            else:
                future.set_result(result)

        job = Job(request, _to_loop(loop, settle))
        self._engine().submit(job)
        try:
            return await future
        finally:
            job.cancelled = True

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        """The answer as it grows, token by token. Raises CallError; closing the iterator stops it."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | Response | CallError] = asyncio.Queue()
        told = _to_loop(loop, pieces.put_nowait)
        job = Job(request, told, on_text=told)
        self._engine().submit(job)
        try:
            while True:
                piece = await pieces.get()
                if isinstance(piece, CallError):
                    raise piece
                if isinstance(piece, Response):
                    yield Chunk("", piece)
                    return
                yield Chunk(piece)
        finally:
            job.cancelled = True

    async def close(self) -> None:
        """Give the weights back unless they are in use; whoever asks next, also from another lab, has them loaded."""
        await asyncio.to_thread(self._engine().release)

    def _engine(self) -> Engine:
        return engine_for(self.name, self._snapshot.location, revision=self._snapshot.revision, threads=self._threads)


def local_model(name: str, *, workspace: Workspace) -> LocalModel:
    """The local model of a full name such as `local:smollm2-135m`; nothing is loaded yet.

    Raises ModelError that says what exists, and MissingPackageError.
    """
    return LocalModel(name, find_snapshot(name, workspace=workspace), threads=workspace.threads)


def _to_loop(loop: asyncio.AbstractEventLoop, function: Callable[[T], None]) -> Callable[[T], None]:
    """The function, called on the loop from any thread; not at all once the loop is closed."""

    def call(value: T) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(function, value)

    return call
