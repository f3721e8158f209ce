from hypothesis import given
from hypothesis import strategies as st

from promptlab.models.prefixes import SHORTEST_PREFIX, common_length, plan

tokens = st.lists(st.integers(0, 2), max_size=12)


@given(tokens, tokens)
def test_the_common_length_is_where_two_sequences_part(a: list[int], b: list[int]) -> None:
    length = common_length(a, b)
    assert a[:length] == b[:length]
    assert length == min(len(a), len(b)) or a[length] != b[length]


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 20, 40, 60]), st.lists(st.integers(0, 3), min_size=1, max_size=30)),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 300),
    st.integers(1, 8),
    st.integers(1, 2000),
)
def test_a_plan_runs_every_prompt_once_within_its_limits(
    made: list[tuple[int, list[int]]], new_tokens: int, batch_size: int, token_budget: int
) -> None:
    prompts = [[7] * shared + own for shared, own in made]
    groups = plan(prompts, new_tokens=new_tokens, batch_size=batch_size, token_budget=token_budget)
    batches = [batch for group in groups for batch in group.batches]
    assert sorted(index for batch in batches for index in batch) == list(range(len(prompts)))
    for group in groups:
        members = [prompts[index] for batch in group.batches for index in batch]
        prefix = members[0][: group.prefix_length]
        assert all(member[: group.prefix_length] == prefix for member in members)
        assert all(len(member) > group.prefix_length for member in members)
        assert group.prefix_length == 0 or group.prefix_length >= SHORTEST_PREFIX
    for batch in batches:
        assert 1 <= len(batch) <= batch_size
        longest = max(len(prompts[index]) for index in batch)
        assert len(batch) == 1 or len(batch) * (longest + new_tokens) <= token_budget


def test_two_prompts_of_different_templates_get_each_their_own_prefix() -> None:
    few_shot = [[1] * 10 + [2] * 400 + [3, number] for number in range(8)]
    plain = [[1] * 10 + [4] * 40 + [5, number] for number in range(8)]
    mixed = [prompt for pair in zip(few_shot, plain, strict=True) for prompt in pair]
    groups = plan(mixed, new_tokens=4, batch_size=16, token_budget=16_384)
    assert sorted(group.prefix_length for group in groups) == [51, 411]


def test_short_prompts_stay_in_one_batch_since_splitting_costs_more() -> None:
    prompts = [[1] * 5 + [number] * 60 for number in range(16)]
    groups = plan(prompts, new_tokens=64, batch_size=16, token_budget=16_384)
    assert [len(batch) for group in groups for batch in group.batches] == [16]


def test_repeats_of_one_prompt_share_all_but_its_last_token() -> None:
    (group,) = plan([[1] * 100] * 4, new_tokens=4, batch_size=16, token_budget=16_384)
    assert group.prefix_length == 99


def test_thousands_of_prompts_are_planned_without_running_out_of_stack() -> None:
    prompts = [[1] * 40 + [number] for number in range(5000)]
    assert len(plan(prompts, new_tokens=4, batch_size=16, token_budget=16_384)) == 1
