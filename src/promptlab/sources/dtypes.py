"""Columns of text and objects as the numbers, booleans and times that they hold; what would lose something stays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from promptlab.sources.values import infer, iso_times, read_column, taken

if TYPE_CHECKING:
    import pandas as pd

MISSING = frozenset({"NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A", "-"})
"""Words for a missing value; in a column of numbers only: elsewhere `NA` may be Namibia and `None` a name."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
_ZEROS = re.compile(r"[+-]?0\d")
_WHOLE = re.compile(r"-?\d+")
_BOOLEANS = {"true": True, "false": False}
_MOST_DIGITS = 15
"""Digits that every float keeps; a longer whole number may be an id."""


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the columns of text that are numbers, booleans or times as those; texts like 0012 stay."""
    columns = [frame.iloc[:, at] for at in range(frame.shape[1])]
    return _joined(frame, [typed_column(series) if _may_be_text(series) else series for series in columns])


def frame_from(data: Mapping[str, Sequence[Any]], *, rows: int) -> pd.DataFrame:
    """A data frame of columns of plain Python values, each in the dtype that pandas finds for it."""
    import pandas as pd

    columns = [_found(values) for values in data.values()]
    if not columns:
        return pd.DataFrame(index=range(rows))
    frame = pd.concat(columns, axis=1)
    frame.columns = pd.Index(list(data), dtype=object)
    return frame


def plain(frame: pd.DataFrame, *, texts: bool = False) -> pd.DataFrame:
    """The frame with columns of dates, times and decimals that are objects as pandas has them best.

    texts: also those whose every value is an ISO 8601 date or time.
    """
    return _joined(frame, [_plain(frame.iloc[:, at], texts=texts) for at in range(frame.shape[1])])


def typed_column(series: pd.Series[Any]) -> pd.Series[Any]:
    """A column of texts, as what they are."""
    import numpy as np
    import pandas as pd

    codes, found = pd.factorize(series.to_numpy(dtype=object))
    texts = [str(text) for text in found]
    values: Any = _of_texts(texts)
    if values is None:
        return series
    if isinstance(values, pd.DatetimeIndex):
        return pd.Series(taken(values, codes), index=series.index, name=series.name)
    array = np.asarray(values)
    if (codes < 0).any():
        if array.dtype == bool:
            found = array.astype(object)[codes]
            found[codes < 0] = None
            return pd.Series(found, index=series.index, name=series.name)
        array = array.astype(np.float64)
        return pd.Series(np.where(codes < 0, np.nan, array[codes]), index=series.index, name=series.name)
    return pd.Series(array[codes], index=series.index, name=series.name)


def _may_be_text(series: pd.Series[Any]) -> bool:
    import pandas as pd

    return pd.api.types.is_object_dtype(series.dtype) or pd.api.types.is_string_dtype(series.dtype)


def _of_texts(texts: list[str]) -> Any:
    """The values of distinct texts as numbers, booleans or times; None where they are texts."""
    plain = [text for text in texts if text not in MISSING]
    if not plain:
        return None
    first = plain[0]
    if first.lower() in _BOOLEANS:
        found = [_BOOLEANS.get(text.lower()) for text in texts]
        return None if None in found else found
    if _NUMBER.fullmatch(first) and all(_NUMBER.fullmatch(text) and not _ZEROS.match(text) for text in plain):
        return _numbers(texts, plain)
    return iso_times(texts) if len(plain) == len(texts) else None


def _numbers(texts: list[str], plain: list[str]) -> Any:
    import numpy as np

    if all(_WHOLE.fullmatch(text) for text in plain):
        if len(plain) == len(texts) and all(len(text) <= 18 for text in plain):
            return np.array([int(text) for text in texts], dtype=np.int64)
        if any(len(text) > _MOST_DIGITS for text in plain):
            return None
    return np.array([np.nan if text in MISSING else float(text) for text in texts], dtype=np.float64)


def _found(values: Sequence[Any]) -> pd.Series[Any]:
    import pandas as pd

    try:
        return pd.Series(values) if values else pd.Series(values, dtype=object)
    except (UnicodeEncodeError, OverflowError):  # lone surrogates, which pyarrow's texts cannot hold; huge numbers
        return pd.Series(values, dtype=object)


def _plain(series: pd.Series[Any], *, texts: bool) -> pd.Series[Any]:
    import pandas as pd

    kind = infer(series)
    if kind not in ("decimal", "date", "datetime") and not (texts and kind == "string"):
        return series
    column = read_column(series)
    if column.kind == "number":
        return pd.Series(column.data, index=series.index, name=series.name)
    if column.kind in ("time", "moment"):
        times = column.data.tz_localize("UTC") if column.kind == "moment" else column.data
        return pd.Series(times, index=series.index, name=series.name)
    return series


def _joined(frame: pd.DataFrame, columns: list[pd.Series[Any]]) -> pd.DataFrame:
    import pandas as pd

    if not columns:
        return frame
    whole = pd.concat(columns, axis=1)
    whole.columns = frame.columns
    return whole
