"""Corrections for many comparisons: worked examples, scipy, and what every correction keeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from promptlab.statistics.multiple import benjamini_hochberg, holm

P_VALUES = st.lists(st.floats(0.0, 1.0), max_size=30)


def test_holm_of_a_worked_example():
    # 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1 raised to the 0.06 before it
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_of_one_is_the_p_value_itself():
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


def test_holm_never_passes_1():
    assert holm([0.6, 0.9, 0.7]) == [1.0, 1.0, 1.0]


def test_benjamini_and_hochbergs_own_example():
    # Benjamini and Hochberg (1995), section 3: 15 p-values, of which q = 0.05 rejects the first four.
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p_values += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    assert sum(p_value <= 0.05 for p_value in benjamini_hochberg(p_values)) == 4
    assert sum(p_value <= 0.05 for p_value in holm(p_values)) == 3


@given(P_VALUES.filter(bool))
def test_benjamini_hochberg_agrees_with_scipy(p_values):
    assert benjamini_hochberg(p_values) == pytest.approx(list(stats.false_discovery_control(p_values)))


@given(P_VALUES)
def test_holm_agrees_with_its_definition(p_values):
    """The adjusted value is the largest of (m - j) p_(j) over the p-values that are at most this one."""
    ordered = sorted(p_values)
    m = len(ordered)
    for p_value, adjusted in zip(p_values, holm(p_values), strict=True):
        last = max(j for j, other in enumerate(ordered) if other <= p_value)
        assert adjusted == pytest.approx(min(1.0, max((m - j) * ordered[j] for j in range(last + 1))))


@given(P_VALUES)
def test_holm_is_at_least_benjamini_hochberg_and_both_at_least_the_p_value(p_values):
    for plain, rate, family in zip(p_values, benjamini_hochberg(p_values), holm(p_values), strict=True):
        assert plain <= rate * (1 + 1e-12)
        assert rate <= family * (1 + 1e-12)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(wrong):
    for correct in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="p-value"):
            correct([0.5, wrong])
