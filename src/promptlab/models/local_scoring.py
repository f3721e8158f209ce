"""How likely a model finds the continuations of contexts: one pass for all of them.

A row of a batch is a context followed by all its continuations. Each of these is a branch of its own: it looks back at
the context and at itself, and its places count from the context's end. So a context is computed once, whatever comes
after it, and no keys and values are copied. Rows share a longer beginning, such as examples in the prompt, as they do
when they are answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from promptlab.models.local_prefix import Prefix, empty_cache
from promptlab.models.local_rows import ScoreRow

if TYPE_CHECKING:
    import torch

    from promptlab.models.local_weights import LocalWeights

_LOGIT_BYTES = 128 << 20
"""Logits that are looked at together: of many tokens of a large vocabulary they would take gigabytes."""

SCORING_BYTES = 3 * _LOGIT_BYTES
"""What scoring a batch takes beside what any pass takes: logits, and what is made of them on the way."""


@dataclass(frozen=True, slots=True)
class _Sought:
    """A token whose log probability is asked for. column: of the input after which it would come."""

    column: int
    continuation: int
    token: int


@dataclass(frozen=True, slots=True)
class _Laid:
    """A row's own tokens as they stand in a batch, without padding: their places, their branches, what is sought."""

    tokens: list[int]
    places: list[int]
    branches: list[int]
    sought: list[_Sought]


def score_batch(weights: LocalWeights, rows: Sequence[ScoreRow], prefix: Prefix | None) -> None:
    """Fills in what the rows ask for. prefix: what their contexts have in common and what is computed already."""
    if not weights.batches:
        for row in rows:
            _score_alone(weights, row)
        return
    import torch

    known = len(prefix.tokens) if prefix else 0
    laid = [_lay_out(row, known) for row in rows]
    width = max(len(row.tokens) for row in laid)
    device = weights.model.device
    inputs = [[0] * (width - len(row.tokens)) + row.tokens for row in laid]
    before = torch.arange(known, device=device).expand(len(rows), -1)

    def padded(values: Sequence[list[int]], before: torch.Tensor) -> torch.Tensor:
        own = torch.tensor([[0] * (width - len(row)) + row for row in values], device=device)
        return torch.cat([before, own], dim=1)

    positions = padded([row.places for row in laid], before)
    branches = padded([row.branches for row in laid], torch.zeros_like(before))
    valid = padded([[1] * len(row.tokens) for row in laid], torch.ones_like(before)).bool()
    share = prefix if weights.shares else None
    cache = empty_cache() if share or not prefix else prefix.cache(len(rows))
    for row in rows:
        row.restart()
        row.log_probabilities += [[] for _ in row.continuations]
        row.likeliest += [[] for _ in row.continuations]
    # Columns count from the right end, where the rows are flush: what is sought comes after the last of them.
    first = min(width - len(row.tokens) + row.sought[0].column for row in laid)
    columns = max(1, _LOGIT_BYTES // (len(rows) * weights.footprint.vocabulary * 4))
    begin, end = 0, min(width, first + columns)
    while begin < width:
        logits = weights.logits(
            [row[begin:end] for row in inputs],
            cache,
            positions[:, : known + end],
            valid[:, : known + end],
            prefix=share,
            keep=end - max(begin, first),
            branches=branches[:, : known + end],
        )
        for row, laid_row, of_row in zip(rows, laid, logits, strict=True):
            _collect(row, laid_row.sought, of_row, first_column=max(begin, first) - (width - len(laid_row.tokens)))
        begin, end = end, min(width, end + columns)


def _lay_out(row: ScoreRow, known: int) -> _Laid:
    """The row's own tokens after so many that are computed already; what is sought in the order of its columns."""
    tokens = list(row.context[known:])
    places = list(range(known, len(row.context)))
    branches = [0] * len(tokens)
    last = len(tokens) - 1
    sought = [_Sought(last, number, tokens_of[0]) for number, tokens_of in enumerate(row.continuations)]
    for number, tokens_of in enumerate(row.continuations):
        for place, token in enumerate(tokens_of[1:]):
            tokens.append(tokens_of[place])
            places.append(len(row.context) + place)
            branches.append(number + 1)
            sought.append(_Sought(len(tokens) - 1, number, token))
    return _Laid(tokens, places, branches, sought)


def _collect(row: ScoreRow, sought: Sequence[_Sought], logits: torch.Tensor, *, first_column: int) -> None:
    """Notes what the logits of some columns, shape (columns, vocabulary), say of what is sought there."""
    import torch

    here = [item for item in sought if 0 <= item.column - first_column < len(logits)]
    if not here:
        return
    # Where what is sought is few of the columns, as of short options beside long ones, the others are not summed.
    picked = logits[torch.tensor([item.column - first_column for item in here], device=logits.device)].float()
    tokens = torch.tensor([item.token for item in here], device=logits.device)
    values = picked.gather(1, tokens[:, None])[:, 0] - picked.logsumexp(dim=-1)
    best = picked.argmax(dim=-1) == tokens
    for item, value, likeliest in zip(here, values.tolist(), best.tolist(), strict=True):
        row.log_probabilities[item.continuation].append(value)
        row.likeliest[item.continuation].append(likeliest)


def _score_alone(weights: LocalWeights, row: ScoreRow) -> None:
    """The same for an architecture that runs row by row: each continuation in a pass of its own."""
    row.restart()
    for tokens_of in row.continuations:
        inputs = [*row.context, *tokens_of[:-1]]
        logits = weights.logits([inputs], weights.own_cache(), *weights.plainly(len(inputs)), keep=len(tokens_of))[0]
        row.log_probabilities.append([])
        row.likeliest.append([])
        number = len(row.log_probabilities) - 1
        sought = [_Sought(column, number, token) for column, token in enumerate(tokens_of)]
        _collect(row, sought, logits, first_column=0)
