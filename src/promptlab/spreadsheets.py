"""Fields of CSV that no spreadsheet takes for a formula, whatever a model or a user wrote."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_line(values: Sequence[Any]) -> str:
    """One line of CSV, its end included; a text that a spreadsheet would act on gets a `'` before it."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow([_plain(value) for value in values])
    return text.getvalue()


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
