import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from loopback import Loopback
from promptlab import portal
from promptlab.config import Endpoint
from promptlab.errors import CallError, MissingKeyError, ModelError
from promptlab.models.openai import OpenAIModel, endpoint_model, openai_model, response_format
from promptlab.models.openai_answers import retry_after_seconds
from promptlab.types import Message, Request, Response

KEY = "sk-test-very-secret-0123456789"


def ask(loopback: Loopback, name: str, text: str = "hello", *, schema: Any = None, **settings: Any) -> Response:
    model = OpenAIModel(f"loop:{name}", base_url=loopback.base_url, api_key_env=None, deadline_seconds=10)
    return closing(model, model.generate(Request((Message("user", text),), settings, schema)))


def closing(model: OpenAIModel, coroutine: Coroutine[Any, Any, Any]) -> Any:
    async def work() -> Any:
        try:
            return await coroutine
        finally:
            await model.close()

    return portal.run(work())


def request(text: str = "hello", **settings: Any) -> Request:
    return Request((Message("user", text),), settings)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("limited", "rate_limited", "slow down"),
        ("quota", "quota", "pay first"),
        ("broken", "server", "out of order"),
        ("overloaded", "server", "HTTP 529"),
        ("bad", "client", "no such setting"),
        ("forbidden", "client", "not for you"),
        ("unheard", "client", "no model unheard"),
        ("redirect", "client", "not followed"),
        ("html", "malformed", "HTML page"),
        ("empty", "malformed", "no choices"),
        ("nochoices", "malformed", "no choices"),
        ("nocontent", "malformed", "without content"),
        ("array", "malformed", "list"),
        ("nothing", "malformed", "empty body"),
        ("badjson", "malformed", "broken JSON"),
        ("errorinside", "malformed", "upstream is down"),
        ("half", "malformed", "cut"),
        ("reset", "connection", "cannot connect"),
        ("endless", "malformed", "more than 8,000,000 bytes"),
        ("bomb", "malformed", "gzip"),
    ],
)
def test_every_bad_ending_has_its_status(loopback: Loopback, name: str, status: str, words: str) -> None:
    with pytest.raises(CallError) as caught:
        ask(loopback, name)
    assert caught.value.status == status
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(loopback.requests) == 1, "nothing is retried here"


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [("refusal", "refused", "I will not."), ("contentfilter", "refused", ""), ("filtered", "refused", "")],
)
def test_a_refusal_is_an_answer(loopback: Loopback, name: str, status: str, text: str) -> None:
    answer = ask(loopback, name)
    assert (answer.status, answer.text) == (status, text)


def test_tool_calls_are_kept(loopback: Loopback) -> None:
    answer = ask(loopback, "tools")
    assert answer.tool_calls[0]["function"]["name"] == "look_up"
    assert answer.finish_reason == "tool_calls"


def test_tools_are_sent(loopback: Loopback) -> None:
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    answer = ask(loopback, "caller", "Oslo", tools=tools, tool_choice="required")
    assert answer.tool_calls[0]["function"] == {"name": "look_up", "arguments": '{"text": "Oslo"}'}
    assert (loopback.requests[0]["tools"], loopback.requests[0]["tool_choice"]) == (tools, "required")
    assert ask(loopback, "caller", "Oslo", tools=tools, tool_choice="none").text == "Oslo"


def test_the_server_says_how_long_to_rest(loopback: Loopback) -> None:
    with pytest.raises(CallError) as caught:
        ask(loopback, "limited")
    assert caught.value.retry_after == 7
    with pytest.raises(CallError) as caught:
        ask(loopback, "limitedms")
    assert caught.value.retry_after == 0.25


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after-ms": "x", "retry-after": "2"}, 2.0),
        ({"retry-after": "1e12"}, 86_400.0),
    ],
)
def test_a_senseless_rest_is_no_rest(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers) == seconds


@pytest.mark.parametrize("name", ["hang", "drip"])
def test_the_deadline_holds_for_the_whole_call(loopback: Loopback, name: str) -> None:
    model = OpenAIModel(f"loop:{name}", base_url=loopback.base_url, api_key_env=None, deadline_seconds=0.5)
    with pytest.raises(CallError) as caught:
        closing(model, model.generate(request()))
    assert caught.value.status == "timeout"
    assert "0.5 s" in str(caught.value)


def test_a_server_that_is_not_there_is_a_connection_error() -> None:
    model = OpenAIModel("loop:x", base_url="http://127.0.0.1:9/v1", api_key_env=None)
    with pytest.raises(CallError) as caught:
        closing(model, model.generate(request()))
    assert caught.value.status == "connection"
    assert "127.0.0.1:9" in str(caught.value)


