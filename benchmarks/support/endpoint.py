"""A server with OpenAI's chat protocol in a process of its own, well-behaved or not, that counts what arrives.

    python benchmarks/support/endpoint.py --behaviour chaos   # prints its base URL, ends with its input

It answers `... question 17` with `answer 17`, so that a good answer can be told from anything else. A request counts
as billed once it has arrived whole, whatever becomes of its answer. `GET /counts` gives the counts as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import random
import re
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

INPUT_TOKENS, OUTPUT_TOKENS = 7, 10
"""What every good answer says that it took."""
STOP_SECONDS = 10
BAD_SHARE = 0.3


@dataclass
class Counts:
    """billed: requests that arrived whole; in_flight: not answered yet; kinds: how often it behaved how."""

    billed: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    kinds: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Running:
    """A running server. base_url: up to /v1."""

    base_url: str
    process: subprocess.Popen[str]

    def counts(self) -> Counts:
        """What it has counted until now."""
        with urllib.request.urlopen(f"{self.base_url}/counts", timeout=30) as answer:  # noqa: S310 - our own
            content = json.load(answer)
        return Counts(content["billed"], content["in_flight"], content["most_in_flight"], Counter(content["kinds"]))


@contextlib.contextmanager
def running_endpoint(
    behaviour: str = "good", *, seconds: float = 0.0, jitter: float = 0.0, seed: int = 0
) -> Iterator[Running]:
    """The server for the block, in a process of its own.

    seconds: how long a good answer takes, by a share of at most `jitter` more or less.
    """
    command = [sys.executable, str(Path(__file__).resolve()), "--behaviour", behaviour]
    command += ["--seconds", str(seconds), "--jitter", str(jitter), "--seed", str(seed)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdin is None or process.stdout is None:
        raise OSError("a process without its pipes")
    try:
        base_url = process.stdout.readline().strip()
        if not base_url:
            raise OSError("the endpoint did not start")
        yield Running(base_url, process)
    finally:
        process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


# The server itself.


@dataclass(frozen=True, slots=True)
class Call:
    """One request. number: of its question; attempt: how often that came before; body: as it was sent."""

    request: web.Request
    body: dict[str, Any]
    number: str
    attempt: int

    @property
    def streams(self) -> bool:
        """Whether the answer is to come piece by piece."""
        return bool(self.body.get("stream"))

    @property
    def authorization(self) -> str:
        """The header that carries the key."""
        return self.request.headers.get("Authorization", "")


@dataclass
class Server:
    """behave: chooses the name of a behaviour for a call."""

    behave: Callable[[Call], str]
    seconds: float
    jitter: float
    counts: Counts = field(default_factory=Counts)
    seen: Counter[str] = field(default_factory=Counter)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Counts a call and behaves as chosen."""
        body = json.loads(await request.read())
        number = re.findall(r"\d+", body["messages"][-1]["content"])[-1]
        call = Call(request, body, number, self.seen[number])
        self.seen[number] += 1
        kind = self.behave(call)
        counts = self.counts
        counts.billed += 1
        counts.kinds[kind] += 1
        counts.in_flight += 1
        counts.most_in_flight = max(counts.most_in_flight, counts.in_flight)
        try:
            if kind == "good":
                share = random.uniform(-self.jitter, self.jitter)  # noqa: S311 - a simulation, no secret
                await asyncio.sleep(self.seconds * (1 + share))
                return await _good(call)
            return await BAD[kind](call)
        finally:
            counts.in_flight -= 1

    async def tell(self, _request: web.Request) -> web.Response:
        """The counts as JSON."""
        return web.json_response(vars(self.counts))


async def _good(call: Call) -> web.StreamResponse:
    text = f"answer {call.number}"
    if call.streams:
        return await _stream(call, ["answer ", call.number], finish_reason="stop")
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return web.json_response({"id": "1", "object": "chat.completion", "created": 0, "model": "loop", **_with(choice)})


def _with(*choices: dict[str, Any]) -> dict[str, Any]:
    tokens = {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS}
    return {"choices": list(choices), "usage": {**tokens, "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS}}


async def _open(call: Call, **headers: str) -> web.StreamResponse:
    kind = "text/event-stream" if call.streams else "application/json"
    response = web.StreamResponse(headers={"Content-Type": kind, **headers})
    await response.prepare(call.request)
    return response


async def _event(response: web.StreamResponse, *choices: dict[str, Any], **rest: Any) -> None:
    event = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "loop", "choices": choices, **rest}
    await response.write(f"data: {json.dumps(event)}\n\n".encode())


async def _stream(call: Call, words: list[str], *, finish_reason: str | None) -> web.StreamResponse:
    response = await _open(call)
    for word in words:
        await _event(response, {"index": 0, "delta": {"content": word}, "finish_reason": None})
    if finish_reason is None:
        return response
    await _event(response, {"index": 0, "delta": {}, "finish_reason": finish_reason})
    await _event(response, **_with())
    await response.write(b"data: [DONE]\n\n")
    return response


def _error(status: int, message: str, **headers: str) -> web.Response:
    return web.json_response({"error": {"message": message}}, status=status, headers=headers)


def _says(status: int, message: str, **headers: str) -> Callable[[Call], Awaitable[web.StreamResponse]]:
    async def answer(_call: Call) -> web.StreamResponse:
        return _error(status, message, **headers)

    return answer


async def _html(_call: Call) -> web.StreamResponse:
    return web.Response(
        text="<!DOCTYPE html><html><body>answer 1: please log in</body></html>", content_type="text/html"
    )


async def _half_json(call: Call) -> web.StreamResponse:
    start = b'{"choices": [{"index": 0, "message": {"content": "answer'
    if not call.streams:
        return web.Response(body=start, content_type="application/json")
    response = await _open(call)
    await response.write(b"data: " + start + b"\n\n")
    return response


async def _no_choices(call: Call) -> web.StreamResponse:
    if not call.streams:
        return web.json_response({"id": "1", "object": "chat.completion", **_with()})
    response = await _open(call)
    await _event(response)
    await response.write(b"data: [DONE]\n\n")
    return response


async def _reset(call: Call) -> web.StreamResponse:
    if call.request.transport is not None:
        call.request.transport.abort()
    return web.Response()


async def _cut(call: Call) -> web.StreamResponse:
    """A stream without its finish; a body shorter than was said."""
    if call.streams:
        return await _stream(call, ["answer "], finish_reason=None)
    response = await _open(call, **{"Content-Length": "1000"})
    await response.write(b'{"choices": [{"index": 0, "mess')
    if call.request.transport is not None:
        call.request.transport.close()
    return response


async def _drip(call: Call) -> web.StreamResponse:
    """Never ends, and no single read ever takes long."""
    response = await _open(call)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b": still here\n\n" if call.streams else b" ")
            await asyncio.sleep(0.05)
    return response


