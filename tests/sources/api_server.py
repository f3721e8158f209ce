"""A real HTTP server on this machine whose paths answer as APIs do, good and bad ones."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

ROWS = [{"id": at, "name": f"n{at}", "day": f"2024-01-{at:02}"} for at in range(1, 8)]
SECRET = "s3cret-of-the-test"


class Api(BaseHTTPRequestHandler):
    """Answers by path."""

    protocol_version = "HTTP/1.1"
    other: str = ""
    seen: ClassVar[list[dict[str, str]]] = []
    failures: ClassVar[dict[str, int]] = {}

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        type(self).seen.append({**dict(self.headers), "path": self.path})
        self.close_connection = True
        with contextlib.suppress(OSError):  # a client that has had enough
            getattr(self, f"get_{parts.path.strip('/').partition('/')[0].replace('.', '_').replace('-', '_')}")(query)

    def send(self, body: bytes, kind: str = "application/json", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def json(self, value: Any, **options: Any) -> None:
        self.send(json.dumps(value).encode(), **options)

    def get_list(self, _query: dict[str, str]) -> None:
        self.json(ROWS)

    def get_nested(self, _query: dict[str, str]) -> None:
        self.json({"meta": {"total": 7}, "data": {"items": ROWS}})

    def get_rows_csv(self, _query: dict[str, str]) -> None:
        lines = ["id,name,day", *(f"{row['id']},{row['name']},{row['day']}" for row in ROWS)]
        self.send("\n".join(lines).encode(), "text/csv; charset=utf-8")

    def get_lines(self, _query: dict[str, str]) -> None:
        self.send("".join(f"{json.dumps(row)}\n" for row in ROWS).encode(), "application/x-ndjson")

    def get_links(self, query: dict[str, str]) -> None:
        at = int(query.get("from", 0))
        following = f"/links?from={at + 3}" if at + 3 < len(ROWS) else None
        self.json({"items": ROWS[at : at + 3], "links": {"next": following}})

    def get_pages(self, query: dict[str, str]) -> None:
        at = 3 * (int(query["page"]) - 1)
        self.json({"items": ROWS[at : at + 3]})

    def get_private(self, query: dict[str, str]) -> None:
        if self.headers.get("Authorization") != f"Bearer {SECRET}" and query.get("api_key") != SECRET:
            self.json({"error": f"wrong key {self.headers.get('Authorization')}"}, status=401)
            return
        self.json(ROWS)

    def get_gzipped(self, _query: dict[str, str]) -> None:
        self.send(gzip.compress(json.dumps(ROWS).encode()), Content_Encoding="gzip")

    def get_redirect(self, _query: dict[str, str]) -> None:
        self.send(b"", status=302, Location="/list")

    def get_away(self, _query: dict[str, str]) -> None:
        self.send(b"", status=302, Location=f"{type(self).other}/list")

    def get_file(self, _query: dict[str, str]) -> None:
        self.send(b"", status=302, Location="file:///etc/passwd")

    def get_circle(self, query: dict[str, str]) -> None:
        self.send(b"", status=302, Location=f"/circle?n={int(query.get('n', 0)) + 1}")

    def get_next_away(self, _query: dict[str, str]) -> None:
        self.json({"items": ROWS, "next": f"{type(self).other}/list"})

    def get_next_again(self, _query: dict[str, str]) -> None:
        self.json({"items": ROWS, "next": "/next-again"})

    def get_next_forever(self, query: dict[str, str]) -> None:
        self.json({"items": ROWS, "next": f"/next-forever?n={int(query.get('n', 0)) + 1}"})

    def get_endless(self, _query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"[")
        while True:
            self.wfile.write(b'{"a": 1},' * 10_000)

    def get_drip(self, _query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        for _ in range(200):
            self.wfile.write(b" ")
            time.sleep(0.1)

    def get_drip_headers(self, _query: dict[str, str]) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _ in range(200):
            self.wfile.write(b"x")
            time.sleep(0.1)

    def get_bomb(self, _query: dict[str, str]) -> None:
        self.send(gzip.compress(b"[" + b" " * 300_000_000), Content_Encoding="gzip")

    def get_strange(self, _query: dict[str, str]) -> None:
        self.send(b"x", Content_Encoding="br")

    def get_html(self, _query: dict[str, str]) -> None:
        self.send(b"<!doctype html><p>Please log in", "text/html; charset=utf-8")

    def get_html_as_json(self, _query: dict[str, str]) -> None:
        self.send(b"\n  <html>", "application/json")

    def get_broken(self, _query: dict[str, str]) -> None:
        self.send(b'[{"a": 1}, {"a"')

    def get_short(self, _query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"[")

    def get_nan(self, _query: dict[str, str]) -> None:
        self.send(b'[{"a": NaN}]')

    def get_deep(self, _query: dict[str, str]) -> None:
        self.send(b'[{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]")

    def get_numbers(self, _query: dict[str, str]) -> None:
        self.json([1, 2])

    def get_bytes(self, _query: dict[str, str]) -> None:
        self.send(b"[\xff\xfe]")

    def get_error(self, _query: dict[str, str]) -> None:
        self.json({"error": "x"}, status=500)

    def get_busy(self, _query: dict[str, str]) -> None:
        count = type(self).failures.setdefault("busy", 0)
        type(self).failures["busy"] = count + 1
        self.json(ROWS if count else {}, status=200 if count else 503)

    def get_reset(self, _query: dict[str, str]) -> None:
        self.connection.close()


@contextlib.contextmanager
def running_api() -> Iterator[str]:
    """The URL of the server for the block; another one, which it redirects to, is on another port."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Api) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True) for server in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread.start()
    Api.other = f"http://127.0.0.1:{servers[1].server_port}"
    Api.seen = []
    Api.failures = {}
    try:
        yield f"http://127.0.0.1:{servers[0].server_port}"
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join(5)
