from collections import Counter
from typing import Any

import pytest
import torch

from promptlab.errors import CallError
from promptlab.models.sampling import Generation, choose_token, generation_of
from promptlab.types import Request

LOGITS = [2.0, 1.9, 0.0, -3.0]


def choose(generation: Generation, *, seed: int = 0, prompt: Any = (), generated: Any = ()) -> int:
    generator = torch.Generator().manual_seed(seed)
    return choose_token(torch.tensor(LOGITS), generation, prompt=prompt, generated=generated, generator=generator)


def test_without_settings_it_is_greedy_with_256_tokens() -> None:
    generation = generation_of(Request(()))
    assert (generation.temperature, generation.max_tokens, generation.plain) == (0.0, 256, True)


def test_the_seed_moves_on_with_the_repeat() -> None:
    assert generation_of(Request((), {"seed": 5}, repeat=2)).seed == 7
    assert generation_of(Request((), {}, repeat=2)).seed is None


def test_settings_that_mean_nothing_here_are_left_out() -> None:
    settings = {"reasoning_effort": "low", "extra_body": {"a": 1}, "stop": "x", "logit_bias": {"3": 100}}
    generation = generation_of(Request((), settings))
    assert (generation.stop, generation.logit_bias) == (("x",), {3: 100.0})


def test_tools_are_refused() -> None:
    with pytest.raises(CallError, match="a local model takes no `tools`"):
        generation_of(Request((), {"tools": [{"type": "function", "function": {"name": "look_up"}}]}))


def test_temperature_zero_takes_the_likeliest() -> None:
    assert choose(Generation()) == 0


def test_a_seed_gives_the_same_token_again() -> None:
    drawn = [choose(Generation(temperature=1.0), seed=seed) for seed in range(50)]
    assert drawn == [choose(Generation(temperature=1.0), seed=seed) for seed in range(50)]
    assert len(set(drawn)) > 1


@pytest.mark.parametrize(
    ("generation", "possible"),
    [
        (Generation(temperature=1.0, top_k=2), {0, 1}),
        (Generation(temperature=1.0, top_k=99), {0, 1, 2, 3}),
        (Generation(temperature=5.0, top_p=0.01), {0}),
        (Generation(temperature=1.0, top_p=0.6), {0, 1}),
        (Generation(temperature=1.0, min_p=0.5), {0, 1}),
        (Generation(temperature=0.001), {0}),
    ],
)
def test_only_what_the_settings_leave_is_drawn(generation: Generation, possible: set[int]) -> None:
    drawn = {choose(generation, seed=seed) for seed in range(2000)}
    assert drawn == possible


def test_draws_follow_the_probabilities() -> None:
    counts = Counter(choose(Generation(temperature=1.0), seed=seed) for seed in range(4000))
    expected = torch.tensor(LOGITS).softmax(-1).tolist()
    for token, probability in enumerate(expected):
        assert counts[token] / 4000 == pytest.approx(probability, abs=0.03)


@pytest.mark.parametrize(
    ("generation", "token"),
    [
        (Generation(presence_penalty=0.5), 1),
        (Generation(frequency_penalty=0.06), 1),
        (Generation(repetition_penalty=1.2), 1),
        (Generation(logit_bias={2: 100.0}), 2),
        (Generation(logit_bias={10**9: 100.0}), 0),
    ],
)
def test_penalties_and_biases_move_the_choice(generation: Generation, token: int) -> None:
    assert choose(generation, generated=[0, 0]) == token


def test_only_repetition_penalty_counts_the_prompt() -> None:
    assert choose(Generation(repetition_penalty=1.2), prompt=[0]) == 1
    assert choose(Generation(presence_penalty=2.0, frequency_penalty=2.0), prompt=[0]) == 0


def test_a_repetition_penalty_lowers_negative_logits_too() -> None:
    logits = torch.tensor([-1.0, -1.1])
    generation = Generation(repetition_penalty=1.5)
    assert choose_token(logits, generation, prompt=[0], generated=[], generator=None) == 1
