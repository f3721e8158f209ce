"""What a column holds, whatever its dtype: numbers, times, texts, or a mixture; how its values are told apart."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Kind: TypeAlias = Literal["number", "time", "moment", "text", "mixed", "missing"]
"""`moment` is a time with a time zone, `missing` a column without any value."""

EXACT = 2**53
"""Whole numbers up to it are floats without loss."""

_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_NUMBERS = ("integer", "floating", "mixed-integer-float", "boolean")
_TIMES = ("datetime64", "datetime", "date")
_MOST_TEXT = 1_000_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column as numbers (float64, NaN is missing), times, texts (codes into uniques, -1 is missing) or anything.

    data: of numbers a float64 array, of times a DatetimeIndex, of a mixture its values tagged as text or None.
    codes and uniques: of texts.
    """

    kind: Kind
    data: Any = None
    codes: np.ndarray[Any, Any] | None = None
    uniques: list[str] | None = None

    @property
    def present(self) -> int:
        """How many rows have a value."""
        import numpy as np

        if self.kind == "missing":
            return 0
        if self.kind == "number":
            return int((~np.isnan(self.data)).sum())
        if self.kind == "text":
            return int((np.asarray(self.codes) >= 0).sum())
        if self.kind == "mixed":
            return sum(value is not None for value in self.data)
        return int((~np.asarray(self.data.isna())).sum())


def read_column(series: pd.Series[Any]) -> Column:
    """The values of a column of any dtype. Never raises for what stands in it."""
    import numpy as np
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return read_column(pd.Series(series.astype(object).to_numpy(), dtype=object))
    if isinstance(dtype, pd.SparseDtype):
        return read_column(pd.Series(np.asarray(series)))
    if isinstance(dtype, pd.DatetimeTZDtype):
        return _times(pd.DatetimeIndex(series).tz_convert("UTC").tz_localize(None), zoned=True)
    if isinstance(dtype, np.dtype):
        return _of_numpy(series)
    if (pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype)) and not _is_large(series):
        try:
            return _numbers(_floats(series))
        except (TypeError, ValueError):  # decimals of pyarrow, and what others make
            return _of_object(series.astype(object))
    return _of_object(series.astype(object))


def iso_times(texts: list[str]) -> pd.DatetimeIndex | None:
    """Texts as times where every one is an ISO 8601 date or time; with a time zone in UTC; None where one is not."""
    import pandas as pd

    if not texts or not all(_ISO.fullmatch(text) for text in texts):
        return None
    zoned = {len(text) > 10 and (text[-1] == "Z" or "+" in text[10:] or "-" in text[10:]) for text in texts}
    if len(zoned) != 1:
        return None
    try:
        return pd.DatetimeIndex(pd.to_datetime(pd.Index(texts), format="ISO8601", utc=zoned == {True}))
    except (ValueError, OverflowError):  # a 13th month, a year 0
        return None


def infer(values: Any) -> str:
    """The kind of values as pandas tells it, missing ones left out; `mixed` where one makes it stumble."""
    import pandas as pd

    try:
        return pd.api.types.infer_dtype(values, skipna=True)
    except (ArithmeticError, TypeError, ValueError):  # a signalling NaN; a class of anybody's own
        return "mixed"


