"""What came back from an OpenAI-compatible server: an answer, or one classed error.

Nothing here trusts the server: HTTP 200 is no success, an error text may carry our key, a stream may just end.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from promptlab.errors import CallError
from promptlab.redact import redact
from promptlab.types import AnswerStatus, ErrorStatus, Response, Usage

_LONGEST_MESSAGE = 400
_STATUS: Mapping[int, ErrorStatus] = {402: "quota", 408: "timeout", 409: "server", 425: "server", 429: "rate_limited"}
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


def read_answer(content: bytes, *, seconds: float) -> Response:
    """The response in the body of an HTTP 200. Raises CallError of status malformed where there is none."""
    try:
        body = json.loads(content)
    except ValueError as error:
        raise CallError("malformed", f"HTTP 200 with {_kind(content)} in place of JSON") from error
    if not isinstance(body, dict):
        raise CallError("malformed", f"HTTP 200 with a JSON {type(body).__name__} in place of an object")
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        hint = _error_text(body.get("error")) if body.get("error") else "no choices"
        raise CallError("malformed", f"HTTP 200 without an answer: {shorten(hint)}")
    message = choices[0].get("message")
    if not isinstance(message, dict):
        raise CallError("malformed", "HTTP 200 with a choice that has no message")
    return make_response(
        text=_text(message.get("content")),
        refusal=message.get("refusal"),
        finish_reason=choices[0].get("finish_reason"),
        tool_calls=[call for call in message.get("tool_calls") or () if isinstance(call, dict)],
        usage=body.get("usage"),
        seconds=seconds,
    )


def make_response(
    *,
    text: str | None,
    refusal: Any,
    finish_reason: Any,
    tool_calls: list[Mapping[str, Any]],
    usage: Any,
    seconds: float,
) -> Response:
    """The response of these parts: status refused for a refusal or content filter, truncated for `length`.

    Raises CallError of status malformed where there is neither text, nor a tool call, nor a reason for having none.
    """
    reason = finish_reason if isinstance(finish_reason, str) else None
    status: AnswerStatus = "ok"
    if reason == "content_filter" or (isinstance(refusal, str) and refusal):
        status = "refused"
        text = text or (refusal if isinstance(refusal, str) else "")
    elif reason == "length":
        status = "truncated"
    elif text is None and not tool_calls:
        raise CallError("malformed", f"HTTP 200 with a message without content (finish_reason {reason})")
    return Response(
        text or "",
        status=status,
        finish_reason=reason,
        usage=read_usage(usage),
        seconds=seconds,
        tool_calls=tuple(tool_calls),
    )


def read_usage(usage: Any) -> Usage:
    """The token counts, None where the server does not say or says nonsense."""
    if not isinstance(usage, Mapping):
        return Usage()
    details = usage.get("prompt_tokens_details")
    return Usage(
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        cached_input_tokens=_count(details.get("cached_tokens")) if isinstance(details, Mapping) else None,
    )


def status_error(
    status_code: int, body: object, headers: Mapping[str, str], *, where: str, secrets: tuple[str, ...]
) -> CallError:
    """The error of an HTTP status that is no success. where: the server, for the message."""
    code = _error_code(body)
    if 300 <= status_code < 400:
        target = headers.get("location", "elsewhere")
        message = f"it redirects to {target}, which is not followed, since the prompt would go there"
        return CallError("client", f"{where}: HTTP {status_code}: {_clean(message, secrets)}")
    status = _STATUS.get(status_code) or ("server" if status_code >= 500 else "client")
    if status == "rate_limited" and code in _QUOTA_CODES:
        status = "quota"
    text = _clean(_error_text(body), secrets)
    return CallError(status, f"{where}: HTTP {status_code}: {text}", retry_after=retry_after_seconds(headers))


def is_filtered(status_code: int, body: object) -> bool:
    """True where the server refuses the prompt by its content filter, which some do with an HTTP 400."""
    return status_code == 400 and _error_code(body) in ("content_filter", "content_policy_violation")


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """How long the server asks to rest: retry-after-ms, or Retry-After in seconds or as a date; None if it does not."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) / scale
        except ValueError:
            moment = email.utils.parsedate_tz(value)
            if moment is None:
                continue
            seconds = email.utils.mktime_tz(moment) - time.time()
        # NaN compares false, so it falls through to the next header.
        if seconds >= 0:
            return min(seconds, 86_400.0)
    return None


def shorten(text: str) -> str:
    """The text in one line of at most 400 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 3] + "..."


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from, outermost first."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def _clean(text: str, secrets: tuple[str, ...]) -> str:
    # Redacted before it is cut: half a key is not recognised any more.
    return shorten(redact(text, secrets=secrets))


def _error_code(body: object) -> str | None:
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, Mapping):
            return next((str(inner[key]) for key in ("code", "type") if inner.get(key) in _KNOWN_CODES), None)
    return None


_KNOWN_CODES = _QUOTA_CODES | {"content_filter", "content_policy_violation"}


def _error_text(body: object) -> str:
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, Mapping):
            for key in ("message", "detail", "code", "type"):
                if inner.get(key):
                    return str(inner[key])
        if inner:
            return str(inner)
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    if isinstance(body, str) and body.strip():
        return _kind(body.encode()) if "<html" in body[:500].lower() else body
    return "no message"


def _text(content: Any) -> str | None:
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _kind(content: bytes) -> str:
    start = content[:500].lstrip().lower()
    if not start:
        return "an empty body"
    if start.startswith((b"<!doctype", b"<html")) or b"<html" in start:
        return "an HTML page"
    return "broken JSON" if start.startswith((b"{", b"[")) else "a text that is no JSON"
