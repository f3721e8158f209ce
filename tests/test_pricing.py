import json
import socket
import time
from pathlib import Path

import pytest

from promptlab.config import Endpoint, PriceOverride, Workspace
from promptlab.pricing import Price, Tier, cost_of, cost_usd, price_of
from promptlab.types import Usage

MILLION = 1_000_000


def workspace(*endpoints: Endpoint, prices: dict[str, PriceOverride] | None = None) -> Workspace:
    named = {endpoint.name: endpoint for endpoint in endpoints}
    return Workspace(Path(), "sqlite://", Path(), endpoints=named, prices=prices or {})


def test_a_known_model_has_its_list_price() -> None:
    assert cost_usd("openai:gpt-4o-mini", Usage(MILLION, 0)) == 0.15
    assert cost_usd("openai:gpt-4o-mini", Usage(0, MILLION)) == 0.60


def test_cached_tokens_are_cheaper() -> None:
    assert cost_usd("openai:gpt-4o-mini", Usage(MILLION, 0, MILLION)) == 0.075


@pytest.mark.parametrize("name", ["local:smollm2-135m", "fake:echo", "python:tfidf"])
def test_what_runs_here_is_free(name: str) -> None:
    assert cost_usd(name, Usage()) == 0.0
    assert price_of(name, workspace=workspace()) == Price(0.0, 0.0, None, "runs on this machine")


@pytest.mark.parametrize("name", ["openai:no-such-model-at-all", "elsewhere:gpt-4o-mini"])
def test_an_unknown_price_is_none_and_not_zero(name: str) -> None:
    assert cost_usd(name, Usage(10, 10)) is None
    assert price_of(name, workspace=workspace()) is None


def test_unknown_token_counts_make_an_unknown_cost() -> None:
    assert cost_usd("openai:gpt-4o-mini", Usage(10, None)) is None


