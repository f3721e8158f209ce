"""Our side of the bar of scoring: the same pairs through what scores the cells of an evaluation, a page at a time.

python scored_by_the_engine.py COUNT FILE writes the values of rouge_l, bleu, chrf, levenshtein and f1, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from real_pairs import real_pairs

from promptlab import portal
from promptlab.evaluators.registry import bind
from promptlab.execute.cells import score
from promptlab.execute.chunk_size import CHUNK
from promptlab.types import EvaluatorContext

NAMES = ("rouge_l", "bleu", "chrf", "levenshtein", "f1")


async def scored(pairs: list[tuple[str, str]]) -> list[dict[str, float | None]]:
    """The values of each pair, by evaluator."""
    evaluators = [bind(name, where="benchmark") for name in NAMES]
    values: list[dict[str, float | None]] = []
    for begin in range(0, len(pairs), CHUNK):
        contexts = [
            EvaluatorContext(inputs={}, output=output, expected=expected)
            for output, expected in pairs[begin : begin + CHUNK]
        ]
        page = await asyncio.gather(*(score(context, evaluators) for context in contexts))
        values += [{name: found.value for name, found in scores.items()} for scores in page]
    return values


def main() -> None:
    """Score and write."""
    count, target = int(sys.argv[1]), Path(sys.argv[2])
    target.write_text(json.dumps(portal.run(scored(real_pairs(count)))), encoding="utf-8")


if __name__ == "__main__":
    main()
