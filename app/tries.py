"""Tries that run in the background, one thread a base model, while the page reads how far they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from promptlab.errors import CallError, PromptlabError
from promptlab.lab import Lab
from promptlab.types import PromptVersion

if TYPE_CHECKING:
    from promptlab.execute.trial import Trial


@dataclass(slots=True)
class Try:
    """One base model's answer, as far as it has come. error: why there is none, where it never became a Trial."""

    model: str
    text: str = ""
    trial: Trial | None = None
    error: str | None = None
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None

    @property
    def running(self) -> bool:
        """Whether the answer is still being waited for."""
        return self.ended is None

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since it was asked, until now or its end."""
        return (self.ended or time.monotonic()) - self.started


@dataclass(slots=True)
class TryRun:
    """Answers of several base models to one rendered prompt, side by side."""

    columns: list[Try]
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def running(self) -> bool:
        """Whether any answer is still being waited for."""
        return any(column.running for column in self.columns)

    def stop(self) -> None:
        """Ends every answer at its next piece of text; what was already answered stays."""
        self.stopped.set()


def start(
    lab: Lab,
    prompt: str | PromptVersion,
    models: Sequence[str],
    inputs: Mapping[str, Any],
    *,
    settings: Mapping[str, Any],
    use_cache: bool,
) -> TryRun:
    """The tries, begun; each ends by itself, so that a quick model need not wait for a slow one."""
    run = TryRun([Try(model) for model in models])

    def answer(column: Try) -> None:
        def listen(_: str, text: str) -> None:
            if run.stopped.is_set():
                raise CallError("cancelled", "stopped")
            column.text = text

        try:
            (column.trial,) = lab.try_prompt(
                prompt, [column.model], inputs, settings=settings, use_cache=use_cache, listener=listen
            )
        except PromptlabError as error:
            column.error = str(error)
        except Exception as error:  # noqa: BLE001 - it is shown in the column, the other columns go on
            column.error = f"unexpected {type(error).__name__}: {error}"
        finally:
            column.ended = time.monotonic()

    for column in run.columns:
        threading.Thread(target=answer, args=(column,), name=f"try {column.model}", daemon=True).start()
    return run
