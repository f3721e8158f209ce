"""Which prompts share a beginning worth computing once, and which of them are run together.

Plain arithmetic on token sequences: nothing here knows of tensors.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

SHORTEST_PREFIX = 32
"""A common beginning of fewer tokens is not worth a pass of its own."""

_STEP_TOKENS = 30
"""One decoding step of a batch costs about as much as so many prompt tokens (measured on two cores, 135M)."""

_MOST_STEPS = 64


@dataclass(frozen=True, slots=True)
class Group:
    """Prompts that share their first `prefix_length` tokens (0: none), in the batches they are run in.

    batches: indices into the sequences that were planned.
    """

    prefix_length: int
    batches: tuple[tuple[int, ...], ...]


def common_length(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens the two sequences have in common at their beginning."""
    shortest = min(len(a), len(b))
    if list(a[:shortest]) == list(b[:shortest]):
        return shortest
    low, high = 0, shortest
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low


def plan(
    sequences: Sequence[Sequence[int]], *, new_tokens: int, batch_size: int, token_budget: int
) -> tuple[Group, ...]:
    """Groups and batches that together hold every sequence once.

    new_tokens: how many tokens each may generate. A batch has at most `batch_size` sequences and, padded and with
    what they generate, `token_budget` tokens (a single sequence may have more). A prefix leaves each of its prompts
    one token at least, since the last one's logits are needed. Prompts are split into groups with longer prefixes
    where that saves more prompt tokens than the extra batches cost.
    """
    order = sorted(range(len(sequences)), key=lambda index: tuple(sequences[index]))
    shared = [common_length(sequences[a], sequences[b]) for a, b in itertools.pairwise(order)]
    lengths = [len(sequences[index]) for index in order]
    batch_cost = _STEP_TOKENS * min(new_tokens, _MOST_STEPS)
    groups: list[Group] = []
    for low, high in _split(lengths, shared, 0, len(order), batch_cost):
        prefix_length = _prefix_length(lengths, shared, low, high)
        members = sorted(order[low:high], key=lambda index: len(sequences[index]))
        batches: list[tuple[int, ...]] = []
        batch: list[int] = []
        for index in members:
            # Members come shortest first, so this one's length is the batch's padded length.
            tokens = (len(batch) + 1) * (len(sequences[index]) + new_tokens)
            if batch and (len(batch) >= batch_size or tokens > token_budget):
                batches.append(tuple(batch))
                batch = []
            batch.append(index)
        batches.append(tuple(batch))
        groups.append(Group(prefix_length, tuple(batches)))
    return tuple(groups)


def _prefix_length(lengths: Sequence[int], shared: Sequence[int], low: int, high: int) -> int:
    """The usable common prefix of the sorted prompts low..high; 0 for one alone or where it is too short."""
    if high - low < 2:
        return 0
    length = min(*shared[low : high - 1], min(lengths[low:high]) - 1)
    return length if length >= SHORTEST_PREFIX else 0


def _cost(lengths: Sequence[int], shared: Sequence[int], low: int, high: int) -> int:
    prefix_length = _prefix_length(lengths, shared, low, high)
    return sum(lengths[low:high]) - prefix_length * (high - low - 1)


def _split(
    lengths: Sequence[int], shared: Sequence[int], low: int, high: int, batch_cost: int
) -> list[tuple[int, int]]:
    """The ranges of sorted prompts that are cheapest together, found by cutting where neighbours share least."""
    if high - low < 2:
        return [(low, high)] if high > low else []
    # Of several such places the one nearest to the middle, which keeps the recursion shallow.
    cut = min(range(low, high - 1), key=lambda index: (shared[index], abs(2 * index - low - high))) + 1
    left = _split(lengths, shared, low, cut, batch_cost)
    right = _split(lengths, shared, cut, high, batch_cost)
    parts = left + right
    apart = sum(_cost(lengths, shared, *part) for part in parts) + batch_cost * (len(parts) - 1)
    return parts if apart < _cost(lengths, shared, low, high) else [(low, high)]
