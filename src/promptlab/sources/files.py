"""Files as data frames: CSV, TSV, JSON, JSONL, Parquet, Arrow, XLSX, told by the end of the name."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptlab.errors import MissingPackageError, UsageError
from promptlab.sources.dtypes import frame_from, plain, typed
from promptlab.sources.values import infer
from promptlab.suites.json_values import MAX_CELL_CHARACTERS
from promptlab.suites.readers import excel, json_list, jsonl
from promptlab.suites.rows import Row, shown

if TYPE_CHECKING:
    import pandas as pd

MOST_CELLS = 1_000_000_000
"""A Parquet file of a few kB can say that it has more; they would be made up in memory."""
MOST_COLUMNS = 100_000

_PIECE = 1 << 24
_TEXTUAL = {".csv": ",", ".tsv": "\t"}
_LINES = (".jsonl", ".ndjson")
_ARROW = (".arrow", ".feather")
_SHEETS = (".xlsx", ".xlsm")
ENDS = (*_TEXTUAL, ".json", *_LINES, ".parquet", *_ARROW, *_SHEETS)
"""How names of files of tables end."""

_READ_EXACTLY = r"[\n\r\"%s][+-]?(?:0[0-9]|[0-9]{19})"
"""Cells that pandas would cut: 0012 is 12 as a number, and long ids lose their last digits."""


def read_file(path: Path, *, name: str, sheet: Any = None, separator: str | None = None) -> pd.DataFrame:
    """The rows of a file. name: how messages call it. Raises UsageError, and MissingPackageError."""
    end = path.suffix.lower()
    if end not in ENDS:
        raise UsageError(f"{name}: a table ends in {', '.join(ENDS)}; this is {path.name!r}")
    if sheet is not None and end not in _SHEETS:
        raise UsageError(f"{name}: `sheet` goes with an XLSX file")
    if separator is not None and (end not in _TEXTUAL or len(separator) != 1):
        raise UsageError(f"{name}: `separator` is one character, for a CSV file; it is {shown(separator)}")
    if path.is_dir():
        raise UsageError(f"{name}: is a folder; name a file in it")
    if not path.is_file():
        raise UsageError(f"{name}: the file does not exist")
    if end in _TEXTUAL:
        return read_delimited(path, name, separator or _TEXTUAL[end])
    if end in _LINES:
        return records(jsonl.read_jsonl(path, name), name)
    if end == ".json":
        _check_list(path, name)
        return records(json_list.read_json(path, name), name)
    if end in _SHEETS:
        return records(excel.read_excel(path, name, sheet=sheet), name)
    return _read_columns(path, name, end)


def read_delimited(path: Path, name: str, separator: str) -> pd.DataFrame:
    """The rows of a CSV file: cells as the numbers, booleans and times that they are; an empty cell is missing."""
    import pandas as pd

    columns, skip = _header(path, name, separator)

    def read(*, only: list[int] | None = None) -> pd.DataFrame:
        found: pd.DataFrame = pd.read_csv(
            path,
            sep=separator,
            header=None,
            names=columns,
            index_col=False,
            usecols=only,
            skiprows=skip,
            encoding="utf-8-sig",
            dtype=None if only is None else str,
            keep_default_na=False,
            na_values=[""],
            low_memory=False,
            **_exactness(),
        )
        return found

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _texts_only(read())
            if _has_exact_cells(path, separator):
                _restore(frame, read)
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except pd.errors.EmptyDataError:
        return pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError, OverflowError) as error:
        said = " ".join(str(error).split())[:200]
        raise UsageError(f"{name}: no CSV file that can be read: {said}") from error
    return typed(frame)


def _restore(frame: pd.DataFrame, read: Callable[..., pd.DataFrame]) -> None:
    """Puts the texts of columns back that pandas took for numbers and some cells of which it cut."""
    import pandas as pd

    numbers = [at for at in range(frame.shape[1]) if pd.api.types.is_numeric_dtype(frame.dtypes.iloc[at])]
    if numbers:
        texts = read(only=numbers)
        for place, at in enumerate(numbers):
            if texts.iloc[:, place].str.match(r"[+-]?(0[0-9]|[0-9]{19})").fillna(value=False).any():
                frame.isetitem(at, texts.iloc[:, place].array)


def records(rows: Iterable[Row], name: str) -> pd.DataFrame:
    """Rows that are mappings as a data frame, its columns in the order in which they come up."""
    values: list[dict[str, Any]] = []
    for row in rows:
        if row.problem is not None:
            raise row.problem
        if not isinstance(row.value, dict):
            raise UsageError(f"{row.where}: a row is {shown(row.value)}; write an object, {{column: value}}")
        values.append(row.value)
    return frame_of(values, name)


def frame_of(values: list[dict[str, Any]], name: str) -> pd.DataFrame:
    """Plain JSON records as a data frame. Raises UsageError for more columns than a table has."""
    columns = dict.fromkeys(key for record in values for key in record)
    if len(columns) > MOST_COLUMNS:
        raise UsageError(f"{name}: has {len(columns):,} columns; {MOST_COLUMNS:,} are allowed")
    data = {column: [record.get(column) for record in values] for column in columns}
    return plain(frame_from(data, rows=len(values)), texts=True)


def _exactness() -> dict[str, Any]:
    """The option with which older versions of pandas read floats to the last digit, as newer ones do without it."""
    import pandas as pd

    major, minor = (int(part) for part in pd.__version__.split(".")[:2])
    return {} if (major, minor) >= (3, 1) else {"float_precision": "round_trip"}


def _header(path: Path, name: str, separator: str) -> tuple[list[str], int]:
    """The names of the columns, and how many lines they take; a column without one is called by its place."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_CHARACTERS))
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, delimiter=separator, strict=True)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    break
            else:
                raise UsageError(f"{name}: has no columns; the first line names them")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: is not UTF-8 near byte {error.start}; save it as UTF-8") from error
    except csv.Error as error:
        raise UsageError(f"{name}: no CSV file that can be read: {error}") from error
    columns = [cell.strip() or f"column {at}" for at, cell in enumerate(cells, start=1)]
    seen: set[str] = set()
    for column in columns:
        if column in seen:
            raise UsageError(f"{name}: the column {column!r} stands twice; rename one")
        seen.add(column)
    if len(columns) > MOST_COLUMNS:
        raise UsageError(f"{name}: has {len(columns):,} columns; {MOST_COLUMNS:,} are allowed")
    return columns, reader.line_num


