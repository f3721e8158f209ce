"""The longest common subsequence of two lists of words, a whole column of its table at a time.

A column of the dynamic programme is one integer: bit i is 0 where the table grows from row i to row i + 1. The next
column follows from it by one addition (Hyyrö, "Bit-parallel LCS-length computation revisited", 2004).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

MANY_WORDS = 2048
"""From here on the rows of a word are not kept for every word: they would take words x words bits."""
FREQUENT = 64
"""A word that stands in the reference so often has its rows kept even then."""
TABLE_BITS = 1 << 28
"""A table of more bits (32 MB) is not kept whole: its columns are computed twice, a block of them at a time."""


def lcs_length(reference: Sequence[str], candidate: Sequence[str]) -> int:
    """How many words the longest common subsequence has.

    Example: lcs_length(["the", "cat", "sat"], ["the", "sat", "cat"]) -> 2
    """
    ends = _equal(reference, candidate)
    shared = ends + _equal(reference[ends:][::-1], candidate[ends:][::-1])
    reference = reference[ends : len(reference) - shared + ends]
    candidate = candidate[ends : len(candidate) - shared + ends]
    rows = _rows(reference)
    column = every = (1 << len(reference)) - 1
    for word in candidate:
        if row := rows(word):
            matched = column & row
            column = (column + matched) | (column - matched)
    return shared + len(reference) - (column & every).bit_count()


def lcs_positions(reference: Sequence[str], candidate: Sequence[str]) -> list[int]:
    """The places in the reference of one longest common subsequence, last one first.

    Of several, the one that is read out of the table from its end, a word of the reference being given up before one
    of the candidate: the one that the package rouge-score takes.
    """
    rows = _rows(reference)
    whole = len(reference) * len(candidate) <= TABLE_BITS
    block = max(1, len(candidate) if whole else math.isqrt(len(candidate)))
    starts = [(1 << len(reference)) - 1]
    for start in range(0, len(candidate) - block, block):
        starts.append(_columns(rows, candidate[start : start + block], starts[-1])[-1])
    positions: list[int] = []
    row, place = len(reference), len(candidate)
    for number in reversed(range(len(starts))):
        first = number * block
        columns = _columns(rows, candidate[first : first + block], starts[number])
        while row and place > first:
            if reference[row - 1] == candidate[place - 1]:
                row -= 1
                place -= 1
                positions.append(row)
            elif columns[place - first - 1] >> (row - 1) & 1:
                row -= 1
            else:
                place -= 1
    return positions


def _equal(first: Sequence[str], second: Sequence[str]) -> int:
    """How many words both begin with."""
    for place, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            return place
    return min(len(first), len(second))


def _rows(reference: Sequence[str]) -> Callable[[str], int | None]:
    """By word the places where it stands in the reference, as bits."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(reference):
        places.setdefault(word, []).append(place)
    if len(reference) < MANY_WORDS:
        return {word: _bits(found) for word, found in places.items()}.get
    frequent = {word: _bits(found) for word, found in places.items() if len(found) >= FREQUENT}

    def rows(word: str) -> int | None:
        found = places.get(word)
        return None if found is None else frequent.get(word) or _bits(found)

    return rows


def _bits(places: Sequence[int]) -> int:
    if len(places) < 8:
        bits = 0
        for place in places:
            bits |= 1 << place
        return bits
    data = bytearray(places[-1] // 8 + 1)
    for place in places:
        data[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(data, "little")


def _columns(rows: Callable[[str], int | None], candidate: Sequence[str], column: int) -> list[int]:
    """The columns after each word of the candidate, the one before the first being given."""
    columns = []
    for word in candidate:
        if row := rows(word):
            matched = column & row
            column = (column + matched) | (column - matched)
        columns.append(column)
    return columns
