"""Models that are not: they echo, recite or fail as told, at once and always the same. For tests and dry runs.

A name is `fake:KIND?option=value&option=value`, with `%20` or `+` for a space:

    fake:echo                           the last message's text
    fake:say?text=positive              always this text
    fake:choose?of=positive,negative    one of these, fixed by the messages and the repeat
    fake:refuse?text=no                 this text, with status `refused`
    fake:fail?status=server             fails: every call, or with `times=2` the model's first two; then echoes
    fake:flaky?failures=2               fails the first two calls of every request with `status`, then echoes
    fake:script?file=answers.jsonl      answers from a file: lines of {"input": ..., "output": ..., "status": ...}

A script's first line whose `input` stands in the last message answers; a line without `input` answers all. Its
`status` may be `refused` or one of the error statuses. The file is relative to the workspace.

Each kind takes `seconds` (how long a call takes), `concurrency`, and each failing one `status` (default `server`),
`message` and `retry_after` (seconds). Tokens are words; `max_tokens` cuts the answer after so many words.

A call costs nothing, unless promptlab.toml gives the name a price, as in [prices."fake:*"], to try a budget with.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args
from urllib.parse import parse_qsl

from promptlab.errors import CallError, ModelError
from promptlab.models.base import Embeddings, Likelihoods, last_text
from promptlab.models.fake_arithmetic import embed_words, score_words
from promptlab.types import AnswerStatus, Chunk, ErrorStatus, Message, Request, Response, Usage

KINDS: Mapping[str, frozenset[str]] = {
    "echo": frozenset(),
    "say": frozenset({"text"}),
    "choose": frozenset({"of"}),
    "refuse": frozenset({"text"}),
    "fail": frozenset({"status", "times", "message", "retry_after"}),
    "flaky": frozenset({"status", "failures", "message", "retry_after"}),
    "script": frozenset({"file"}),
}
"""Every kind of fake model with the options it takes, beside `seconds` and `concurrency`."""

_COMMON = frozenset({"seconds", "concurrency"})
_REQUIRED = {"say": "text", "choose": "of", "script": "file"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a fake model says to one request."""

    text: str
    status: AnswerStatus = "ok"


Answer = Callable[[Request, int, int], Reply]
"""(request, calls of this model so far, calls of this request so far) -> Reply, or raises CallError."""


