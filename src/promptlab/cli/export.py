"""Results as files: JSON by the contract, CSV with one row a cell that no spreadsheet takes for a formula."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from promptlab.errors import WorkspaceError
from promptlab.reports import Report
from promptlab.spreadsheets import csv_line
from promptlab.store.rows import CellRow


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


def json_text(document: Any) -> str:
    """A document as strict JSON; NaN and the infinities, which JSON has not, become null."""
    return json.dumps(_finite(document), ensure_ascii=False, allow_nan=False, indent=2, default=str) + "\n"


def json_pieces(head: Mapping[str, Any], cells: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The document of a run as strict JSON, in pieces: `head`, then its cells, one a line and one at a time."""
    yield json_text(head).rstrip().removesuffix("}").rstrip() + ',\n  "cells": ['
    before = "\n"
    for cell in cells:
        yield f"{before}    {json.dumps(_finite(cell), ensure_ascii=False, allow_nan=False, default=str)}"
        before = ",\n"
    yield "\n  ]\n}\n"


def csv_pieces(report: Report, cells: Callable[[], Iterable[CellRow]]) -> Iterator[str]:
    """A run's cells as CSV, row by row: variant, prompt, model, case, repeat, inputs.*, expected, output, scores.

    cells: gone through twice, first for the names of the columns. Texts that a spreadsheet would run as a formula get a
    leading apostrophe; nested values are JSON.
    """
    by_id = {variant.id: variant for variant in report.variants}
    inputs: dict[str, None] = {}
    scores: dict[str, None] = {}
    for cell in cells():
        inputs.update(dict.fromkeys(cell.inputs))
        scores.update(dict.fromkeys(cell.scores))
    yield _csv_line(
        [
            *("variant", "prompt", "model", "case", "repeat"),
            *(f"inputs.{name}" for name in inputs),
            *("expected", "output", "status", "error", "cached", "seconds", "cost_usd"),
            *scores,
        ]
    )
    for cell in cells():
        variant = by_id[cell.run_uid]
        values = {name: score.value for name, score in cell.scores.items()}
        yield _csv_line(
            [
                *(variant.name, variant.prompt, variant.model, cell.key, cell.repeat),
                *(cell.inputs.get(name) for name in inputs),
                *(cell.expected, cell.output, cell.status, cell.error, cell.cached, cell.seconds, cell.cost_usd),
                *(values.get(name) for name in scores),
            ]
        )


def _csv_line(values: Sequence[Any]) -> str:
    return csv_line([_as_text(value) for value in values])


def _as_text(value: Any) -> Any:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
