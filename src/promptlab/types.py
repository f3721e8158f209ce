"""The frozen values that every floor speaks in: messages, cases, requests, responses, scores.

Nothing here imports anything of promptlab; nothing here does any work. A value that crosses a floor is
one of these or plain JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, Union

Json: TypeAlias = Union[bool, int, float, str, Sequence["Json"], Mapping[str, "Json"], None]
"""What may stand in inputs, metadata and settings: what JSON can say, nothing live."""

Role: TypeAlias = Literal["system", "user", "assistant"]

Direction: TypeAlias = Literal["higher", "lower"]
"""Whether a higher or a lower value of a measure is better."""

AnswerStatus: TypeAlias = Literal["ok", "truncated", "refused"]
ErrorStatus: TypeAlias = Literal[
    "template",
    "rate_limited",
    "quota",
    "timeout",
    "connection",
    "malformed",
    "server",
    "client",
    "budget",
    "cancelled",
]
CellStatus: TypeAlias = AnswerStatus | ErrorStatus

ANSWER_STATUSES: frozenset[str] = frozenset({"ok", "truncated", "refused"})
"""Statuses of a cell that count as an answer: scored, cached, no error. Every other one is an error."""

RETRIED_STATUSES: frozenset[str] = frozenset({"rate_limited", "timeout", "connection", "malformed", "server"})


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; in a template, `content` is Jinja2 source, in a request it is final text."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Case:
    """One example of a data set.

    key names it within its data set; inputs fill the template's variables; expected is what an evaluator
    compares with, None where there is nothing to compare. evaluators are raw suite entries of this case alone.
    """

    key: str
    inputs: Mapping[str, Any]
    expected: Any = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    evaluators: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; None where the provider did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a base model.

    messages: final text, in order. settings: sampling settings by their OpenAI names (temperature, max_tokens,
    top_p, seed, stop, ...). response_schema: a JSON Schema the answer has to follow, or None. inputs: the case's
    inputs, for models that are plain functions of them. repeat: which of several samples this is, from 0.
    """

    messages: tuple[Message, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    response_schema: Mapping[str, Any] | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Response:
    """What a base model answered.

    seconds: how long the call took, 0 or more; for one of a local batch, its share of the batch.
    status: `ok`, or `truncated` (stopped by max_tokens) or `refused` (a content filter or refusal).
    """

    text: str
    status: AnswerStatus = "ok"
    finish_reason: str | None = None
    usage: Usage = Usage()
    seconds: float = 0.0
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    cost_usd: float | None = None
    """What the call cost, where the model itself knows; else None, and pricing decides."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed answer; the last one has no text and carries the whole response."""

    text: str
    response: Response | None = None


Ability: TypeAlias = Literal["generate", "embed", "likelihood"]
"""What a base model can be asked for: an answer, embeddings of texts, how likely it finds given texts."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely a base model finds a text after another one.

    text: what was scored, with the space that was put before it. tokens: its tokens, as many as log_probabilities;
    these are natural logarithms, one a token, each given all that stands before it. greedy: whether every token is
    the likeliest one at its place.
    """

    text: str
    tokens: tuple[str, ...]
    log_probabilities: tuple[float, ...]
    greedy: bool

    @property
    def total(self) -> float:
        """The log probability of the whole text: the sum over its tokens."""
        return math.fsum(self.log_probabilities)


@dataclass(frozen=True, slots=True)
class Asked:
    """A base model that an evaluator asks, and what for. model: `provider:name`; None: the one that is scored."""

    ability: Ability
    model: str | None = None


class Ask(Protocol):
    """How an evaluator asks a base model: through the cache, the attempts and the budget of its run.

    A model is named `provider:name`; None is the one whose output is being scored. To be awaited in an async
    evaluator; the time it takes does not count against the evaluator's deadline. What is asked by several evaluators
    at once is sent together, and what was answered before is not asked again. Raises CallError where it could not be
    asked, ModelError where it cannot do this.
    """

    async def embed(self, texts: Sequence[str], *, model: str) -> Sequence[Sequence[float]]:
        """One embedding a text, in order, each a list of as many numbers as the model has dimensions."""

    async def likelihoods(
        self,
        context: Sequence[Message] | str,
        continuations: Sequence[str],
        *,
        model: str | None = None,
        spaced: bool = False,
    ) -> Sequence[Likelihood]:
        """How likely each text is right after the context, in order; the context is computed once.

        context: messages go through the chat template of the model, up to where its answer begins; a text stands as
        it is, and an empty one is the beginning of a document. Messages to a model without a chat template are a text,
        their contents joined by blank lines. spaced: a space is put between a context that is text and a continuation,
        where neither has white space there; after a chat template there is none.
        """


@dataclass(frozen=True, slots=True)
class EvaluatorContext:
    """All that an evaluator may look at.

    output: the answer's text, unchanged, but for the entry's own `transform`. seconds: latency of the call that made
    it. cost_usd: None where unknown. messages: the rendered prompt, empty for a model without one. tool_calls: as
    the OpenAI chat format writes them. ask: None where no base model can be asked.
    """

    inputs: Mapping[str, Any]
    output: str
    expected: Any = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    messages: tuple[Message, ...] = ()
    model: str = ""
    status: AnswerStatus = "ok"
    finish_reason: str | None = None
    usage: Usage = Usage()
    seconds: float | None = None
    cost_usd: float | None = None
    response_schema: Mapping[str, Any] | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    ask: Ask | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Score:
    """One evaluator's result for one output.

    value: the number; passed: the verdict, None where the evaluator gives none. reason: why, for people.
    error: set where the evaluator failed; then value and passed are None.
    """

    value: float | None = None
    passed: bool | None = None
    reason: str | None = None
    label: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """An immutable version of a prompt.

    number: 1, 2, ... within its prompt; 0 for one that is not saved. messages: templates, split into roles.
    digest: over messages, settings and response_schema, hex. source: the exact text of the file it came from.
    """

    name: str
    number: int
    digest: str
    messages: tuple[Message, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    response_schema: Mapping[str, Any] | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    samples: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    note: str = ""
    by: str = ""
    at: str = ""
    """When it was saved: ISO 8601, UTC; empty where it is not saved."""

    @property
    def reference(self) -> str:
        """`name@number`, or the bare name of an unsaved prompt."""
        return f"{self.name}@{self.number}" if self.number else self.name


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95% interval over n cases; low and high are None where n is too small to say."""

    mean: float | None
    low: float | None
    high: float | None
    n: int
