"""What a local model is given and gives back: rows that are answered, and rows that are scored."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from promptlab.models.sampling import Generation

if TYPE_CHECKING:
    import torch

_markers = itertools.count(1)


@dataclass(slots=True, eq=False)
class Row:
    """One prompt on its way through a batch.

    on_token is called after each token and says whether to go on; wanted, before its batch begins. Filled in as it
    runs: generated (the end-of-text token left out), finish_reason (`stop` or `length`, None while it runs), error
    (why it has none) and seconds, its share of the batch.
    """

    prompt: Sequence[int]
    generation: Generation
    on_token: Callable[[Row], bool] = lambda _: True
    wanted: Callable[[], bool] = lambda: True
    generated: list[int] = field(default_factory=list)
    finish_reason: str | None = None
    error: str | None = None
    seconds: float = 0.0
    generator: torch.Generator | None = None

    @property
    def new_tokens(self) -> int:
        """The most tokens that may come after the prompt."""
        return self.generation.max_tokens

    def restart(self) -> None:
        """Forget what was generated, so that it can run again."""
        self.generated.clear()
        self.finish_reason = None


@dataclass(slots=True, eq=False)
class ScoreRow:
    """A context and what may continue it, on their way through a batch; no part is empty.

    Filled in as it runs: of each continuation's tokens the log probabilities, and whether each is the likeliest one;
    error and seconds as of a Row.
    """

    context: Sequence[int]
    continuations: Sequence[Sequence[int]]
    wanted: Callable[[], bool] = lambda: True
    log_probabilities: list[list[float]] = field(default_factory=list)
    likeliest: list[list[bool]] = field(default_factory=list)
    error: str | None = None
    seconds: float = 0.0
    prompt: Sequence[int] = field(init=False)
    """What stands for the row where rows are planned: as long as its tokens in a batch.

    Only what comes before the context's last token can be shared with other rows, since what the model says after that
    one is asked for; a token that no other row has stands for the rest. Of a continuation the last token is never an
    input.
    """

    def __post_init__(self) -> None:
        own = 1 + sum(len(continuation) - 1 for continuation in self.continuations)
        self.prompt = [*self.context[:-1], *[-next(_markers)] * own]

    @property
    def new_tokens(self) -> int:
        """What a pass of the model costs, as of one new token."""
        return 1

    def restart(self) -> None:
        """Forget what was scored, so that it can run again."""
        self.log_probabilities.clear()
        self.likeliest.clear()


AnyRow: TypeAlias = Row | ScoreRow
