"""Rows on their way from a reader to cases: what was read, where it stood, and what it is read from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from promptlab.errors import SuiteError

Form: TypeAlias = Literal["cases", "records", "either"]
"""What rows are: cases with `inputs`, records whose columns have names of their own, or whichever the first one is."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row, plain JSON. where: the start of messages about it. problem: why it has no value; the next ones may."""

    value: Any
    where: str
    problem: SuiteError | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from.

    name: how messages call it. read: begins reading, and can be called again. again: reading again is cheap and gives
    the same rows while nobody changes what is read; else what was read has to be kept.
    """

    name: str
    read: Callable[[], Iterator[Row]]
    again: bool = True


def shown(value: Any) -> str:
    """A value as messages show it, cut to 60 characters."""
    text = json.dumps(value, ensure_ascii=False, default=repr) if not isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
