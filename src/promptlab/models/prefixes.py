"""Which prompts share a beginning worth computing once, and which of them are run together.

Plain arithmetic on token sequences: nothing here knows of tensors.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
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


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a batch is: its rows, and of each in tokens the shared prefix, its own prompt, what may come new."""

    rows: int
    shared: int
    own: int
    new: int


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
    sequences: Sequence[Sequence[int]],
    *,
    new_tokens: Sequence[int],
    batch_size: int,
    fits: Callable[[Shape], bool],
) -> tuple[Group, ...]:
    """Groups and batches that together hold every sequence once.

    new_tokens: how many tokens each may generate. A batch has at most `batch_size` sequences, and `fits` says whether
    there is memory for it (a single sequence is tried in any case). A prefix leaves each of its prompts one token at
    least, since the last one's logits are needed. Prompts form a group of their own where its prefix saves more prompt
    tokens than an extra batch costs; those of a group are batched with others of about their length.
    """
    order = sorted(range(len(sequences)), key=lambda index: tuple(sequences[index]))
    shared = [common_length(sequences[a], sequences[b]) for a, b in itertools.pairwise(order)]
    lengths = [len(sequences[index]) for index in order]
    chosen = _choose(lengths, shared, 0, len(order), _batch_cost(max(new_tokens, default=0)))
    # The rest runs together, wherever it stands in the order.
    alone = set(range(len(order))).difference(*(range(low, high) for low, high in chosen.ranges))
    groups: list[Group] = []
    for places in (*(range(low, high) for low, high in chosen.ranges), sorted(alone)):
        if not places:
            continue
        members = [order[place] for place in places]
        pairs = itertools.pairwise(members)
        prefix_length = _prefix_length(
            [len(sequences[index]) for index in members],
            [common_length(sequences[a], sequences[b]) for a, b in pairs],
        )
        members.sort(key=lambda index: len(sequences[index]))
        cuts = _buckets(
            [len(sequences[index]) - prefix_length for index in members],
            [new_tokens[index] for index in members],
            shared=prefix_length,
            batch_size=batch_size,
            fits=fits,
        )
        groups.append(Group(prefix_length, tuple(tuple(members[a:b]) for a, b in itertools.pairwise(cuts))))
    return tuple(groups)


def _buckets(
    own: Sequence[int], new: Sequence[int], *, shared: int, batch_size: int, fits: Callable[[Shape], bool]
) -> list[int]:
    """Where to cut the prompts, shortest first, into batches: the places at which padding and steps cost least."""
    costs = [0]
    begins = [0]
    for end in range(1, len(own) + 1):
        best, begin_of_best, most_new = -1, end - 1, 0
        for begin in range(end - 1, max(-1, end - 1 - batch_size), -1):
            most_new = max(most_new, new[begin])
            rows = end - begin
            # The last is the longest: the others are padded to its length.
            if rows > 1 and not fits(Shape(rows, shared, own[end - 1], most_new)):
                break
            cost = costs[begin] + rows * own[end - 1] + _batch_cost(most_new)
            if best < 0 or cost < best:
                best, begin_of_best = cost, begin
        costs.append(best)
        begins.append(begin_of_best)
    cuts = [len(own)]
    while cuts[-1]:
        cuts.append(begins[cuts[-1]])
    return cuts[::-1]


def _batch_cost(new_tokens: int) -> int:
    """What a batch costs beside its prompts, in prompt tokens."""
    return _STEP_TOKENS * min(new_tokens, _MOST_STEPS)


def _prefix_length(lengths: Sequence[int], shared: Sequence[int]) -> int:
    """The usable common prefix of sorted prompts, where neighbours share so much; 0 for one alone or a short one."""
    if len(lengths) < 2:
        return 0
    length = min(*shared, min(lengths) - 1)
    return length if length >= SHORTEST_PREFIX else 0


@dataclass(frozen=True, slots=True)
class _Choice:
    """Ranges of sorted prompts that are worth a group of their own, and the prompt tokens that this saves."""

    saved: int = 0
    ranges: tuple[tuple[int, int], ...] = ()


def _choose(lengths: Sequence[int], shared: Sequence[int], low: int, high: int, batch_cost: int) -> _Choice:
    """The best ranges among the sorted prompts low..high, found by cutting where neighbours share least."""
    if high - low < 2:
        return _Choice()
    # Of several such places the one nearest to the middle, which keeps the recursion shallow.
    cut = min(range(low, high - 1), key=lambda index: (shared[index], abs(2 * index - low - high))) + 1
    left = _choose(lengths, shared, low, cut, batch_cost)
    right = _choose(lengths, shared, cut, high, batch_cost)
    saved = _prefix_length(lengths[low:high], shared[low : high - 1]) * (high - low - 1) - batch_cost
    if saved > left.saved + right.saved:
        return _Choice(saved, ((low, high),))
    return _Choice(left.saved + right.saved, left.ranges + right.ranges)
