"""The base models that the evaluators of a suite ask, checked before the first call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from promptlab.evaluators.base import BoundEvaluator
from promptlab.models.base import Model, require
from promptlab.suites.model import Suite
from promptlab.types import Ability, Asked


@dataclass(frozen=True, slots=True)
class AskedModel:
    """A base model that evaluators ask, and what for."""

    model: Model
    ability: Ability


def evaluator_models(suite: Suite, models: Sequence[Model], *, resolve: Callable[[str], Model]) -> list[AskedModel]:
    """What the suite's evaluators ask, each model once for each ability.

    models: of its variants, for evaluators that name none. resolve: the model of a name. Raises ModelError for one that
    is not there, or that cannot do what it would be asked for.
    """
    found: list[AskedModel] = []
    for evaluator, asked in _asked(suite.all_evaluators):
        where = f"{suite.path or suite.name}: {evaluator.name}"
        for model in models if asked.model is None else (resolve(asked.model),):
            require(model, asked.ability, where=where)
            if not any(known.model is model and known.ability == asked.ability for known in found):
                found.append(AskedModel(model, asked.ability))
    return found


def _asked(evaluators: Sequence[BoundEvaluator]) -> Iterator[tuple[BoundEvaluator, Asked]]:
    for evaluator in evaluators:
        for asked in evaluator.asks:
            yield evaluator, asked
        yield from _asked(evaluator.members)
