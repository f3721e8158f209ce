"""The one face of every base model: a request goes in, a response or one classed error comes out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from promptlab.errors import ModelError
from promptlab.models.settings import OF_ENDPOINTS
from promptlab.types import Ability, Chunk, Likelihood, Message, Request, Response, Usage

_CANNOT: Mapping[Ability, str] = {
    "generate": "answers nothing, it makes embeddings; name it in an evaluator, as in semantic_similarity: {{model: "
    "{name}}}",
    "embed": "makes no embeddings; name a model that does, such as local:all-minilm-l6-v2",
    "likelihood": "gives no log probabilities of given text; use a local model, such as local:smollm2-135m",
}


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


@dataclass(frozen=True, slots=True)
class Embeddings:
    """What a model made of texts: one list of numbers each, in order. seconds, cost_usd: as of a Response."""

    vectors: Sequence[Sequence[float]]
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """How likely a model finds the continuations of a context, in order. seconds: as of a Response."""

    likelihoods: Sequence[Likelihood]
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0


class EmbeddingModel(Model, Protocol):
    """A model that makes embeddings."""

    @property
    def texts_at_once(self) -> int:
        """How many texts are best embedded with one request."""

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """The embeddings of some texts. Raises CallError, as `generate` does; no retries."""


class ScoringModel(Model, Protocol):
    """A model that says how likely it finds a given text."""

    async def likelihoods(
        self, context: Sequence[Message] | str, continuations: Sequence[str], *, spaced: bool
    ) -> Likelihoods:
        """As of types.Ask. Raises CallError, as `generate` does."""


def abilities(model: Model) -> frozenset[Ability]:
    """What a model can be asked for, as far as its kind says; a server may still refuse.

    A model that only makes embeddings says so by an attribute `generates` that is False.
    """
    # By name: asking whether it is an instance of a protocol would read `identity`, and so perhaps large files.
    methods: Mapping[Ability, str] = {"embed": "embed", "likelihood": "likelihoods"}
    found = {ability for ability, method in methods.items() if callable(getattr(model, method, None))}
    return frozenset(found | {"generate"}) if getattr(model, "generates", True) else frozenset(found)


def require(model: Model, ability: Ability, *, where: str = "") -> None:
    """Raises ModelError where a model cannot be asked for this. where: the start of the message."""
    if ability not in abilities(model):
        reason = _CANNOT[ability].format(name=model.name)
        raise ModelError(f"{where}: {model.name} {reason}" if where else f"base model {model.name!r} {reason}")


def require_settings(model: Model, names: Collection[str], *, where: str) -> None:
    """Raises ModelError where a model does not have one of these settings. where: the start of the message."""
    if model.endpoint is not None or model.provider in ("fake", "python"):
        return
    for name in OF_ENDPOINTS:
        if name in names:
            raise ModelError(
                f"{where}: {model.name} takes no `{name}`, only models of an endpoint do; leave the setting out, or "
                "name another model"
            )


def last_text(request: Request) -> str:
    """The content of the request's last message; empty where there is none."""
    return request.messages[-1].content if request.messages else ""
