"""The keys of a suite file, and how those of an included file join them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptlab.errors import SuiteError
from promptlab.spelling import suggestion
from promptlab.suites.document import Document
from promptlab.suites.mistakes import Report, refuse

KEYS = (
    "name",
    "description",
    "include",
    "prompts",
    "models",
    "settings",
    "matrix",
    "repeats",
    "defaults",
    "cases",
    "evaluators",
    "metrics",
    "functions",
    "gates",
)
JOINED = ("prompts", "models", "evaluators", "metrics", "cases")
"""Lists: the included file's entries stand first."""
NAMED = ("evaluators", "metrics")
"""Lists whose entries score under a name: an entry of the including file replaces an included one of its name."""
MERGED = ("settings", "matrix", "defaults", "gates")
"""Mappings: what the including file says of a key wins."""


def check_keys(document: Document, *, report: Report = refuse) -> None:
    """Reports what is no suite, and every key that a suite has not."""
    if not isinstance(document.value, dict):
        report(SuiteError(f"{document.where()}: a suite is a mapping with the keys {', '.join(KEYS)}"))
        return
    for key in document.value:
        if key not in KEYS:
            report(SuiteError(f"{document.where(key)}: unknown key {key!r}{suggestion(key, KEYS)}"))


def entry_name(key: str, item: Any) -> str | None:
    """What an entry of a list is told from others by: the name that it scores under, or itself; None where by nothing.

    key: the list's. Example: entry_name("evaluators", {"contains": {"word": "x", "as": "mentions"}}) -> "mentions"
    """
    if key not in NAMED:
        return item if isinstance(item, str) else None
    if isinstance(item, Mapping) and len(item) == 1:
        ((kind, options),) = item.items()
        item = options.get("as", kind) if isinstance(options, Mapping) else kind
    return item if isinstance(item, str) else None
