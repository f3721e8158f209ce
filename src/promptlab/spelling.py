"""Did-you-mean, in one form for every message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggestion(word: str, known: Iterable[str]) -> str:
    """The tail of a message about an unknown word: `; did you mean 'a'? known: a, b, c`."""
    names = sorted(known)
    return f"{nearest(word, names) or ';'} known: {', '.join(names) or 'none'}"


def few(names: Iterable[str]) -> str:
    """Names in order for a message about what there is, cut where they are long or many: `a, b, c`; or `none`."""
    known = sorted(names)
    said = [name if len(name) <= 60 else f"{name[:59]}…" for name in known[:20]]
    more = [f"{len(known) - 20:,} more"] if len(known) > 20 else []
    return ", ".join(said + more) or "none"


def nearest(word: str, known: Iterable[str]) -> str:
    """The same where there are too many to name: `; did you mean 'a'?`, empty where none is like it."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