def _has_exact_cells(path: Path, separator: str) -> bool:
    import re2

    pattern = re2.compile((_READ_EXACTLY % re2.escape(separator)).encode())
    before = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if pattern.search(before + piece) is not None:
                return True
            before = piece[-32:]
    return False


def _texts_only(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns in which pandas found several kinds of values, with all of them as text again: it reads `1` as 1."""
    for at in range(frame.shape[1]):
        series = frame.iloc[:, at]
        if series.dtype == object and infer(series) != "boolean":
            frame.isetitem(at, series.map(str, na_action="ignore").array)
    return frame


def _check_list(path: Path, name: str) -> None:
    with path.open("rb") as file:
        begins = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if begins != b"[":
        raise UsageError(f"{name}: a JSON file of a table is a list of objects: [{{column: value, ...}}, ...]")


def _read_columns(path: Path, name: str, end: str) -> pd.DataFrame:
    try:
        import pyarrow as pa
        import pyarrow.feather
        import pyarrow.parquet
    except ImportError as error:
        raise MissingPackageError(
            f"{name}: needs pyarrow; install it: pip install 'promptlab-workbench[tables]'"
        ) from error
    read: Callable[[], Any] = lambda: pa.feather.read_table(path)  # noqa: E731 - one of two
    try:
        if end == ".parquet":
            file = pa.parquet.ParquetFile(path)
            _check_cells(file.metadata.num_rows, file.metadata.num_columns, name)
            read = file.read
        table = read()
        _check_cells(table.num_rows, table.num_columns, name)
        names = [column for column in table.column_names if not re.fullmatch(r"__index_level_\d+__", column)]
        if len(set(names)) < len(names):
            twice = next(column for column in names if names.count(column) > 1)
            raise UsageError(f"{name}: the column {twice!r} stands twice; rename one")
        frame: pd.DataFrame = table.select(names).to_pandas(ignore_metadata=True, date_as_object=False)
        return plain(frame)
    except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError, MemoryError) as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise UsageError(f"{name}: no {end[1:].capitalize()} file that can be read: {said}") from error


def _check_cells(rows: int, columns: int, name: str) -> None:
    if rows * max(columns, 1) > MOST_CELLS or columns > MOST_COLUMNS:
        raise UsageError(f"{name}: has {rows:,} rows of {columns:,} columns; {MOST_CELLS:,} values are allowed")