def test_an_endpoints_own_prices_win() -> None:
    endpoint = Endpoint("mine", "https://api.openai.com/v1", input_usd_per_million=2.0, output_usd_per_million=4.0)
    assert cost_usd("mine:gpt-4o-mini", Usage(MILLION, MILLION // 2), endpoint=endpoint) == 4.0
    assert price_of("mine:gpt-4o-mini", workspace=workspace(endpoint)) == Price(
        2.0, 4.0, None, "promptlab.toml [endpoints.mine]"
    )


def test_a_side_without_a_price_is_unknown_unless_it_has_no_tokens() -> None:
    endpoint = Endpoint("mine", "http://localhost:1/v1", input_usd_per_million=2.0)
    assert cost_usd("mine:x", Usage(MILLION, 1), endpoint=endpoint) is None
    assert cost_usd("mine:x", Usage(MILLION, 0), endpoint=endpoint) == 2.0
    price = price_of("mine:x", workspace=workspace(endpoint))
    assert price is not None
    assert not price.is_complete


def test_an_endpoint_without_prices_is_found_by_its_address() -> None:
    known = Endpoint("mine", "https://api.openai.com/v1")
    assert cost_usd("mine:gpt-4o-mini", Usage(MILLION, 0), endpoint=known) == 0.15
    unknown = Endpoint("mine", "http://localhost:1/v1")
    assert cost_usd("mine:gpt-4o-mini", Usage(MILLION, 0), endpoint=unknown) is None


def test_openai_on_another_server_is_not_billed_as_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    assert cost_usd("openai:gpt-4o-mini", Usage(MILLION, 0)) is None


def test_the_users_own_prices_win_the_exact_name_first_and_then_the_longest_pattern() -> None:
    lab = workspace(
        Endpoint("ollama", "http://localhost:1/v1", input_usd_per_million=9.0, output_usd_per_million=9.0),
        prices={
            "ollama:*": PriceOverride(1.0, 1.0),
            "ollama:llama*": PriceOverride(2.0, 2.0),
            "ollama:llama3": PriceOverride(3.0, 6.0, 0.5),
            "openai:gpt-4o-mini": PriceOverride(4.0, 4.0),
        },
    )
    found = [cost_of(f"ollama:{name}", Usage(MILLION, 0), workspace=lab) for name in ("qwen", "llama2", "llama3")]
    assert found == [1.0, 2.0, 3.0]
    assert cost_of("ollama:llama3", Usage(MILLION, MILLION, MILLION // 2), workspace=lab) == 1.5 + 0.25 + 6.0
    assert cost_of("openai:gpt-4o-mini", Usage(MILLION, 0), workspace=lab) == 4.0
    assert cost_usd("openai:gpt-4o-mini", Usage(MILLION, 0), prices=lab.prices) == 4.0
    price = price_of("ollama:llama2", workspace=lab)
    assert price is not None
    assert price.source == 'promptlab.toml [prices."ollama:llama*"]'


@pytest.mark.parametrize("name", ["local:smollm2-135m", "python:tfidf"])
def test_a_pattern_for_everything_gives_no_price_to_what_runs_here(name: str) -> None:
    assert cost_of(name, Usage(), workspace=workspace(prices={"*:*": PriceOverride(1.0, 1.0)})) == 0.0


def test_a_fake_model_can_be_given_a_price() -> None:
    lab = workspace(prices={"fake:*": PriceOverride(0.0, 10_000.0)})
    assert cost_of("fake:say?text=yes", Usage(5, 1, 0), workspace=lab) == 0.01
    assert cost_of("fake:echo", Usage(5, 1, 0), workspace=workspace()) == 0.0


def test_a_price_says_where_it_stands_and_goes_through_json() -> None:
    price = price_of("openai:gpt-4o-mini", workspace=workspace())
    assert price is not None
    assert price.source.startswith("genai-prices ")
    assert price.source.endswith(", openai gpt-4o-mini")
    assert (price.input_usd_per_million, price.output_usd_per_million) == (0.15, 0.6)
    tiered = Price(1.0, 2.0, None, "a table", tiers=(Tier(2.0, 3.0, None, 200_000),), request_usd=0.01)
    for original in (price, tiered):
        assert Price.from_json(json.loads(json.dumps(original.to_json()))) == original


def test_a_long_input_pays_the_rate_of_its_tier_for_all_its_tokens() -> None:
    price = Price(1.0, 2.0, None, "a table", tiers=(Tier(2.0, 4.0, None, 200_000), Tier(3.0, 4.0, None, 500_000)))
    costs = [price.cost_usd(Usage(tokens, 1000)) for tokens in (200_000, 200_001, 500_001)]
    assert costs == [0.202, 0.404002, 1.504003]


def test_costs_are_counted_in_decimals() -> None:
    price = Price(0.1, 0.2, None, "a table")
    # In binary floating point, 3 * 0.1 is 0.30000000000000004.
    assert price.cost_usd(Usage(3 * MILLION, 0)) == 0.3
    assert price.cost_usd(Usage(MILLION, MILLION)) == 0.3


USAGES = [(7, 3, 0), (1000, 10, 400), (127_999, 500, 0), (300_001, 70_000, 100_000), (2_000_000, 9, 1_999_999)]


def test_every_price_of_the_tables_counts_as_the_tables_own_arithmetic_does() -> None:
    from genai_prices import Usage as TableUsage
    from genai_prices import calc_price
    from genai_prices.data_snapshot import get_snapshot

    from promptlab.pricing import _make_price

    checked = 0
    for provider in get_snapshot().providers:
        for model in provider.models:
            try:
                found = calc_price(TableUsage(input_tokens=0, output_tokens=0), model.id, provider_id=provider.id)
            except LookupError:
                continue
            price = _make_price(found)
            if price is None:
                continue
            for input_tokens, output_tokens, cached in USAGES:
                output = output_tokens if price.output_usd_per_million is not None else 0
                theirs = calc_price(
                    TableUsage(input_tokens=input_tokens, output_tokens=output, cache_read_tokens=cached),
                    model.id,
                    provider_id=provider.id,
                )
                ours = price.cost_usd(Usage(input_tokens, output, cached))
                assert ours == pytest.approx(float(theirs.total_price), rel=1e-12), (provider.id, model.id)
                checked += 1
    assert checked > 5000


def test_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pricing went to the network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert cost_usd("openai:gpt-4o", Usage(1, 1)) is not None


def test_the_price_of_an_answer_takes_a_small_part_of_a_call() -> None:
    lab = workspace()
    cost_of("openai:gpt-4o-mini", Usage(1, 1), workspace=lab)
    started = time.process_time()
    for _ in range(1000):
        cost_of("openai:gpt-4o-mini", Usage(500, 20, 0), workspace=lab)
    # Measured 7 microseconds; the bound is loose, since other processes disturb the figure.
    assert (time.process_time() - started) / 1000 < 60e-6
