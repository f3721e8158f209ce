"""Rows of Parquet and Arrow files, by batches; of the columns only those that are wanted are read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from promptlab.errors import MissingPackageError, SuiteError
from promptlab.suites.document import open_file
from promptlab.suites.json_values import json_record
from promptlab.suites.readers.text import WHAT
from promptlab.suites.rows import Row

BATCH_BYTES = 16_000_000
"""About how much of a file is held at once."""
MOST_ROWS = 4096
"""How many rows a batch has at most, however short they are."""

Wanted = Callable[[Sequence[str], str], list[str] | None]
"""Of the columns that a table has, which is called so in messages, those that are read; None for all."""


def read_parquet(path: Path, name: str, *, wanted: Wanted) -> Iterator[Row]:
    """The rows of a Parquet file. Raises SuiteError that names the row, and MissingPackageError without pyarrow."""
    _require_pyarrow(name)
    from pyarrow import parquet

    with open_file(path, name=name, what=WHAT) as stream, _explained(name, "Parquet"):
        file = parquet.ParquetFile(stream)
        columns = wanted(_checked(file.schema_arrow.names, name), name)
        rows = max(file.metadata.num_rows, 1)
        unpacked = sum(file.metadata.row_group(at).total_byte_size for at in range(file.metadata.num_row_groups))
        size = min(max(BATCH_BYTES * rows // max(unpacked, 1), 1), MOST_ROWS)
        yield from batch_rows(file.iter_batches(batch_size=size, columns=columns), name)


def read_arrow(path: Path, name: str, *, wanted: Wanted) -> Iterator[Row]:
    """The rows of an Arrow file, in its file or its stream format. Raises as read_parquet does."""
    _require_pyarrow(name)
    import pyarrow as pa

    with open_file(path, name=name, what=WHAT) as stream, _explained(name, "Arrow"):
        begins = stream.read(6)
        stream.seek(0)
        batches: Iterable[Any]
        if begins == b"ARROW1":
            file = pa.ipc.open_file(stream)
            schema, batches = file.schema, (file.get_batch(at) for at in range(file.num_record_batches))
        else:
            reader = pa.ipc.open_stream(stream)
            schema, batches = reader.schema, reader
        columns = wanted(_checked(schema.names, name), name)
        chosen = batches if columns is None else (batch.select(columns) for batch in batches)
        yield from batch_rows(_sliced(chosen), name)


def batch_rows(batches: Iterable[Any], name: str) -> Iterator[Row]:
    """The rows of pyarrow's record batches or tables, numbered from 1."""
    number = 0
    for batch in batches:
        for record in batch.to_pylist(maps_as_pydicts="strict"):
            number += 1
            where = f"{name} row {number}"
            yield Row(json_record(record, where=where), where)


def _sliced(batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        for start in range(0, batch.num_rows, MOST_ROWS):
            yield batch.slice(start, MOST_ROWS)


def _checked(names: Sequence[str], name: str) -> Sequence[str]:
    for column in names:
        if names.count(column) > 1:
            raise SuiteError(f"{name}: the column {column!r} stands twice; rename one")
    return names


@contextlib.contextmanager
def _explained(name: str, kind: str) -> Iterator[None]:
    """What pyarrow says of a broken file, in one line; it raises errors of many kinds, also plain OSErrors."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError, MemoryError) as error:
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise SuiteError(f"{name}: no {kind} file that can be read: {said}") from error


def _require_pyarrow(name: str) -> None:
    try:
        import pyarrow as pa  # noqa: F401 - whether it is there
    except ImportError as error:
        raise MissingPackageError(
            f"{name}: needs pyarrow; install it: pip install 'promptlab-workbench[tables]'"
        ) from error
