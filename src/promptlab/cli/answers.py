"""Answers of several base models, side by side where the terminal is wide enough, else one under the other."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from promptlab.cli import words
from promptlab.cli.console import errors, output
from promptlab.cli.table import BAD, FAINT, STRONG

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from promptlab.execute.trial import Trial
    from promptlab.lab import Lab
    from promptlab.types import PromptVersion

_LEAST_COLUMN = 38
"""Below so many characters a column of prose is no pleasure to read."""


def ask(
    lab: Lab,
    prompt: str | PromptVersion,
    models: Sequence[str],
    inputs: Mapping[str, Any],
    *,
    settings: Mapping[str, Any] | None = None,
    use_cache: bool = True,
) -> list[Trial]:
    """One answer of each model, printed; on a terminal they are seen as they are written."""
    if sys.stderr.isatty():
        with _Listening(models) as listening:
            trials = lab.try_prompt(
                prompt, models, inputs, settings=settings, use_cache=use_cache, listener=listening.hear
            )
    else:
        trials = lab.try_prompt(prompt, models, inputs, settings=settings, use_cache=use_cache)
    print_trials(output(), trials)
    return trials


def print_trials(console: Console, trials: Sequence[Trial]) -> None:
    """Prints answers with their tokens, seconds and cost."""
    from rich.table import Table

    if len(trials) > 1 and console.width // len(trials) >= _LEAST_COLUMN:
        table = Table.grid(padding=(0, 3, 0, 0), expand=True)
        for _ in trials:
            table.add_column(ratio=1, overflow="fold")
        for part in (_heading, _body, _footer):
            table.add_row(*(part(trial) for trial in trials))
        console.print(table)
        return
    for position, trial in enumerate(trials):
        if position:
            console.print()
        for part in (_heading, _body, _footer):
            console.print(part(trial))


def _heading(trial: Trial) -> RenderableType:
    from rich.text import Text

    return Text(words.plain(trial.model), STRONG)


def _body(trial: Trial) -> RenderableType:
    from rich.text import Text

    if trial.error is not None:
        return Text(f"{trial.status}: {words.plain(trial.error)}", BAD)
    text = words.plain(trial.text)
    return Text(text) if text.strip() else Text("(an empty answer)" if not text else repr(text), FAINT)


def _footer(trial: Trial) -> RenderableType:
    from rich.text import Text

    if trial.error is not None:
        return Text("")
    usage = trial.usage
    parts = [
        f"{words.tokens(usage.input_tokens)} in, {words.tokens(usage.output_tokens)} out",
        words.latency(trial.seconds),
        words.cost(trial.cost_usd, model=trial.model),
    ]
    if trial.status != "ok":
        parts.append(trial.status)
    if trial.cached:
        parts.append("cached")
    return Text(" · ".join(parts), FAINT)


class _Listening:
    """The tail of every answer that is being written, on standard error, gone when all are there."""

    def __init__(self, models: Sequence[str]) -> None:
        self._texts = dict.fromkeys(models, "")
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def hear(self, model: str, text: str) -> None:
        with self._lock:
            self._texts[model] = text

    def __enter__(self) -> Self:
        from rich.live import Live

        self._live = Live(
            console=errors(), get_renderable=self._draw, refresh_per_second=8, transient=True, redirect_stdout=False
        )
        self._live.__enter__()
        return self

    def __exit__(self, *ending: object) -> None:
        self._live.stop()

    def _draw(self) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        waiting = f"waiting, {words.latency(max(1.0, time.monotonic() - self._started))}"
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        with self._lock:
            for model, text in self._texts.items():
                tail = words.excerpt(text[-60:]) if text else waiting
                table.add_row(Text(words.plain(model), STRONG), Text(tail, FAINT))
        return table
