"""Evaluators of our own for the suites in this folder: any name there that is not built in is looked up here.

An evaluator is a function of a context (`inputs`, `output`, `expected`, `metadata`, ...) with keyword-only options.
It returns True or False, a number, a Score, several of these by name, or None for "does not apply".
"""

from __future__ import annotations

import re

from promptlab import EvaluatorContext, Score, evaluator


@evaluator(direction="lower")
def novel_words(context: EvaluatorContext, *, than: str) -> Score | None:
    """The share of the output's different words of four letters and more that a text does not have, from 0 to 1.

    A cheap hint at made-up facts, no proof: a fair paraphrase has new words too. None for an output without such words.
    """
    used = {word for word in words(context.output) if len(word) >= 4}
    if not used:
        return None
    new = sorted(used - set(words(than)))
    return Score(len(new) / len(used), reason=f"not in the text: {', '.join(new[:8])}" if new else None)


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"\w+", text.lower())
