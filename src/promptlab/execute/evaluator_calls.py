"""What evaluators ask base models, through the same cache, attempts, pace and budget as a run's own calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from promptlab import pricing
from promptlab.config import Workspace
from promptlab.errors import CallError
from promptlab.evaluators.normalising import well_formed
from promptlab.execute.asked_values import (
    embedding_key,
    likelihood_key,
    pack_embedding,
    pack_likelihood,
    unpack_embedding,
    unpack_likelihood,
)
from promptlab.execute.budget import Budget
from promptlab.execute.calling import Called, Caller, Tally
from promptlab.execute.desks import Answers, Desk, Question
from promptlab.execute.flights import flights_of
from promptlab.execute.journal import Journal
from promptlab.execute.paces import Paces
from promptlab.execute.stopping import Stop
from promptlab.execute.worst_cases import WorstCases
from promptlab.models.base import EmbeddingModel, Model, ScoringModel, require
from promptlab.models.resolve import resolve_model
from promptlab.store import cells as cell_rows
from promptlab.store.database import Database
from promptlab.store.rows import AnswerRow
from promptlab.types import Ask, Likelihood, Message, Response

_GATHER_SECONDS = 0.02
"""How long a request for embeddings that is not full waits for more texts; answers come one by one."""


@dataclass(slots=True)
class EvaluatorCalls:
    """The calls of the evaluators of one run of this process.

    models: those that are known already, by which a name is looked up first. use_cache: as of a plan: without it only
    what the run itself has asked is reused. tally: counts requests to servers; what is worked out in this process is
    no request. spent: hears what a call cost; overspent: that one was not made for want of money.
    """

    database: Database
    workspace: Workspace
    journal: Journal
    stop: Stop
    paces: Paces
    models: Sequence[Model] = ()
    budget: Budget | None = None
    tally: Tally = field(default_factory=Tally)
    use_cache: bool = True
    spent: Callable[[float], None] = lambda _: None
    overspent: Callable[[], None] = lambda: None
    _named: dict[str, Model] = field(default_factory=dict)
    _identities: dict[str, str | None] = field(default_factory=dict)
    _callers: dict[str, Caller] = field(default_factory=dict)
    _desks: dict[tuple[int, str, str], Desk] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def of(self, run_id: int, model: Model) -> Ask:
        """What the evaluators of a variant ask through; model: the variant's own, for who names none."""
        return _Asking(self, run_id, model)

    async def close(self) -> None:
        """Ends what is still under way; whoever waits for it is cancelled."""
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def model(self, name: str) -> Model:
        """The model of a name. Raises ModelError."""
        found = self._named.get(name)
        if found is None:
            known = {model.name: model for model in self.models}
            found = self._named[name] = known.get(name) or resolve_model(name, workspace=self.workspace)
        return found

    async def identity(self, model: Model) -> str | None:
        """The model's identity; asked for in a thread, since it may read files."""
        if model.name not in self._identities:
            self._identities[model.name] = await asyncio.to_thread(lambda: model.identity)
        return self._identities[model.name]

    def desk(self, run_id: int, model: Model, ability: Literal["embed", "likelihood"]) -> Desk:
        """Where questions of a kind to a model are gathered."""
        place = (run_id, model.name, ability)
        desk = self._desks.get(place)
        if desk is None:
            desk = self._desks[place] = self._make_desk(run_id, model, ability)
        return desk

    def _make_desk(self, run_id: int, model: Model, ability: Literal["embed", "likelihood"]) -> Desk:
        worst_cases = WorstCases(self.workspace, self.budget)
        here = model.endpoint is None
        embeds = ability == "embed"
        return Desk(
            run_id=run_id,
            purpose="likelihood" if not embeds else "embed_local" if here else "embed",
            caller=self._caller(model),
            flights=flights_of(self.database),
            journal=self.journal,
            send=_embedding(cast("EmbeddingModel", model)) if embeds else _scoring(cast("ScoringModel", model)),
            most=cast("EmbeddingModel", model).texts_at_once if embeds else 1000,
            pause_seconds=_GATHER_SECONDS if embeds else 0.0,
            worst=lambda questions: worst_cases.of_texts(model, [_text(question) for question in questions]),
            look_up=lambda keys: self._look_up(keys, run_id),
            start=self._start,
            told=self._told,
        )

    def _caller(self, model: Model) -> Caller:
        caller = self._callers.get(model.name)
        if caller is None:
            caller = self._callers[model.name] = Caller(
                model=model,
                journal=self.journal,
                pace=self.paces.of(model),
                stop=self.stop,
                tally=Tally() if model.endpoint is None else self.tally,
                price=self._price,
                budget=self.budget,
            )
        return caller

    def _price(self, model: Model, response: Response) -> float | None:
        return pricing.cost_of(model.name, response.usage, workspace=self.workspace)

    def _look_up(self, keys: Sequence[str], run_id: int) -> Mapping[str, AnswerRow]:
        own = None if self.use_cache else run_id
        return self.database.read(lambda connection: cell_rows.find_answers(connection, keys, run_id=own))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> object:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _told(self, called: Called) -> None:
        if called.status == "budget":
            self.overspent()
        elif called.response is not None and called.response.cost_usd:
            self.spent(called.response.cost_usd)


