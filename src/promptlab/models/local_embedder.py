"""Local models that make embeddings: `local:all-minilm-l6-v2`, or a folder of Sentence Transformers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from promptlab.errors import CallError
from promptlab.models.base import Embeddings, require
from promptlab.models.local_calls import result_of
from promptlab.models.local_cores import free_cores
from promptlab.models.local_engine import Engine, Weights, engine_for
from promptlab.models.local_jobs import Desk
from promptlab.models.local_memory import WORKING_ROOM_BYTES, weights_bytes
from promptlab.models.snapshots import Snapshot, folder_digest
from promptlab.types import Chunk, Request, Response, Usage

if TYPE_CHECKING:
    from promptlab.models.local_embedding import EmbeddingWeights, TextRow

TEXTS_AT_ONCE = 256
"""Texts of one call: enough for full batches of about the same length, few enough that a killed run loses little."""
CONCURRENCY = 4
"""Calls in flight: while one is computed, the next ones wait."""


@dataclass(slots=True)
class EmbedJob:
    """A text to be embedded."""

    text: str
    deliver: Callable[[TextRow | CallError], None]
    cancelled: bool = False

    @property
    def watched(self) -> bool:
        """Nobody watches numbers."""
        return False

    def row(self, desk: Desk, weights: EmbeddingWeights) -> TextRow:
        """The text's row."""
        return weights.row(self.text, wanted=lambda: not (self.cancelled or desk.stopping))

    def finish(self, desk: Desk, weights: EmbeddingWeights, row: TextRow) -> TextRow | CallError:  # noqa: ARG002
        """The row, with its embedding."""
        return CallError("cancelled", "cancelled") if self.cancelled or desk.stopping else row


class LocalEmbedder:
    """An embeddings model of this machine; its vectors have the length 1. It answers no request.

    A text longer than the model takes is cut there, as its own library does.
    """

    provider = "local"
    endpoint = None
    concurrency = CONCURRENCY
    texts_at_once = TEXTS_AT_ONCE
    generates = False

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
        """Nothing: the weights are loaded by the thread that uses them, when the first text comes."""

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """The embeddings, made in batches with what else is asked now. Raises CallError; cancelling stops it."""
        started = time.perf_counter()
        engine = self._engine()
        rows: list[TextRow] = await asyncio.gather(
            *(result_of(engine, lambda deliver, text=text: EmbedJob(text, deliver)) for text in texts)  # type: ignore[misc]
        )
        return Embeddings(
            [row.vector for row in rows],
            Usage(sum(len(row.tokens) for row in rows), 0, 0),
            seconds=time.perf_counter() - started,
            cost_usd=0.0,
        )

    async def generate(self, request: Request) -> Response:  # noqa: ARG002 - as every model
        """Raises ModelError: this is no model that answers."""
        require(self, "generate")
        raise AssertionError(self.name)

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        """Raises ModelError, as `generate` does."""
        yield Chunk("", await self.generate(request))

    async def close(self) -> None:
        """Give the weights back unless they are in use."""
        await asyncio.to_thread(self._engine().release)

    def _engine(self) -> Engine:
        location, revision = self._snapshot.location, self._snapshot.revision

        def load() -> Weights:
            from promptlab.models.local_embedding import load_embedding_weights

            return load_embedding_weights(location, revision=revision, threads=self._threads or free_cores())

        def needs() -> int | None:
            size = weights_bytes(location, item_bytes=4)
            return None if size is None else size + WORKING_ROOM_BYTES

        return engine_for(self.name, location, revision=revision, load=load, needs=needs)
