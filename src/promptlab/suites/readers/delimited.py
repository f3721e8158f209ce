"""Rows of CSV and TSV: records of texts under the names of their columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from promptlab.errors import SuiteError
from promptlab.spelling import few
from promptlab.suites.json_values import MAX_CELL_CHARACTERS
from promptlab.suites.readers.text import open_text
from promptlab.suites.rows import Row


def read_csv(path: Path, name: str) -> Iterator[Row]:
    """The rows of a CSV file. Raises SuiteError that names the line."""
    return _read(path, name, delimiter=",")


def read_tsv(path: Path, name: str) -> Iterator[Row]:
    """The rows of a file whose columns are parted by tabs. Raises SuiteError that names the line."""
    return _read(path, name, delimiter="\t")


def _read(path: Path, name: str, *, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_CHARACTERS))  # Python's own limit is 131,072
    with open_text(path, name) as lines:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header: list[str] | None = None
        line = 1
        try:
            for cells in reader:
                where, line = f"{name}:{line}", reader.line_num + 1
                if not any(cell.strip() for cell in cells):
                    continue
                if header is None:
                    header = check_header([cell.strip() for cell in cells], where)
                    continue
                if len(cells) != len(header):
                    yield Row(None, where, SuiteError(f"{where}: {_cells_problem(cells, header)}"))
                    continue
                yield Row(dict(zip(header, cells, strict=True)), where)
        except csv.Error as error:
            raise SuiteError(f"{name}:{max(reader.line_num, 1)}: not valid CSV: {error}") from error


def check_header(columns: list[str], where: str) -> list[str]:
    """The names of a table's columns; raises SuiteError for one that is empty or stands twice."""
    seen: set[str] = set()
    for number, column in enumerate(columns, start=1):
        if not column:
            raise SuiteError(f"{where}: column {number} has no name; give it one")
        if column in seen:
            raise SuiteError(f"{where}: the column {column!r} stands twice; rename one")
        seen.add(column)
    return columns


def _cells_problem(cells: Sequence[str], header: Sequence[str]) -> str:
    what = f"{len(cells)} cell{'s' if len(cells) > 1 else ''} for {len(header)} column{'s' if len(header) > 1 else ''}"
    if len(cells) > len(header):
        return f"{what}; a cell with a comma is put in double quotes"
    return f"{what}; missing: {few(header[len(cells) :])}"
