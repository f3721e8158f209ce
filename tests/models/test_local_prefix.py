"""Batches that look at one copy of their prefix, on small models of random weights."""

from __future__ import annotations

import random

import pytest
import torch
from local_tiny import tiny_weights

from promptlab.models.local_cores import Turns
from promptlab.models.local_loading import _find_abilities
from promptlab.models.local_memory import SCORE_BYTES
from promptlab.models.local_prefix import KeptPrefixes, Prefix
from promptlab.models.local_prompt import PromptEncoder
from promptlab.models.local_rows import Row
from promptlab.models.local_weights import LocalWeights
from promptlab.models.sampling import Generation


def prompts(*, shared: int, count: int) -> list[list[int]]:
    draw = random.Random(3)
    prefix = [draw.randrange(3, 97) for _ in range(shared)]
    return [prefix + [draw.randrange(3, 97) for _ in range(draw.randrange(1, 30))] for _ in range(count)]


def alone(weights: LocalWeights, prompt: list[int], new_tokens: int) -> list[int]:
    inputs = torch.tensor([prompt])
    output = weights.model.generate(
        inputs, attention_mask=torch.ones_like(inputs), do_sample=False, max_new_tokens=new_tokens
    )
    return [token for token in output[0, len(prompt) :].tolist() if token != 2]


def run(weights: LocalWeights, asked: list[list[int]], new_tokens: int) -> list[list[int]]:
    rows = [Row(prompt, Generation(max_tokens=new_tokens)) for prompt in asked]
    for _ in weights.run(rows, turn=Turns()):
        pass
    assert [row.error for row in rows] == [None] * len(rows)
    return [row.generated for row in rows]


@pytest.mark.parametrize(("kind", "shares"), [("llama", True), ("mistral", True), ("gemma3", True), ("gemma2", False)])
def test_rows_on_one_copy_of_their_prefix_answer_as_each_alone(kind: str, shares: bool) -> None:
    weights = tiny_weights(kind)
    assert (weights.batches, weights.shares) == (True, shares)
    asked = prompts(shared=70, count=20)
    (group,) = weights.plan([Row(prompt, Generation(max_tokens=12)) for prompt in asked])
    assert group.prefix_length == 70
    assert run(weights, asked, 12) == [alone(weights, prompt, 12) for prompt in asked]


def test_prompts_whose_scores_do_not_fit_together_are_computed_row_by_row() -> None:
    weights = tiny_weights("llama")
    asked = [prompt * 31 for prompt in prompts(shared=0, count=3)]
    asked = [prompts(shared=1600, count=1)[0][:1600] + (prompt * 1000)[:1000] for prompt in asked]
    assert SCORE_BYTES < 6 * 1000 * 1600 * 4
    assert run(weights, asked, 3) == [alone(weights, prompt, 3) for prompt in asked]


def test_an_architecture_that_is_not_right_in_batches_runs_one_by_one() -> None:
    import transformers

    config = transformers.MambaConfig(vocab_size=97, hidden_size=16, num_hidden_layers=1, eos_token_id=2)
    weights = LocalWeights(
        model=transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval(),
        tokenizer=None,
        encoder=PromptEncoder(None, None),
        end_tokens=frozenset({2}),
        context_tokens=4096,
        footprint=tiny_weights("llama").footprint,
    )
    _find_abilities(weights)
    assert not weights.batches


def prefix(*tokens: int) -> Prefix:
    keys = torch.zeros(1, 1, len(tokens), 2)
    return Prefix(list(tokens), [(keys, keys.clone())])


def test_the_longest_known_beginning_is_found_and_cut_to_what_is_common() -> None:
    kept = KeptPrefixes()
    kept.keep(prefix(*range(50)))
    kept.keep(prefix(*range(100, 160)))
    found = kept.longest([*range(40), 7, 7])
    assert found is not None
    assert (list(found.tokens), found.layers[0][0].shape[2]) == (list(range(40)), 40)
    assert kept.longest([*range(20), 7, 7]) is None


def test_a_prefix_that_goes_on_takes_the_place_of_the_shorter_one() -> None:
    kept = KeptPrefixes()
    kept.keep(prefix(*range(50)))
    kept.keep(prefix(*range(60)))
    assert [len(item.tokens) for item in kept.prefixes] == [60]


def test_a_second_round_computes_no_prefix_again() -> None:
    weights = tiny_weights("llama")
    asked = prompts(shared=70, count=40)
    run(weights, asked[:20], 4)
    (kept,) = weights.prefixes.prefixes
    run(weights, asked[20:], 4)
    assert weights.prefixes.prefixes == [kept]
