"""What a call costs: by the user's own prices, an endpoint's, or the tables of genai-prices (bundled, no network).

A price is found for a model (`price_of`), and counts what a call cost (`Price.cost_usd`). Where a price or a token
count is unknown, so is the cost: None, never 0 and never a guess.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Protocol

from promptlab.config import PriceOverride, Workspace
from promptlab.types import Usage

FREE_PROVIDERS = frozenset({"local", "fake", "python"})
"""Providers that run on this machine: a call costs nothing, but that a fake one can be given a price for tests."""

_OPENAI_URL = "https://api.openai.com/v1"
_TABLE_SECONDS = 60
"""How long what the tables say is remembered: some prices change with the date or the time of day."""


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


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars for a million tokens; None: unknown, but for cached input, which is then priced as all input."""

    input_usd_per_million: float | None
    output_usd_per_million: float | None
    cached_input_usd_per_million: float | None = None


@dataclass(frozen=True, slots=True)
class Tier(Rates):
    """Rates of *all* tokens of a call whose input has more than `above_input_tokens`."""

    above_input_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """What a model's calls cost.

    The rates are US dollars for a million tokens; None: unknown, but for cached input, which is then priced as all
    input. source: where they stand, in words. tiers: other rates for long inputs, the lowest first. request_usd: what
    every call costs beside its tokens.
    Example: Price(0.15, 0.6, None, "a table").cost_usd(Usage(1_000_000, 0)) -> 0.15
    """

    input_usd_per_million: float | None
    output_usd_per_million: float | None
    cached_input_usd_per_million: float | None
    source: str
    tiers: tuple[Tier, ...] = ()
    request_usd: float = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether no side is unknown, so that every call has a cost."""
        return all(
            rate is not None
            for rates in self.rates()
            for rate in (rates.input_usd_per_million, rates.output_usd_per_million)
        )

    @property
    def is_free(self) -> bool:
        """Whether a call costs nothing, however many tokens it has."""
        return not self.tiers and (self.input_usd_per_million, self.output_usd_per_million, self.request_usd) == (
            0,
            0,
            0,
        )

    def rates(self, input_tokens: int | None = None) -> Iterator[Rates]:
        """The base rates and those of the tiers, in order; input_tokens: only of the tiers that such a call is in."""
        yield Rates(self.input_usd_per_million, self.output_usd_per_million, self.cached_input_usd_per_million)
        for tier in self.tiers:
            if input_tokens is None or input_tokens > tier.above_input_tokens:
                yield tier

    def cost_usd(self, usage: Usage) -> float | None:
        """What a call with these tokens cost in US dollars; None where a count or the rate of one is unknown.

        Counted in decimals, as the rates are written: a hundred calls of 0.01 are 1.00.
        """
        if self.is_free:
            return 0.0
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        *_, rates = self.rates(usage.input_tokens)
        cached = min(usage.cached_input_tokens or 0, usage.input_tokens)
        cached_rate = rates.cached_input_usd_per_million
        parts = (
            (usage.input_tokens - cached, rates.input_usd_per_million),
            (cached, rates.input_usd_per_million if cached_rate is None else cached_rate),
            (usage.output_tokens, rates.output_usd_per_million),
        )
        total = exact(self.request_usd)
        for tokens, rate in parts:
            if tokens:
                if rate is None:
                    return None
                total += tokens * exact(rate) / 1_000_000
        return float(total)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, which `from_json` reads."""
        return {**asdict(self), "tiers": [asdict(tier) for tier in self.tiers]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Price:
        """The price that `to_json` wrote."""
        return cls(**{**content, "tiers": tuple(Tier(**tier) for tier in content["tiers"])})


def exact(amount: float) -> Decimal:
    """The decimal that a number is written as: 0.1 -> 0.1, not the binary fraction next to it."""
    return Decimal(repr(amount))


def price_of(model_name: str, *, workspace: Workspace) -> Price | None:
    """What the calls of `provider:name` cost; None where that is unknown.

    The user's own prices win over an endpoint's, which win over the tables, where a well-known server is looked up by
    its URL. `local:` and `python:` cost nothing, nor does `fake:` unless the user says so.
    """
    endpoint = workspace.endpoints.get(model_name.partition(":")[0])
    return _find_price(model_name, endpoint=endpoint, prices=workspace.prices)


def cost_of(model_name: str, usage: Usage, *, workspace: Workspace) -> float | None:
    """What a call cost in US dollars by `price_of`; None where that is unknown."""
    price = price_of(model_name, workspace=workspace)
    return None if price is None else price.cost_usd(usage)


def cost_usd(
    model_name: str,
    usage: Usage,
    *,
    endpoint: EndpointPrices | None = None,
    prices: Mapping[str, PriceOverride] | None = None,
) -> float | None:
    """What a call cost in US dollars; None where that is unknown, never a guess.

    model_name: `provider:name`. endpoint: the named endpoint it was sent to. prices: the user's own, as in a Workspace.
    Cached input tokens are priced as such where the price says how, else in full.
    Example: cost_usd("openai:gpt-4o-mini", Usage(1_000_000, 0)) -> 0.15
    """
    price = _find_price(model_name, endpoint=endpoint, prices=prices or {})
    return None if price is None else price.cost_usd(usage)


def _find_price(
    model_name: str, *, endpoint: EndpointPrices | None, prices: Mapping[str, PriceOverride]
) -> Price | None:
    provider, _, name = model_name.partition(":")
    key = None if provider in ("local", "python") else _override_key(model_name, prices)
    if key is not None:
        own = prices[key]
        return Price(
            own.input_usd_per_million,
            own.output_usd_per_million,
            own.cached_input_usd_per_million,
            f'promptlab.toml [prices."{key}"]',
        )
    if provider in FREE_PROVIDERS:
        return Price(0.0, 0.0, None, "runs on this machine")
    if endpoint is not None:
        rates = (endpoint.input_usd_per_million, endpoint.output_usd_per_million)
        if rates != (None, None):
            return Price(*rates, None, f"promptlab.toml [endpoints.{provider}]")
        return _table_price(name, endpoint.base_url)
    if provider == "openai":
        return _table_price(name, os.environ.get("OPENAI_BASE_URL") or _OPENAI_URL)
    return None


def _override_key(model_name: str, prices: Mapping[str, PriceOverride]) -> str | None:
    """The name itself, else the longest pattern that fits it."""
    if model_name in prices:
        return model_name
    return max((key for key in prices if fnmatchcase(model_name, key)), key=len, default=None)


def _table_price(name: str, url: str) -> Price | None:
    return _look_up(name, url, int(time.time() // _TABLE_SECONDS))


@lru_cache(maxsize=256)
def _look_up(name: str, url: str, _minute: int) -> Price | None:
    """What the tables say now, remembered: asking them takes 70 microseconds, a tenth of the CPU of a call."""
    # genai-prices fetches newer tables only where UpdatePrices is started, which nothing here does.
    from genai_prices import Usage as PricedUsage
    from genai_prices import calc_price

    try:
        found = calc_price(PricedUsage(input_tokens=0, output_tokens=0), name, provider_api_url=url)
    except LookupError:
        return None
    return _make_price(found)


def _make_price(found: Any) -> Price | None:
    """The price in a PriceCalculation of genai-prices; None where it is by something else than tokens."""
    prices = found.model_price
    by_kind = [getattr(prices, key, None) for key in ("input_mtok", "output_mtok", "cache_read_mtok")]
    if by_kind[:2] == [None, None]:
        return None

    def rates(start: int | None) -> tuple[float | None, float | None, float | None]:
        input_rate, output_rate, cached_rate = (_rate(price, start) for price in by_kind)
        return input_rate, output_rate, cached_rate

    starts = sorted({tier.start for price in by_kind for tier in getattr(price, "tiers", ())})
    per_thousand = getattr(prices, "requests_kcount", None)
    return Price(
        *rates(None),
        f"genai-prices {version('genai-prices')}, {found.provider.id} {found.model.id}",
        tuple(Tier(*rates(start), start) for start in starts),
        0.0 if per_thousand is None else float(per_thousand / 1000),
    )


def _rate(price: Any, start: int | None) -> float | None:
    """The rate of a table's price, plain or in tiers, in the tier that begins at `start`; None: the base."""
    if price is None:
        return None
    rate = getattr(price, "base", price)
    if start is not None:
        for tier in getattr(price, "tiers", ()):
            if tier.start <= start:
                rate = tier.price
    return float(rate)
