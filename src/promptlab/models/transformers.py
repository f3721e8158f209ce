"""Local base models on transformers: `local:NAME` of a packaged model, a folder, or a model hub id.

Settings: temperature is 0 (greedy) where none is given, max_tokens 256. A prompt goes through the chat template of the
model; one without gets the contents of the messages joined by blank lines. A response_schema is not enforced: what
the model wrote is for the evaluators to judge. `seconds` is the call's share of its batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from promptlab.config import Workspace
from promptlab.errors import CallError
from promptlab.models.base import Likelihoods
from promptlab.models.local_calls import result_of, to_loop
from promptlab.models.local_cores import free_cores
from promptlab.models.local_embedder import LocalEmbedder
from promptlab.models.local_engine import CONCURRENCY, Engine, Weights, engine_for
from promptlab.models.local_jobs import AnswerJob, ScoreJob
from promptlab.models.local_memory import WORKING_ROOM_BYTES, weights_bytes
from promptlab.models.snapshots import Snapshot, find_snapshot, folder_digest
from promptlab.types import Chunk, Message, Request, Response


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
        return await result_of(self._engine(), lambda deliver: AnswerJob(request, deliver))

    async def likelihoods(
        self, context: Sequence[Message] | str, continuations: Sequence[str], *, spaced: bool
    ) -> Likelihoods:
        """How likely the continuations are, computed in one pass with what else is asked now. Raises CallError.

        A context and a continuation that do not fit in the model's context are an error of status client.
        """
        return await result_of(self._engine(), lambda deliver: ScoreJob(context, continuations, deliver, spaced=spaced))

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        """The answer as it grows, token by token. Raises CallError; closing the iterator stops it."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | Response | CallError] = asyncio.Queue()
        told = to_loop(loop, pieces.put_nowait)
        job = AnswerJob(request, told, on_text=told)
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
        location, revision = self._snapshot.location, self._snapshot.revision

        def load() -> Weights:
            from promptlab.models.local_loading import load_weights

            return load_weights(location, revision=revision, threads=self._threads or free_cores())

        def needs() -> int | None:
            from promptlab.models.local_loading import precision

            size = weights_bytes(location, item_bytes=precision().item_bytes)
            return None if size is None else size + WORKING_ROOM_BYTES

        return engine_for(self.name, location, revision=revision, load=load, needs=needs)


def local_model(name: str, *, workspace: Workspace) -> LocalModel | LocalEmbedder:
    """The local model of a full name such as `local:smollm2-135m`; nothing is loaded yet.

    Raises ModelError that says what exists, and MissingPackageError.
    """
    snapshot = find_snapshot(name, workspace=workspace)
    if snapshot.embeds:
        return LocalEmbedder(name, snapshot, threads=workspace.threads)
    return LocalModel(name, snapshot, threads=workspace.threads)
