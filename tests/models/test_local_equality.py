"""Batched greedy answers are those of transformers itself for each prompt alone, on both packaged models."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.models.local_cores import Turns, free_cores
from promptlab.models.local_loading import load_weights
from promptlab.models.local_rows import Row
from promptlab.models.local_weights import LocalWeights
from promptlab.models.packaged import PACKAGED, find_pulled
from promptlab.models.sampling import Generation
from promptlab.types import Message

NEW_TOKENS = 24
NEAR_TIE = 1e-4
"""Two logits of the model alone that lie so near may change places when the order of a sum does."""

SHOTS = "\n\n".join(
    f"Review: {text}\nSentiment: {label}"
    for text, label in [
        ("it was a fine evening and the music stayed with us", "good"),
        ("nothing happens for two hours, and then it ends", "bad"),
        ("warm, funny, and far too short", "good"),
        ("the jokes are old and so is the plot", "bad"),
    ]
    * 3
)
RULES = "Rule {number}: a reply is short, polite, exact and in the language of the question; it names its source. "
HANDBOOK = "".join(RULES.format(number=number) for number in range(1, 26))
REVIEWS = [
    "a delightful and moving film",
    "dull",
    "the plot makes no sense at all and the acting is worse, which is a pity since the book is a joy to read",
    "not bad, not good, just long and slow and grey",
    "ein Film, den man zweimal sehen muss",
]
PLAIN = [
    "The capital of France is",
    "Once upon a time",
    "1, 2, 3, 4,",
    "Der schnelle braune Fuchs springt über",
    "La ville de Lyon est connue pour",
    "El agua hierve a",
    "日本の首都は",
    "Москва — это",
    "مرحبا، كيف",
    "def fibonacci(n):\n    ",
    "x",
    "🙂🙃 means",
    "The following is a long list of animals: " + "cat, dog, horse, cow, " * 12,
]
CHATS = [
    [Message("user", "What is the capital of Italy?")],
    [Message("system", "Answer in French."), Message("user", "Where is the station?")],
    [Message("user", "Say hello"), Message("assistant", "Hello!"), Message("user", "Now in Spanish, and why?")],
    [Message("user", "Erkläre kurz, was ein Regenbogen ist.")],
    [Message("user", "写一句关于雨的话。")],
    [Message("user", "Continue the count"), Message("assistant", "one, two,")],
]


def mixed_prompts(weights: LocalWeights) -> list[list[int]]:
    """28 prompts: chats, plain text, two groups with a long beginning in common, 1 to about 700 tokens."""
    plain = [
        *PLAIN,
        *(f"{SHOTS}\n\nReview: {review}\nSentiment:" for review in REVIEWS),
        *(f"{HANDBOOK}\nQuestion: {question}\nReply:" for question in ("When do you open?", "Wo?", "Is it far away?")),
    ]
    chats = [*CHATS, [Message("user", f"{SHOTS}\n\nReview: {REVIEWS[0]}\nSentiment:")]]
    tokens = [list(weights.tokenizer(text)["input_ids"]) for text in plain]
    tokens += [weights.encoder.encode(chat) for chat in chats]
    assert len(tokens) >= 24
    return tokens


def plainly(model: Any, row: Row) -> tuple[list[int], list[float]]:
    """The tokens that the model alone prefers at each place of the row's answer and after it, and by how much.

    One pass over prompt and answer, without cache, padding or batch: where it prefers the answer's own token at every
    place, greedy generation of this prompt alone gives that answer; the first place where not is where they part.
    """
    import torch

    with torch.inference_mode():
        logits = model(
            torch.tensor([[*row.prompt, *row.generated]]), use_cache=False, logits_to_keep=len(row.generated) + 1
        ).logits[0]
    best = logits.topk(2)
    return best.indices[:, 0].tolist(), (best.values[:, 0] - best.values[:, 1]).tolist()


@pytest.mark.model
@pytest.mark.parametrize("name", [name for name, model in PACKAGED.items() if model.ability == "generate"])
def test_a_mixed_batch_answers_token_for_token_as_transformers_does_for_each_prompt_alone(name: str) -> None:
    from transformers import AutoModelForCausalLM

    pulled = find_pulled(PACKAGED[name])
    if pulled is None:
        pytest.skip(f"promptlab models pull {name}")
    weights = load_weights(str(pulled.path), revision=None, threads=free_cores())
    assert weights.shares
    prompts = mixed_prompts(weights)
    rows = [Row(prompt, Generation(max_tokens=NEW_TOKENS)) for prompt in prompts]
    groups = weights.plan(rows)
    assert sum(group.prefix_length > 100 for group in groups) >= 2
    assert max(len(batch) for group in groups for batch in group.batches) >= 8
    for _ in weights.run(rows, turn=Turns()):
        pass

    alone = AutoModelForCausalLM.from_pretrained(str(pulled.path), dtype=weights.model.dtype).eval()
    ties = 0
    for row in rows:
        assert row.error is None
        assert row.generated or row.finish_reason == "stop"
        preferred, leads = plainly(alone, row)
        apart = [place for place, token in enumerate(row.generated) if token != preferred[place]]
        if not apart and row.finish_reason == "stop" and preferred[-1] not in weights.end_tokens:
            apart = [len(row.generated)]
        if apart:
            assert leads[apart[0]] <= NEAR_TIE, (weights.tokenizer.decode(row.prompt)[-60:], apart[0], leads)
            ties += 1
    assert ties <= 2
