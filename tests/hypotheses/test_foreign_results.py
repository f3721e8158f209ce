"""Results of scipy and statsmodels as they come: what they say is kept, the test is named, the rest is left open."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import Table2x2, mcnemar
from statsmodels.stats.oneway import anova_oneway
from statsmodels.stats.proportion import proportions_ztest
from statsmodels.stats.weightstats import ttest_ind

from promptlab import UsageError
from promptlab.hypotheses.foreign import read_result

A = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
B = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
TABLE = [[762, 327, 468], [484, 239, 477]]


@pytest.mark.parametrize(
    ("result", "method", "title"),
    [
        (stats.ttest_ind(A, B), "t", "t test"),
        (stats.mannwhitneyu(A, B), "mann_whitney", "Mann-Whitney U test"),
        (stats.wilcoxon(A, B), "wilcoxon", "Wilcoxon signed-rank test"),
        (stats.pearsonr(A, B), "pearson", "Pearson correlation"),
        (stats.kruskal(A, B), "kruskal", "Kruskal-Wallis test"),
        (stats.f_oneway(A, B), "anova", "one-way analysis of variance"),
        (stats.chi2_contingency(TABLE), "chi_squared", "chi-squared test of independence"),
        (stats.chisquare([5, 6, 7]), "chi_squared", "chi-squared test of fit"),
        (stats.shapiro(A), "shapiro", "Shapiro-Wilk test"),
        (stats.levene(A, B), "levene", "Levene's test"),
        (stats.ks_2samp(A, B), "ks", "Kolmogorov-Smirnov test"),
        (stats.binomtest(3, 10), "binomial", "exact binomial test"),
        (stats.brunnermunzel(A, B), "BrunnerMunzel", "BrunnerMunzel"),
        (anova_oneway([A, B]), "anova", "one-way analysis of variance"),
    ],
)
def test_a_result_names_its_test_and_keeps_its_figures(result: Any, method: str, title: str):
    tested = read_result(result, hypothesis="they differ")
    assert (tested.method, tested.title, tested.hypothesis) == (method, title, "they differ")
    assert (tested.statistic, tested.p_value) == (float(result.statistic), float(result.pvalue))
    assert "assumptions" in tested.notes[0]


def test_what_a_result_says_of_effects_and_degrees_is_kept():
    found = stats.ttest_ind(A, B)
    tested = read_result(found, method="welch", n={"a": 10, "b": 10})
    assert (tested.title, tested.degrees, tested.n) == ("Welch's t test", (18,), {"a": 10, "b": 10})
    assert tested.estimate is not None
    assert tested.estimate.value == pytest.approx(np.mean(A) - np.mean(B))
    assert (tested.estimate.low, tested.estimate.high) == tuple(found.confidence_interval(0.95))
    r = read_result(stats.pearsonr(A, B), alpha=0.1).effect
    assert r is not None
    assert (r.low, r.high) == tuple(stats.pearsonr(A, B).confidence_interval(0.9))
    v = read_result(stats.chi2_contingency(TABLE))
    assert v.effect is not None
    assert v.effect.value == pytest.approx(stats.contingency.association(TABLE, method="cramer"))
    assert (v.degrees, v.n) == ((2,), {"counts": 2757})
    fit = sm.OLS(A, sm.add_constant(B)).fit()
    slope = read_result(fit.t_test([0, 1]), method="slope of b")
    assert slope.estimate is not None
    assert (slope.estimate.value, slope.degrees) == (pytest.approx(fit.params[1]), (8,))
    assert (slope.estimate.low, slope.estimate.high) == pytest.approx(tuple(fit.conf_int()[1]))
    assert read_result(fit.f_test(np.eye(2)), method="both").degrees == (2, 8)


@pytest.mark.parametrize(
    ("result", "method", "p_value"),
    [
        (stats.spearmanr(A, B), "spearman", stats.spearmanr(A, B).pvalue),
        (stats.fisher_exact([[3, 1], [1, 3]]), "fisher", 34 / 70),
        (mcnemar(np.array([[5, 6], [18, 9]])), "mcnemar", mcnemar(np.array([[5, 6], [18, 9]])).pvalue),
        (proportions_ztest([5, 6], [10, 20]), "two_proportions", proportions_ztest([5, 6], [10, 20])[1]),
        (ttest_ind(A, B), "t", ttest_ind(A, B)[1]),
        (Table2x2(np.array([[5, 6], [8, 9]])).test_nominal_association(), "chi_squared", 0.9337475050666914),
    ],
)
def test_what_does_not_say_which_test_it_is_of_is_told(result: Any, method: str, p_value: float):
    assert read_result(result, method=method).p_value == pytest.approx(p_value)
    with pytest.raises(UsageError, match="does not say which test it is of"):
        read_result(result)


@pytest.mark.parametrize(
    ("result", "options", "said"),
    [
        (stats.tukey_hsd(A, B, A), {}, "9 values as its statistic; log one test at a time"),
        (stats.ttest_ind([A, A], [B, B], axis=1), {}, "log one test at a time"),
        ({"p": 0.1}, {}, "a dict is no result of a test"),
        (stats.theilslopes(A, B), {}, "is no result of a test: it has no p-value"),
        ((0.03, 2.1), {"method": "t"}, "the p-value of this tuple is 2.1"),
        ((0.03, "x"), {"method": "t"}, "is no number: 'x'"),
        (stats.shapiro(A), {"alpha": 0}, "alpha=0: a level between 0 and 1"),
        (stats.shapiro(A), {"n": "many"}, "n='many'"),
        (stats.shapiro(A), {"effect": 3}, "give (name, value)"),
        (stats.shapiro(A), {"method": ""}, "the name of the test"),
        (stats.shapiro(A), {"alternative": "up"}, "say 'two-sided'"),
    ],
)
def test_what_is_no_result_is_refused_in_one_line(result: Any, options: dict[str, Any], said: str):
    with pytest.raises(UsageError) as raised:
        read_result(result, **options)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_result_without_a_p_value_is_undecided():
    tested = read_result((math.nan, math.nan), method="t")
    assert tested.decision.startswith("undecided")
    assert not tested.rejected
