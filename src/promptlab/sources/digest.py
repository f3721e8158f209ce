"""The digest of a table: of its values, whatever file, database or dtype they come from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

from promptlab.sources.values import Column, read_column, said

if TYPE_CHECKING:
    import pandas as pd


class _Hash(Protocol):
    def update(self, data: Any, /) -> None: ...


def table_digest(frame: pd.DataFrame) -> str:
    """SHA-256, hex, of a table: the names of its columns and its values, both in their order; not of its index.

    Equal values count as equal: 1, 1.0 and true; missing ones of every kind; a time and its ISO 8601 text; a text as
    category or object; a decimal and a number that says the same. An empty text is not a missing one, and text that
    looks like a number is text.
    """
    digest = hashlib.sha256(f"table {len(frame)} {frame.shape[1]}".encode())
    for position, name in enumerate(frame.columns):
        _text(digest, said(name))
        _add(digest, read_column(frame.iloc[:, position]))
    return digest.hexdigest()


def _add(digest: _Hash, column: Column) -> None:
    import numpy as np

    digest.update(f"<{column.kind}>".encode())
    if column.kind == "number":
        values = column.data + 0.0  # -0.0 is 0.0
        values[np.isnan(values)] = np.nan
        digest.update(values.astype("<f8", copy=False).tobytes())
    elif column.kind in ("time", "moment"):
        _times(digest, column.data)
    elif column.kind == "text":
        uniques = column.uniques or []
        digest.update(len(uniques).to_bytes(8, "little"))
        for text in uniques:
            _text(digest, text)
        digest.update(np.asarray(column.codes).astype("<i8", copy=False).tobytes())
    elif column.kind == "mixed":
        for text in column.data:
            _text(digest, "" if text is None else text)


def _times(digest: _Hash, index: pd.DatetimeIndex) -> None:
    """Microseconds, since every database and file can say them; what is finer only where it is there."""
    import numpy as np

    missing = np.asarray(index.isna())
    whole = np.where(missing, 0, np.asarray(index.as_unit("us")).astype("datetime64[us]").astype("<i8"))
    digest.update(missing.tobytes())
    digest.update(whole.astype("<i8", copy=False).tobytes())
    if index.unit == "ns":
        finer = np.where(missing, 0, np.asarray(index).astype("<i8") % 1000)
        if finer.any():
            digest.update(finer.astype("<i8", copy=False).tobytes())


def _text(digest: _Hash, text: str) -> None:
    content = text.encode("utf-8", "surrogatepass")
    digest.update(len(content).to_bytes(8, "little"))
    digest.update(content)
