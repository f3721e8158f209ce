"""What is no data for a test: one line that names it, whatever was given, and never a traceback or a warning."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab import UsageError, run_test
from promptlab.hypotheses.methods import METHODS
from promptlab.hypotheses.result import TestedHypothesis

A, B = [1.0, 2.0, 3.5, 2.2], [2.0, 3.0, 3.1, 5.0]


@pytest.mark.parametrize(
    ("method", "given", "options", "said"),
    [
        ("wlech", (A, B), {}, "there is no test 'wlech'; did you mean 'welch'?"),
        ("welch", (A, B), {"alternative": "bigger"}, "say 'two-sided', 'less' or 'greater'"),
        ("welch", (A, B), {"alpha": 5}, "alpha=5: a level between 0 and 1"),
        ("anova", (A, B), {"alternative": "less"}, "has no direction"),
        ("welch", (A, B), {"centre": "mean"}, "the test 'welch' has no option 'centre'"),
        ("welch", (A,), {}, "takes 2 samples, not 1"),
        ("welch", (A, [1.0]), {}, "sample 'b' has 1 values; the test needs 2 at least"),
        ("welch", (A, [2, 2, 2]), {}, "all values of sample 'b' are 2"),
        ("welch", (A, [1, math.inf, 2]), {}, "sample 'b' has infinite values"),
        ("welch", (A, [1, math.nan, 2]), {}, "values are missing (b 1); missing='drop' leaves them out"),
        ("welch", (A, ["x", "y"]), {}, "sample 'b' holds what is no number"),
        ("welch", (A, B), {"missing": "ignore"}, "say 'refuse' or 'drop'"),
        ("welch", (), {}, "there is nothing to test"),
        ("welch", (A, [[1, 2], [3, 4]]), {}, "sample 'b' has 2 dimensions"),
        ("t_paired", (A, B[:3]), {}, "as many values each; these have: a 4, b 3"),
        ("wilcoxon", (A, A), {}, "no pair differs"),
        ("ks", (A,), {"distribution": "nrom"}, "scipy has no distribution 'nrom'"),
        ("fisher", ([[1, 2, 3], [4, 5, 6]],), {}, "two by two; this one is 2 by 3"),
        ("chi_squared", ([[1, 2], [0, 0]],), {}, "has no count at all"),
        ("chi_squared", ([[1.5, 2], [1, 3]],), {}, "whole numbers from 0 up"),
        ("chi_squared", ([1, 2, 3],), {"expected": [1, 2]}, "3 counts and 2 expected ones"),
        ("mcnemar", ([[5, 0], [0, 5]],), {}, "no pair differs"),
        ("mcnemar", ([1, 0, 2], [1, 0, 1]), {}, "yes and no"),
        ("two_proportions", ([5, 6],), {"of": [4, 10]}, "5 of 4 and 6 of 10 are no proportions"),
        ("two_proportions", ([5, 6],), {}, "of="),
        ("two_proportions", ([0, 0],), {"of": [4, 10]}, "both proportions are 0"),
    ],
)
def test_a_mistake_is_named_in_one_line(method: str, given: Any, options: dict[str, Any], said: str):
    with pytest.raises(UsageError) as raised:
        run_test(method, *given, **options)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_values_are_dropped_where_asked_and_counted():
    tested = run_test("t_paired", [1.0, math.nan, 3.5, 2.2, 5.1], [2.0, 3.0, 3.1, math.nan, 4.0], missing="drop")
    assert (tested.n, tested.missing) == ({"pairs": 3}, 2)
    assert run_test("welch", [*A, math.nan], B, missing="drop").p_value == run_test("welch", A, B).p_value


numbers = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 1e308, -1e308, 5e-324, 1e-200, math.nan, math.inf, 3.0]),
    st.integers(-3, 3).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
)
samples = st.lists(numbers, max_size=8)
tables = st.lists(st.lists(st.sampled_from([0, 1, 2, 5, 40, 10**6]), min_size=2, max_size=3), min_size=1, max_size=3)


@settings(max_examples=600, deadline=None)
@given(method=st.sampled_from(METHODS), given=st.lists(st.one_of(samples, tables), max_size=3), drop=st.booleans())
def test_whatever_is_given_is_tested_or_refused_by_name(method: str, given: list[Any], drop: bool):
    options = {"missing": "drop"} if drop else {}
    try:
        tested = run_test(method, *given, **options)
    except UsageError as error:
        refused = str(error)
    else:
        refused = None
    if refused is not None:
        assert "\n" not in refused
        return
    assert math.isnan(tested.p_value) or 0 <= tested.p_value <= 1
    for effect in (tested.effect, tested.estimate):
        if effect is not None and effect.low is not None and effect.high is not None:
            slack = 1e-9 * max(1.0, abs(effect.value))
            assert not effect.low > effect.value + slack
            assert not effect.high < effect.value - slack
    assert TestedHypothesis.from_json(tested.to_json()).to_json() == tested.to_json()
    assert str(tested)


values = st.lists(st.integers(-40, 40).map(lambda one: one / 4), min_size=4, max_size=20).filter(
    lambda x: len({*x}) > 2
)


@settings(max_examples=120, deadline=None)
@given(
    one=values, other=values, method=st.sampled_from(["t", "welch", "mann_whitney", "ks", "anova", "kruskal", "levene"])
)
def test_two_samples_swapped_give_the_same_with_the_sign_turned(one: list[float], other: list[float], method: str):
    forth, back = run_test(method, one, other), run_test(method, other, one)
    assert forth.p_value == pytest.approx(back.p_value, rel=1e-6, abs=1e-12)
    if method in {"t", "welch", "mann_whitney"}:
        assert forth.effect is not None
        assert back.effect is not None
        turned = [-float(end or 0) for end in (back.effect.value, back.effect.high, back.effect.low)]
        assert [forth.effect.value, forth.effect.low, forth.effect.high] == pytest.approx(turned, rel=1e-6, abs=1e-8)


def test_ten_thousand_values_are_tested_as_others_are():
    rng = np.random.default_rng(0)
    one, other = rng.normal(0, 1, 10_000), rng.normal(0.1, 1, 10_000)
    for method in ("welch", "mann_whitney", "wilcoxon", "kruskal", "anova", "pearson", "kendall"):
        assert 0 <= run_test(method, one, other).p_value <= 1