def test_a_key_that_the_server_echoes_is_not_shown(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOP_ACCESS", KEY)
    model = OpenAIModel("loop:unauthorised", base_url=loopback.base_url, api_key_env="LOOP_ACCESS")
    with pytest.raises(CallError) as caught:
        closing(model, model.generate(request()))
    assert loopback.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert caught.value.status == "client"
    assert "very-secret" not in str(caught.value)


def test_a_named_endpoint_never_gets_the_openai_key(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    model = endpoint_model("loop:echo", Endpoint("loop", loopback.base_url))
    closing(model, model.generate(request()))
    sent = loopback.headers[0]
    assert KEY not in str(sent)
    assert "org-mine" not in str(sent)
    assert sent["Accept-Encoding"] == "identity"


def test_an_endpoint_whose_variable_is_unset_is_named() -> None:
    with pytest.raises(MissingKeyError, match="set LOOP_ACCESS"):
        endpoint_model("loop:echo", Endpoint("loop", "http://127.0.0.1:1/v1", api_key_env="LOOP_ACCESS"))


def test_openai_without_a_key_names_the_variable() -> None:
    with pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
        openai_model("openai:gpt-4o-mini")
    with pytest.raises(ModelError, match="no name after the colon"):
        openai_model("openai:")


def test_openai_on_this_machine_needs_no_key(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", loopback.base_url)
    model = openai_model("openai:echo")
    assert closing(model, model.generate(request("well"))).text == "well"
    assert model.identity == f"openai:echo@{loopback.base_url}"


def test_settings_and_schema_are_sent(loopback: Loopback) -> None:
    schema = {"title": "Person data", "type": "object", "properties": {"name": {"type": "string"}}}
    ask(loopback, "echo", schema=schema, temperature=0, max_tokens=5, top_k=40, stop=["x"], extra_body={"mirostat": 2})
    sent = loopback.requests[0]
    assert sent["temperature"] == 0
    assert sent["max_tokens"] == 5
    assert sent["top_k"] == 40
    assert sent["mirostat"] == 2
    assert sent["stop"] == ["x"]
    assert sent["response_format"]["json_schema"] == {"name": "Person_data", "schema": schema}
    assert "seed" not in sent


def test_strict_is_said_only_of_a_closed_schema() -> None:
    closed = {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    assert response_format(closed)["json_schema"]["strict"] is True
    assert "strict" not in response_format({**closed, "required": []})["json_schema"]
    nested = {**closed, "properties": {"name": {"type": "object", "properties": {}}}}
    assert "strict" not in response_format(nested)["json_schema"]


def test_repeats_get_different_seeds(loopback: Loopback) -> None:
    model = OpenAIModel("loop:echo", base_url=loopback.base_url, api_key_env=None)
    closing(model, model.generate(Request((Message("user", "hi"),), {"seed": 5}, repeat=2)))
    assert loopback.requests[0]["seed"] == 7


def test_reasoning_models_of_openai_get_the_new_limit_name() -> None:
    def names(name: str, base_url: str) -> set[str]:
        model = OpenAIModel(name, base_url=base_url, api_key_env=None)
        return {key for key in model._arguments(request(max_tokens=5)) if "max" in key}

    assert names("openai:gpt-5-mini", "https://api.openai.com/v1/") == {"max_completion_tokens"}
    assert names("openai:o3", "https://api.openai.com/v1") == {"max_completion_tokens"}
    assert names("openai:gpt-4o", "https://api.openai.com/v1") == {"max_tokens"}
    assert names("ollama:o3", "http://localhost/v1") == {"max_tokens"}


async def read_stream(model: OpenAIModel, text: str = "one two three") -> list[Any]:
    try:
        return [chunk async for chunk in model.stream(request(text))]
    finally:
        await model.close()


@pytest.mark.parametrize("name", ["cut", "badstream", "html", "half"])
def test_a_stream_that_is_cut_is_malformed(loopback: Loopback, name: str) -> None:
    model = OpenAIModel(f"loop:{name}", base_url=loopback.base_url, api_key_env=None, deadline_seconds=10)
    with pytest.raises(CallError) as caught:
        portal.run(read_stream(model))
    assert caught.value.status == "malformed"


def test_a_stream_works_where_stream_options_do_not(loopback: Loopback) -> None:
    model = OpenAIModel("loop:plainstream", base_url=loopback.base_url, api_key_env=None)
    chunks = portal.run(read_stream(model))
    assert chunks[-1].response.text == "one two three"
    assert chunks[-1].response.usage.input_tokens is None


def test_a_stream_counts_tokens_where_the_server_says(loopback: Loopback) -> None:
    model = OpenAIModel("loop:echo", base_url=loopback.base_url, api_key_env=None)
    chunks = portal.run(read_stream(model))
    assert [chunk.text for chunk in chunks] == ["one ", "two ", "three", ""]
    assert chunks[-1].response.usage.output_tokens == 3


def test_closing_a_stream_hangs_up(loopback: Loopback) -> None:
    async def work() -> None:
        model = OpenAIModel("loop:steps", base_url=loopback.base_url, api_key_env=None)
        stream = model.stream(request())
        await anext(stream)
        await stream.aclose()
        for _ in range(100):
            if loopback.running == 0:
                break
            await asyncio.sleep(0.05)
        await model.close()

    portal.run(work())
    assert loopback.running == 0


def test_the_deadline_holds_for_a_whole_stream(loopback: Loopback) -> None:
    model = OpenAIModel("loop:steps", base_url=loopback.base_url, api_key_env=None, deadline_seconds=0.5)
    with pytest.raises(CallError) as caught:
        portal.run(read_stream(model))
    assert caught.value.status == "timeout"


def test_one_client_serves_many_calls_at_once(loopback: Loopback) -> None:
    async def work() -> None:
        model = OpenAIModel("loop:slow", base_url=loopback.base_url, api_key_env=None)
        await asyncio.gather(*[model.generate(request()) for _ in range(20)])
        await model.close()

    portal.run(work())
    assert loopback.most_running == 20


def test_a_model_may_be_used_again_after_it_was_closed(loopback: Loopback) -> None:
    model = OpenAIModel("loop:echo", base_url=loopback.base_url, api_key_env=None)
    assert closing(model, model.generate(request("a"))).text == "a"
    assert closing(model, model.generate(request("b"))).text == "b"
