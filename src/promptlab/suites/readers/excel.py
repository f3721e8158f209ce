"""Rows of a sheet of an XLSX file, streamed: what its cells show, formulas as they were last computed."""

from __future__ import annotations

import contextlib
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from promptlab.errors import MissingPackageError, SuiteError
from promptlab.spelling import suggestion
from promptlab.suites.document import open_file
from promptlab.suites.json_values import json_record
from promptlab.suites.readers.delimited import check_header
from promptlab.suites.readers.text import WHAT
from promptlab.suites.rows import Row

MOST_ROWS = 1_048_576
"""What the format allows; a row that claims a higher number would have all rows before it made up."""
MOST_UNPACKED = 2_000_000_000
"""Bytes that the parts of a file may unpack to, all together: sheets are streamed."""
MOST_HELD = 200_000_000
"""Bytes that the parts may unpack to which are held whole: all but the sheets, such as the texts that they share."""

_MISSING = "#N/A"


def read_excel(path: Path, name: str, *, sheet: str | int | None = None) -> Iterator[Row]:
    """The rows of a sheet, whose first row that is not empty names the columns; an empty cell is null.

    sheet: its name or its number, from 1; default: the first. Dates and times are ISO 8601. Raises SuiteError that
    names the row, and MissingPackageError without openpyxl.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise MissingPackageError(
            f"{name}: needs openpyxl; install it: pip install 'promptlab-workbench[tables]'"
        ) from error
    # Of what it does not read (rules for entering data, and the like) it warns on standard error.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")
    with open_file(path, name=name, what=WHAT) as stream, _explained(name):
        _check_size(zipfile.ZipFile(stream), name)
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        try:
            page = _sheet(book, sheet, name)
            # What a file says of its own size may be wrong, and then cells would be missing.
            page.reset_dimensions()
            yield from _rows(page.iter_rows(), f"{name}[{page.title}]")
        finally:
            book.close()


def _rows(rows: Iterator[Sequence[Any]], name: str) -> Iterator[Row]:
    header: list[str] | None = None
    for number, cells in enumerate(rows, start=1):
        where = f"{name} row {number}"
        if number > MOST_ROWS:
            raise SuiteError(f"{where}: a sheet has at most {MOST_ROWS:,} rows")
        values = [_value(cell, where) for cell in cells]
        while values and values[-1] in (None, ""):
            values.pop()
        if not values:
            continue
        if header is None:
            header = check_header([_title(value) for value in values], where)
            continue
        if len(values) > len(header):
            said = f"{len(values)} cells for {len(header)} columns; name each column in the first row"
            yield Row(None, where, SuiteError(f"{where}: {said}"))
            continue
        values += [None] * (len(header) - len(values))
        yield Row(json_record(dict(zip(header, values, strict=True)), where=where), where)


def _title(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _value(cell: Any, where: str) -> Any:
    value = cell.value
    if cell.data_type == "e":
        if value == _MISSING:
            return None
        raise SuiteError(f"{where}: cell {cell.coordinate} is the error {value}; mend it in the sheet")
    if isinstance(value, datetime) and "h" not in str(cell.number_format).lower():
        return value.date()
    return value


def _sheet(book: Any, sheet: str | int | None, name: str) -> Any:
    titles = [page.title for page in book.worksheets]
    if not titles:
        raise SuiteError(f"{name}: has no sheet with cells")
    if sheet is None:
        return book.worksheets[0]
    if isinstance(sheet, str):
        if sheet not in titles:
            raise SuiteError(f"{name}: has no sheet {sheet!r}{suggestion(sheet, titles)}")
        return book.worksheets[titles.index(sheet)]
    if not 1 <= sheet <= len(titles):
        raise SuiteError(f"{name}: has no sheet {sheet}; there are {len(titles)}: {', '.join(titles)}")
    return book.worksheets[sheet - 1]


def _check_size(archive: zipfile.ZipFile, name: str) -> None:
    """Raises SuiteError for a file that would unpack to too much; no part unpacks to more than it says of itself."""
    parts = archive.infolist()
    held = [part for part in parts if not part.filename.startswith("xl/worksheets/")]
    for some, most in ((parts, MOST_UNPACKED), (held, MOST_HELD)):
        size = sum(part.file_size for part in some)
        if size > most:
            raise SuiteError(
                f"{name}: unpacks to {size / 1e6:,.0f} MB; {most / 1e6:,.0f} MB are allowed: save it as CSV or Parquet"
            )


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except SuiteError:
        raise
    except Exception as error:
        # A broken file makes openpyxl raise nearly anything.
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise SuiteError(f"{name}: no XLSX file that can be read: {said}") from error
