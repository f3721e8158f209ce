"""A run's results as texts: JSON by the contract, CSV with one row a cell that no spreadsheet takes for a formula."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from promptlab.reports import Report, cell_json
from promptlab.spreadsheets import csv_line
from promptlab.store.rows import CellRow


def export(report: Report, cells: Sequence[CellRow], *, form: Literal["csv", "json"]) -> bytes:
    """These cells as a file: CSV, or a JSON list of cells as `eval --json` writes them."""
    if form == "csv":
        text = "".join(csv_pieces(report, lambda: cells))
    else:
        text = json_text([cell_json(cell) for cell in cells])
    # Half a surrogate pair has no UTF-8: in JSON its escape is read back as it was.
    return text.encode("utf-8", "backslashreplace")


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
