"""The base models that the evaluators of a suite ask, checked before the first call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from promptlab.errors import ModelError
from promptlab.models.base import Model, require
from promptlab.suites.model import Suite
from promptlab.types import Ability


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
    for evaluator in suite.all_evaluators:
        where = f"{suite.path or suite.name}: {evaluator.name}"
        for asked in evaluator.all_asks:
            for model in models if asked.model is None else (_resolved(asked.model, resolve, where),):
                require(model, asked.ability, where=where)
                if not any(known.model is model and known.ability == asked.ability for known in found):
                    found.append(AskedModel(model, asked.ability))
    return found


def _resolved(name: str, resolve: Callable[[str], Model], where: str) -> Model:
    try:
        return resolve(name)
    except ModelError as error:
        raise type(error)(f"{where}: {error}") from error
