"""Real pairs of texts, an output and what is expected: questions and sentences of one SQuAD passage."""

from __future__ import annotations

import json
from itertools import islice, permutations
from pathlib import Path

PASSAGES = Path(__file__).resolve().parents[2] / "tests" / "evaluators" / "data" / "passages.jsonl"


def real_pairs(count: int) -> list[tuple[str, str]]:
    """So many pairs, no two alike: each question with every sentence of its passage, sentences with each other.

    Raises ValueError where the file has fewer.
    """
    pairs: dict[tuple[str, str], None] = {}
    with PASSAGES.open(encoding="utf-8") as lines:
        for line in lines:
            passage = json.loads(line)
            sentences = passage["sentences"]
            pairs |= {(each["question"], sentence): None for each in passage["questions"] for sentence in sentences}
            pairs |= dict.fromkeys(permutations(sentences, 2))
    if count > len(pairs):
        raise ValueError(f"there are {len(pairs):,} pairs, not {count:,}")
    return list(islice(pairs, count))
