"""OpenAI, and every server that speaks its protocol: `openai:NAME` and `ENDPOINT:NAME` of promptlab.toml.

One deadline holds for the whole call, the answer has a largest size, redirects are not followed, no encoding is
accepted that could be a bomb, and nothing is retried here: who calls sees every request.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from promptlab import portal
from promptlab.config import Endpoint, Limits
from promptlab.errors import CallError, MissingKeyError, MissingPackageError, ModelError
from promptlab.models.base import Embeddings
from promptlab.models.openai_answers import (
    causes,
    is_filtered,
    make_response,
    read_answer,
    shorten,
    status_error,
)
from promptlab.models.openai_embeddings import read_embeddings
from promptlab.redact import redact
from promptlab.types import Chunk, Request, Response

if TYPE_CHECKING:
    from openai import AsyncOpenAI

OPENAI_URL = "https://api.openai.com/v1"
DEADLINE_SECONDS = 120.0
LARGEST_ANSWER_BYTES = 8_000_000
CONCURRENCY = 20
"""Calls in flight to begin with."""
MOST_CONNECTIONS = 100_000
TEXTS_AT_ONCE = 32
"""Texts that are embedded with one request: what the strictest of the usual servers takes."""

_DUMMY_KEY = "no-key"
_CONNECT_SECONDS = 15.0
_REFUSED = frozenset({400, 413, 422})
"""How servers answer to a request that is too large, or that has one input that they do not take."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 - compared with, not bound to
_REASONING_NAME = re.compile(r"(o\d|gpt-5)")
_PLAIN = (
    "temperature",
    "top_p",
    "stop",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "reasoning_effort",
    "tools",
    "tool_choice",
)
_BEYOND_OPENAI = ("top_k", "min_p", "repetition_penalty")


