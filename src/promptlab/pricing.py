"""What a call costs, from the price tables of genai-prices (bundled with it, no network) or the endpoint's own."""

from __future__ import annotations

import os
from typing import Protocol

from promptlab.types import Usage

FREE_PROVIDERS = frozenset({"local", "fake", "python"})
"""Providers that run on this machine: a call costs nothing."""

_OPENAI_URL = "https://api.openai.com/v1"


class EndpointPrices(Protocol):
    """What pricing has to know of a named endpoint; `config.Endpoint` is one."""

    @property
    def base_url(self) -> str:
        """Where the server is; a well-known one is found in the price tables by it."""

    @property
    def input_usd_per_million(self) -> float | None:
        """US dollars for a million input tokens, or None."""

    @property
    def output_usd_per_million(self) -> float | None:
        """US dollars for a million output tokens, or None."""


def cost_usd(model_name: str, usage: Usage, *, endpoint: EndpointPrices | None = None) -> float | None:
    """What a call cost in US dollars; None where that is unknown, never a guess.

    model_name: `provider:name`. endpoint: the named endpoint it was sent to; its own prices win over the tables, and
    without them a well-known server is looked up by its URL. `local:`, `fake:` and `python:` cost 0. Cached input
    tokens are priced as such where the table knows how; an endpoint's own prices count them in full.
    Example: cost_usd("openai:gpt-4o-mini", Usage(1_000_000, 0)) -> 0.15
    """
    provider, _, name = model_name.partition(":")
    if provider in FREE_PROVIDERS:
        return 0.0
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    if endpoint is not None:
        own = _own_price(usage, endpoint)
        return own if own is not None else _table_price(name, usage, url=endpoint.base_url)
    if provider == "openai":
        return _table_price(name, usage, url=os.environ.get("OPENAI_BASE_URL") or _OPENAI_URL)
    return None


def _own_price(usage: Usage, endpoint: EndpointPrices) -> float | None:
    dear_input, dear_output = endpoint.input_usd_per_million, endpoint.output_usd_per_million
    if dear_input is None and dear_output is None:
        return None
    total = (usage.input_tokens or 0) * (dear_input or 0.0) + (usage.output_tokens or 0) * (dear_output or 0.0)
    return total / 1_000_000


def _table_price(name: str, usage: Usage, *, url: str) -> float | None:
    # genai-prices fetches newer tables only where UpdatePrices is started, which nothing here does.
    from genai_prices import Usage as PricedUsage
    from genai_prices import calc_price

    try:
        price = calc_price(
            PricedUsage(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_tokens=usage.cached_input_tokens,
            ),
            name,
            provider_api_url=url,
        )
    except LookupError:
        return None
    return float(price.total_price)
