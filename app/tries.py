"""Tries that run in the background, one thread a base model, while the page reads how far they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from promptlab.errors import CallError, PromptlabError
from promptlab.lab import Lab
from promptlab.types import PromptVersion, Score

if TYPE_CHECKING:
    from promptlab.execute.trial import Trial


@dataclass(slots=True)
class Try:
    """One base model's answer, as far as it has come. error: why there is none, where it never became a Trial.

    scores: by the evaluators of the suite whose case was asked, none where the form was.
    """

    model: str
    text: str = ""
    trial: Trial | None = None
    error: str | None = None
    scores: Mapping[str, Score] = field(default_factory=dict)
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
    scorer: Callable[[Trial], Mapping[str, Score]] | None = None,
) -> TryRun:
    """The tries, begun; each ends by itself, so that a quick model need not wait for a slow one.

    scorer: gives the scores of an answer, in the thread that waited for it.
    """
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
            if scorer is not None:
                column.scores = scorer(column.trial)
        except PromptlabError as error:
            column.error = str(error)
        except Exception as error:  # noqa: BLE001 - it is shown in the column, the other columns go on
            column.error = f"unexpected {type(error).__name__}: {error}"
        finally:
            column.ended = time.monotonic()

    for column in run.columns:
        threading.Thread(target=answer, args=(column,), name=f"try {column.model}", daemon=True).start()
    return run