def taken(times: pd.DatetimeIndex, codes: np.ndarray[Any, Any]) -> pd.DatetimeIndex:
    """The times at some places; at -1 none."""
    import pandas as pd

    found: Any = times.take(codes, allow_fill=True, fill_value=pd.NaT)  # type: ignore[arg-type]  # the stubs miss it
    return pd.DatetimeIndex(found)


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, NaT or NA."""
    if value is None:
        return True
    kind = type(value).__name__
    if kind in ("NaTType", "NAType"):
        return True
    if isinstance(value, float):
        return math.isnan(value)
    if isinstance(value, Decimal):
        return value.is_nan()
    return kind in ("float16", "float32", "datetime64", "timedelta64") and bool(value != value)  # noqa: PLR0124 - NaN and NaT


def tagged(value: Any) -> str | None:
    """A value as text that begins with what it is, the same for equal values; None for a missing one."""
    if is_missing(value):
        return None
    if isinstance(value, str):
        return f"s{value}"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"b{bytes(value).hex()}"
    number = _number(value)
    if number is not None:
        return number
    if isinstance(value, datetime | date):
        return f"t{value.isoformat()}"
    if isinstance(value, Mapping | list | tuple | set | frozenset) or hasattr(value, "tolist"):
        return f"j{_nested(value)}"
    return f"o{said(value)}"


def said(value: Any) -> str:
    """Any value as text, without addresses in memory, also where it cannot say itself."""
    try:
        return _ADDRESS.sub("0x", str(value))[:_MOST_TEXT]
    except Exception:  # noqa: BLE001 - a class of anybody's own may raise anything here
        return f"<{type(value).__name__}>"


def _number(value: Any) -> str | None:
    """A number as text: the same for 1, 1.0, True and Decimal("1")."""
    kind = type(value).__name__
    if isinstance(value, bool) or kind == "bool":
        return f"n{float(bool(value))!r}"
    if isinstance(value, int) or kind.startswith(("int", "uint")):
        try:
            whole = int(value)
        except (TypeError, ValueError):
            return None
        if abs(whole) <= EXACT:
            return f"n{float(whole)!r}"
        return f"n{whole:x}"  # decimal digits of a huge one are refused by Python
    if isinstance(value, float) or kind.startswith("float"):
        return f"n{float(value) + 0.0!r}"
    if isinstance(value, Decimal):
        near = float(value)
        return f"n{near + 0.0!r}" if _is_exact(value, near) else f"n{value.normalize()}"
    if isinstance(value, timedelta):
        return f"n{value.total_seconds()!r}"
    return None


def _is_exact(value: Decimal, near: float) -> bool:
    return math.isinf(near) == value.is_infinite() and (math.isinf(near) or Decimal(repr(near)) == value)


def _nested(value: Any) -> str:
    try:
        text = json.dumps(_plain(value, 0), sort_keys=True, ensure_ascii=False, default=said)
    except (TypeError, ValueError, RecursionError):
        return said(type(value))
    return text


def _plain(value: Any, depth: int) -> Any:
    if depth > 100:
        raise RecursionError
    if isinstance(value, Mapping):
        return {said(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(item, depth + 1) for item in value), key=repr)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    return tagged(value)


def _of_numpy(series: pd.Series[Any]) -> Column:
    import numpy as np
    import pandas as pd

    code = series.dtype.kind
    if code in "bf":
        return _numbers(_floats(series))
    if code in "iu":
        return _of_object(series.astype(object)) if _is_large(series) else _numbers(_floats(series))
    if code == "M":
        return _times(pd.DatetimeIndex(series), zoned=False)
    if code == "m":
        seconds = series.dt.total_seconds().to_numpy(dtype=np.float64)
        return _numbers(seconds)
    return _of_object(series)


def _of_object(series: pd.Series[Any]) -> Column:
    import numpy as np
    import pandas as pd

    values = series.to_numpy(dtype=object)
    kind = infer(values)
    if kind == "string":
        return _texts(values)
    if kind == "empty":
        return Column("missing")
    if kind in _NUMBERS:
        try:
            numbers = np.array([np.nan if is_missing(value) else float(value) for value in values], dtype=np.float64)
        except (OverflowError, TypeError, ValueError):
            return _mixture(values)
        return _mixture(values) if _loses(values, numbers) else _numbers(numbers)
    if kind == "decimal":
        numbers = np.array([np.nan if is_missing(value) else float(value) for value in values], dtype=np.float64)
        pairs = zip(values, numbers.tolist(), strict=True)
        exact = all(is_missing(value) or _is_exact(value, near) for value, near in pairs)
        return _numbers(numbers) if exact else _mixture(values)
    if kind in _TIMES:
        try:
            index = pd.DatetimeIndex(pd.to_datetime(pd.Series(values, dtype=object)))
        except (TypeError, ValueError, OverflowError):
            return _mixture(values)
        zoned = index.tz is not None
        return _times(index.tz_convert("UTC").tz_localize(None) if zoned else index, zoned=zoned)
    return _mixture(values)


def _texts(values: np.ndarray[Any, Any]) -> Column:
    import pandas as pd

    codes, found = pd.factorize(values)
    uniques = [str(text) for text in found]
    times = iso_times(uniques)
    if times is not None:
        zoned = times.tz is not None
        plain = times.tz_convert("UTC").tz_localize(None) if zoned else times
        return _times(taken(plain, codes), zoned=zoned)
    return Column("text", codes=codes, uniques=uniques)


def _mixture(values: np.ndarray[Any, Any]) -> Column:
    found = [tagged(value) for value in values]
    return Column("missing") if all(value is None for value in found) else Column("mixed", found)


def _numbers(values: np.ndarray[Any, Any]) -> Column:
    import numpy as np

    return Column("missing") if np.isnan(values).all() else Column("number", values)


def _times(index: pd.DatetimeIndex, *, zoned: bool) -> Column:
    if bool(index.isna().all()):
        return Column("missing")
    return Column("moment" if zoned else "time", index)


def _floats(series: pd.Series[Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    values: np.ndarray[Any, Any] = series.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _is_large(series: pd.Series[Any]) -> bool:
    """Whether whole numbers of a column lose digits as floats."""
    import pandas as pd

    if not pd.api.types.is_integer_dtype(series.dtype) or not len(series) or bool(series.isna().all()):
        return False
    return int(series.max()) > EXACT or int(series.min()) < -EXACT


def _loses(values: np.ndarray[Any, Any], numbers: np.ndarray[Any, Any]) -> bool:
    import numpy as np

    if not (np.abs(numbers) > EXACT).any():
        return False
    places = np.flatnonzero(np.abs(numbers) > EXACT)
    return any(
        isinstance(values[at], int) and int(numbers[at]) != values[at] for at in places if np.isfinite(numbers[at])
    )
