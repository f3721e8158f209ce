"""Rows of whatever estimators take: data frames, arrays, sparse matrices, lists of texts, of records, of lists."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

WIDEST_ROW = 128
"""A row with more values is kept as its digest alone: the values of ten thousand such rows fill a database."""
LONGEST_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name and the dtype of its values."""

    name: str
    dtype: str


def count_rows(rows: Any) -> int:
    """How many rows there are."""
    shape = getattr(rows, "shape", None)
    return int(shape[0]) if shape else len(rows)


def take(rows: Any, positions: Sequence[int]) -> Any:
    """The rows at these positions, of the same kind."""
    if hasattr(rows, "iloc"):
        return rows.iloc[list(positions)]
    if _is_sparse(rows):
        return rows.tocsr()[list(positions)]
    if hasattr(rows, "shape") or hasattr(rows, "__array__"):
        return rows[list(positions)]
    return [rows[position] for position in positions]


def sample_positions(count: int, most: int | None) -> list[int] | None:
    """A seeded sample of `most` of so many positions, in their order; None where all are few enough."""
    if most is None or count <= most:
        return None
    import numpy as np

    chosen: list[int] = np.sort(np.random.default_rng(0).choice(count, size=most, replace=False)).tolist()
    return chosen


def columns_of(rows: Any) -> list[Column]:
    """The columns of the rows; those without a name are x0, x1, ...; texts are one column, `text`."""
    names = getattr(rows, "columns", None)
    if names is not None:
        dtypes = getattr(rows, "dtypes", None)
        kinds = [""] * len(names) if dtypes is None else [str(dtype) for dtype in dtypes]
        return [Column(str(name), kind) for name, kind in zip(names, kinds, strict=True)]
    shape = getattr(rows, "shape", None)
    if shape is not None and len(shape) == 2:
        kind = str(getattr(rows, "dtype", ""))
        return [Column(f"x{at}", kind) for at in range(shape[1])]
    if shape is not None and len(shape) > 2:
        return [Column("array", f"{rows.dtype}{list(shape[1:])}")]
    first = _first(rows)
    if isinstance(first, Mapping):
        return [Column(str(name), type(value).__name__) for name, value in first.items()]
    if isinstance(first, list | tuple) or (hasattr(first, "shape") and len(first.shape) == 1):
        return [Column(f"x{at}", type(value).__name__) for at, value in enumerate(first)]
    name = getattr(rows, "name", None)
    return [Column("text" if name is None else str(name), str(getattr(rows, "dtype", type(first).__name__)))]


def records(rows: Any, positions: Sequence[int] | None = None, *, widest: int = WIDEST_ROW) -> list[dict[str, Any]]:
    """Rows as JSON values by column; NaN is null, of a sparse row only what is not 0, of a wide one its digest."""
    some = rows if positions is None else take(rows, positions)
    if _is_sparse(some):
        return [_narrow(row, widest) for row in _sparse_records(some)]
    if hasattr(some, "to_dict") and hasattr(some, "columns"):
        names = [str(name) for name in some.columns]
        values = (list(row) for row in some.itertuples(index=False, name=None)) if hasattr(some, "itertuples") else None
        if values is None:  # polars
            values = (list(row) for row in some.rows())
        return [_record(names, row, widest) for row in values]
    names = [column.name for column in columns_of(some)]
    found = []
    for row in some.tolist() if hasattr(some, "tolist") else some:
        if isinstance(row, Mapping):
            found.append(_narrow({str(name): json_cell(value) for name, value in row.items()}, widest))
        elif len(names) > 1 or (isinstance(row, list | tuple) and len(row) == 1):
            cells = row.tolist() if hasattr(row, "tolist") else list(row)
            keys = names if len(names) == len(cells) else [f"x{at}" for at in range(len(cells))]
            found.append(_record(keys, cells, widest))
        else:
            found.append(_record(names, [row], widest))
    return found


def json_cell(value: Any) -> Any:
    """A value as JSON has it: what is missing is null, an infinity its name, a moment ISO 8601, others their text."""
    if value is None or isinstance(value, bool | int):
        return value if not isinstance(value, int) or abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return None if math.isnan(value) else str(float(value)) if math.isinf(value) else float(value)
    if isinstance(value, str):
        return str(value[:LONGEST_TEXT])
    if str(value) in ("NaT", "<NA>"):
        return None
    if isinstance(value, date | time):
        return value.isoformat()
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return json_cell(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): json_cell(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_cell(item) for item in value]
    return str(value)[:LONGEST_TEXT]


def fingerprint(*parts: Any) -> str:
    """A digest by which the same rows are known again, copies of them too; None among the parts counts as nothing."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(b"|")
        if part is not None:
            digest.update(_content(part))
    return digest.hexdigest()


def _content(part: Any) -> bytes:
    import numpy as np

    if _is_sparse(part):
        plain = part.tocsr().copy()
        plain.sort_indices()
        return _content(plain.data) + _content(plain.indices) + _content(plain.indptr)
    if hasattr(part, "iloc"):
        import pandas as pd

        try:
            return np.asarray(pd.util.hash_pandas_object(part, index=False)).tobytes()
        except TypeError:  # cells that have no hash, such as lists
            return str(part.to_json(orient="values", default_handler=str)).encode("utf-8", "surrogatepass")
    array = part if isinstance(part, np.ndarray) else None
    if array is None and not isinstance(part, list | tuple):
        array = np.asarray(part)
    if array is not None and array.dtype != object:
        head = f"{array.dtype}{array.shape}".encode()
        return head + hashlib.blake2b(np.ascontiguousarray(array).view(np.uint8).data).digest()
    listed = part if array is None else array.tolist()
    return json.dumps(json_cell(list(listed))).encode()


def _is_sparse(rows: Any) -> bool:
    return hasattr(rows, "tocsr")


def _first(rows: Any) -> Any:
    return next(iter(rows), None) if count_rows(rows) else None


def _sparse_records(rows: Any) -> list[dict[str, Any]]:
    plain = rows.tocsr()
    found = []
    for at in range(plain.shape[0]):
        start, end = plain.indptr[at], plain.indptr[at + 1]
        cells = sorted(zip(plain.indices[start:end].tolist(), plain.data[start:end].tolist(), strict=True))
        found.append({f"x{column}": json_cell(value) for column, value in cells})
    return found


def _record(names: Sequence[str], cells: Sequence[Any], widest: int) -> dict[str, Any]:
    return _narrow({name: json_cell(value) for name, value in zip(names, cells, strict=True)}, widest)


def _narrow(record: dict[str, Any], widest: int) -> dict[str, Any]:
    values = sum(len(value) if isinstance(value, list) else 1 for value in record.values())
    if values <= widest:
        return record
    text = json.dumps(record, sort_keys=True)
    return {"sha256": hashlib.sha256(text.encode()).hexdigest(), "values": values}
