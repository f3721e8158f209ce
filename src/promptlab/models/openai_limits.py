"""What an answer over HTTP may be at most: unencoded, and so many bytes. Imports the HTTP library of openai."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2

from promptlab.errors import CallError


def timeouts(*, connect_seconds: float, read_seconds: float) -> httpx2.Timeout:
    """Timeouts of single steps; the deadline of the whole call is the caller's."""
    return httpx2.Timeout(read_seconds, connect=min(connect_seconds, read_seconds))


def limit_answer(largest_bytes: int) -> Callable[[httpx2.Response], Awaitable[None]]:
    """A response hook that has every answer of more than `largest_bytes` end in a CallError of status malformed.

    An encoded answer is refused too, since a few kilobytes of it can unpack to gigabytes and we asked for none.
    """

    async def limit(response: httpx2.Response) -> None:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise CallError(
                "malformed", f"the answer of {response.url.host} is encoded as {encoding}; it was asked not to be"
            )
        declared = response.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > largest_bytes:
            raise _too_large(response, largest_bytes)
        stream = response.stream
        if isinstance(stream, httpx2.AsyncByteStream):
            response.stream = _Limited(stream, _too_large(response, largest_bytes), largest_bytes)

    return limit


class _Limited(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, error: CallError, largest_bytes: int) -> None:
        self._stream = stream
        self._error = error
        self._left = largest_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for block in self._stream:
            self._left -= len(block)
            if self._left < 0:
                raise self._error
            yield block

    async def aclose(self) -> None:
        await self._stream.aclose()


def _too_large(response: httpx2.Response, largest_bytes: int) -> CallError:
    return CallError("malformed", f"the answer of {response.url.host} has more than {largest_bytes:,} bytes")
