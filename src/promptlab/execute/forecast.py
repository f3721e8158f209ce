"""What an evaluation would ask and cost, before anything is stored or sent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab import pricing
from promptlab.config import Workspace
from promptlab.execute.cells import Cell, make_cells
from promptlab.execute.chunk_size import CHUNK
from promptlab.execute.evaluator_models import evaluator_models
from promptlab.execute.plan import Plan, Variant
from promptlab.execute.tokens import TokenCounter
from promptlab.models.resolve import resolve_model
from promptlab.pricing import Price
from promptlab.store import cells as cell_rows
from promptlab.store.database import Database
from promptlab.store.datasets import PlacedCase
from promptlab.types import Usage


@dataclass(frozen=True, slots=True)
class VariantForecast:
    """One variant before it runs.

    cells: all; cached: those with a stored answer; shared: those whose very call another cell makes; unrenderable:
    those whose template fails; calls: those that remain. input_tokens: of the calls, counted by the model's own
    tokenizer where `exact`, else estimated. most_output_tokens: what max_tokens allows, None where it is not set.
    price: None where unknown, and then so is cost. input_usd: what the prompts cost; most_usd: with the longest
    answers that max_tokens allows, None without it.
    """

    name: str
    model: str
    cells: int
    cached: int
    shared: int
    unrenderable: int
    calls: int
    input_tokens: int
    exact: bool
    most_output_tokens: int | None
    price: Price | None
    input_usd: float | None
    most_usd: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "name": self.name,
            "model": self.model,
            "cells": self.cells,
            "cached": self.cached,
            "shared": self.shared,
            "unrenderable": self.unrenderable,
            "calls": self.calls,
            "input_tokens": self.input_tokens,
            "input_tokens_exact": self.exact,
            "most_output_tokens": self.most_output_tokens,
            "price": None if self.price is None else self.price.to_json(),
            "input_usd": self.input_usd,
            "most_usd": self.most_usd,
        }


@dataclass(frozen=True, slots=True)
class Forecast:
    """An evaluation before it runs, variant by variant.

    evaluators_ask: the models of servers that evaluators ask about the answers, which comes on top; how much, nobody
    knows before there are answers.
    """

    suite: str
    variants: Sequence[VariantForecast]
    evaluators_ask: Sequence[str] = ()

    @property
    def calls(self) -> int:
        """Requests that would be sent, retries left out."""
        return sum(variant.calls for variant in self.variants)

    @property
    def most_usd(self) -> float | None:
        """What all of it costs at most; None where a price or max_tokens is missing."""
        known = [variant.most_usd for variant in self.variants if variant.most_usd is not None]
        return sum(known) if len(known) == len(self.variants) else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: what `eval --dry-run --json` writes."""
        return {
            "suite": self.suite,
            "dry_run": True,
            "calls": self.calls,
            "most_usd": self.most_usd,
            "variants": [variant.to_json() for variant in self.variants],
            "evaluators_ask": list(self.evaluators_ask),
        }


def forecast(plan: Plan, *, database: Database, workspace: Workspace) -> Forecast:
    """The forecast of a plan; every template is rendered and the cache is asked, blocking."""
    asked: set[str] = set()
    counter = TokenCounter(workspace)
    return Forecast(
        plan.suite.name,
        [_variant(plan, variant, asked, counter, database=database, workspace=workspace) for variant in plan.variants],
        _of_servers(plan, workspace),
    )


def _of_servers(plan: Plan, workspace: Workspace) -> list[str]:
    models = evaluator_models(
        plan.suite,
        [variant.model for variant in plan.variants],
        resolve=lambda name: resolve_model(name, workspace=workspace),
    )
    return sorted({asked.model.name for asked in models if asked.model.endpoint is not None})


def _variant(
    plan: Plan, variant: Variant, asked: set[str], counter: TokenCounter, *, database: Database, workspace: Workspace
) -> VariantForecast:
    cached = shared = unrenderable = calls = tokens = 0
    exact = True
    for cells in _chunks(plan, variant):
        found = _found(plan, cells, database)
        for cell in cells:
            if cell.request is None:
                unrenderable += 1
            elif cell.cache_key in found:
                cached += 1
            elif plan.use_cache and cell.cache_key in asked:
                shared += 1
            else:
                calls += 1
                count = counter.count(variant.model, cell.request)
                tokens += count.value
                exact = exact and count.exact
                if cell.cache_key is not None:
                    asked.add(cell.cache_key)
    limit = variant.settings.get("max_tokens")
    most_output = None if limit is None else limit * calls
    price = pricing.price_of(variant.model.name, workspace=workspace)
    return VariantForecast(
        name=variant.name,
        model=variant.model.name,
        cells=plan.cells_per_variant,
        cached=cached,
        shared=shared,
        unrenderable=unrenderable,
        calls=calls,
        input_tokens=tokens,
        exact=exact,
        most_output_tokens=0 if not calls else most_output,
        price=price,
        input_usd=_cost(price, tokens, 0),
        most_usd=0.0 if not calls else None if most_output is None else _cost(price, tokens, most_output),
    )


def _cost(price: Price | None, input_tokens: int, output_tokens: int) -> float | None:
    return None if price is None else price.cost_usd(Usage(input_tokens, output_tokens))


def _chunks(plan: Plan, variant: Variant) -> Iterator[list[Cell]]:
    digests = plan.suite.cases_digest
    placed = (PlacedCase(place, digests.case(place), case) for place, case in enumerate(plan.suite.cases))
    while some := list(itertools.islice(placed, CHUNK)):
        yield make_cells(variant, some, range(plan.repeats))


def _found(plan: Plan, cells: Sequence[Cell], database: Database) -> Mapping[str, object]:
    keys = [cell.cache_key for cell in cells if cell.cache_key]
    if not keys or not plan.use_cache:
        return {}
    return database.read(lambda connection: cell_rows.find_answers(connection, keys))
