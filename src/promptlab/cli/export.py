"""A file that a command writes: whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from promptlab.errors import WorkspaceError


class OutputFile:
    """A file that appears whole or not at all; what cannot be written is known when the block begins.

    A path that is no regular file (a pipe, a device) is written to directly.
    """

    def __init__(self, path: str, *, option: str) -> None:
        self._said = f"{option} {path}"
        self._path = Path(path).expanduser()
        self._draft: Path | None = None

    def __enter__(self) -> Self:
        """Raises WorkspaceError where the file could not be written."""
        target = self._path.resolve()
        if target.is_dir():
            raise WorkspaceError(f"{self._said}: is a folder; name a file in it")
        if target.exists() and not target.is_file():
            self._path = target
            return self
        if target.exists() and not os.access(target, os.W_OK):
            raise WorkspaceError(f"{self._said}: the file is read-only; name another")
        draft = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            draft.open("x", encoding="utf-8").close()
        except OSError as error:
            raise WorkspaceError(
                f"{self._said}: cannot be written: {error.strerror}; name a file in a folder that is there and writable"
            ) from error
        self._path, self._draft = target, draft
        return self

    def write(self, pieces: Iterable[str]) -> None:
        """Writes a text piece by piece; raises WorkspaceError, and then an older file is as it was."""
        try:
            with (self._draft or self._path).open("wb") as file:
                for piece in pieces:
                    file.write(piece.encode("utf-8", "backslashreplace"))
            if self._draft is not None:
                self._draft.replace(self._path)
                self._draft = None
        except OSError as error:
            raise WorkspaceError(f"{self._said}: cannot be written: {error.strerror}; the run is stored") from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._draft is not None:
            self._draft.unlink(missing_ok=True)
