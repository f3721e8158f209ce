"""Evaluators of meaning: semantic_similarity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul

from promptlab.evaluators.asking import asked
from promptlab.evaluators.base import evaluator, quote
from promptlab.evaluators.normalising import accepted_texts
from promptlab.types import Asked, EvaluatorContext, Score


@evaluator(asks=lambda options: (Asked("embed", options["model"]),))
async def semantic_similarity(
    context: EvaluatorContext, *, model: str = "local:all-minilm-l6-v2", at_least: float | None = None
) -> Score | None:
    """How alike output and expected are in meaning, the cosine of their embeddings, from -1 to 1; higher is better.

    Of a list of expected texts, the best counts. model: what makes the embeddings: the packaged one, a folder of
    Sentence Transformers as `local:FOLDER`, or an embeddings model of a server, such as openai:text-embedding-3-small.
    Scores of different models cannot be compared. A text longer than the model reads is cut there, for the packaged one
    after 256 tokens. An empty output is 0, or 1 where nothing is expected. Does not apply to a case without `expected`.
    at_least: passed from this value.
    Source: Reimers and Gurevych, "Sentence-BERT" (2019), section 3; the model card of all-MiniLM-L6-v2.
    Example: {output: "A man is eating a piece of bread.", expected: "A man is eating food."} -> 0.7553
    Example: {output: "A cheetah is running behind its prey.", expected: "A man is eating food."} -> 0.1419
    """
    accepted = accepted_texts(context.expected)
    if not accepted:
        return None
    value, nearest = await _nearest(context, accepted, model=model)
    passed = None if at_least is None else value >= at_least
    reason = f"nearest to {quote(nearest)}" if len(accepted) > 1 or passed is False else None
    return Score(value, passed=passed, reason=reason)


async def _nearest(context: EvaluatorContext, accepted: Sequence[str], *, model: str) -> tuple[float, str]:
    """The best cosine, and the text that it is of."""
    if not context.output.strip():
        # Not every model takes an empty text, and what it makes of one means nothing.
        empty = next((text for text in accepted if not text.strip()), None)
        return (0.0, accepted[0]) if empty is None else (1.0, empty)
    texts = [text for text in accepted if text.strip()]
    if not texts:
        return 0.0, accepted[0]
    output, *vectors = await asked(context).embed([context.output, *texts], model=model)
    values = [cosine(output, vector) for vector in vectors]
    best = max(range(len(values)), key=values.__getitem__)
    return values[best], texts[best]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of the angle between two vectors of the same length; 0 where one has no direction.

    Example: cosine([1, 0], [1, 1]) -> 0.7071
    """
    lengths = math.hypot(*one) * math.hypot(*other)
    if not lengths:
        return 0.0
    return max(-1.0, min(1.0, math.fsum(map(mul, one, other)) / lengths))
