"""The profile of one column: what type it has, and its figures."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from promptlab.profiles.profile import ColumnProfile, ColumnType, Histogram, Outliers
from promptlab.sources.values import Column, infer, said

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

BINS = 20
FEW_VALUES = 50
"""Texts of at most so many different values are categories, whatever their share of the rows."""
SHARE_OF_CATEGORIES = 0.05
IDENTIFIER_ROWS = 20
LONGEST_IDENTIFIER = 64
LONGEST_SHOWN = 100
QUANTILES = (1, 5, 25, 50, 75, 95, 99)
ROBUST_Z = 3.5
_MAD = 0.6744897501960817
"""The third quartile of the standard normal distribution: what makes the MAD a standard deviation."""


def profile_column(name: str, series: pd.Series[Any], column: Column, *, top: int, sample: int) -> ColumnProfile:
    """A column's profile. column: its values as `read_column` gives them. top and sample: how many are kept."""
    dtype = str(series.dtype)[:80]
    if column.kind == "missing":
        return ColumnProfile(name, "missing", dtype, 0, len(series), 0)
    if column.kind == "number":
        boolean = dtype in ("bool", "boolean") or _is_boolean(series, dtype)
        return _number(name, dtype, column.data, top=top, sample=sample, boolean=boolean)
    if column.kind in ("time", "moment"):
        return _time(name, dtype, column, top=top, sample=sample)
    if column.kind == "text":
        return _text(name, dtype, column, top=top)
    return _mixed(name, dtype, column, top=top)


def _number(name: str, dtype: str, values: Array, *, top: int, sample: int, boolean: bool) -> ColumnProfile:
    import numpy as np

    present = values[~np.isnan(values)]
    finite = present[np.isfinite(present)]
    uniques, counts = np.unique(present, return_counts=True)
    distinct = len(uniques)
    order = np.lexsort((uniques, -counts))[:top]
    shown = tuple((_written(uniques[at], boolean=boolean), int(counts[at])) for at in order)
    common: dict[str, Any] = {
        "name": name,
        "dtype": dtype,
        "count": len(present),
        "missing": len(values) - len(present),
        "distinct": distinct,
        "top": shown if boolean or distinct <= top or counts.max() > 1 else (),
        "zeros": int((present == 0).sum()),
        "negative": int((present < 0).sum()),
        "infinite": len(present) - len(finite),
    }
    kind = _number_type(name, uniques, len(present), boolean=boolean)
    if not len(finite):
        return ColumnProfile(type=kind, **common)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(finite.mean())
        sd = float(finite.std(ddof=1)) if len(finite) > 1 else None
        found = np.quantile(finite, [percent / 100 for percent in QUANTILES])
    return ColumnProfile(
        type=kind,
        **common,
        minimum=float(finite.min()),
        maximum=float(finite.max()),
        mean=_finite(mean),
        sd=None if sd is None else _finite(sd),
        quantiles={
            str(percent): float(value) for percent, value in zip(QUANTILES, found, strict=True) if np.isfinite(value)
        },
        histogram=_histogram(finite, uniques),
        outliers=() if boolean or distinct < 3 else _outliers(finite, found[QUANTILES.index(25) :][:3]),
        sample=_sample(finite, sample),
    )


def _number_type(name: str, uniques: Array, count: int, *, boolean: bool) -> ColumnType:
    import numpy as np

    if len(uniques) == 1:
        return "constant"
    if boolean:
        return "boolean"
    whole = len(uniques) == count and count >= IDENTIFIER_ROWS and bool((uniques == np.floor(uniques)).all())
    if whole and (uniques[-1] - uniques[0] == count - 1 or _is_called_id(name)):
        return "identifier"
    return "number"


def _is_called_id(name: str) -> bool:
    words = "".join(character if character.isalnum() else " " for character in name.lower()).split()
    return bool(words) and (words[-1] in ("id", "uuid", "guid", "key", "index") or name.endswith(("Id", "ID")))


def _histogram(finite: Array, uniques: Array) -> Histogram | None:
    """20 bins of equal width; whole numbers of a small range have a bin each."""
    import numpy as np

    low, high = float(finite.min()), float(finite.max())
    if not np.isfinite(high - low) or low == high:
        return None
    bins: Any = BINS
    if high - low < BINS and bool((uniques == np.floor(uniques)).all()):
        bins = np.arange(low - 0.5, high + 1.0)
    try:
        counts, edges = np.histogram(finite, bins=bins)
    except ValueError:  # values so close together that no edge fits between them
        return None
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()))