class OpenAIModel:
    """A base model behind an OpenAI-compatible server. Made by `openai_model` or `endpoint_model`.

    The key is read from its environment variable when the client is made, and held by the client alone.
    """

    concurrency = CONCURRENCY
    texts_at_once = TEXTS_AT_ONCE

    def __init__(
        self,
        name: str,
        *,
        base_url: str,
        api_key_env: str | None,
        deadline_seconds: float = DEADLINE_SECONDS,
        largest_answer_bytes: int = LARGEST_ANSWER_BYTES,
    ) -> None:
        """name: `provider:model`. api_key_env: the name of the variable with the key; None sends a dummy."""
        self.name = name
        self.provider, _, self._model = name.partition(":")
        self.base_url = base_url.rstrip("/")
        self._api_key_env = api_key_env
        self._deadline_seconds = deadline_seconds
        self._largest_answer_bytes = largest_answer_bytes
        self._client: AsyncOpenAI | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stream_usage = True

    @property
    def identity(self) -> str:
        """The name with the address of the server."""
        return f"{self.name}@{self.base_url}"

    @property
    def endpoint(self) -> str:
        """The address of the server; one that is asked with another key counts for itself."""
        return f"{self.base_url} {self._api_key_env or ''}".rstrip()

    async def prepare(self) -> None:
        """Imports the client, in a thread: it takes most of a second, in which the loop has other things to do."""
        if "openai" not in sys.modules or "aiohttp" not in sys.modules:
            await asyncio.to_thread(importlib.import_module, "promptlab.models.openai_limits")
            await asyncio.to_thread(_import_client)
        self._open()

    async def generate(self, request: Request) -> Response:
        """The answer. Raises CallError with the status of the contract; sends exactly one request."""
        started = time.perf_counter()
        try:
            content = await self._post("/chat/completions", self._body(request))
            return read_answer(content, seconds=time.perf_counter() - started)
        except CallError as error:
            raise self._without_key(error) from error
        except Exception as error:
            filtered = self._filtered(error, seconds=time.perf_counter() - started)
            if filtered is not None:
                return filtered
            raise self._classed(error) from error

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """The embeddings of some texts. Raises CallError with the status of the contract; sends exactly one request.

        The error of a server that refuses several texts together, since they are too many or one is too long, is
        divisible.
        """
        import openai

        started = time.perf_counter()
        body = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        try:
            content = await self._post("/embeddings", body)
            return read_embeddings(content, count=len(texts), seconds=time.perf_counter() - started)
        except CallError as error:
            raise self._without_key(error) from error
        except Exception as error:
            classed = self._classed(error)
            refused = isinstance(error, openai.APIStatusError) and error.status_code in _REFUSED
            classed.divisible = refused and len(texts) > 1
            raise classed from error

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        """The answer as it comes. A stream that ends before its finish raises CallError of status malformed."""
        started = time.perf_counter()
        deadline = asyncio.get_running_loop().time() + self._deadline_seconds
        texts: list[str] = []
        refusals: list[str] = []
        finish_reason: str | None = None
        usage: Any = None
        calls: dict[int, dict[str, Any]] = {}
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout_at(deadline):
                    events = await self._open_stream(request)
                stack.push_async_callback(events.close)
                while True:
                    async with asyncio.timeout_at(deadline):
                        event = await anext(events, None)
                    if event is None:
                        break
                    usage = event.usage or usage
                    if not event.choices:
                        continue
                    choice = event.choices[0]
                    finish_reason = choice.finish_reason or finish_reason
                    delta = choice.delta
                    if delta is None:
                        continue
                    _add_calls(calls, delta.tool_calls)
                    if delta.refusal:
                        refusals.append(delta.refusal)
                    if delta.content:
                        texts.append(delta.content)
                        yield Chunk(delta.content)
            except (asyncio.CancelledError, GeneratorExit):
                raise
            except CallError as error:
                raise self._without_key(error) from error
            except Exception as error:
                filtered = self._filtered(error, seconds=time.perf_counter() - started)
                if filtered is None:
                    raise self._classed(error) from error
                yield Chunk("", filtered)
                return
        if finish_reason is None:
            raise CallError("malformed", f"{self._where}: the stream ended before its finish")
        if refusals and not texts:
            yield Chunk("".join(refusals))
        yield Chunk(
            "",
            make_response(
                text="".join(texts),
                refusal="".join(refusals),
                finish_reason=finish_reason,
                tool_calls=[calls[index] for index in sorted(calls)],
                usage=usage.model_dump() if usage is not None else None,
                seconds=time.perf_counter() - started,
            ),
        )

    async def close(self) -> None:
        """Close the connections. To be awaited on the loop that used them."""
        client, self._client, self._loop = self._client, None, None
        portal.not_on_close(self.close)
        if client is not None:
            await client.close()

    async def _post(self, path: str, body: Mapping[str, Any]) -> bytes:
        """The body of what the server says to one request, within the deadline. Raises whatever the client does."""
        async with asyncio.timeout(self._deadline_seconds):
            # Not `chat.completions.create`: it walks the arguments and builds objects of the answer, which we
            # read ourselves. Measured over 2,000 calls: 0.65 ms of CPU a call in place of 1.1.
            answer: Any = await self._open().post(path, cast_to=self._raw, body=body)
            content: bytes = answer.content
        return content

    @property
    def _where(self) -> str:
        return f"{self.name} at {urlsplit(self.base_url).netloc.rpartition('@')[2]}"

    def _key(self) -> str:
        return os.environ.get(self._api_key_env or "") or _DUMMY_KEY

    def _open(self) -> AsyncOpenAI:
        """The client of this loop, made when first used: connections belong to the loop that opened them."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client, self._loop = self._make_client(), loop
            if portal.is_here():
                portal.on_close(self.close)
        return self._client

    def _make_client(self) -> AsyncOpenAI:
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient, Omit

        from promptlab.models.openai_limits import limit_answer, timeouts

        ours = self.provider == "openai"
        # Who we are at OpenAI is no business of another server.
        hidden: dict[str, Any] = {} if ours else {"OpenAI-Organization": Omit(), "OpenAI-Project": Omit()}
        return AsyncOpenAI(
            api_key=self._key(),
            base_url=self.base_url,
            max_retries=0,
            default_headers={"Accept-Encoding": "identity", **hidden},
            http_client=DefaultAioHttpClient(
                follow_redirects=False,
                # How many calls are in flight is decided above; here none may wait for a connection, since its
                # deadline is running.
                limits=httpx2.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS),
                timeout=timeouts(connect_seconds=_CONNECT_SECONDS, read_seconds=self._deadline_seconds),
                event_hooks={"response": [limit_answer(self._largest_answer_bytes)]},
            ),
        )

    @property
    def _raw(self) -> Any:
        import httpx2

        return httpx2.Response

    def _body(self, request: Request) -> dict[str, Any]:
        """The request as the server gets it; extra_body goes into it by the client's own rule: on top."""
        arguments = self._arguments(request)
        extra = arguments.pop("extra_body", {})
        return {**arguments, **extra}

    def _arguments(self, request: Request) -> dict[str, Any]:
        settings = request.settings
        arguments: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        }
        arguments.update({key: settings[key] for key in _PLAIN if settings.get(key) is not None})
        if settings.get("seed") is not None:
            arguments["seed"] = settings["seed"] + request.repeat
        if settings.get("max_tokens") is not None:
            arguments[self._limit_name] = settings["max_tokens"]
        if request.response_schema is not None:
            arguments["response_format"] = response_format(request.response_schema)
        extra = {key: settings[key] for key in _BEYOND_OPENAI if settings.get(key) is not None}
        extra.update(settings.get("extra_body") or {})
        if extra:
            arguments["extra_body"] = extra
        return arguments

    @property
    def _limit_name(self) -> str:
        # OpenAI's reasoning models refuse the old name, most other servers know only that one.
        at_openai = self.base_url == OPENAI_URL
        return "max_completion_tokens" if at_openai and _REASONING_NAME.match(self._model) else "max_tokens"

    async def _open_stream(self, request: Request) -> Any:
        import openai

        arguments = {**self._arguments(request), "stream": True}
        if self._stream_usage:
            try:
                return await self._open().chat.completions.create(**arguments, stream_options={"include_usage": True})
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if "stream_options" not in str(error):
                    raise
                # A server that does not know the option has answered nothing yet; it is asked without from now on.
                self._stream_usage = False
        return await self._open().chat.completions.create(**arguments)

    def _filtered(self, error: Exception, *, seconds: float) -> Response | None:
        import openai

        if isinstance(error, openai.APIStatusError) and is_filtered(error.status_code, error.body):
            return Response("", status="refused", finish_reason="content_filter", seconds=seconds)
        return None

    def _classed(self, error: Exception) -> CallError:
        """The one classed error that stands for whatever the client raised."""
        import aiohttp
        import openai

        if isinstance(error, openai.APIStatusError):
            body = error.body if error.body is not None else error.response.text
            return status_error(
                error.status_code, body, error.response.headers, where=self._where, secrets=(self._key(),)
            )
        # The client calls every broken connection a timeout; what lies beneath says which it was.
        chain = list(causes(error))
        if any(isinstance(cause, TimeoutError | aiohttp.ServerTimeoutError) for cause in chain):
            return CallError("timeout", f"{self._where}: no whole answer within {self._deadline_seconds:g} s")
        if any(isinstance(cause, aiohttp.ClientPayloadError | json.JSONDecodeError) for cause in chain):
            return CallError("malformed", f"{self._where}: the answer was cut or is no JSON")
        if isinstance(error, openai.APIConnectionError):
            reason = next((str(cause) for cause in reversed(chain) if str(cause)), "no reason given")
            return CallError("connection", self._redacted(f"{self._where}: cannot connect: {reason}"))
        if isinstance(error, openai.APIError):
            return CallError("server", self._redacted(f"{self._where}: {error.message}"))
        return CallError("malformed", self._redacted(f"{self._where}: {type(error).__name__}: {error}"))

    def _without_key(self, error: CallError) -> CallError:
        """The error of what came back, named and without our key: a server may echo it anywhere, also in headers."""
        return CallError(error.status, self._redacted(f"{self._where}: {error}"), retry_after=error.retry_after)

    def _redacted(self, text: str) -> str:
        return shorten(redact(text, secrets=(self._key(),)))


