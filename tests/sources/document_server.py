"""A small server on this machine that speaks MongoDB's wire protocol: hello, find with batches, and errors.

It is not MongoDB: it holds lists of documents, knows equality in filters, one key to sort by, projections and limits.
"""

from __future__ import annotations

import contextlib
import socketserver
import struct
import threading
from collections.abc import Iterator
from typing import Any

import bson

_MESSAGE, _REPLY, _QUERY = 2013, 1, 2004
BATCH = 3


class Handler(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self) -> None:
        while head := self.rfile.read(16):
            length, request, _, kind = struct.unpack("<iiii", head)
            body = self.rfile.read(length - 16)
            if kind == _QUERY:  # the first hello of a driver
                name_end = body.index(b"\0", 4) + 1
                command = bson.decode(body[name_end + 8 :])
                content = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(self.server.answer(command))
                self._send(request, _REPLY, content)
            else:
                command = bson.decode(body[5:])
                self._send(request, _MESSAGE, b"\0\0\0\0\0" + bson.encode(self.server.answer(command)))

    def _send(self, request: int, kind: int, content: bytes) -> None:
        self.wfile.write(struct.pack("<iiii", 16 + len(content), 1, request, kind) + content)


class DocumentServer(socketserver.ThreadingTCPServer):
    """collections: documents by `database.collection`. asked: the names of commands that came, hello left out."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, collections: dict[str, list[dict[str, Any]]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.collections = collections
        self.asked: list[str] = []
        self._cursors: dict[int, list[dict[str, Any]]] = {}

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.server_address[1]}"

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        name = next(iter(command))
        if name.lower() in ("hello", "ismaster"):
            return {"ok": 1, "isWritablePrimary": True, "ismaster": True, "maxWireVersion": 21, "minWireVersion": 0}
        self.asked.append(name)
        if name == "find":
            return self._find(command)
        if name == "getMore":
            place = f"{command['$db']}.{command['collection']}"
            return self._batch(place, self._cursors.pop(command["getMore"]), "nextBatch")
        if name in ("killCursors", "endSessions"):
            return {"ok": 1}
        return {"ok": 0, "code": 59, "codeName": "CommandNotFound", "errmsg": f"no such command: {name}"}

    def _find(self, command: dict[str, Any]) -> dict[str, Any]:
        place = f"{command['$db']}.{command['find']}"
        wanted = command.get("filter", {})
        unknown = [key for key in wanted if key.startswith("$")]
        if unknown:
            return {"ok": 0, "code": 2, "errmsg": f"unknown top level operator: {unknown[0]}"}
        found = [
            document
            for document in self.collections.get(place, [])
            if all(document.get(key) == value for key, value in wanted.items())
        ]
        for key, order in command.get("sort", {}).items():
            found.sort(key=lambda document, key=key: document.get(key), reverse=order < 0)
        fields = command.get("projection")
        if fields:
            kept = {key for key, on in fields.items() if on}
            kept |= {"_id"} if fields.get("_id", True) else set()
            found = [{key: value for key, value in document.items() if key in kept} for document in found]
        found = found[: command["limit"]] if command.get("limit") else found
        return self._batch(place, found, "firstBatch")

    def _batch(self, place: str, documents: list[dict[str, Any]], name: str) -> dict[str, Any]:
        rest = documents[BATCH:]
        cursor = len(self._cursors) + 7 if rest else 0
        if rest:
            self._cursors[cursor] = rest
        return {"ok": 1, "cursor": {"id": bson.Int64(cursor), "ns": place, name: documents[:BATCH]}}


@contextlib.contextmanager
def running_documents(collections: dict[str, list[dict[str, Any]]]) -> Iterator[DocumentServer]:
    """The server for the block."""
    with DocumentServer(collections) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)
