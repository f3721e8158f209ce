"""What becomes of a mistake in a suite: the first one ends loading, or all of them are gathered."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import NoReturn, TypeAlias

from promptlab.errors import UsageError

Report: TypeAlias = Callable[[UsageError], None]
"""Takes a mistake; where it returns, reading goes on without the part that is wrong."""


def refuse(error: UsageError) -> NoReturn:
    """Raises the mistake: the first one is the last."""
    raise error


@contextlib.contextmanager
def told(report: Report) -> Iterator[None]:
    """Reports the mistake that ends the block, if any."""
    try:
        yield
    except UsageError as error:
        report(error)
