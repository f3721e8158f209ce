"""An evaluation as it runs, on standard error: live bars on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from promptlab.cli import words
from promptlab.cli.console import complain, errors

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from promptlab.execute.progress import Progress, VariantProgress

LINE_SECONDS = 10.0
LEAST_CELLS = 20
"""From so many new cells on, the time left is guessed."""
_BAR_WIDTH = 16


class ProgressView(Protocol):
    """Shows an evaluation while its block runs."""

    def watch(self, progress: Progress) -> None:
        """Takes the counts so far; called from the engine's thread."""

    @property
    def latest(self) -> Progress | None:
        """The counts as last told, None before the first."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def progress_view(name: str) -> ProgressView:
    """The view that suits standard error; name: the suite's."""
    return LiveView(name) if sys.stderr.isatty() else LineView(name)


class LiveView:
    """A bar a variant, redrawn eight times a second and gone at the end, when the table says it all."""

    def __init__(self, name: str) -> None:
        self._name = words.plain(name)
        self._started = time.monotonic()
        self._live: Live | None = None
        self.latest: Progress | None = None

    def watch(self, progress: Progress) -> None:
        """Keeps the object that the engine updates in place; drawing reads it."""
        self.latest = progress

    def __enter__(self) -> Self:
        from rich.live import Live

        self._live = Live(
            console=errors(), get_renderable=self._draw, refresh_per_second=8, transient=True, redirect_stdout=False
        )
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        seconds = time.monotonic() - self._started
        so_far = "".join(f", {part}" for part in _so_far(self.latest, seconds))
        heading = Text(
            f"{self._name}, {max(1, round(seconds))} s{so_far}: {_phase(self.latest)}",
            no_wrap=True,
            overflow="ellipsis",
        )
        if self.latest is None:
            return heading
        bars = Table.grid(padding=(0, 1), expand=True)
        # Folded, not cut: what tells variants apart may stand at the end of their names.
        bars.add_column(ratio=1, overflow="fold")
        bars.add_column(width=_BAR_WIDTH)
        for _ in range(4):
            bars.add_column(justify="right", no_wrap=True)
        for variant in self.latest.variants:
            bars.add_row(
                Text(words.plain(variant.name)),
                ProgressBar(
                    total=variant.total or 1,
                    completed=variant.done,
                    width=_BAR_WIDTH,
                    style="dim",
                    complete_style="cyan",
                    finished_style="green",
                ),
                f"{variant.done}/{variant.total}",
                Text(f"{variant.cached} cached" if variant.cached else "", "dim"),
                Text(words.plural(variant.errors, "error") if variant.errors else "", "red"),
                Text(_pace(variant), "dim"),
            )
        return Group(heading, bars)


class LineView:
    """A line at the start, one about every ten seconds, and one at the end: for logs."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._started = time.monotonic()
        self._begun = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="promptlab-progress", daemon=True)
        self.latest: Progress | None = None

    def watch(self, progress: Progress) -> None:
        """Says what is to be done, the first time it is told."""
        self.latest = progress
        if not self._begun.is_set():
            self._begun.set()
            variants = words.plural(len(progress.variants), "variant")
            complain(f"{self._name}: {words.plural(progress.total, 'cell')} of {variants}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self.latest is not None:
            self._say(ended=kind is None)

    def _tick(self) -> None:
        while not self._ended.wait(LINE_SECONDS):
            self._say()

    def _say(self, *, ended: bool = False) -> None:
        seconds = time.monotonic() - self._started
        latest = self.latest
        if latest is None:
            complain(f"{self._name}: {_phase(None)}, {words.latency(seconds)}")
            return
        counts = f"{latest.done} of {words.plural(latest.total, 'cell')}"
        more = ", ".join(
            [f"{latest.cached} cached", words.plural(latest.errors, "error"), *_so_far(latest, seconds, ended=ended)]
        )
        after = words.latency(seconds)
        complain(f"{self._name}: {counts} ({more}) after {after}" + ("" if ended else f"; {_phase(latest)}"))


def _so_far(progress: Progress | None, seconds: float, *, ended: bool = False) -> list[str]:
    """What was spent, and about how long the rest takes; each where there is something to say."""
    if progress is None:
        return []
    parts = [f"{words.cost(progress.spent_usd)} spent"] if progress.spent_usd else []
    new = progress.done - sum(variant.before for variant in progress.variants)
    goes_on = not ended and not progress.phase.startswith(("stopping", "summing"))
    if goes_on and new >= LEAST_CELLS and progress.done < progress.total:
        left = seconds / new * (progress.total - progress.done)
        parts.append(f"about {words.duration(left)} left")
    return parts


def _phase(progress: Progress | None) -> str:
    if progress is None:
        return "reading the suite"
    if progress.done == progress.total:
        return "done" if progress.phase != "summing up" else "summing up"
    waiting = [variant for variant in progress.variants if progress.phase == f"running {variant.name}"]
    if waiting and not waiting[0].done:
        loading = " while the model is loaded" if " · local:" in progress.phase and not progress.done else ""
        return f"waiting for the first answer{loading}: {words.plain(waiting[0].name)}"
    return words.plain(progress.phase) or "running"


def _pace(variant: VariantProgress) -> str:
    answers = variant.done - variant.errors
    return f"{words.latency(variant.seconds / answers)} an answer" if answers else ""