def openai_model(name: str, *, limits: Limits = Limits()) -> OpenAIModel:  # noqa: B008 - a frozen value
    """The model of a name such as `openai:gpt-4o-mini`, by OPENAI_API_KEY and OPENAI_BASE_URL.

    limits: of promptlab.toml's [openai]. Without a key a server on this machine gets a dummy; elsewhere it is a
    MissingKeyError.
    """
    _check_package()
    _check_name(name)
    base_url = os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
    if not os.environ.get("OPENAI_API_KEY") and not is_loopback(base_url):
        raise MissingKeyError(
            f"base model {name!r} needs a key; set OPENAI_API_KEY, or OPENAI_BASE_URL to a server on this machine"
        )
    return OpenAIModel(
        name,
        base_url=base_url,
        api_key_env="OPENAI_API_KEY",
        deadline_seconds=limits.deadline_seconds or DEADLINE_SECONDS,
    )


def endpoint_model(name: str, endpoint: Endpoint) -> OpenAIModel:
    """The model `ENDPOINT:NAME` of a named endpoint, with the key of its own variable or a dummy.

    OPENAI_API_KEY never goes to it, unless its api_key_env says so. Raises MissingKeyError where its variable is unset.
    """
    _check_package()
    _check_name(name)
    if endpoint.api_key_env and not os.environ.get(endpoint.api_key_env):
        raise MissingKeyError(
            f"base model {name!r} needs a key; set {endpoint.api_key_env}, which [endpoints.{endpoint.name}] names"
        )
    return OpenAIModel(
        name,
        base_url=endpoint.base_url,
        api_key_env=endpoint.api_key_env,
        deadline_seconds=endpoint.deadline_seconds or DEADLINE_SECONDS,
    )