async def _endless(call: Call) -> web.StreamResponse:
    """Never ends, as fast as can be."""
    response = await _open(call)
    block = b" " * 65_536
    if call.streams:
        chunk = {"choices": [{"index": 0, "delta": {"content": "x" * 60_000}, "finish_reason": None}]}
        block = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(block)
            await asyncio.sleep(0)
    return response


_BOMB = gzip.compress(b" " * 200_000_000) if "chaos" in sys.argv else b""


async def _bomb(call: Call) -> web.StreamResponse:
    kind = "text/event-stream" if call.streams else "application/json"
    return web.Response(body=_BOMB, headers={"Content-Type": kind, "Content-Encoding": "gzip"})


# What carries the key back to us.


async def _key_refused(call: Call) -> web.StreamResponse:
    return _error(401, f"Incorrect API key provided: {call.authorization.removeprefix('Bearer ')}. Find it at ...")


async def _key_in_failure(call: Call) -> web.StreamResponse:
    return web.Response(status=500, text=f"Traceback: headers={{'Authorization': '{call.authorization}'}}")


async def _key_in_limit(call: Call) -> web.StreamResponse:
    return _error(429, f"Rate limit reached for {call.authorization}", **{"retry-after-ms": "50"})


async def _key_in_json(call: Call) -> web.StreamResponse:
    return web.json_response({"error": {"message": f"upstream refused {call.authorization.removeprefix('Bearer ')}"}})


async def _key_in_redirect(call: Call) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": f"/login?key={call.authorization.removeprefix('Bearer ')}"})


async def _key_in_type(call: Call) -> web.StreamResponse:
    key = call.authorization.removeprefix("Bearer ")
    return web.Response(body=key.encode(), headers={"Content-Type": "text/plain", "Content-Encoding": key})


BAD: dict[str, Callable[[Call], Awaitable[web.StreamResponse]]] = {
    "429": _says(429, "slow down"),
    "429 with a rest": _says(429, "slow down", **{"retry-after-ms": "100"}),
    "500": _says(500, "out of order"),
    "503": _says(503, "overloaded"),
    "HTML": _html,
    "half JSON": _half_json,
    "no choices": _no_choices,
    "reset": _reset,
    "cut": _cut,
    "drip": _drip,
    "endless": _endless,
    "gzip bomb": _bomb,
    "401 with the key": _key_refused,
    "500 with the key": _key_in_failure,
    "429 with the key": _key_in_limit,
    "200 with the key": _key_in_json,
    "307 with the key": _key_in_redirect,
    "encoding with the key": _key_in_type,
}
CHAOS = [kind for kind in BAD if not kind.endswith("the key")]
CANARY = [*(kind for kind in BAD if kind.endswith("the key")), "good", "good"]


def chaos_kind(seed: int, number: str, attempt: int) -> str:
    """How the chaotic server answers a question for the so-manieth time, from 0: badly in 30% of all."""
    source = random.Random(f"{seed} {number} {attempt}")  # noqa: S311 - a simulation, no secret
    return source.choice(CHAOS) if source.random() < BAD_SHARE else "good"


def _behaviour(name: str, seed: int) -> Callable[[Call], str]:
    """good: always; chaos: by seed, question and attempt; canary: by the question's number."""
    return {
        "good": lambda _call: "good",
        "chaos": lambda call: chaos_kind(seed, call.number, call.attempt),
        "canary": lambda call: CANARY[int(call.number) % len(CANARY)],
    }[name]


async def _serve(server: Server) -> None:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.chat)
    app.router.add_get("/v1/counts", server.tell)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait_for_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    await ended.wait()
    await runner.cleanup()


def main() -> None:
    """Serves until standard input ends."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--behaviour", choices=("good", "chaos", "canary"), default="good")
    parser.add_argument("--seconds", type=float, default=0.0, help="how long a good answer takes")
    parser.add_argument("--jitter", type=float, default=0.0, help="by which share more or less, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the chaos")
    arguments = parser.parse_args()
    asyncio.run(_serve(Server(_behaviour(arguments.behaviour, arguments.seed), arguments.seconds, arguments.jitter)))


if __name__ == "__main__":
    main()
