import socket

import pytest

from promptlab.config import Endpoint
from promptlab.pricing import cost_usd
from promptlab.types import Usage

MILLION = 1_000_000


def test_a_known_model_has_its_list_price() -> None:
    assert cost_usd("openai:gpt-4o-mini", Usage(MILLION, 0)) == pytest.approx(0.15)
    assert cost_usd("openai:gpt-4o-mini", Usage(0, MILLION)) == pytest.approx(0.60)


def test_cached_tokens_are_cheaper() -> None:
    cached = cost_usd("openai:gpt-4o-mini", Usage(MILLION, 0, MILLION))
    assert cached == pytest.approx(0.075)


@pytest.mark.parametrize("name", ["local:smollm2-135m", "fake:echo", "python:tfidf"])
def test_what_runs_here_is_free(name: str) -> None:
    assert cost_usd(name, Usage()) == 0.0


@pytest.mark.parametrize("name", ["openai:no-such-model-at-all", "elsewhere:gpt-4o-mini"])
def test_an_unknown_price_is_none_and_not_zero(name: str) -> None:
    assert cost_usd(name, Usage(10, 10)) is None


def test_unknown_token_counts_make_an_unknown_cost() -> None:
    assert cost_usd("openai:gpt-4o-mini", Usage(10, None)) is None


def test_an_endpoints_own_prices_win() -> None:
    endpoint = Endpoint("mine", "http://localhost:1/v1", input_usd_per_million=2.0, output_usd_per_million=4.0)
    assert cost_usd("mine:gpt-4o-mini", Usage(MILLION, MILLION // 2), endpoint=endpoint) == pytest.approx(4.0)


def test_an_endpoint_without_prices_is_found_by_its_address() -> None:
    known = Endpoint("mine", "https://api.openai.com/v1")
    assert cost_usd("mine:gpt-4o-mini", Usage(MILLION, 0), endpoint=known) == pytest.approx(0.15)
    unknown = Endpoint("mine", "http://localhost:1/v1")
    assert cost_usd("mine:gpt-4o-mini", Usage(MILLION, 0), endpoint=unknown) is None


def test_openai_on_another_server_is_not_billed_as_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    assert cost_usd("openai:gpt-4o-mini", Usage(MILLION, 0)) is None


def test_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pricing went to the network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert cost_usd("openai:gpt-4o", Usage(1, 1)) is not None