def _import_client() -> None:
    """Imports all that a first call imports; nothing is done with it."""
    import openai.resources.chat
    import openai.types.chat

    _ = (openai.AsyncOpenAI, openai.DefaultAioHttpClient)


def is_loopback(base_url: str) -> bool:
    """True where the server is on this machine."""
    return urlsplit(base_url).hostname in _LOOPBACK


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """How the server is told to follow a JSON Schema.

    The name is the schema's title. strict is set where the schema is as OpenAI's strict mode wants it: every object
    closed (additionalProperties: false) and every property required.
    """
    title = re.sub(r"[^A-Za-z0-9_-]+", "_", str(schema.get("title", ""))).strip("_")[:64] or "answer"
    described: dict[str, Any] = {"name": title, "schema": dict(schema)}
    if _is_strict(schema):
        described["strict"] = True
    return {"type": "json_schema", "json_schema": described}


def _is_strict(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        properties = schema.get("properties")
        if isinstance(properties, Mapping) or schema.get("type") == "object":
            required = schema.get("required")
            if schema.get("additionalProperties") is not False or not isinstance(required, list):
                return False
            if set(properties or ()) != set(required):
                return False
        return all(_is_strict(value) for value in schema.values())
    if isinstance(schema, list):
        return all(_is_strict(value) for value in schema)
    return True


def _add_calls(calls: dict[int, dict[str, Any]], deltas: Any) -> None:
    """Join the pieces of tool calls that a stream brings."""
    for delta in deltas or ():
        call = calls.setdefault(
            delta.index, {"id": None, "type": "function", "function": {"name": "", "arguments": ""}}
        )
        call["id"] = delta.id or call["id"]
        if delta.function is not None:
            call["function"]["name"] += delta.function.name or ""
            call["function"]["arguments"] += delta.function.arguments or ""


def _check_name(name: str) -> None:
    if not name.partition(":")[2].strip():
        raise ModelError(f"base model {name!r} has no name after the colon, as in openai:gpt-4o-mini")


def _check_package() -> None:
    for package in ("openai", "aiohttp"):
        if importlib.util.find_spec(package) is None:
            raise MissingPackageError(
                f"OpenAI-compatible models need {package}, which is not installed; run: "
                "pip install 'promptlab-workbench[openai]'"
            )