@dataclass(slots=True)
class FakeModel:
    """A model that answers by a plain function, at once or after `seconds`. `calls` counts what was asked of it."""

    name: str
    answer: Answer
    identity: str | None = None
    seconds: float = 0.0
    concurrency: int = 100
    calls: int = 0
    provider: str = "fake"
    endpoint: None = None
    texts_at_once: int = 32
    _seen: Counter[str] = field(default_factory=Counter)

    async def prepare(self) -> None:
        """Nothing: a fake model is always ready."""

    async def generate(self, request: Request) -> Response:
        """The reply as a response, after `seconds`. Raises CallError where the reply is one."""
        call, again = self._count(request)
        if self.seconds:
            await asyncio.sleep(self.seconds)
        return _response(self.answer(request, call, again), request, self.seconds)

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        """The reply word by word, `seconds` spread over the words."""
        call, again = self._count(request)
        response = _response(self.answer(request, call, again), request, self.seconds)
        pieces = re.findall(r"\S+\s*|\s+", response.text)
        for piece in pieces:
            await asyncio.sleep(self.seconds / len(pieces))
            yield Chunk(piece)
        yield Chunk("", response)

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embeddings by the words that the texts have, after `seconds`; one call, however many texts."""
        self.calls += 1
        if self.seconds:
            await asyncio.sleep(self.seconds)
        words = sum(len(text.split()) for text in texts)
        return Embeddings([embed_words(text) for text in texts], Usage(words, 0, 0), self.seconds)

    async def likelihoods(
        self, context: Sequence[Message] | str, continuations: Sequence[str], *, spaced: bool
    ) -> Likelihoods:
        """Likelihoods by the words that stand in the context, after `seconds`; one call for all continuations."""
        self.calls += 1
        if self.seconds:
            await asyncio.sleep(self.seconds)
        text = context if isinstance(context, str) else " ".join(message.content for message in context)
        found = [score_words(text, continuation, spaced=spaced) for continuation in continuations]
        return Likelihoods(found, Usage(len(text.split()), 0, 0), self.seconds)

    async def close(self) -> None:
        """Nothing: a fake model holds nothing."""

    def _count(self, request: Request) -> tuple[int, int]:
        key = repr((request.messages, sorted(request.settings.items(), key=str), request.repeat))
        call, again = self.calls, self._seen[key]
        self.calls += 1
        self._seen[key] += 1
        return call, again


def fake_model(name: str, *, folder: Path) -> FakeModel:
    """The fake model of a full name such as `fake:say?text=positive`.

    folder: what a script's file is relative to. Raises ModelError that names the kind or option and what there is.
    """
    kind, _, query = name.removeprefix("fake:").partition("?")
    if kind not in KINDS:
        close = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"did you mean fake:{close[0]}?" if close else f"there is: {', '.join(KINDS)}"
        raise ModelError(f"base model {name!r}: no fake model {kind!r}; {hint}")
    options = _options(name, kind, query)
    identity = name
    if kind == "script":
        path = folder / options["file"]
        lines = _read_script(name, path)
        identity = f"{name}#{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
        answer = _script(name, lines)
    else:
        answer = _answer(name, kind, options)
    return FakeModel(
        name=name,
        answer=answer,
        identity=identity,
        seconds=_number(name, options, "seconds", default=0.0),
        concurrency=max(1, int(_number(name, options, "concurrency", default=100))),
    )


def scripted(answers: Mapping[str, str], *, name: str = "fake:scripted", default: str | None = None) -> FakeModel:
    """A fake model that answers each request whose last message contains a key of `answers` with its value.

    The first key that fits answers; without one, `default`, or where that is None a CallError of status client.
    """
    lines: list[Mapping[str, Any]] = [{"input": key, "output": text} for key, text in answers.items()]
    if default is not None:
        lines.append({"output": default})
    return FakeModel(name=name, answer=_script(name, lines))


def _options(name: str, kind: str, query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    known = KINDS[kind] | _COMMON
    unknown = sorted(set(options) - known)
    if unknown:
        raise ModelError(
            f"base model {name!r}: unknown option {unknown[0]!r}; fake:{kind} takes {', '.join(sorted(known))}"
        )
    required = _REQUIRED.get(kind)
    if required is not None and required not in options:
        raise ModelError(f"base model {name!r}: fake:{kind} needs {required}, as in fake:{kind}?{required}=...")
    return options


def _number(name: str, options: Mapping[str, str], key: str, *, default: float) -> float:
    text = options.get(key)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not math.isfinite(value) or value < 0:
        raise ModelError(f"base model {name!r}: {key} is {text!r}; it is a number from 0")
    return value


def _answer(name: str, kind: str, options: Mapping[str, str]) -> Answer:
    if kind == "say":
        return lambda _request, _call, _again: Reply(options["text"])
    if kind == "refuse":
        return lambda _request, _call, _again: Reply(options.get("text", ""), "refused")
    if kind == "choose":
        return _choose([part.strip() for part in options["of"].split(",")])
    if kind == "fail":
        times = _number(name, options, "times", default=math.inf)
        failure = _failure(name, options)
        return lambda request, call, _again: failure() if call < times else Reply(last_text(request))
    if kind == "flaky":
        failures = _number(name, options, "failures", default=1)
        failure = _failure(name, options)
        return lambda request, _call, again: failure() if again < failures else Reply(last_text(request))
    return lambda request, _call, _again: Reply(last_text(request))


def _choose(texts: list[str]) -> Answer:
    def answer(request: Request, _call: int, _again: int) -> Reply:
        content = json.dumps([[m.role, m.content] for m in request.messages] + [request.repeat])
        number = int.from_bytes(hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()[:8], "big")
        return Reply(texts[number % len(texts)])

    return answer


def _failure(name: str, options: Mapping[str, str]) -> Callable[[], Reply]:
    status = options.get("status", "server")
    if status not in get_args(ErrorStatus):
        raise ModelError(f"base model {name!r}: status is {status!r}; it is one of {', '.join(get_args(ErrorStatus))}")
    message = options.get("message", f"{name.partition('?')[0]} fails as told, with status {status}")
    wait = _number(name, options, "retry_after", default=-1.0)

    def fail() -> Reply:
        raise CallError(cast("ErrorStatus", status), message, retry_after=wait if wait >= 0 else None)

    return fail


def _script(name: str, lines: list[Mapping[str, Any]]) -> Answer:
    def answer(request: Request, _call: int, _again: int) -> Reply:
        text = last_text(request)
        for line in lines:
            if str(line.get("input", "")) in text:
                status, output = line.get("status", "ok"), str(line.get("output", ""))
                if status in get_args(ErrorStatus):
                    raise CallError(status, output or f"the script of {name} says {status}")
                return Reply(output, status)
        raise CallError("client", f"the script of {name} has no answer to {text[:80]!r}; add a line without input")

    return answer


def _read_script(name: str, path: Path) -> list[Mapping[str, Any]]:
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"base model {name!r}: its script {path} cannot be read: {error}") from error
    lines: list[Mapping[str, Any]] = []
    for number, text in enumerate(source.splitlines(), start=1):
        if text.strip():
            lines.append(_script_line(text, where=f"{path}, line {number}"))
    return lines


def _script_line(text: str, *, where: str) -> Mapping[str, Any]:
    try:
        line = json.loads(text)
    except ValueError as error:
        raise ModelError(f"{where}: not valid JSON: {error}") from error
    known = {"input", "output", "status"}
    if not isinstance(line, dict) or not set(line) <= known:
        raise ModelError(f"{where}: a line of a script has input, output and status only")
    statuses = (*get_args(AnswerStatus), *get_args(ErrorStatus))
    if line.get("status", "ok") not in statuses:
        raise ModelError(f"{where}: status is {line['status']!r}; it is one of {', '.join(statuses)}")
    return line


def _response(reply: Reply, request: Request, seconds: float) -> Response:
    words = re.findall(r"\s*\S+", reply.text)
    limit = request.settings.get("max_tokens")
    text, status, finish_reason = reply.text, reply.status, "stop"
    if reply.status == "refused":
        finish_reason = "content_filter"
    elif limit is not None and len(words) > limit:
        words = words[:limit]
        text, status, finish_reason = "".join(words), "truncated", "length"
    usage = Usage(sum(len(message.content.split()) for message in request.messages), len(words), 0)
    return Response(text, status=status, finish_reason=finish_reason, usage=usage, seconds=seconds)
