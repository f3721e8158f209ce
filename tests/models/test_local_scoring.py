"""Likelihoods of continuations on small models of random weights: one pass over a context, whatever comes after it."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from local_tiny import tiny_weights

from promptlab.models.local_cores import Turns
from promptlab.models.local_rows import AnyRow, Row, ScoreRow
from promptlab.models.local_weights import LocalWeights
from promptlab.models.sampling import Generation

NEAR = 1e-4
KINDS = ["llama", "mistral", "gemma3", "gemma2"]


def drawn(draw: random.Random, count: int) -> list[int]:
    return [draw.randrange(3, 97) for _ in range(count)]


def asked(*, contexts: int, shared: int = 0) -> list[ScoreRow]:
    """Contexts of different lengths, each with four continuations of different lengths."""
    draw = random.Random(11)
    beginning = drawn(draw, shared)
    return [
        ScoreRow(
            [*beginning, *drawn(draw, draw.randrange(5, 40))], [drawn(draw, count) for count in (1, 3, 9, 40 + place)]
        )
        for place in range(contexts)
    ]


def run(weights: LocalWeights, rows: Sequence[AnyRow]) -> None:
    for _ in weights.run(rows, turn=Turns()):
        pass
    assert [row.error for row in rows] == [None] * len(rows)


def plainly(weights: LocalWeights, context: Sequence[int], tokens: Sequence[int]) -> list[float]:
    with torch.inference_mode():
        logits = weights.model(torch.tensor([[*context, *tokens]]), use_cache=False).logits[0]
    rows = logits[len(context) - 1 : -1].double().log_softmax(-1)
    return [float(row[token]) for row, token in zip(rows, tokens, strict=True)]


def assert_as_plain(weights: LocalWeights, rows: Sequence[ScoreRow]) -> None:
    for row in rows:
        for tokens, found in zip(row.continuations, row.log_probabilities, strict=True):
            assert found == pytest.approx(plainly(weights, row.context, tokens), abs=NEAR)


class TokenCount:
    """How many tokens the model was given, one entry a pass; rows of a batch and their padding counted."""

    def __init__(self, weights: LocalWeights) -> None:
        self.passes: list[int] = []
        weights.model.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, _module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        tokens = arguments[0] if arguments else named["input_ids"]
        self.passes.append(tokens.numel())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shared", [0, 70])
def test_continuations_in_one_row_are_as_likely_as_each_in_a_pass_of_its_own(kind: str, shared: int) -> None:
    weights = tiny_weights(kind)
    rows = asked(contexts=9, shared=shared)
    run(weights, rows)
    assert_as_plain(weights, rows)


@pytest.mark.parametrize("kind", KINDS)
def test_a_context_is_computed_once_for_all_that_may_follow_it(kind: str) -> None:
    weights = tiny_weights(kind)
    draw = random.Random(4)
    context, options = drawn(draw, 200), [drawn(draw, count) for count in (4, 6, 5, 7, 3)]
    counted = TokenCount(weights)
    run(weights, [ScoreRow(context, options)])
    # Of a continuation the last token is never an input: nothing is asked that would come after it.
    assert counted.passes == [200 + sum(len(option) - 1 for option in options)]


def test_a_beginning_that_contexts_share_is_computed_once_too() -> None:
    weights = tiny_weights("llama")
    rows = asked(contexts=8, shared=300)
    counted = TokenCount(weights)
    run(weights, rows)
    begun, *batches = counted.passes
    assert begun == 300
    assert sum(batches) < 8 * 150
    assert_as_plain(weights, rows)


def test_the_likeliest_tokens_are_known_for_it() -> None:
    weights = tiny_weights("llama")
    context = drawn(random.Random(2), 30)
    answer = Row(context, Generation(max_tokens=4))
    run(weights, [answer])
    row = ScoreRow(context, [answer.generated, [*answer.generated[:-1], (answer.generated[-1] + 1) % 97]])
    run(weights, [row])
    assert row.likeliest == [[True] * 4, [True, True, True, False]]


def test_rows_to_be_answered_and_to_be_scored_are_run_side_by_side() -> None:
    weights = tiny_weights("gemma3")
    scored = asked(contexts=3, shared=70)
    prompt = scored[0].context
    alone = Row(prompt, Generation(max_tokens=6))
    run(weights, [alone])
    answered = Row(prompt, Generation(max_tokens=6))
    run(weights, [answered, *scored])
    assert answered.generated == alone.generated
    assert_as_plain(weights, scored)


def test_a_batch_that_memory_refuses_is_scored_in_parts() -> None:
    weights = tiny_weights("llama")
    # Enough for one row at a time, and not for all of them.
    weights.free = lambda: 1 << 20
    rows = asked(contexts=5)
    counted = TokenCount(weights)
    run(weights, rows)
    assert len(counted.passes) == 5
    assert_as_plain(weights, rows)


def test_an_architecture_that_runs_one_by_one_is_scored_all_the_same() -> None:
    weights = tiny_weights("llama")
    weights.batches = weights.shares = False
    rows = asked(contexts=3)
    run(weights, rows)
    assert_as_plain(weights, rows)
    assert all(math.fsum(values) < 0 for row in rows for values in row.log_probabilities)
