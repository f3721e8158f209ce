"""Many tests at once: adjusted as statsmodels does, and a fishing trip said in one sentence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from promptlab import run_test
from promptlab.hypotheses.family import adjust, summary


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_adjusted_p_values_equal_statsmodels(p_values: list[float]):
    family = adjust([(p_value, 0.05) for p_value in p_values])
    assert [one.holm for one in family] == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)
    assert [one.bh for one in family] == pytest.approx(multipletests(p_values, method="fdr_bh")[1], abs=1e-12)


def test_a_test_without_a_p_value_counts_for_none():
    family = adjust([(0.01, 0.05), (math.nan, 0.05), (0.04, 0.05)])
    assert [one.holm for one in family][::2] == [0.02, 0.04]
    assert math.isnan(family[1].holm)
    assert not family[1].alone


def test_twenty_looks_at_noise_are_seen_as_a_fishing_trip():
    rng = np.random.default_rng(1)
    looks = [run_test("welch", rng.normal(size=30), rng.normal(size=30)) for _ in range(20)]
    family = adjust([(look.p_value, look.alpha) for look in looks])
    assert any(one.alone for one in family)
    assert "none after Holm's adjustment, none after Benjamini-Hochberg's. Chance alone would make" in summary(family)


def test_one_true_effect_among_looks_at_noise_stays():
    family = adjust([(1e-6, 0.05), *((p / 20, 0.05) for p in range(3, 20))])
    assert summary(family) == "18 tests: 1 significant alone, 1 after Holm's adjustment, 1 after Benjamini-Hochberg's"


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ([], "no test has a p-value yet"),
        ([(0.2, 0.05)], "1 test, not significant at 0.05; nothing to adjust for"),
        ([(0.01, 0.05), (math.nan, 0.05)], "1 test, significant at 0.05; nothing to adjust for"),
    ],
)
def test_few_tests_need_no_adjustment(tests: list[tuple[float, float]], said: str):
    assert summary(adjust(tests)) == said
