"""What is asked of a local model: an answer, or how likely it finds given texts. Each knows its row and its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from promptlab.errors import CallError
from promptlab.models.base import Likelihoods
from promptlab.models.local_rows import Row, ScoreRow
from promptlab.models.sampling import Generation, generation_of
from promptlab.redact import redact
from promptlab.types import Likelihood, Message, Request, Response, Usage

if TYPE_CHECKING:
    from promptlab.models.local_prompt import Continuation
    from promptlab.models.local_weights import LocalWeights


class Desk(Protocol):
    """What a job has to know of the engine that it is given to."""

    @property
    def name(self) -> str:
        """The model's name, for messages."""

    @property
    def weights(self) -> Any:
        """The loaded model; None while it is not."""

    @property
    def stopping(self) -> bool:
        """Whether the engine ends."""


class Job(Protocol):
    """One thing to do on its way. Exactly one result goes to `deliver`, once, in the engine's thread.

    cancelled may be set from any thread.
    """

    cancelled: bool

    @property
    def deliver(self) -> Callable[[Any], None]:
        """Takes the result, or the CallError."""

    @property
    def watched(self) -> bool:
        """Whether somebody watches it grow."""

    def row(self, desk: Desk, weights: Any) -> Any:
        """What the model is given. Raises CallError. It must not keep the weights alive: it may wait for long."""

    def finish(self, desk: Desk, weights: Any, row: Any) -> Any:
        """The result of a row that has run without an error."""


@dataclass(slots=True)
class AnswerJob:
    """A request to be answered. on_text is told each new piece of text, for a streamed answer."""

    request: Request
    deliver: Callable[[Response | CallError], None]
    on_text: Callable[[str], None] | None = None
    cancelled: bool = False
    told: str = ""
    generation: Generation = field(default_factory=Generation)

    @property
    def watched(self) -> bool:
        """Whether the answer is streamed."""
        return self.on_text is not None

    def row(self, desk: Desk, weights: LocalWeights) -> Row:
        """The prompt's row. Raises CallError where it is empty or too long."""
        tokens = weights.encoder.encode(self.request.messages)
        generation = generation_of(self.request)
        if not tokens:
            raise CallError("client", f"{desk.name}: the prompt is empty")
        if len(tokens) >= weights.context_tokens:
            raise CallError(
                "client",
                f"the prompt has {len(tokens)} tokens; {desk.name} takes {weights.context_tokens} with the answer",
            )
        room = weights.context_tokens - len(tokens)
        self.generation = replace(generation, max_tokens=min(generation.max_tokens, room))
        return Row(
            tokens,
            self.generation,
            on_token=lambda row: self._goes_on(desk, row),
            wanted=lambda: not (self.cancelled or desk.stopping),
        )

    def finish(self, desk: Desk, weights: LocalWeights, row: Row) -> Response | CallError:
        """The answer, cut before the first stop text."""
        if self.cancelled or desk.stopping:
            return CallError("cancelled", "cancelled")
        text = weights.text(row)
        cuts = [text.find(word) for word in self.generation.stop if word in text]
        if cuts:
            text = text[: min(cuts)]
        self._tell(text)
        return Response(
            text,
            status="truncated" if row.finish_reason == "length" and not cuts else "ok",
            finish_reason="stop" if cuts else row.finish_reason,
            usage=Usage(len(row.prompt), len(row.generated), 0),
            seconds=row.seconds,
            cost_usd=0.0,
        )

    def _goes_on(self, desk: Desk, row: Row) -> bool:
        # Not held by the row: one that waits must not keep alive what was unloaded meanwhile.
        weights: LocalWeights | None = desk.weights
        if self.cancelled or desk.stopping or weights is None:
            return False
        stop = self.generation.stop
        if not stop and self.on_text is None:
            return True
        text = weights.text(row)
        if self.on_text is not None:
            self._tell(text[: certain_length(text, stop)])
        return not any(word in text for word in stop)

    def _tell(self, text: str) -> None:
        if self.on_text is not None and len(text) > len(self.told) and text.startswith(self.told):
            self.on_text(text[len(self.told) :])
            self.told = text


@dataclass(slots=True)
class ScoreJob:
    """Texts that may continue a context, to be scored. spaced: as of types.Ask."""

    context: Sequence[Message] | str
    texts: Sequence[str]
    deliver: Callable[[Likelihoods | CallError], None]
    spaced: bool = False
    cancelled: bool = False
    continuations: list[Continuation] = field(default_factory=list)

    @property
    def watched(self) -> bool:
        """Nobody watches a number."""
        return False

    def row(self, desk: Desk, weights: LocalWeights) -> ScoreRow:
        """The row of the context and all that may continue it. Raises CallError where they are empty or too long."""
        context, self.continuations = weights.encoder.continuations(self.context, self.texts, spaced=self.spaced)
        if not context:
            raise CallError("client", f"{desk.name}: the context is empty")
        longest = max(len(continuation.tokens) for continuation in self.continuations)
        if len(context) + longest > weights.context_tokens:
            raise CallError(
                "client",
                f"the context has {len(context)} tokens and the text after it {longest}; {desk.name} takes "
                f"{weights.context_tokens} together",
            )
        return ScoreRow(
            context,
            [continuation.tokens for continuation in self.continuations],
            wanted=lambda: not (self.cancelled or desk.stopping),
        )

    def finish(self, desk: Desk, weights: LocalWeights, row: ScoreRow) -> Likelihoods | CallError:
        """What the row says of each text."""
        if self.cancelled or desk.stopping:
            return CallError("cancelled", "cancelled")
        found = [
            Likelihood(
                text=continuation.text,
                tokens=tuple(weights.token_text(token) for token in continuation.tokens),
                log_probabilities=tuple(values),
                greedy=all(likeliest),
            )
            for continuation, values, likeliest in zip(
                self.continuations, row.log_probabilities, row.likeliest, strict=True
            )
        ]
        return Likelihoods(found, Usage(len(row.context) + sum(map(len, row.continuations)), 0, 0), row.seconds)


def failed(name: str, reason: str) -> CallError:
    """The error of a local model that failed for a reason of a library."""
    return CallError("client", f"{name} failed: {redact(reason)}")


def certain_length(text: str, stop: tuple[str, ...]) -> int:
    """How many characters of a growing text are sure to stay: no half character, no beginning of a stop text."""
    whole = [text.find(word) for word in stop if word in text]
    if whole:
        return min(whole)
    length = len(text.rstrip("\ufffd"))
    for word in stop:
        for size in range(min(len(word) - 1, len(text)), 0, -1):
            if text.endswith(word[:size]):
                length = min(length, len(text) - size)
                break
    return length
