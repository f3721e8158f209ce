"""One HTTP answer, within limits of time and size; redirects only within the host."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from promptlab.errors import UsageError
from promptlab.redact import redact

TRIES = 3
MOST_REDIRECTS = 5
_PIECE = 65_536
_PASSING = (429, 502, 503, 504)
"""Answers that may be others a moment later."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an answer may take, from the first byte sent to the last one received, and how large it may be."""

    seconds: float
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. media_type: as it says itself, in small letters, without what follows a semicolon."""

    url: str
    content: bytes
    media_type: str


def fetch(url: str, *, headers: Mapping[str, str], limits: Limits, where: str, secrets: Sequence[str] = ()) -> Fetched:
    """The answer to a GET, tried three times where the server says that it is busy. Raises UsageError.

    secrets: what never stands in a message.
    """
    known = [*secrets, *headers.values(), *(value.removeprefix("Bearer ") for value in headers.values())]
    until = time.monotonic() + limits.seconds
    tried = 0
    while True:
        tried += 1
        try:
            with _watched(until) as watch:
                return _get(url, headers, limits, watch)
        except HTTPError as error:
            error.close()
            again = error.code in _PASSING and tried < TRIES and time.monotonic() + tried < until
            if not again:
                said = redact(f"{error.code} {str(error.reason)[:100]}", secrets=known)
                raise UsageError(f"{where}: answered {' '.join(said.split())}") from error
            time.sleep(0.5 * tried)
        except _RefusedError as error:
            raise UsageError(f"{where}: {error}") from error
        except (OSError, http.client.HTTPException, ValueError, EOFError, zlib.error) as error:
            if time.monotonic() >= until:
                raise UsageError(f"{where}: was not answered whole within {limits.seconds:g} s") from error
            reason: Any = error.reason if isinstance(error, URLError) else error
            said = redact(" ".join(str(reason).split())[:200] or type(error).__name__, secrets=known)
            raise UsageError(f"{where}: cannot be read: {said}") from error


class _RefusedError(Exception):
    """Something that is not gone along with."""


class _Watch:
    """Ends a connection when its time is over, in whatever read it hangs: a timeout is of each single read."""

    def __init__(self, until: float) -> None:
        self.until = until
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(max(until - time.monotonic(), 0), self._end)
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()

    def add(self, connected: socket.socket) -> None:
        self._sockets.append(connected)

    def left(self) -> float:
        return max(self.until - time.monotonic(), 0.01)

    def _end(self) -> None:
        for connected in self._sockets:
            with contextlib.suppress(OSError):  # closed already
                connected.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _watched(until: float) -> Iterator[_Watch]:
    watch = _Watch(until)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def _get(url: str, headers: Mapping[str, str], limits: Limits, watch: _Watch) -> Fetched:
    request = Request(  # noqa: S310 - http and https only: the opener has no other handlers
        url,
        headers={
            "User-Agent": "promptlab",
            "Accept": "application/json, text/csv;q=0.9, */*;q=0.5",
            "Accept-Encoding": "identity",
            **headers,
        },
    )
    with _opener(watch).open(request, timeout=watch.left()) as answer:
        media_type = str(answer.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        encoding = str(answer.headers.get("Content-Encoding") or "identity").strip().lower()
        content = b"".join(_pieces(answer, _unpacked(encoding), limits, watch))
        declared = answer.headers.get("Content-Length")
        if encoding == "identity" and declared is not None and declared.isdecimal() and len(content) < int(declared):
            raise _RefusedError(f"the answer ended after {len(content):,} of {int(declared):,} bytes")
        return Fetched(answer.url, content, media_type)


def _pieces(
    answer: Any, unpack: Callable[[bytes, int], Iterator[bytes]], limits: Limits, watch: _Watch
) -> Iterator[bytes]:
    size = 0
    while piece := answer.read1(_PIECE):
        for some in unpack(piece, limits.most_bytes + 1):
            size += len(some)
            if size > limits.most_bytes:
                raise _RefusedError(f"answered with more than {limits.most_bytes:,} bytes; set `most_bytes`")
            yield some
        if time.monotonic() >= watch.until:
            raise TimeoutError
    if time.monotonic() >= watch.until:  # the watch has closed it: what is there may be a part
        raise TimeoutError


def _unpacked(encoding: str) -> Callable[[bytes, int], Iterator[bytes]]:
    """A function that unpacks a piece, a megabyte at a time: what a bomb has in it is never held."""
    if encoding in ("", "identity"):
        return lambda piece, _most: iter([piece])
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise _RefusedError(f"answered with the encoding {encoding[:40]!r}, which is not known here")
    machine = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def unpack(piece: bytes, _most: int) -> Iterator[bytes]:
        while piece:
            yield machine.decompress(piece, 1_000_000)
            piece = machine.unconsumed_tail

    return unpack


class _Redirects(HTTPRedirectHandler):
    """Follows redirects within the host: another one would be sent the keys, or be an address of this network."""

    max_redirections = MOST_REDIRECTS

    def redirect_request(  # noqa: PLR0917 - the interface
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        fp.close()  # its content, of any size, would be read
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if (before.scheme, before.netloc) != (after.scheme, after.netloc):
            raise _RefusedError(f"redirects to {after.scheme[:10]}://{after.netloc[:80]}; not followed: name that URL")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(watch: _Watch) -> OpenerDirector:
    class Connection(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            watch.add(self.sock)

    class SecureConnection(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            watch.add(self.sock)

    class Plain(HTTPHandler):
        def http_open(self, req: Request) -> http.client.HTTPResponse:
            return self.do_open(Connection, req)

    class Secure(HTTPSHandler):
        def https_open(self, req: Request) -> http.client.HTTPResponse:
            return self.do_open(SecureConnection, req)

    opener = OpenerDirector()
    for handler in (ProxyHandler(), Plain(), Secure(), HTTPDefaultErrorHandler(), _Redirects(), HTTPErrorProcessor()):
        opener.add_handler(handler)
    return opener