def _outliers(finite: Array, quartiles: Array) -> tuple[Outliers, ...]:
    import numpy as np

    first, median, third = (float(value) for value in quartiles)
    found = []
    with np.errstate(over="ignore", invalid="ignore"):
        width = third - first
        deviation = float(np.median(np.abs(finite - median)))
        for rule, low, high in (
            ("iqr", first - 1.5 * width, third + 1.5 * width),
            ("robust_z", median - ROBUST_Z * deviation / _MAD, median + ROBUST_Z * deviation / _MAD),
        ):
            spread = width if rule == "iqr" else deviation
            if spread > 0 and np.isfinite(low) and np.isfinite(high):
                found.append(Outliers(rule, low, high, int(((finite < low) | (finite > high)).sum())))
    return tuple(found)


def _sample(finite: Array, size: int) -> tuple[float, ...]:
    """All values where they are few, else some by a seed; sorted, so that they say nothing of single rows."""
    import numpy as np

    if len(finite) > size:
        finite = np.random.default_rng(0).choice(finite, size, replace=False)
    return tuple(np.sort(finite).tolist())


def _time(name: str, dtype: str, column: Column, *, top: int, sample: int) -> ColumnProfile:
    import numpy as np
    import pandas as pd

    index = column.data
    present = index[~index.isna()]
    uniques, counts = np.unique(np.asarray(present), return_counts=True)
    seconds = np.asarray(present.as_unit("us")).astype("datetime64[us]").astype(np.int64) / 1e6
    order = np.lexsort((np.arange(len(uniques)), -counts))[:top]
    zone = "+00:00" if column.kind == "moment" else ""
    return ColumnProfile(
        name,
        "constant" if len(uniques) == 1 else "time",
        dtype,
        len(present),
        len(index) - len(present),
        len(uniques),
        minimum=f"{present.min().isoformat()}{zone}",
        maximum=f"{present.max().isoformat()}{zone}",
        histogram=_histogram(seconds, seconds),
        sample=_sample(seconds, sample),
        top=tuple((f"{pd.Timestamp(uniques[at]).isoformat()}{zone}", int(counts[at])) for at in order)
        if counts.max() > 1
        else (),
    )


def _text(name: str, dtype: str, column: Column, *, top: int) -> ColumnProfile:
    import numpy as np

    codes: Array = np.asarray(column.codes)
    texts = column.uniques or []
    present = codes[codes >= 0]
    counts = np.bincount(present, minlength=len(texts))
    order = np.lexsort((np.arange(len(texts)), -counts))[:top]
    lengths = np.array([len(text) for text in texts])
    mean = float((lengths * counts).sum() / len(present))
    return ColumnProfile(
        name,
        _text_type(texts, counts, lengths),
        dtype,
        len(present),
        len(codes) - len(present),
        len(texts),
        top=tuple((texts[at][:LONGEST_SHOWN], int(counts[at])) for at in order)
        if len(texts) <= top or counts.max() > 1
        else (),
        lengths=(float(lengths.min()), mean, float(lengths.max())),
    )


def _text_type(texts: list[str], counts: Array, lengths: Array) -> ColumnType:
    total = int(counts.sum())
    if len(texts) == 1:
        return "constant"
    if len(texts) == total and total >= IDENTIFIER_ROWS and lengths.max() <= LONGEST_IDENTIFIER:
        blanks = sum(1 for text in texts[:1000] if any(character.isspace() for character in text))
        if blanks * 20 <= min(len(texts), 1000):
            return "identifier"
    few = len(texts) <= max(FEW_VALUES, SHARE_OF_CATEGORIES * total)
    return "category" if few and len(texts) < max(total, 2) and lengths.mean() <= LONGEST_SHOWN else "text"


def _mixed(name: str, dtype: str, column: Column, *, top: int) -> ColumnProfile:
    counted: dict[str, int] = {}
    for text in column.data:
        if text is not None:
            counted[text] = counted.get(text, 0) + 1
    frequent = sorted(counted.items(), key=lambda item: -item[1])[:top]
    count = sum(counted.values())
    return ColumnProfile(
        name,
        "constant" if len(counted) == 1 else "mixed",
        dtype,
        count,
        len(column.data) - count,
        len(counted),
        top=tuple((text[1 : LONGEST_SHOWN + 1], times) for text, times in frequent),
    )


def _is_boolean(series: pd.Series[Any], dtype: str) -> bool:
    return dtype in ("object", "category") and infer(series.astype(object).to_numpy()) == "boolean"


def _written(value: Any, *, boolean: bool) -> str:
    if boolean:
        return "true" if value else "false"
    return f"{float(value):.15g}"


def _finite(value: float) -> float | None:
    import math

    return value if math.isfinite(value) else None


def moment_text(seconds: float) -> str:
    """A point of a histogram of times as text."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return said(seconds)
