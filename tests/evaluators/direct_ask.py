"""An Ask that goes straight to base models: no cache, no database, no budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptlab.config import find_workspace
from promptlab.models.base import Model
from promptlab.models.resolve import resolve_model
from promptlab.types import Likelihood, Message


@dataclass
class DirectAsk:
    """own: the model of who names none. asked: what came, as (ability, model's name, what)."""

    own: str = "fake:echo"
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    _models: dict[str, Model] = field(default_factory=dict)

    async def embed(self, texts: Sequence[str], *, model: str) -> Sequence[Sequence[float]]:
        self.asked.append(("embed", model, list(texts)))
        made = await self._model(model).embed(texts)  # type: ignore[attr-defined]
        return made.vectors  # type: ignore[no-any-return]

    async def likelihoods(
        self,
        context: Sequence[Message] | str,
        continuations: Sequence[str],
        *,
        model: str | None = None,
        spaced: bool = False,
    ) -> Sequence[Likelihood]:
        self.asked.append(("likelihood", model or self.own, (context, list(continuations), spaced)))
        found = await self._model(model or self.own).likelihoods(context, continuations, spaced=spaced)  # type: ignore[attr-defined]
        return found.likelihoods  # type: ignore[no-any-return]

    def _model(self, name: str) -> Model:
        if name not in self._models:
            self._models[name] = resolve_model(name, workspace=find_workspace(Path.cwd()))
        return self._models[name]
