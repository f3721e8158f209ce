from hypothesis import given
from hypothesis import strategies as st

from promptlab.models.prefixes import SHORTEST_PREFIX, Group, Shape, common_length, plan


def always(_shape: Shape) -> bool:
    return True


def planned(prompts: list[list[int]], *, new_tokens: int, batch_size: int = 16) -> tuple[Group, ...]:
    return plan(prompts, new_tokens=[new_tokens] * len(prompts), batch_size=batch_size, fits=always)


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

    def fits(shape: Shape) -> bool:
        return shape.rows * (shape.shared + shape.own + shape.new) <= token_budget

    groups = plan(prompts, new_tokens=[new_tokens] * len(prompts), batch_size=batch_size, fits=fits)
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
    groups = planned(mixed, new_tokens=4)
    assert sorted(group.prefix_length for group in groups) == [51, 411]


def test_short_prompts_stay_in_one_batch_since_splitting_costs_more() -> None:
    prompts = [[1] * 5 + [number] * 60 for number in range(16)]
    groups = planned(prompts, new_tokens=64)
    assert [len(batch) for group in groups for batch in group.batches] == [16]


def test_repeats_of_one_prompt_share_all_but_its_last_token() -> None:
    (group,) = planned([[1] * 100] * 4, new_tokens=4)
    assert group.prefix_length == 99


def test_thousands_of_prompts_are_planned_without_running_out_of_stack() -> None:
    prompts = [[1] * 40 + [number] for number in range(5000)]
    assert len(planned(prompts, new_tokens=4)) == 1


def test_prompts_that_share_nothing_are_batched_with_others_of_their_length() -> None:
    short = [[number] * 20 for number in range(8)]
    long = [[number] * 900 for number in range(8)]
    mixed = [prompt for pair in zip(short, long, strict=True) for prompt in pair]
    (group,) = planned(mixed, new_tokens=8)
    assert [{len(mixed[index]) for index in batch} for batch in group.batches] == [{20}, {900}]


def test_of_equal_prompts_every_batch_but_one_is_full() -> None:
    (group,) = planned([[1] * 40 + [number] for number in range(70)], new_tokens=8, batch_size=32)
    assert sorted(len(batch) for batch in group.batches) == [6, 32, 32]


def test_where_memory_ends_batches_are_smaller() -> None:
    prompts = [[1] * 40 + [number] for number in range(16)]
    groups = plan(prompts, new_tokens=[8] * 16, batch_size=16, fits=lambda shape: shape.rows <= 5)
    assert [len(batch) for group in groups for batch in group.batches] in ([5, 5, 5, 1], [1, 5, 5, 5], [4, 4, 4, 4])


def test_a_single_prompt_is_tried_even_where_memory_seems_too_small() -> None:
    groups = plan([[1] * 40, [2] * 40], new_tokens=[8, 8], batch_size=16, fits=lambda _: False)
    assert sorted(index for group in groups for batch in group.batches for index in batch) == [0, 1]


def test_what_shares_nothing_runs_together_wherever_it_stands_among_the_groups() -> None:
    groups_of_two = [[number] * 400 + [7, last] for number in (20, 40) for last in range(6)]
    others = [[number, 5, number] * 8 for number in (10, 30, 50)]
    mixed = groups_of_two + others
    groups = planned(mixed, new_tokens=24)
    assert sorted((group.prefix_length, len(group.batches)) for group in groups) == [(0, 1), (401, 1), (401, 1)]
