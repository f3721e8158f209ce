"""Artifacts: bytes on disk by their content, names in the database only.

A file is kept as `ab/cdef...` of its SHA-256, so equal files are kept once, and no name, however hostile, is ever
part of a path.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import uuid
from pathlib import Path
from typing import BinaryIO, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from promptlab.errors import UsageError, WorkspaceError
from promptlab.store.rows import ArtifactRow
from promptlab.store.statements import Prepared, check_name, upsert
from promptlab.store.tables import ARTIFACT

_BLOCK_BYTES = 1 << 20
_DIGEST = re.compile("[0-9a-f]{64}")

_RECORD = Prepared(
    lambda dialect: upsert(dialect, ARTIFACT, keys=["run_id", "name"], update=["digest", "bytes", "media_type"]),
    ("run_id", "name", "digest", "bytes", "media_type"),
)


class StoredFile(NamedTuple):
    """What was kept: its SHA-256, hex, and its size."""

    digest: str
    bytes: int


class ArtifactStore:
    """Files by content in one folder, made when first needed; safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_file(self, path: Path) -> StoredFile:
        """Keeps a copy of a file of any size, never all of it in memory. Raises UsageError where it cannot be read."""
        try:
            source = path.open("rb")
        except OSError as error:
            raise UsageError(f"artifact '{path}' cannot be read: {error.strerror}") from error
        with source:
            return self._put(source)

    def put_bytes(self, content: bytes) -> StoredFile:
        """Keeps these bytes."""
        return self._put(io.BytesIO(content))

    def open(self, digest: str) -> BinaryIO:
        """The kept bytes as a file open for reading. Raises UsageError for a digest that is not there."""
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError as error:
            raise UsageError(f"artifact {digest[:12]} is not in {self._folder}; was the folder moved?") from error

    def path(self, digest: str) -> Path:
        """Where the bytes of a digest are, or would be. Raises UsageError for what is no SHA-256 in hex."""
        if not _DIGEST.fullmatch(digest):
            raise UsageError(f"'{digest[:80]}' is no digest of an artifact: 64 hex digits")
        return self._folder / digest[:2] / digest[2:]

    def _put(self, source: BinaryIO) -> StoredFile:
        half = self._folder / f".half-{uuid.uuid4().hex}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            stored = _copy(source, half)
            place = self.path(stored.digest)
            place.parent.mkdir(exist_ok=True)
            # Whole or not at all: whoever dies half-way leaves nothing under the name of a digest.
            half.replace(place)
        except OSError as error:
            raise WorkspaceError(
                f"the artifact folder {self._folder} cannot be written ({error.strerror}); make it writable, or "
                "name another in PROMPTLAB_ARTIFACTS"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                half.unlink()
        return stored


def _copy(source: BinaryIO, to: Path) -> StoredFile:
    digest = hashlib.sha256()
    size = 0
    with to.open("xb") as target:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
            target.write(block)
        target.flush()
        os.fsync(target.fileno())
    return StoredFile(digest.hexdigest(), size)


def record_artifact(  # noqa: PLR0917 - the columns of a row, in their order
    connection: Connection, run_id: int, name: str, digest: str, size_bytes: int, media_type: str
) -> None:
    """Notes that a run has these bytes under this name; the same name again replaces what it stood for."""
    _RECORD.one(
        connection,
        {
            "run_id": run_id,
            "name": check_name(name, "artifact"),
            "digest": digest,
            "bytes": size_bytes,
            "media_type": media_type,
        },
    )


def list_artifacts(connection: Connection, run_id: int) -> list[ArtifactRow]:
    """The files of a run, by name."""
    query = sa.select(ARTIFACT).where(ARTIFACT.c.run_id == run_id).order_by(ARTIFACT.c.name)
    return [ArtifactRow(row.name, row.digest, row.bytes, row.media_type) for row in connection.execute(query)]
