"""What fake models make of texts without any weights: embeddings and likelihoods that tests can work out by hand."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter

from promptlab.types import Likelihood

DIMENSIONS = 64
WORDS = 1000
"""How many words a fake model is taken to know."""


def embed_words(text: str) -> list[float]:
    """How often each word occurs, words told apart by their hash, so that texts with the same words are alike.

    Example: embed_words("a b") == embed_words("b A") -> True
    """
    vector = [0.0] * DIMENSIONS
    for word in text.lower().split():
        digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
        vector[int.from_bytes(digest[:2], "big") % DIMENSIONS] += 1.0
    return vector


def score_words(context: str, text: str, *, spaced: bool) -> Likelihood:
    """A token a word; it is as likely as it is frequent in the context, of which every known word is seen once more.

    Example: score_words("yes no yes", "yes", spaced=False).total -> log(3 / 1003)
    """
    seen = Counter(context.split())
    total = sum(seen.values()) + WORDS
    space = " " if spaced and context and not context[-1].isspace() and not text[:1].isspace() else ""
    tokens = tuple(re.findall(r"\s*\S+|\s+", f"{space}{text}"))
    counts = [seen[token.strip()] + 1 for token in tokens]
    most = max(seen.values(), default=0) + 1
    return Likelihood(
        text=f"{space}{text}",
        tokens=tokens,
        log_probabilities=tuple(math.log(count / total) for count in counts),
        greedy=all(count == most for count in counts),
    )
