"""A real HTTP server on this machine with OpenAI's chat protocol. The model's name says how it behaves."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Loopback:
    """base_url: up to /v1. requests: the bodies that came; headers: of each; counts calls that run at once."""

    base_url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    dropped: int = 0


@contextlib.contextmanager
def running_loopback() -> Iterator[Loopback]:
    """The server for the block, on a loop and thread of its own."""
    state = Loopback()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    runners: list[web.AppRunner] = []

    async def start() -> None:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await _handle(state, request)

        app = web.Application()
        app.router.add_post("/v1/chat/completions", handle)
        app.router.add_post("/v1/embeddings", handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        state.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        runners.append(runner)
        ready.set()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield state
    finally:
        asyncio.run_coroutine_threadsafe(runners[0].cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def completion(text: str | None, *, finish_reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    """The body of a well-formed answer."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "loopback",
        "choices": [
            {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": text, **message}}
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


async def _handle(state: Loopback, request: web.Request) -> web.StreamResponse:
    body = await request.json()
    state.requests.append(body)
    state.headers.append(dict(request.headers))
    state.running += 1
    state.most_running = max(state.most_running, state.running)
    try:
        name = body["model"].partition("-")[0]
        behaviour = BEHAVIOURS.get(name)
        if behaviour is None:
            return web.json_response({"error": {"message": f"no model {body['model']}"}}, status=404)
        return await behaviour(request, body)
    except asyncio.CancelledError:
        state.dropped += 1
        raise
    finally:
        state.running -= 1


async def _echo(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Echoes the last message word by word, cut after max_tokens words."""
    words = [f"{word} " for word in body["messages"][-1]["content"].split(" ")]
    words[-1] = words[-1].rstrip(" ")
    limit = body.get("max_tokens") or len(words)
    reason = "length" if len(words) > limit else "stop"
    words = words[:limit]
    if not body.get("stream"):
        return web.json_response(completion("".join(words), finish_reason=reason))
    return await _send_stream(request, body, words, finish_reason=reason)


async def _caller(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Calls the tool that it has to, or its first one, with the last message; without tools it echoes."""
    tools, choice = body.get("tools"), body.get("tool_choice")
    if not tools or choice == "none":
        return await _echo(request, body)
    name = (choice if isinstance(choice, dict) else tools[0])["function"]["name"]
    call = {"name": name, "arguments": json.dumps({"text": body["messages"][-1]["content"]})}
    calls = [{"id": "c1", "type": "function", "function": call}]
    return web.json_response(completion(None, finish_reason="tool_calls", tool_calls=calls))


async def _letters(_request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """How often each letter stands in each text, as its embedding; a text without any is no text to this model."""
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    texts = body["input"]
    if not all(any(letter in text for letter in alphabet) for text in texts):
        return web.json_response({"error": {"message": "input has no letter"}}, status=400)
    data = [
        {"object": "embedding", "index": place, "embedding": [text.count(letter) for letter in alphabet]}
        for place, text in enumerate(texts)
    ]
    tokens = sum(len(text.split()) for text in texts)
    # Not in their order: the index says which is which.
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return web.json_response({"object": "list", "data": data[::-1], "model": body["model"], "usage": usage})


async def _send_stream(
    request: web.Request,
    body: dict[str, Any],
    words: list[str],
    *,
    finish_reason: str | None,
    pause_seconds: float = 0.0,
    ending: bool = True,
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)

    async def send(choices: list[dict[str, Any]], **rest: Any) -> None:
        event = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": choices, **rest}
        await response.write(f"data: {json.dumps(event)}\n\n".encode())

    for word in words:
        await send([{"index": 0, "delta": {"content": word}, "finish_reason": None}])
        await asyncio.sleep(pause_seconds)
    if finish_reason:
        await send([{"index": 0, "delta": {}, "finish_reason": finish_reason}])
    if (body.get("stream_options") or {}).get("include_usage"):
        await send([], usage={"prompt_tokens": 7, "completion_tokens": len(words), "total_tokens": 7 + len(words)})
    if ending:
        await response.write(b"data: [DONE]\n\n")
    return response


def _json(body: Any, status: int = 200, **headers: str) -> Callable[..., Awaitable[web.StreamResponse]]:
    async def answer(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return answer


def _raw(content: bytes, content_type: str, **headers: str) -> Callable[..., Awaitable[web.StreamResponse]]:
    async def answer(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(body=content, content_type=content_type, headers=headers)

    return answer


async def _hang(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.json_response(completion("late"))


async def _slow(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    await asyncio.sleep(0.2)
    return web.json_response(completion("slow"))


async def _drip(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    """A space now and then: no single read ever takes long."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for _ in range(600):
        await response.write(b" ")
        await asyncio.sleep(0.1)
    return response


async def _reset(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _half(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    """Promises a thousand bytes and hangs up after some."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"choices": [{"mess')
    assert request.transport is not None
    request.transport.close()
    return response


async def _endless(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b" " * 65_536)
    return response


async def _bomb(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    content = gzip.compress(b" " * 50_000_000)
    return web.Response(body=content, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})


async def _redirect(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": "/v1/chat/completions?elsewhere"})


async def _unauthorised(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    key = request.headers.get("Authorization", "")
    return web.json_response({"error": {"message": f"Incorrect API key provided: {key}"}}, status=401)


async def _cut(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """A stream that just ends, politely but without finish."""
    return await _send_stream(request, body, ["one ", "two"], finish_reason=None, ending=False)


async def _badstream(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b'data: {"choices": [{"index"\n\n')
    return response


async def _steps(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    return await _send_stream(request, body, ["step "] * 200, finish_reason="stop", pause_seconds=0.1)


async def _plainstream(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """A server that does not know stream_options."""
    if "stream_options" in body:
        return web.json_response({"error": {"message": "unknown field stream_options"}}, status=400)
    return await _echo(request, body)


BEHAVIOURS: dict[str, Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]] = {
    "echo": _echo,
    "caller": _caller,
    "letters": _letters,
    "hang": _hang,
    "slow": _slow,
    "drip": _drip,
    "reset": _reset,
    "half": _half,
    "endless": _endless,
    "bomb": _bomb,
    "redirect": _redirect,
    "unauthorised": _unauthorised,
    "cut": _cut,
    "badstream": _badstream,
    "steps": _steps,
    "plainstream": _plainstream,
    "limited": _json({"error": {"message": "slow down"}}, 429, **{"Retry-After": "7"}),
    "limitedms": _json({"error": {"message": "slow down"}}, 429, **{"retry-after-ms": "250", "Retry-After": "7"}),
    "quota": _json({"error": {"message": "pay first", "code": "insufficient_quota"}}, 429),
    "broken": _json({"error": {"message": "out of order"}}, 500),
    "overloaded": _json({"error": {"message": "overloaded"}}, 529),
    "bad": _json({"error": {"message": "no such setting"}}, 400),
    "forbidden": _json({"error": {"message": "not for you"}}, 403),
    "filtered": _json({"error": {"message": "filtered", "code": "content_filter"}}, 400),
    "html": _raw(b"<!DOCTYPE html><html><body>Welcome</body></html>", "text/html"),
    "empty": _json({}),
    "nochoices": _json({"choices": []}),
    "nocontent": _json(completion(None)),
    "array": _json([]),
    "nothing": _raw(b"", "application/json"),
    "badjson": _raw(b'{"choices": [', "application/json"),
    "refusal": _json(completion(None, refusal="I will not.")),
    "contentfilter": _json(completion("", finish_reason="content_filter")),
    "errorinside": _json({"error": {"message": "upstream is down"}}),
    "tools": _json(
        completion(
            None,
            finish_reason="tool_calls",
            tool_calls=[{"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}],
        )
    ),
}
