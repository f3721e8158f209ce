"""What one invocation may do, from what its user said."""

from __future__ import annotations

from collections.abc import Sequence

from promptlab import pricing
from promptlab.config import Workspace
from promptlab.errors import UsageError
from promptlab.execute.budget import Budget
from promptlab.execute.error_limit import ErrorLimit
from promptlab.execute.evaluator_models import AskedModel
from promptlab.execute.plan import Limits
from promptlab.models.base import Model


def make_limits(
    models: Sequence[Model],
    *,
    workspace: Workspace,
    asked: Sequence[AskedModel] = (),
    concurrency: int | None = None,
    max_cost: float | Budget | None = None,
    max_errors: float | ErrorLimit | None = None,
) -> Limits:
    """The limits of an invocation that asks these models; asked: those of its evaluators.

    Raises UsageError for a number that is no limit, and for a budget where the price of a model is unknown: nothing
    could be reserved for its calls.
    """
    if concurrency is not None and concurrency < 1:
        raise UsageError(f"concurrency is {concurrency}; it is a whole number from 1")
    budget = Budget(max_cost) if isinstance(max_cost, int | float) else max_cost
    if budget is not None:
        for item in (*(AskedModel(model, "generate") for model in models), *asked):
            price = pricing.price_of(item.model.name, workspace=workspace)
            writes = item.ability == "generate"
            if price is None or price.input_usd_per_million is None or (writes and not price.is_complete):
                needed = "input_usd_per_million and output_usd_per_million" if writes else "input_usd_per_million"
                raise UsageError(
                    f"the price of {item.model.name} is unknown, so --max-cost cannot hold; give it in promptlab.toml: "
                    f'[prices."{item.model.name}"] with {needed}'
                )
    errors = ErrorLimit.of(max_errors) if isinstance(max_errors, int | float) else max_errors
    return Limits(concurrency, budget, errors)