@dataclass(frozen=True, slots=True)
class _Asking:
    """An Ask of the evaluators of one variant."""

    calls: EvaluatorCalls
    run_id: int
    own: Model

    async def embed(self, texts: Sequence[str], *, model: str) -> Sequence[Sequence[float]]:
        """As of types.Ask."""
        asked = self._asked(model)
        require(asked, "embed")
        self._check_price(asked)
        identity = await self.calls.identity(asked)
        questions = [
            Question(None if identity is None else embedding_key(identity, text), "", text)
            for text in map(well_formed, texts)
        ]
        return [unpack_embedding(text) for text in await self.calls.desk(self.run_id, asked, "embed").ask(questions)]

    async def likelihoods(
        self,
        context: Sequence[Message] | str,
        continuations: Sequence[str],
        *,
        model: str | None = None,
        spaced: bool = False,
    ) -> Sequence[Likelihood]:
        """As of types.Ask."""
        asked = self._asked(model)
        require(asked, "likelihood")
        identity = await self.calls.identity(asked)
        before = (
            well_formed(context)
            if isinstance(context, str)
            else tuple(Message(message.role, well_formed(message.content)) for message in context)
        )
        questions = [
            Question(
                None if identity is None else likelihood_key(identity, before, text, spaced=spaced),
                repr((before, spaced)),
                _Continued(before, text, spaced),
            )
            for text in map(well_formed, continuations)
        ]
        desk = self.calls.desk(self.run_id, asked, "likelihood")
        return [unpack_likelihood(text) for text in await desk.ask(questions)]

    def _asked(self, name: str | None) -> Model:
        return self.own if name is None or name == self.own.name else self.calls.model(name)

    def _check_price(self, model: Model) -> None:
        """Raises CallError where a budget could not hold, since nobody knows what a text costs."""
        if self.calls.budget is None:
            return
        price = pricing.price_of(model.name, workspace=self.calls.workspace)
        if price is None or price.input_usd_per_million is None:
            raise CallError("client", f"the price of {model.name} is unknown, so --max-cost cannot hold")


@dataclass(frozen=True, slots=True)
class _Continued:
    """A text after a context, as it is asked about."""

    context: tuple[Message, ...] | str
    text: str
    spaced: bool


def _text(question: Question) -> str:
    content: str | _Continued = question.content
    return content if isinstance(content, str) else content.text


def _embedding(model: EmbeddingModel) -> Callable[[Sequence[Question]], Coroutine[Any, Any, Answers]]:
    async def send(questions: Sequence[Question]) -> Answers:
        made = await model.embed([question.content for question in questions])
        whole = Response("", usage=made.usage, seconds=made.seconds, cost_usd=made.cost_usd)
        return Answers([pack_embedding(vector) for vector in made.vectors], whole)

    return send


def _scoring(model: ScoringModel) -> Callable[[Sequence[Question]], Coroutine[Any, Any, Answers]]:
    async def send(questions: Sequence[Question]) -> Answers:
        first: _Continued = questions[0].content
        texts = [question.content.text for question in questions]
        found = await model.likelihoods(first.context, texts, spaced=first.spaced)
        whole = Response("", usage=found.usage, seconds=found.seconds, cost_usd=0.0)
        return Answers([pack_likelihood(likelihood) for likelihood in found.likelihoods], whole)

    return send
