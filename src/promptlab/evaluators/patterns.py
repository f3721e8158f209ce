"""Regular expressions on hostile text: RE2, in time linear in the text, and within a bound of work."""

from __future__ import annotations

import functools
from typing import Any

from promptlab.evaluators.base import quote
from promptlab.evaluators.normalising import well_formed

MOST_STEPS = 150_000_000
"""The most that a search may do: the pattern's instructions times the bytes of the text.

Where RE2 cannot build its automaton it follows every instruction at every byte. Measured: 135 million a second.
"""


@functools.lru_cache(maxsize=256)
def compile_pattern(pattern: str, *, ignore_case: bool = False) -> Any:
    """The compiled RE2 pattern. Raises ValueError that says what RE2 does not have."""
    import re2

    options = re2.Options()
    options.log_errors = False  # else every mistake is also written to standard error
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(well_formed(pattern), options)
    except re2.error as error:
        detail = error.args[0] if error.args else "not a pattern"
        detail = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        hint = ""
        if "perl operator" in detail:
            hint = "; RE2 has no lookahead and no lookbehind"
        elif "escape sequence" in detail:
            hint = "; RE2 has no backreferences"
        raise ValueError(f"pattern {quote(pattern)}: {detail}{hint}") from error


def search(pattern: Any, text: str) -> Any:
    """The first match of a compiled pattern in the text, None where there is none.

    Raises ValueError that names a pattern too large for a text of this length.
    """
    text = well_formed(text)
    check_work(pattern, text)
    return pattern.search(text)


def check_work(pattern: Any, text: str) -> None:
    """Nothing, where a compiled pattern can be searched for in a second or so. Raises ValueError as `search` does."""
    size: int = pattern.programsize
    # A character has up to four bytes: counted only where that matters.
    if size * len(text) * 4 > MOST_STEPS and size * len(well_formed(text).encode()) > MOST_STEPS:
        raise ValueError(
            f"pattern {quote(pattern.pattern)}: its {size:,} steps are too many for {len(text):,} characters of text; "
            "write it with fewer or smaller repetitions"
        )
