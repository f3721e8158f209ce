"""Every test on data that was published: figures in print, and those of scipy and statsmodels to the last digits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from promptlab import run_test
from promptlab.hypotheses.result import TestedHypothesis

# Student (1908), additional hours of sleep by two drugs, as in R's data set `sleep`.
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)
# Dobson (1983), dried weight of plants, as in R's data set `PlantGrowth`.
PLANTS = (
    [4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14],
    [4.81, 4.17, 4.41, 3.59, 5.87, 3.83, 6.03, 4.89, 4.32, 4.69],
    [6.31, 5.12, 5.54, 5.50, 5.37, 5.29, 4.92, 6.15, 5.80, 5.26],
)
# Hollander and Wolfe (1973), as in R's help on wilcox.test, kruskal.test and cor.test.
DEPRESSION = (
    [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30],
    [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29],
)
PERMEABILITY = ([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46], [1.15, 0.88, 0.90, 0.74, 1.21])
CLEARANCE = ([2.9, 3.0, 2.5, 2.6, 3.2], [3.8, 2.7, 4.0, 2.4], [2.8, 3.4, 3.7, 2.2, 2.0])
TUNA = ([44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1], [2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8])
# Shapiro and Wilk (1965), weights of men in pounds.
WEIGHTS = [148, 154, 158, 160, 161, 162, 166, 170, 182, 195, 236]
# Agresti (2007), gender and party identification; Fisher (1935), the lady's four cups.
PARTIES = [[762, 327, 468], [484, 239, 477]]
TEA = [[3, 1], [1, 3]]


def ends(tested: TestedHypothesis, of: str = "effect") -> tuple[float, float]:
    effect = getattr(tested, of)
    assert effect.low is not None
    assert effect.high is not None
    assert effect.low <= effect.value <= effect.high
    return effect.low, effect.high


@pytest.mark.parametrize(
    ("method", "t", "degrees", "p_value", "interval"),
    [
        ("t", -1.8608, 18, 0.07919, (-3.363874, 0.203874)),
        ("welch", -1.8608, 17.776, 0.07939, (-3.3654832, 0.2054832)),
        ("t_paired", -4.0621, 9, 0.002833, (-2.4598858, -0.7001142)),
    ],
)
def test_the_t_tests_of_the_sleep_data_are_those_in_print(
    method: str, t: float, degrees: float, p_value: float, interval: tuple[float, float]
):
    tested = run_test(method, *SLEEP)
    assert tested.statistic == pytest.approx(t, abs=5e-5)
    assert tested.degrees[0] == pytest.approx(degrees, abs=5e-4)
    assert tested.p_value == pytest.approx(p_value, rel=5e-4)
    assert ends(tested, "estimate") == pytest.approx(interval, abs=5e-7)
    assert tested.estimate is not None
    assert tested.estimate.value == pytest.approx(-1.58)


def test_standardised_differences_are_those_of_their_formulas():
    a, b = (np.array(values) for values in SLEEP)
    pooled = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    # Hedges' exact factor for 18 degrees of freedom, and for 9.
    for method, d, degrees in (
        ("t", (a.mean() - b.mean()) / pooled, 18),
        ("t_paired", (a - b).mean() / (a - b).std(ddof=1), 9),
        ("t_one_sample", a.mean() / a.std(ddof=1), 9),
    ):
        factor = math.gamma(degrees / 2) / (math.sqrt(degrees / 2) * math.gamma((degrees - 1) / 2))
        tested = run_test(method, *(SLEEP if method != "t_one_sample" else SLEEP[:1]))
        assert tested.effect is not None
        assert tested.effect.value == pytest.approx(factor * d, rel=1e-9)


@pytest.mark.parametrize(("method", "scale"), [("t", math.sqrt(5)), ("t_paired", math.sqrt(10))])
def test_an_interval_by_the_noncentral_t_has_what_was_seen_in_its_tails(method: str, scale: float):
    tested = run_test(method, *SLEEP)
    degrees = tested.degrees[0]
    factor = math.gamma(degrees / 2) / (math.sqrt(degrees / 2) * math.gamma((degrees - 1) / 2))
    low, high = (end / factor * scale for end in ends(tested))
    assert stats.nct.sf(tested.statistic, degrees, low) == pytest.approx(0.025, abs=1e-8)
    assert stats.nct.cdf(tested.statistic, degrees, high) == pytest.approx(0.025, abs=1e-8)


def test_the_analysis_of_variance_of_the_plants_is_the_one_in_print():
    tested = run_test("anova", *PLANTS)
    assert tested.statistic == pytest.approx(4.846, abs=5e-4)
    assert tested.degrees == (2, 27)
    assert tested.p_value == pytest.approx(0.01591, abs=5e-6)
    values = np.array(PLANTS)
    between = 10 * ((values.mean(axis=1) - values.mean()) ** 2).sum()
    assert tested.effect is not None
    assert tested.effect.value == pytest.approx(between / ((values - values.mean()) ** 2).sum(), rel=1e-9)
    for end, level in zip(ends(tested), (0.975, 0.025), strict=True):
        assert stats.ncf.cdf(tested.statistic, 2, 27, 30 * end / (1 - end)) == pytest.approx(level, abs=1e-8)


def test_the_rank_tests_are_those_in_print():
    paired = run_test("wilcoxon", *DEPRESSION, alternative="greater")
    assert (paired.statistic, round(paired.p_value, 5)) == (40, 0.01953)
    two = run_test("mann_whitney", *PERMEABILITY, alternative="greater")
    assert (two.statistic, round(two.p_value, 4)) == (35, 0.1272)
    three = run_test("kruskal", *CLEARANCE)
    assert (round(three.statistic, 5), round(three.p_value, 2)) == (0.77143, 0.68)


def test_effects_of_ranks_are_those_of_a_count_of_all_pairs():
    one, other = PERMEABILITY
    above = sum(a > b for a in one for b in other) / 50
    tested = run_test("mann_whitney", one, other)
    assert tested.effect is not None
    assert tested.estimate is not None
    assert (tested.estimate.value, tested.effect.value) == pytest.approx((above, 2 * above - 1))
    differences = np.subtract(*DEPRESSION)
    ranks = stats.rankdata(abs(differences))
    matched = run_test("wilcoxon", *DEPRESSION).effect
    assert matched is not None
    assert matched.value == pytest.approx((ranks * np.sign(differences)).sum() / ranks.sum())
    whole = stats.rankdata([value for group in CLEARANCE for value in group])
    eta = run_test("kruskal", *CLEARANCE).effect
    assert eta is not None
    groups = [whole[:5], whole[5:9], whole[9:]]
    between = sum(len(group) * (group.mean() - 7.5) ** 2 for group in groups)
    assert eta.value == pytest.approx(between / ((whole - 7.5) ** 2).sum())


def test_the_correlations_of_the_tuna_are_those_in_print():
    pearson = run_test("pearson", *TUNA)
    assert pearson.statistic == pytest.approx(0.5711816, abs=5e-8)
    assert pearson.p_value == pytest.approx(0.1082, abs=5e-5)
    assert ends(pearson) == pytest.approx((-0.1497426, 0.8955795), abs=5e-8)
    kendall = run_test("kendall", *TUNA, alternative="greater")
    assert (round(kendall.statistic, 7), round(kendall.p_value, 5)) == (0.4444444, 0.05972)
    assert run_test("spearman", *TUNA).statistic == pytest.approx(0.6)


def test_the_tests_of_distributions_are_those_in_print():
    weights = run_test("shapiro", WEIGHTS)
    assert round(weights.statistic, 2) == 0.79
    assert weights.p_value == pytest.approx(stats.shapiro(WEIGHTS).pvalue, rel=1e-12)
    assert run_test("levene", *PLANTS).statistic == pytest.approx(1.1192, abs=5e-5)  # R's car::leveneTest
    for center in ("mean", "trimmed"):
        assert run_test("levene", *PLANTS, center=center).p_value == pytest.approx(
            stats.levene(*PLANTS, center=center).pvalue, rel=1e-12
        )
    assert run_test("ks", *SLEEP).p_value == pytest.approx(stats.ks_2samp(*SLEEP).pvalue, rel=1e-12)
    assert run_test("ks", SLEEP[0], distribution="norm").p_value == pytest.approx(
        stats.kstest(SLEEP[0], "norm").pvalue, rel=1e-12
    )


def test_the_table_of_parties_is_the_one_in_print():
    tested = run_test("chi_squared", PARTIES)
    assert (round(tested.statistic, 2), tested.degrees) == (30.07, (2,))
    assert tested.p_value == pytest.approx(2.954e-07, rel=5e-4)
    assert tested.effect is not None
    assert tested.effect.value == pytest.approx(stats.contingency.association(PARTIES, method="cramer"), rel=1e-9)
    for end, level in zip(ends(tested), (0.975, 0.025), strict=True):
        assert stats.ncx2.cdf(tested.statistic, 2, 2757 * end**2) == pytest.approx(level, abs=1e-8)
    fit = run_test("chi_squared", [89, 37, 30, 28, 2], expected=[40, 20, 20, 15, 5])
    shares = np.array([0.40, 0.20, 0.20, 0.15, 0.05]) * 186
    assert fit.statistic == pytest.approx(stats.chisquare([89, 37, 30, 28, 2], shares).statistic, rel=1e-12)


def _tea(odds: float) -> list[float]:
    """The chances of 0 to 4 cups when the odds ratio is this."""
    weights = [math.comb(4, k) * math.comb(4, 4 - k) * odds**k for k in range(5)]
    return [weight / sum(weights) for weight in weights]


def test_the_lady_tasting_tea_is_the_one_in_print():
    tested = run_test("fisher", TEA)
    assert tested.p_value == pytest.approx(34 / 70)
    assert run_test("fisher", TEA, alternative="greater").p_value == pytest.approx(17 / 70)
    assert tested.effect is not None
    assert tested.effect.value == pytest.approx(6.408309, abs=5e-5)
    low, high = ends(tested)
    assert sum(_tea(low)[3:]) == pytest.approx(0.025, abs=1e-6)
    assert sum(_tea(high)[:4]) == pytest.approx(0.025, abs=1e-6)
    assert low == pytest.approx(0.2117329, abs=5e-5)


@pytest.mark.parametrize("exact", [True, False])
def test_mcnemar_equals_statsmodels_by_table_and_by_pairs(exact: bool):
    table = [[794, 86], [150, 570]]
    peer = statsmodels_mcnemar(np.array(table), exact=exact, correction=True)
    tested = run_test("mcnemar", table, exact=exact)
    assert (tested.statistic, tested.p_value) == pytest.approx((peer.statistic, peer.pvalue), rel=1e-9)
    one = [1] * 880 + [0] * 720
    other = [1] * 794 + [0] * 86 + [1] * 150 + [0] * 570
    again = run_test("mcnemar", one, other, exact=exact)
    assert (again.statistic, again.p_value) == (tested.statistic, tested.p_value)
    assert tested.effect is not None
    assert tested.effect.value == pytest.approx(86 / 150)


@pytest.mark.parametrize(
    ("successes", "of", "interval"),
    # Newcombe (1998), table II, method 10.
    [
        ((56, 48), (70, 80), (0.0524, 0.3339)),
        ((9, 3), (10, 10), (0.1705, 0.8090)),
        ((6, 2), (7, 7), (0.0582, 0.8062)),
        ((5, 0), (56, 29), (-0.0381, 0.1926)),
        ((10, 0), (10, 10), (0.6075, 1.0000)),
    ],
)
def test_two_proportions_have_newcombes_interval_and_statsmodels_z(
    successes: tuple[int, int], of: tuple[int, int], interval: tuple[float, float]
):
    tested = run_test("two_proportions", successes, of=of)
    assert ends(tested, "estimate") == pytest.approx(interval, abs=5e-5)
    peer = confint_proportions_2indep(successes[0], of[0], successes[1], of[1], method="newcomb")
    assert ends(tested, "estimate") == pytest.approx(peer, abs=1e-9)
    z, p_value = proportions_ztest(successes, of)
    assert (tested.statistic, tested.p_value) == pytest.approx((z, p_value), rel=1e-9)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
@pytest.mark.parametrize(
    ("method", "peer", "given"),
    [
        ("t", stats.ttest_ind, SLEEP),
        ("welch", lambda a, b, alternative: stats.ttest_ind(a, b, equal_var=False, alternative=alternative), SLEEP),
        ("t_paired", stats.ttest_rel, SLEEP),
        ("t_one_sample", lambda a, alternative: stats.ttest_1samp(a, 0, alternative=alternative), SLEEP[:1]),
        ("mann_whitney", stats.mannwhitneyu, PERMEABILITY),
        ("wilcoxon", stats.wilcoxon, DEPRESSION),
        ("pearson", stats.pearsonr, TUNA),
        ("spearman", stats.spearmanr, TUNA),
        ("kendall", stats.kendalltau, TUNA),
        ("ks", stats.ks_2samp, SLEEP),
        ("fisher", lambda table, alternative: stats.fisher_exact(table, alternative=alternative), (TEA,)),
    ],
)
def test_each_alternative_equals_scipys(method: str, peer: Any, given: Sequence[Any], alternative: Any):
    found = peer(*given, alternative=alternative)
    tested = run_test(method, *given, alternative=alternative)
    assert (tested.statistic, tested.p_value) == pytest.approx((found.statistic, found.pvalue), rel=1e-12)
    assert tested.alternative == alternative


def test_columns_and_groups_of_a_frame_are_samples():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"extra": [*SLEEP[0], *SLEEP[1]], "group": ["1"] * 10 + ["2"] * 10})
    grouped = run_test("welch", data=frame, x="extra", by="group")
    assert grouped.p_value == run_test("welch", *SLEEP).p_value
    assert grouped.null == "the means of 1 and 2 are equal"
    wide = pd.DataFrame({"first": SLEEP[0], "second": SLEEP[1]})
    assert run_test("t_paired", data=wide, x=["first", "second"]).n == {"pairs": 10}
    yes = pd.DataFrame({"milk": ["first"] * 4 + ["last"] * 4, "said": ["first"] * 3 + ["last", "first"] + ["last"] * 3})
    assert run_test("fisher", data=yes, x="milk", by="said").p_value == pytest.approx(34 / 70)
