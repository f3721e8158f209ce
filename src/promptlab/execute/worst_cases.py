"""The most that a call may take, known before it is sent: what is reserved for it."""

from __future__ import annotations

from collections.abc import Sequence

from promptlab import pricing
from promptlab.config import Workspace
from promptlab.execute.budget import Budget, worst_case_usd
from promptlab.execute.calling import Worst
from promptlab.execute.cells import Cell
from promptlab.execute.tokens import estimate_input_tokens, most_input_tokens
from promptlab.models.base import Model
from promptlab.pricing import Price
from promptlab.types import Message, Response

LEAST_OUTPUT_TOKENS = 1000
"""What is reserved for an answer whose max_tokens nobody set, until a longer one has been seen."""

_NOTHING = Worst()


class WorstCases:
    """Worst cases by model. Nothing is counted where neither money nor tokens are limited."""

    def __init__(self, workspace: Workspace, budget: Budget | None) -> None:
        self._workspace = workspace
        self._budget = budget
        self._prices: dict[str, Price | None] = {}
        self._longest: dict[str, int] = {}

    def of(self, model: Model, cell: Cell) -> Worst:
        """What a cell's call may take at most; without max_tokens, what the longest answer so far took."""
        paced = model.endpoint is not None and self._workspace.limits_for(model.provider).tokens_per_minute is not None
        request = cell.request
        if request is None or (self._budget is None and not paced):
            return _NOTHING
        most_output = request.settings.get("max_tokens")
        if most_output is None:
            most_output = self._longest.get(model.name, LEAST_OUTPUT_TOKENS)
            if self._budget is not None:
                self._budget.bounded = False
        tokens = estimate_input_tokens(request.messages, request.response_schema) + most_output if paced else 0
        usd = 0.0
        if self._budget is not None:
            price = self._price(model)
            if price is not None:
                usd = worst_case_usd(
                    price,
                    input_tokens=most_input_tokens(request.messages, request.response_schema),
                    output_tokens=most_output,
                )
        return Worst(tokens, usd)

    def of_texts(self, model: Model, texts: Sequence[str]) -> Worst:
        """What a request about some texts may take at most; it writes nothing."""
        paced = model.endpoint is not None and self._workspace.limits_for(model.provider).tokens_per_minute is not None
        if not paced and self._budget is None:
            return _NOTHING
        messages = [Message("user", text) for text in texts]
        usd = 0.0
        if self._budget is not None and (price := self._price(model)) is not None:
            usd = worst_case_usd(price, input_tokens=most_input_tokens(messages), output_tokens=0)
        return Worst(estimate_input_tokens(messages) if paced else 0, usd)

    def _price(self, model: Model) -> Price | None:
        if model.name not in self._prices:
            self._prices[model.name] = pricing.price_of(model.name, workspace=self._workspace)
        return self._prices[model.name]

    def learn(self, model: Model, response: Response) -> None:
        """Notes how long an answer was."""
        length = response.usage.output_tokens
        if length is not None and length > self._longest.get(model.name, LEAST_OUTPUT_TOKENS):
            self._longest[model.name] = length
