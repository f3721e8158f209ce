"""What a watcher of an evaluation is told, as it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class VariantProgress:
    """Counts of one variant so far."""

    name: str
    total: int
    done: int = 0
    cached: int = 0
    errors: int = 0
    seconds: float = 0.0
    before: int = 0
    """Cells that had ended before this invocation went on with the run; counted in done."""


@dataclass(slots=True)
class Progress:
    """Counts of an evaluation so far; one object, updated in place.

    run: uid of the parent run. phase: what is going on in words. spent_usd: by this invocation, unknown prices left
    out. in_flight: cells under way.
    """

    run: str
    variants: list[VariantProgress] = field(default_factory=list)
    phase: str = ""
    spent_usd: float = 0.0
    in_flight: int = 0

    @property
    def total(self) -> int:
        """All cells of the plan."""
        return sum(variant.total for variant in self.variants)

    @property
    def done(self) -> int:
        """Cells that have ended, well or not."""
        return sum(variant.done for variant in self.variants)

    @property
    def errors(self) -> int:
        """Cells that ended in an error."""
        return sum(variant.errors for variant in self.variants)

    @property
    def cached(self) -> int:
        """Cells answered without a request."""
        return sum(variant.cached for variant in self.variants)


Watcher = Callable[[Progress], None]
"""Called after each cell, from the engine's thread: it has to be quick."""
